"""HTML with parts from elsewhere is shown without them, unless nothing would show."""

from __future__ import annotations

import html
import time
from typing import Any

import pandas
import plotly.graph_objects
import pytest

from aca_kernel.outputs.budget import Budget
from aca_kernel.outputs.bundle import isolated_bundle
from aca_kernel.outputs.twins import twin_of

LIBRARY = "<script>/* a library */" + "x = 1;" * 10_000 + "</script>"
CDN = "<script src='https://cdn.example/bootstrap.js'></script>"


def data_of(text: str) -> dict[str, Any]:
    return isolated_bundle({"text/html": text, "text/plain": "<twin>"}, {}, Budget())[0]


def test_what_brings_its_library_is_whole() -> None:
    chart = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 3, 2]))
    twin = twin_of(chart.to_html(include_plotlyjs=True, default_height="460px"))
    assert (twin.missing, twin.height) == ((), 492)
    twin = twin_of(chart.to_html(include_plotlyjs="cdn"))
    assert (len(twin.missing), twin.works) == (1, False)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            '<script src="https://cdn.example/npm/vega@5"></script>',
            "https://cdn.example/npm/vega@5",
        ),
        ("<img src='http://evil.example/x.png'>", "http://evil.example/x.png"),
        ("<img src=/api/contents>", "/api/contents"),
        ("<iframe src='https://video.example/a?b=1&amp;c'></iframe>", "a?b=1&c"),
        ("<video controls><source src='https://video.example/v.mp4'></video>", "v.mp4"),
        ("<audio controls><source src='https://a.example/a.mp3'>No sound.</audio>", "a.mp3"),
        ('<p id=a></p><script>load({"vega": "https://cdn.example/npm/vega@5?x"})</script>', "vega"),
        ('<script>import("https://esm.example/x.mjs")</script>', "esm.example/x.mjs"),
        (f'<iframe srcdoc="{html.escape(CDN)}" width=9></iframe>', "bootstrap.js"),
    ],
)
def test_what_would_show_nothing_says_what_it_loads(text: str, address: str) -> None:
    shown = data_of(text)
    assert list(shown) == ["text/html", "text/plain"]
    assert "<details" in shown["text/html"]  # our notice, and nothing else
    assert "<iframe" not in shown["text/html"]
    assert "loads parts from the network" in shown["text/plain"]
    assert address in shown["text/plain"]


def test_a_file_of_the_session_is_named_with_the_way_to_it() -> None:
    shown = data_of('<video src="v.mp4" controls></video>')
    assert "network" not in shown["text/plain"]
    assert "%download v.mp4" in shown["text/plain"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "<link rel='stylesheet' href='https://f.example/a.css'><button>Play</button>"
            "<div id=a></div><script>document.getElementById('a').append(1)</script>",
            "a.css",
        ),
        (f"{LIBRARY}{CDN}<div id=net></div><script>draw()</script>", "bootstrap.js"),
        (f"<style>p{{}}</style><p>{'A report. ' * 60}</p>{CDN}", "bootstrap.js"),
        (
            f"<iframe srcdoc='<p>{'A report. ' * 60}</p>{html.escape(CDN)}'></iframe>",
            "bootstrap.js",
        ),
        ("<style>p{}</style><p>text</p><img src=https://i.example/x.png>", "x.png"),
    ],
)
def test_what_shows_something_is_shown_without_the_rest(text: str, address: str) -> None:
    shown = data_of(text)["text/html"]
    assert "<iframe" in shown
    said = shown.rpartition("</style>")[2]
    assert "Shown without" in said
    assert address in said


def test_an_address_is_text_in_what_is_said() -> None:
    shown = data_of("<button>x</button><img src='//x/$\\href{javascript:hit()}{x}$<b>'>")[
        "text/html"
    ]
    said = shown.rpartition("</style>")[2]
    assert "&lt;b&gt;" in said
    assert "\\href" not in said


@pytest.mark.parametrize(
    "text",
    [
        "<p id=a>x</p><script>let a = 'http://www.w3.org/2000/svg'</script>",
        "<p id=a>x</p><script>/* licence: https://mit.example/license@1.js */ a.x = 1</script>",
        "<p id=a>x</p><script>\n// see https://mit.example/npm/x\na.append(1)</script>",
        '<img src="data:image/png;base64,AA=="><a href="https://example.org/">x</a><form>',
        "<svg><use href='#a'/></svg><p>x",
        "<p style='z-index: 1'>http://example.org/page</p>",
        "<link rel=canonical href=https://x.example/><button>x</button>",
        f"{LIBRARY}<div id=a></div>",
        # With an id of its own, each of two processes would collect another test.
        pandas.DataFrame({"a": range(20)}).style.set_uuid("t").highlight_max()._repr_html_(),
    ],
)
def test_an_address_alone_is_no_part(text: str) -> None:
    assert twin_of(text).missing == ()


@pytest.mark.parametrize(
    "text",
    [
        "<img <" * 160_000,
        "<img " + "src=" * 250_000,
        ("<img " + "src=" * 450 + ">") * 500,
        "<script>" + "http://" * 2_800 + "</script>",
        ("<script>" + "/*" * 9_000 + "</script>") * 50,
        ("<script>" + "\n//" * 6_000 + "</script>") * 50,
        ("<div " + "height" * 90 + ">") * 1800,
        "<iframe srcdoc='" + "&amp;" * 200_000 + "'></iframe>",
        "<iframe srcdoc=" * 100_000,
        "<tr " * 250_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    data_of(text)
    assert time.process_time() - start < 2
