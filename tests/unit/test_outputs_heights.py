"""The height of a frame, guessed from its HTML; tests/browser/test_frames.py measures it."""

from __future__ import annotations

import pytest

from aca_kernel.outputs.budget import Budget
from aca_kernel.outputs.bundle import isolated_bundle
from aca_kernel.outputs.twins import twin_of

LIBRARY = "var a = document.body; a.append();" * 1000


@pytest.mark.parametrize(
    ("text", "height"),
    [
        ('<div style="height:525px; width:100%"></div><script></script>', 557),
        ('<svg width="100" height="200"></svg>', 232),
        ("<canvas height=300></canvas>", 332),
        ('<div style="min-height: 90.5px"></div>', 122),
        ('<div style="height: 9000px"></div>', 1200),
        ("<style>#plot { width: 100%; height: 600px; }</style><div id=plot></div>", 632),
        ('<div id=a></div><script>draw("a").append({"height": 200})</script>', 232),
        ('<div style="height: 100%"><script>a.append(1)</script></div>', 432),
        ('<div id=plot></div><script>Plotly.newPlot("plot", [])</script>', 432),
        ("<script>document.body.append('x')</script>", 432),
        ("<p id=o></p><script>o.textContent = 1</script>", 92),
        ("<style>x</style><table>" + "<tr><td>1</td></tr>" * 10 + "</table>", 282),
    ],
)
def test_a_frame_is_as_high_as_its_content_says(text: str, height: int) -> None:
    assert twin_of(text).height == height


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.Config = {MathJax: 'local'}</script>",
        f"<script>{LIBRARY}</script>",
        f"<div><script>{LIBRARY}</script></div><style>b{{color:red}}</style><!-- x -->",
        f"<script>{LIBRARY}</script><noscript><a href=x>x</a></noscript>",
        "<script type='text/javascript'>require.config({paths: {}})</script>",
    ],
)
def test_what_only_loads_a_library_takes_no_room(text: str) -> None:
    shown, _ = isolated_bundle({"text/html": text, "text/plain": "<x>"}, {}, Budget())
    assert shown["text/html"] == ""
