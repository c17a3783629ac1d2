"""Style sheets of HTML: what they set ends in the elements, and no sheet in the page."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_kernel.outputs.html import inert
from aca_kernel.outputs.inlining import without_sheets

from .test_outputs_html import assert_inert

BODY = "<div id=a class='x y'><p class=x>1</p><p>2</p><ul><li>3<li class=z>4</ul></div><p>5</p>"


@pytest.mark.parametrize(
    ("selector", "texts"),
    [
        ("p", "125"),
        (".x.y p", "12"),
        ("#a > p", "12"),
        ("#a > li", ""),
        ("div li.z, .nothing", "4"),
        ("p + p", "2"),
        ("p.x ~ ul li", "34"),
        ("li:first-child", "3"),
        ("li:last-child", "4"),
        ("p:nth-child(2)", "25"),
        ("li:nth-child(odd)", "3"),
        ("li:nth-child(2n)", "4"),
        ("li:nth-child(n+2)", "4"),
        ("li:nth-child(-n+1)", "3"),
        ("li:nth-last-child(1)", "4"),
        ("p:hover, p:focus, :root p, body p, html", ""),
        (".Z", ""),
        (".none::before, .none:checked ~ p, [data-x] .none", ""),
    ],
)
def test_a_rule_is_for_the_elements_that_it_selects(selector: str, texts: str) -> None:
    shown = without_sheets(f"<style>{selector} {{color: red}}</style>{BODY}")
    found = re.findall(r'<\w+ style="color: red"[^>]*>(\d)', shown)
    assert "".join(found) == texts
    assert shown.count("style=") == len(found)


@pytest.mark.parametrize(
    ("sheet", "style"),
    [
        ("p {color: red} .c {color: blue} p {color: green}", "color: blue"),
        ("#i {color: red} p.c {color: blue; width: 1px}", "width: 1px; color: red"),
        ("p {color: red !important} #i {color: blue}", "color: blue; color: red"),
        (
            "p {border: none} p {border-left: 1px solid red}",
            "border: none; border-left: 1px solid red",
        ),
        (
            "p {border-left: 1px solid red} p {border: none}",
            "border-left: 1px solid red; border: none",
        ),
        ("/* a } */ p { /* b */ color: red; transition: all 1s; -webkit-x: y }", "color: red"),
        (
            "@media print {p {color: blue}} @keyframes k {from {top: 0}} p {color: red}",
            "color: red",
        ),
        ("p {background: #f8f8f8}", "color: #111; background: #f8f8f8"),
        ("p {background-color: navy}", "background-color: navy"),
        ("div {color: gray} p {background: white}", "background: white"),
        ("p {background: rgba(0,0,0,0.1)}", "background: rgba(0,0,0,0.1)"),
        ("p {}", ""),
    ],
)
def test_what_is_set_is_in_the_cascade_s_order(sheet: str, style: str) -> None:
    shown = without_sheets(f"<style>{sheet}</style><div><p id=i class=c>x</p></div>")
    found = re.search(r'<p style="([^"]*)"', shown)
    assert (found[1] if found else "") == style


def test_the_element_s_own_style_comes_after_rules_and_before_important_ones() -> None:
    shown = without_sheets(
        "<style>p {color: red; width: 1px !important}</style><p class=a style='color: blue;' id=i>x"
    )
    assert shown == '<p style="color: red; color: blue; width: 1px" class=a id=i>x'


def test_rows_are_in_a_body_as_a_browser_makes_it() -> None:
    rows = "<table><tr><td>1<tr><td>2</table>"
    shown = without_sheets(f"<style>tbody tr:nth-child(2) td {{color: red}}</style>{rows}")
    assert shown == '<table><tr><td>1<tr><td style="color: red">2</table>'


@pytest.mark.parametrize(
    "sheet",
    [
        "p {position: fixed}",
        "p {background: url(http://canary/)}",
        "p {background: u\\rl(http://canary/)}",
        "p {color: var(--x)}",
        "p {width: expression(alert(1))}",
        "p {margin: -99px}",
        "p {behavior: url(x)}",
        "@import 'http://canary/'; p {color: red}",
        "@font-face {src: url(http://canary/)} p {color: red}",
        "@media screen {p {color: red}}",
        "@media (prefers-color-scheme: dark) {p {color: white}} p {color: red}",
        "@supports (color: red) {p {color: red}}",
        "p::before {content: 'x'}",
        "p:not(.z) {color: red}",
        "p:has(b) {color: red}",
        "p[title] {color: red}",
        "p {color: red} p {",
        "p {color: red} /* p {",
        "p {color: 'red} i {color: red}",
        "p {color: red}} b {",
        "p & b {color: red}",
        "p {b {color: red}}",
        "\\70 {color: red}",
        "p {color: red} <!-- b",
    ],
)
def test_all_else_is_for_the_frame(sheet: str) -> None:
    text = f"<style>{sheet}</style><p title=t>x</p>"
    assert inert(text) is None


@pytest.mark.parametrize("markup", ["<style media=print>p{color:red}</style><p>x"])
def test_a_sheet_of_another_medium_is_for_the_frame(markup: str) -> None:
    assert inert(markup) is None


TOKENS = [
    *("p", "b", ".x", "#i", "*", ":hover", ":has(b)", "::before", ":nth-child(2n+1)", "[title]"),
    *(">", "+", "~", ",", " ", "{", "}", ";", ":", "(", ")", "'", '"', "\\", "/*", "*/", "@import"),
    *("@media print", "@font-face", "color", "red", "position", "fixed", "absolute", "url(x)"),
    *("background", "display", "none", "!important", "var(--x)", "--x", "</style>", "<style>"),
    *("expression(", "-9px", "\\75rl(", "content", "\n", "<!--", "-->", "<b>", "margin", "9px"),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=30), st.lists(st.sampled_from(TOKENS)))
def test_no_sheet_gets_more_than_inert_html_into_the_page(rule: list[str], more: list[str]) -> None:
    sheet = f"p {{color: red; {' '.join(rule)}}} {' '.join(more)}"
    clean = inert(f"<style>{sheet}</style><p class=x id=i title=t>a<b>b</b></p>")
    if clean is not None:
        assert "<style" not in clean
        assert_inert(clean.replace("contain: paint", ""))


@pytest.mark.parametrize(
    "text",
    [
        "<style>" + "p{color:red}" * 40_000 + "</style>" + "<p>x</p>" * 40_000,
        "<style>" + "p{color:red}" * 100_000 + "</style><p>x</p>",
        "<style>" + "p," * 500_000 + "p{}</style>",
        "<style>" + "p " * 500_000 + "{}</style>",
        "<style>" + "/*" * 500_000 + "</style>",
        "<style>" + "/*a/" * 250_000 + "</style>",
        "<style>" + "@media print{p{}" * 60_000 + "</style>",
        "<style>" + "p{" * 500_000 + "</style>",
        "<style>" + "p:x(" * 250_000 + "</style>",
        "<style>" + ".x" * 500_000 + "{}</style>",
        "<style>" * 140_000,
        "<style " * 140_000,
        "<style>b b b b b b b b b b {color: red}</style>" + "<b>" * 250 + "<p></p>" * 100_000,
        "<style>b ~ b ~ b ~ b ~ i {color: red}</style>" + "<b></b>" * 100_000 + "<i></i>" * 20_000,
        "<style>p{" + "color:red;" * 100_000 + "}</style>" + "<p>x</p>" * 1000,
        "<style>p{color:" + " " * 10**6 + "}</style>",
        "<style>p{font-family:" + "a " * 900 + "}</style>" + "<p>x</p>" * 20_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    start = time.process_time()
    without_sheets(text)
    assert time.process_time() - start < 4


def test_what_jupyterlab_paints_itself_lets_a_sheet_s_ground_through() -> None:
    """In its dark theme a <pre> and a row are dark, whatever is around them."""
    shown = without_sheets(
        "<style>.output_html {background: #f8f8f8} i {color: red}</style><pre class=x>a</pre><p>b"
    )
    assert shown == (
        '<div style="color: #111; background: #f8f8f8">'
        '<pre style="color: inherit; background: transparent" class=x>a</pre><p>b</div>'
    )
    assert "<tr>" in without_sheets("<style>td {color: red}</style><table><tr><td>x</table>")
    for sheet in ("table {background: #fff}", "table {color: #333; background-color: white}"):
        shown = without_sheets(f"<style>{sheet}</style><table><tr><td>x</table>")
        assert '<tr style="background: transparent"><td>x' in shown
