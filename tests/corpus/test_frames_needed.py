"""How many outputs of common libraries need a frame: each one by name, so the count is fixed."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pytest

from aca_kernel.outputs.policy import OutputPolicy

from .measure import how
from .real import REAL
from .shapes import SHAPES

FRAMED = """
styler-sticky styler-tooltips animation plotly-inline bokeh-inline estimator*
searchable-table-offline* network-inline* labelled-array* chunked-array* cluster-card* form*
themed-card* media-query*
"""
NOT_SHOWN = """
iframe youtube plotly-mime plotly-cdn altair bokeh-cdn folium widget searchable-table* network*
"""
NOTHING = "loader*"

EXPECTED = {
    name: kind
    for kind, names in (("framed", FRAMED), ("not shown", NOT_SHOWN), ("nothing", NOTHING))
    for name in names.split()
}


def check(name: str, bundle: Mapping[str, Any]) -> None:
    assert how(bundle) == EXPECTED.get(name, "inline")


@pytest.mark.filterwarnings("ignore")  # of a library about itself
@pytest.mark.parametrize("name", REAL)
def test_an_output_that_a_library_made(name: str) -> None:
    check(name, REAL[name]())


@pytest.mark.parametrize("name", SHAPES)
def test_html_of_a_library_s_shape(name: str) -> None:
    check(f"{name}*", {"text/html": SHAPES[name]})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SHAPES["network"], "cdn_resources='in_line'"),
        ("<div id=p></div><script src=https://cdn.example.com/plotly.js></script>", "kaleido"),
    ],
)
def test_what_is_not_shown_says_what_shows_it(text: str, what: str) -> None:
    ((_, content), *_) = OutputPolicy("isolated").message(
        "display_data", {"data": {"text/html": text}, "metadata": {}}, {}
    )
    assert what in html.unescape(content["data"]["text/html"])


def test_every_expectation_is_of_an_output() -> None:
    assert set(EXPECTED) <= {*REAL, *(f"{name}*" for name in SHAPES)}
