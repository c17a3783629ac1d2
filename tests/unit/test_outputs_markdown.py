"""Markdown is rendered here: raw HTML is judged, links lead nowhere, formulas stay formulas."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.colours import LEXERS, coloured
from aca_kernel.outputs.markdown import MAX_LENGTH, judged, rendered
from aca_kernel.outputs.tex import defused, is_active

from .test_outputs_html import Seen


def shown(text: str) -> str:
    clean = judged(text)
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
        "<details ontoggle=alert(1) open>x</details>",
        "<b <script>alert(1)</script>>x</b>",
        "<b\nonclick=alert(1)\nstyle='position:fixed;inset:0'>x</b>",
        "<!-- --!><script>alert(1)</script> -->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?x <img src=x onerror=alert(1)> ?>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4=' alt='<img src=x onerror=alert(1)>'>",
        "<a href='javascript:alert(1)'>x</a></a></a>",
        "[^a]\n\n[^a]: <script>alert(1)</script>[x](javascript:alert(1))",
        "[^a]\n\n[^a]: [^a]",
        "- [ ] <script>alert(1)</script>",
        '```python\n"<script>alert(1)</script>"\n```',
        "```html\n</code></pre><script>alert(1)</script>\n```",
    ],
)
def test_hostile_markdown_is_text(text: str) -> None:
    for tag, attributes in Seen(shown(text)).tags:
        assert tag not in ("script", "a", "img", "iframe", "svg")
        assert not [name for name in attributes if name.startswith("on") or name == "href"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a<br>b H<sub>2</sub>O", "a<br>b H<sub>2</sub>O"),
        ("<details><summary>more</summary>\n\n**b**\n\n</details>", "<summary>more</summary>"),
        ("<div align='center' onclick=x>c</div>", '<div align="center">c</div>'),
        ("<span style='color: red; position: fixed'>x</span>", '<span style="color: red">x</span>'),
        ("Vec<T> and <b>b</b>", "Vec&lt;T&gt; and <b>b</b>"),
        ("<b>never closed", "&lt;b&gt;never closed"),
        ("<a href='https://example.org/'>docs</a>", "docs (https://example.org/)"),
        ("<img src='https://example.org/c.png' alt=cat>", "not shown: cat https://example.org/c"),
        ("<img alt=x width=9 src='data:image/png;base64,AAAA'>", 'width="9"'),
        ("a <!-- hidden --> b", "<p>a  b</p>"),
    ],
)
def test_raw_html_that_is_inert_is_html(text: str, part: str) -> None:
    assert part in shown(text)


def test_a_task_list_has_boxes() -> None:
    clean = shown("- [ ] to *do*\n- [x] done\n- [y] other\n\n[ ] no item\n")
    assert '<li style="list-style-type: none">\u2610 to <em>do</em></li>' in clean
    assert '<li style="list-style-type: none">\u2611 done</li>' in clean
    assert "<li>[y] other</li>" in clean
    assert "<p>[ ] no item</p>" in clean


def test_footnotes_are_numbered_and_stand_below() -> None:
    clean = shown("a[^x] b[^1] c[^x] d[^none]\n\n[^1]: one\n[^x]: *ex*\n  goes on\n\nend\n")
    assert "a<sup>[1]</sup> b<sup>[2]</sup> c<sup>[1]</sup> d[^none]" in clean
    assert "<p>end</p>\n<hr><ol><li><em>ex</em>\ngoes on</li><li>one</li></ol>" in clean


def test_code_has_colours() -> None:
    clean = shown("```python\ndef f(): return '<b>'\n```\n\n```unknown\n<x>\n```\n")
    assert '<span style="color: #2b8a3e">def</span>' in clean
    assert "&lt;b&gt;" in clean
    assert "<pre><code>&lt;x&gt;" in clean


@pytest.mark.parametrize("language", sorted(LEXERS))
@pytest.mark.parametrize(
    "unit", ["'", '"', "\\", "(", "{", "a", " ", "/*", "<", "<a ", "-", "$(", "1"]
)
def test_colours_take_little_time(language: str, unit: str) -> None:
    lines = [unit * (900 // len(unit))] * 10
    coloured("", language)
    start = time.process_time()
    coloured("\n".join(lines), language)
    assert time.process_time() - start < 1


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
        "[^a] ",
        "[^a]: x\n",
        "[^a]: [^a]\n\n",
        "<b ",
        "<b a=",
        "<b>",
        "<a href=x>",
        "- [ ] x\n",
        "```python\n1\n```\n",
        "<!-- ",
    ],
)
def test_time_is_bounded(unit: str) -> None:
    rendered("warm")
    start = time.process_time()
    judged(unit * (MAX_LENGTH // len(unit)))
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
                "<b>",
                "</b>",
                "<a href='x'>",
                "<div onclick=x>",
                "<!--",
                "-->",
                "[^a]",
                "[^a]: ",
                "```python\n",
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


@pytest.mark.parametrize(
    "formula",
    ["\\input{/etc/passwd}", "$\\openin5=x$", "\\immediate\\write18{x}", "$\\catcode`\\@=11$"],
)
def test_a_formula_reads_and_writes_no_file_when_it_is_exported(formula: str) -> None:
    assert is_active(formula)
    assert not is_active(defused(f"$x$ {formula}"))
