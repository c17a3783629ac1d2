"""HTML that is not inert is shown in two frames without origin and without network."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pandas
import plotly.graph_objects
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.frames import CSP, GUARD, INNER_CSP, framed, needs_network, shows_nothing
from aca_kernel.outputs.html import TAGS


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data: str) -> None:
        self.text += data


def frame_of(text: str) -> tuple[list[str], str]:
    """The tags beside the only frame in ``text``, and what the frame shows."""
    found = Elements(text).found
    (frame,) = [attributes for tag, attributes in found if tag == "iframe"]
    assert frame["sandbox"] == "allow-scripts"
    assert not {"src", "name", "id", "allow", "allowfullscreen", "onload"} & set(frame)
    return [tag for tag, _ in found], frame["srcdoc"]


def content_of(text: str) -> str:
    """What the inner frame shows, all rules about the frames checked on the way."""
    tags, outer = frame_of(text)
    assert tags[:3] == ["div", "iframe", "div"]
    assert tags[-4:] == ["details", "summary", "br", "style"]
    assert set(tags[3:-4]) <= TAGS
    assert_policy_is_first(outer, CSP)
    tags, inner = frame_of(outer)
    assert tags == ["meta", "meta", "meta", "meta", "style", "iframe", "p"]
    assert_policy_is_first(inner, INNER_CSP)
    before, after = inner.split(GUARD)
    assert "<script" not in before, "the guard runs before anything of the session"
    return after.split("</style>", 1)[1]


def twin_in(text: str) -> str:
    """The inert twin beside a frame."""
    return text.split("</iframe><div>", 1)[1].rpartition("<details")[0]


def assert_policy_is_first(document: str, policy: str) -> None:
    assert document.startswith("<!DOCTYPE html><meta ")
    tag, attributes = Elements(document[: document.index(">", 16) + 1]).found[0]
    assert (tag, attributes) == (
        "meta",
        {"http-equiv": "Content-Security-Policy", "content": policy},
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\"'><img src=x onerror=alert(1)>",
        "</iframe></div><script>alert(1)</script>",
        "&quot;&#39;&amp;quot;&#x27;",
        "'></iframe>\"></iframe><b>",
        "<!--",
        "<plaintext>",
        "<base href='http://evil.example'><meta http-equiv='Content-Security-Policy' content='*'>",
    ],
)
def test_nothing_gets_out_of_the_frames(text: str) -> None:
    assert content_of(framed(text)) == text.replace("</iframe", "&lt;/iframe")


@pytest.mark.parametrize("name", ["iframe", "FRAME", "frameset", "object", "embed", "portal"])
def test_no_further_document_is_made_inside(name: str) -> None:
    text = f"<p>a</p><{name} srcdoc='x'></{name}><!ENTITY x>"
    assert content_of(framed(text)) == (f"<p>a</p>&lt;{name} srcdoc='x'>&lt;/{name}>&lt;!ENTITY x>")


@given(st.text(st.sampled_from("<>\"'&;/=!- abqtuoscrip\n#39")))
def test_no_text_gets_out_of_the_frames(text: str) -> None:
    assert content_of(framed(text)) == text


def test_the_policy_lets_nothing_come_from_the_network() -> None:
    sources = dict(rule.strip().split(" ", 1) for rule in CSP.split(";"))
    assert sources["default-src"] == sources["frame-src"] == "'none'"
    assert sources["form-action"] == sources["base-uri"] == "'none'"
    allowed = {"'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:", "'block'"}
    assert {word for rule in sources.values() for word in rule.split()} <= allowed


@pytest.mark.parametrize(
    ("twin", "whole", "what"),
    [
        ("", True, "This output is not shown"),
        ("<p>twin</p>", True, "Only the plain content"),
        ("<p>twin</p>", False, "Only the beginning"),
    ],
)
def test_what_is_left_without_frame_and_style_says_what_to_do(
    twin: str, whole: bool, what: str
) -> None:
    """JupyterLab takes out both, and what the style holds, in a notebook it does not trust."""
    given = framed("<script>1</script>", twin, whole=whole)
    assert given.endswith("<style>.aca-kernel-frame>iframe+div{display:none}</style>")
    without = re.sub(r"<(iframe|style).*?</\1>", "", given, flags=re.DOTALL)
    assert "height: " not in without
    assert twin in without
    said = Elements(without).text
    assert what in said
    assert "Trust Notebook" in said


@pytest.mark.parametrize(
    ("text", "height"),
    [
        ('<div style="height:525px; width:100%"></div><script></script>', 565),
        ('<svg width="100" height="200"></svg>', 240),
        ("<canvas height=300></canvas>", 340),
        ('<div style="min-height: 90.5px"></div>', 130),
        ('<div style="height: 9000px"></div>', 1216),
        ('<div style="height: 100%"><script></script></div>', 440),
        ('<div style="line-height: 20px"></div><script></script>', 440),
        ("<style>x</style><table>" + "<tr><td>1</td></tr>" * 10 + "</table>", 270),
        ("<script>1</script>", 440),
    ],
)
def test_a_frame_is_as_high_as_its_content_says(text: str, height: int) -> None:
    assert f"height: {height}px" in framed(text)


def test_what_brings_its_library_needs_no_network() -> None:
    chart = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 3, 2]))
    whole = chart.to_html(include_plotlyjs=True, default_height="460px")
    assert not needs_network(whole)
    assert "height: 500px" in framed(whole)
    assert needs_network(chart.to_html(include_plotlyjs="cdn"))


def test_a_styled_table_needs_no_network() -> None:
    styled = pandas.DataFrame({"a": range(20)}).style.highlight_max(color="yellow")
    assert not needs_network(styled._repr_html_())
    assert content_of(framed(styled._repr_html_())) == styled._repr_html_()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.jsdelivr.net/npm/vega@5"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        "<img src='http://evil.example/x.png'>",
        "<img src=/api/contents>",
        '<script>load({"vega": "https://cdn.jsdelivr.net/npm/vega@5?noext"})</script>',
        '<script>import("https://esm.sh/x.mjs")</script>',
        '<iframe srcdoc="&lt;script src=&quot;https://cdn.example/leaflet.js&quot;&gt;"></iframe>',
    ],
)
def test_what_loads_from_elsewhere_is_known(text: str) -> None:
    assert needs_network(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>let a = 'http://www.w3.org/2000/svg'</script>",
        '<img src="data:image/png;base64,AA=="><a href="https://example.org/">x</a>',
        "<svg><use href='#a'/></svg>",
        "<p style='position: relative'>http://example.org/page</p>",
    ],
)
def test_an_address_alone_needs_no_network(text: str) -> None:
    assert not needs_network(text)


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("", True),
        ("<div id='x'>\n</div>", True),
        ("<style>.container { width: 100% }</style>", True),
        ("<div>x</div>", False),
        ("&nbsp;", False),
        ("<progress value=1>", False),
        ("<script>1</script>", False),
        ("<p><img src=x></p>", False),
    ],
)
def test_html_that_shows_nothing_is_known(text: str, nothing: bool) -> None:
    assert shows_nothing(text) is nothing


@pytest.mark.parametrize(
    "text",
    [
        "<" * 10**6,
        "<img <" * 160_000,
        "<script " * 120_000,
        ("<script " + "src=" * 450) * 500,
        "http://" * 100_000,
        ("<div " + "height" * 90) * 1800,
        "<tr " * 250_000,
        "<iframe srcdoc=" + "&amp;" * 200_000,
        "<style>" * 140_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    shows_nothing(text)
    needs_network(text)
    framed(text)
    assert time.process_time() - start < 2
