"""A link in HTML shows its address: it cannot be followed."""

from __future__ import annotations

import time

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.display import FileLink

from aca_kernel.outputs.html import inert
from aca_kernel.outputs.links import with_addresses
from aca_kernel.outputs.twins import twin_of


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('<a href="https://example.com">a link</a>', "a link (https://example.com)"),
        ("<a href=https://a.example target=_blank><b>x</b></a>", "<b>x</b> (https://a.example)"),
        ("<A HREF='HTTP://a.example/?a=1&amp;b'>x</A>", "x (HTTP://a.example/?a=1&amp;b)"),
        ('<a href="https://a.example/">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="mailto:a@b.example">write</a>', "write (a@b.example)"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href=" java\tscript:alert(1)">x</a>', "x"),
        ('<a href="data:text/html,x">x</a>', "x"),
        ('<a href="#top">x</a>', "x"),
        ('<a href="/api/contents">x</a>', "x"),
        ('<a href="../x">x</a>', "x"),
        ("<a name=x>x</a>", "x"),
        ("<abbr href='https://a.example'>x</abbr>", "x"),
        ('<a href="out/a%20b.csv">x</a>', 'x (%download "out/a b.csv")'),
        ('<a href="/mnt/data/a.csv">a.csv</a>', "a.csv (%download /mnt/data/a.csv)"),
        (
            '<a href="https://x.example/&quot;&gt;&lt;script&gt;">x</a>',
            'x (https://x.example/"&gt;&lt;script&gt;)',
        ),
        ("<a href=https://x.example>x", "x"),
    ],
)
def test_the_address_stands_behind_the_text(text: str, clean: str) -> None:
    if "abbr" in text:
        clean = "<abbr>x</abbr>"
        text = text.replace(" href='https://a.example'", "")
    assert inert(text) == clean


def test_a_long_address_is_cut() -> None:
    shown = inert(f"<a href='https://a.example/{'x' * 1000}'>x</a>")
    assert shown is not None
    assert len(shown) < 400
    assert shown.endswith("...)")


def test_an_address_makes_no_formula_that_acts() -> None:
    shown = inert("<a href='https://a.example/$\\href{x}{y}$'>x</a>")
    assert shown is not None
    assert "\\href" not in shown


def test_links_of_pandas_show_their_address() -> None:
    table = pandas.DataFrame({"u": ["https://a.example/1"]})
    shown = inert(table.to_html(render_links=True))
    assert shown is not None
    assert "<td>https://a.example/1</td>" in shown
    styled = table.style.format(lambda u: f'<a href="{u}">one</a>').highlight_max()
    assert "one (https://a.example/1)</td>" in twin_of(styled.to_html()).html


def test_a_file_link_names_the_way() -> None:
    text = FileLink("results.csv")._format_path()
    assert inert(text) == "results.csv (%download results.csv)<br>"


PIECES = ["<a href='https://x'>", "<a href=y>", "</a>", "<b title='", "'>", "x", "<!--", "-->", '"']
PIECES += [
    "<a href='https://x/&quot; onclick=&quot;x'>",
    "<td>",
    "<script>",
    "</script>",
    "<a ",
    ">",
]


@given(st.lists(st.sampled_from(PIECES), max_size=15))
def test_nothing_but_text_is_added(pieces: list[str]) -> None:
    text = "".join(pieces)
    added = with_addresses(text)
    assert added.count("<") == text.count("<")
    assert added.count('"') == text.count('"')
    assert added.count("'") == text.count("'")


@pytest.mark.parametrize(
    "text",
    [
        "<a href=https://x>" * 100_000,
        "<a href=https://x>" + "</a>" * 400_000,
        "<a " * 600_000,
        "<a href=https://x>x</a>" * 80_000,
        "<a href=https://x>" + "x" * 10**6 + "</a>",
        "<a href='" + "x" * 10**6,
        "<a" + " href=" * 300_000 + ">",
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    with_addresses(text)
    assert time.process_time() - start < 2
