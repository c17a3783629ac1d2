"""No document is made inside a frame, and a frame's scripts stay as they were written."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.nesting import without_documents

FOUND = re.compile(r"<(?=/?iframe[\t\n\f\r />])", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "<p id=o></p><script>for(let i=0;i<frames.length;i++)s+=frames[i]</script>",
        "<script>if(i<object.n)x()</script>",
        "<script>if(i<object /2)x()</script>",
        "<script type=module src='a'\n>let a = '<iframe srcdoc=x></iframe>'</script>",
        "<SCRIPT>let a = '<iframe>'</SCRIPT ><b>x</b>",
        "<!DOCTYPE html><html><head><title><b></title></head><!-- - - -->"
        "<body class=\"x y\"><a href=a/b>1 < 2</a><script>'<embed>'</script></body></html>",
        "<style>b::before{content:'<object >'}</style><script>'<iframe >'</script>",
        "<script><!--\n'<iframe >'\n//--></script><script>'<iframe >'</script>",
        "<svg></svg><script>i<frames.length</script>",
        "<objectx><embedded><framed>",
    ],
)
def test_what_is_no_markup_stays(text: str) -> None:
    assert without_documents(text) == text


@pytest.mark.parametrize(
    "before",
    [
        "",
        "<b",
        "<script>1</script>",
        "<!-- <script> -->",
        "<!--> <script> -->",
        "<!-- <script> --!>",
        "<!DOCTYPE html '<script>'>",
        "<b\xa0x='<script>'>",
        '<b x="<script>"y=\'>',
        "<b x==<script>",
        "<b / x='<script>'>",
        "<svg><script>",
        "<svg><desc><div></svg></div></desc><script>",
        "<select><title><!-- </title><script>-->",
        "<title><script></title>",
        "<textarea><script></textarea>",
        "<template><script></template>",
        "<noscript><script></noscript>",
        "<script><!--<script></script>",
        "<script></script/x='<script>'>",
        "<script></scriptx></script>",
        "</script>",
        "</ <script>",
        "<? <script>",
        "<plaintext><script>",
    ],
)
def test_what_may_be_markup_is_text(before: str) -> None:
    shown = without_documents(f"{before}<iframe srcdoc=x></IFRAME>")
    assert shown == f"{before}&lt;iframe srcdoc=x>&lt;/IFRAME>"


PIECES = [
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<!--",
    "-->",
    "<iframe >",
    "<title>",
    "'",
]
PIECES += ["</title>", "<svg>", "</svg>", "<p>", "<p x='", '<a y="', '"', ">", " ", "<", "<b/", "/"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_only_the_inside_of_scripts_and_styles_keeps_it(pieces: list[str]) -> None:
    shown = without_documents("".join(pieces))
    outside = re.sub(r"(?s)(<(script|style)[^>]*>).*?</\2(?=[\t\n\f\r />])", r"\1", shown)
    assert not FOUND.search(outside)
    assert shown.replace("&lt;iframe >", "<iframe >") == "".join(pieces)


@pytest.mark.parametrize(
    "text",
    [
        "<iframe >" * 100_000,
        "<script>" * 120_000,
        "<script><!--</script>" * 40_000,
        "<script><!--" + "<!--" * 200_000 + "</script>",
        "<b " * 300_000,
        "<b x=" + "a" * 10**6,
        "<b" + " " * 10**6 + "<",
        "<b x" + " /" * 500_000,
        "<!--" + "- " * 500_000,
        "<p x='" * 100_000,
        "<p a='\"' b=\"'\">" * 50_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    without_documents(text + "<iframe >")
    assert time.process_time() - start < 2
