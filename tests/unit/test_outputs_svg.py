"""What stands for an SVG where there is no HTML."""

from __future__ import annotations

import time

import pytest

from aca_kernel.outputs.svg import described

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
HEAD = "An SVG drawing, which HTML shows"


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("", "."),
        (
            "<title>A graph</title><g><text>from\n a</text></g><text>to</text>",
            ": A graph from a to",
        ),
        ("<text><tspan>a</tspan><tspan>b</tspan></text>", ": a b"),
        ("<script>alert(1)</script><style>b{}</style><text>&lt;b&gt;</text>", ": <b>"),
        (f"<text>{'long ' * 100}</text>", f": {'long ' * 60} ..."),
        ("<g>", "."),
        ("<g>" * 5000 + "</g>" * 5000, "."),
        ("<!-- a --><?canary x?>", "."),
    ],
)
def test_its_words_are_said(inner: str, words: str) -> None:
    assert described(SVG.format(inner)) == HEAD + words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg><text>&a;</text></svg>',
        SVG.format("<text>a</text>" + " " * 5_000_000),
    ],
)
def test_of_what_is_no_plain_svg_nothing_is_said(text: str) -> None:
    start = time.process_time()
    assert described(text) == f"{HEAD}."
    assert time.process_time() - start < 2
