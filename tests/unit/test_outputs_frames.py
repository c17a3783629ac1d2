"""HTML that is not inert is shown in two frames without origin and without network."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.frames import CSP, GUARD, INNER_CSP, framed, shows_nothing
from aca_kernel.outputs.markup import TAGS
from aca_kernel.outputs.twins import Twin, twin_of


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
    end = tags.index("style")
    assert tags[end - 3 : end] == ["details", "summary", "br"]
    assert tags[end + 1 :] in ([], ["details", "summary", "br"])
    assert set(tags[3 : end - 3]) <= TAGS
    assert_policy_is_first(outer, CSP)
    tags, inner = frame_of(outer)
    assert tags == ["meta", "meta", "meta", "meta", "style", "iframe", "p"]
    assert_policy_is_first(inner, INNER_CSP)
    before, after = inner.split(GUARD)
    assert "<script" not in before, "the guard runs before anything of the session"
    return after.split("</style>", 1)[1]


def twin_in(text: str) -> str:
    """The inert twin beside a frame."""
    twin = text.split("</iframe><div>", 1)[1].partition("</div></div><style>")[0]
    return twin.rpartition("<details")[0]


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
    assert content_of(framed(text, twin_of(text))) == text.replace("</iframe", "&lt;/iframe")


@pytest.mark.parametrize("name", ["iframe", "FRAME", "frameset", "object", "embed", "portal"])
def test_no_further_document_is_made_inside(name: str) -> None:
    text = f"<p>a</p><{name} srcdoc='x'></{name}><!ENTITY x>"
    assert content_of(framed(text, twin_of(text))) == (
        f"<p>a</p>&lt;{name} srcdoc='x'>&lt;/{name}>&lt;!ENTITY x>"
    )


@given(st.text(st.sampled_from("<>\"'&;/=!- abqtuoscrip\n#39")))
def test_no_text_gets_out_of_the_frames(text: str) -> None:
    assert content_of(framed(text, twin_of(text))) == text


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
    given = framed("<script>1</script>", Twin(html=twin, whole=whole))
    assert given.endswith("<style>.aca-kernel-frame>iframe+div{display:none}</style>")
    without = re.sub(r"<(iframe|style).*?</\1>", "", given, flags=re.DOTALL)
    assert "height: " not in without
    assert twin in without
    said = Elements(without).text
    assert what in said
    assert "Trust Notebook" in said


def test_a_styled_table_stays_as_it_is() -> None:
    styled = pandas.DataFrame({"a": range(20)}).style.highlight_max(color="yellow")
    assert content_of(framed(styled._repr_html_(), Twin())) == styled._repr_html_()


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
    framed(text, Twin())
    assert time.process_time() - start < 2
