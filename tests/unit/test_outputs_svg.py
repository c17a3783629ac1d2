"""The drawing that exporters get of an SVG: nothing of it acts, loads or leads anywhere."""

from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure

from aca_kernel.outputs.svg import drawing

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'


@pytest.mark.parametrize(
    "inner",
    [
        "<script>canary</script>",
        '<g onclick="canary"/>',
        '<image href="file:///canary"/>',
        '<image xlink:href="http://canary/x.png"/>',
        '<use href="http://canary/#x"/>',
        '<use xlink:href="data:image/svg+xml;base64,canary"/>',
        "<foreignObject><p>canary</p></foreignObject>",
        '<a href="javascript:canary"><text>canary</text></a>',
        '<set attributeName="href" to="javascript:canary"/>',
        '<rect style="fill: url(http://canary/)"/>',
        '<rect fill="u\\72l(http://canary/)"/>',
        "<style>@import 'http://canary/';</style>",
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml">canary</h:script>',
        '<x:g xmlns:x="urn:canary"/>',
        "<!-- canary --><?canary x?>",
        '<g xml:base="http://canary/"/>',
    ],
)
def test_what_acts_or_loads_is_gone(inner: str) -> None:
    drawn = drawing(SVG.format(inner))
    assert drawn is not None
    assert "canary" not in drawn
    assert drawing(drawn) == drawn


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg>",
        "<html><svg/></html>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>',
        SVG.format("<g>" * 5000 + "</g>" * 5000),
        SVG.format(" " * 5_000_000),
        '<svg xmlns="urn:other"/>',
    ],
)
def test_what_is_no_plain_svg_is_none(text: str) -> None:
    assert drawing(text) is None


def test_a_figure_stays_what_it_is() -> None:
    figure, file = Figure(), io.StringIO()
    figure.subplots().plot([1, 2], label="line")
    figure.savefig(file, format="svg")
    drawn = drawing(file.getvalue())
    assert drawn is not None
    assert drawn.startswith("<svg xmlns=")
    for part in ("<path", "<use ", "clip-path=", "stroke: "):
        assert drawn.count(part) == file.getvalue().count(part) > 0, part
