"""Markdown is rendered here: raw HTML is text, links lead nowhere, formulas stay formulas."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.html import inert
from aca_kernel.outputs.markdown import MAX_LENGTH, rendered
from aca_kernel.outputs.tex import defused, is_active

from .test_outputs_html import Seen


def shown(text: str) -> str:
    clean = inert(rendered(text))
    assert clean is not None
    return clean


def test_ordinary_markdown_looks_as_ever() -> None:
    clean = shown("# Title\n\n**b** *i* `c` ~~s~~\n\n- one\n- two\n\n|a|b|\n|-|-:|\n|1|2|\n\n> q\n")
    for part in (
        "<h1>Title</h1>",
        "<strong>b</strong>",
        "<em>i</em>",
        "<code>c</code>",
        "<s>s</s>",
        "<li>one</li>",
        "<th>a</th>",
        "text-align: right",
        "<blockquote>",
    ):
        assert part in clean


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "x <img src=x onerror=alert(1)> y",
        "<div onclick=alert(1)>\n\n**b**\n\n</div>",
        "[x](javascript:alert(1))",
        "[x](java\nscript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](/lab/api?x)",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
        "<http://evil.example/>",
        "![x](http://evil.example/x.png)",
        "![x](x.png \"onerror='alert(1)'\")",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        '![x" onerror="alert(1)](http://evil.example)',
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "    <script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<!-- x --><script>alert(1)</script>",
        "$<script>alert(1)</script>$",
        "$$\n<img src=x onerror=alert(1)>\n$$",
        "\\begin{a}<script>alert(1)</script>\\end{a}",
        "|a|\n|-|\n|<script>alert(1)</script>|",
    ],
)
def test_hostile_markdown_is_text(text: str) -> None:
    for tag, attributes in Seen(shown(text)).tags:
        assert tag not in ("script", "a", "img", "iframe", "svg")
        assert not [name for name in attributes if name.startswith("on") or name == "href"]


def test_a_link_shows_its_address() -> None:
    assert shown("[docs](https://example.org/)") == "<p>docs (https://example.org/)</p>\n"
    assert shown("<https://example.org/>") == "<p>https://example.org/</p>\n"
    assert "[image not shown: cat http://example.org/c.png]" in shown(
        "![cat](http://example.org/c.png)"
    )


def test_a_picture_with_its_data_is_shown() -> None:
    assert '<img src="data:image/png;base64,AAAA" alt="x">' in shown(
        "![x](data:image/png;base64,AAAA)"
    )


@pytest.mark.parametrize(
    "formula",
    [
        "$a_b c_d$",
        "$$x^*y^*$$",
        "$$\n- a\n= b\n$$",
        "\\begin{align}a_1\\\\b_1\\end{align}",
        "\\\\(a*b*c\\\\)",
        "\\\\[a_b_c\\\\]",
    ],
)
def test_a_formula_is_no_markdown(formula: str) -> None:
    assert formula in shown(f"text\n\n{formula}\n\ntext").replace("&amp;", "&")


def test_prices_are_no_formula() -> None:
    assert "<em>a</em>" in shown("costs $5 *a* and $10")


def test_long_markdown_is_shown_as_its_source() -> None:
    assert shown("# x <b>" + " y" * MAX_LENGTH).startswith('<div style="overflow-x')
    assert "# x &lt;b&gt;" in shown("# x <b>" + " y" * MAX_LENGTH)


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "[",
        "![",
        "](",
        "[a](",
        "`",
        ">",
        "> ",
        "- ",
        "<",
        "a**b ",
        "_a ",
        "|a",
        "$",
        "$a ",
        "$$\n",
        "$$a\n",
        "$a\n",
        "\\\\(",
        "\\begin{a}",
        "\\",
        "~~a ",
        "&a;",
        "<http://a>",
        "1. x\n",
        "[a]: x\n",
        "\n",
        "\t",
        "***",
        "``` \n",
        "    ",
    ],
)
def test_time_is_bounded(unit: str) -> None:
    rendered("warm")
    start = time.process_time()
    rendered(unit * (MAX_LENGTH // len(unit)))
    assert time.process_time() - start < 3


@given(
    st.lists(
        st.sampled_from(
            [
                "[",
                "](",
                ")",
                "!",
                "<",
                ">",
                "a",
                "*",
                "`",
                "$",
                "$$",
                "\n",
                "\\",
                "&",
                "javascript:",
                "data:image/png;base64,A",
                '"',
                "'",
                "<script>",
                "|",
                "-",
                " ",
                "~",
                "#",
                "\\begin{a}",
                "\\end{a}",
                "\\\\(",
                "\\\\)",
                "http://x",
                "> ",
                "1. ",
            ]
        ),
        max_size=40,
    )
)
def test_any_markdown_is_inert(pieces: list[str]) -> None:
    for tag, attributes in Seen(shown("".join(pieces))).tags:
        assert tag not in ("script", "a")
        assert "href" not in attributes


@pytest.mark.parametrize(
    "macro",
    [
        "\\href{x}{y}",
        "\\url{x}",
        "\\class{a}{b}",
        "\\cssId{a}{b}",
        "\\style{a}{b}",
        "\\require{html}",
        "\\def\\x{}",
        "\\newcommand{\\x}{}",
        "\\let\\x\\href",
        "\\mmlToken{mi}[href=x]{}",
        "\\includegraphics{x}",
        "\\htmlData{a}{b}",
        "\\bbox[x]{y}",
        "\\csname href\\endcsname",
    ],
)
def test_macros_that_act_are_known_and_defused(macro: str) -> None:
    assert is_active(macro)
    assert not is_active(defused(f"${macro}$"))
    assert defused(f"${macro}$").replace("\u2060", "") == f"${macro}$"


@pytest.mark.parametrize(
    "formula", ["\\frac{a}{b}", "\\hrefs", "\\definition", "\\left(x\\right)", "\\text{class}"]
)
def test_ordinary_macros_are_not(formula: str) -> None:
    assert not is_active(formula)
