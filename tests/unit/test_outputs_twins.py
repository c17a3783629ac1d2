"""The inert twin of HTML in a frame: what shows where a front end takes frames out."""

from __future__ import annotations

import time

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_kernel.outputs.html import inert
from aca_kernel.outputs.twins import twin_of


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("<script>1</script>", ""),
        ("<div id=plot></div><script>let a = '<b>x</b>'</script>", ""),
        ("<style>p{color:red}</style><p class=x>a</p>", "<p>a</p>"),
        ("<form><p>a<input value=x></p></form>b", "<p>a</p>b"),
        ("<table id=T><tr><td onclick=x()>1<td>2</table>", "<table><tr><td>1<td>2</table>"),
        ("<div><p>a</div></p></span>", "<div><p>a</p></div>"),
        ("a<svg><text>b</text></svg>c", "ac"),
        ("a<svg>b", "a"),
        ("a < b<!-- c --><!doctype html><?x?>", "a &lt; b"),
        ("<p style='position:fixed; color: red'>a</p>", '<p style="color: red">a</p>'),
        ("<img src=x onerror=y><b>a</b>", "<b>a</b>"),
        ("<IFRAME srcdoc='<p>x'>b</IFRAME>c", "c"),
    ],
)
def test_what_is_inert_is_kept(text: str, twin: str) -> None:
    given = twin_of(text)
    assert given.whole
    assert given.html == (inert(twin) if twin else "")


def test_a_styled_table_keeps_its_cells() -> None:
    styled = pandas.DataFrame({"city": ["Oslo"], "people": [1]}).style.set_caption("Cities")
    shown = twin_of(styled._repr_html_()).html
    assert "<style" not in shown
    for part in ("<table>", "<caption>Cities</caption>", "Oslo</td>", "people</th>"):
        assert part in shown


def test_of_much_html_the_beginning_is_kept() -> None:
    rows = "".join(f"<tr><td id=c{row}>{row}</td></tr>" for row in range(100_000))
    given = twin_of(f"<form><table>{rows}</table></form>")
    assert not given.whole
    assert given.html.startswith("<table>")
    assert "<td>1000</td>" in given.html
    assert len(given.html) < 150_000
    given = twin_of("<form>" + "long text " * 50_000)
    assert (given.whole, 90_000 < len(given.html) < 110_000) == (False, True)


def is_inert(shown: str) -> bool:
    clip = '<div style="overflow-x: auto; contain: paint">'
    return (
        not shown
        or inert(shown.removeprefix(clip).removesuffix("</div>" * shown.startswith(clip)))
        is not None
    )


@settings(deadline=None)  # the first call imports nh3
@given(st.text(st.sampled_from("<>\"'&;/=!- \nabptrd")) | st.text())
def test_every_twin_is_inert(text: str) -> None:
    assert is_inert(twin_of(text).html)


PIECES = ["<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>", "<p>", "</p>", "<div>", "</div>"]
PIECES += ["<b>", "</b>", "<form>", "</form>", "<svg>", "</svg>", "<script>", "</script>", "x", " "]
PIECES += ["<li>", "<ul>", "</ul>", "<img src=x>", "<!--", "-->", "<a href='x'>", "&lt;", "<", "'"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_every_twin_of_odd_markup_is_inert(pieces: list[str]) -> None:
    assert is_inert(twin_of("".join(pieces)).html)


@pytest.mark.parametrize(
    "text",
    [
        "<" * 10**6,
        "<b>" * 300_000,
        "<div " * 200_000,
        "<svg>" * 200_000,
        "<script></script>" * 60_000,
        "<b a='" * 150_000,
        "<b a=\"'" * 150_000,
        ("<b " + "a=1 " * 30) * 8000,
        "<table><tr>" * 90_000,
        "<p>" * 20_000 + "</div>" * 20_000 + "</b>" * 20_000,
        "<!--" * 250_000,
        "&" * 10**6,
        "<i>" * 250 + "</b>" * 300_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    twin_of(text)
    assert time.process_time() - start < 2
