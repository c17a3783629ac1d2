"""A notebook that Jupyter does not trust: it shows no frames there, but what stands in for them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from .lab import Lab
from .screen import Screen

CELLS = [
    """
import pandas as pd
table = pd.DataFrame({"city": ["Oslo", "Lima"], "people": [709_000, 10_092_000]})
table.style.background_gradient(cmap="Greens").set_caption("Cities")""",
    """
from IPython.display import HTML
HTML("<p>before</p><p id=drawn>not drawn</p><script>drawn.textContent = 'drawn'</script>")""",
    "HTML('<div id=o></div><script>o.textContent = 3</script>')",
]


@pytest.fixture
def notebook(lab: Lab) -> str:
    """Run a notebook as a batch does: nothing signs it."""
    lab.write("batch.ipynb", [source.strip() for source in CELLS])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--inplace"),
            "batch.ipynb",
        ],
        cwd=lab.root,
        env=lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return "batch.ipynb"


def test_untrusted_then_run(notebook: str, screen: Screen) -> None:
    screen.open(notebook)
    styled, script, empty = (screen.outputs(place) for place in range(3))
    expect(styled.locator("caption")).to_have_text("Cities")
    expect(styled.locator("td")).to_have_text(["Oslo", "709000", "Lima", "10092000"])
    expect(script).to_contain_text("before")
    cell = styled.locator("td", has_text="10092000")
    assert cell.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(0, 68, 27)"
    expect(styled).not_to_contain_text("Trust Notebook")
    for output in (styled, script):
        assert output.locator("iframe").count() == 0
    expect(script).to_contain_text("Only the plain content of this output is shown")
    expect(script).to_contain_text("Trust Notebook")
    expect(empty).to_contain_text("This output is not shown")
    for output in (styled, script, empty):
        assert (output.bounding_box() or {"height": 999})["height"] < 250
    screen.keep_picture("untrusted")

    # One cell is run again: its twin goes, those of the others stay.
    screen.cell(1).locator(".cm-content").click()
    screen.page.keyboard.press("Control+Enter")
    inner = script.frame_locator("iframe").frame_locator("iframe")
    expect(inner.locator("#drawn")).to_have_text("drawn")
    expect(script.get_by_text("Trust Notebook")).to_be_hidden()
    expect(styled.locator("caption")).to_be_visible()
    screen.keep_picture("untrusted-run")

    # The frame has the size that the box is given.
    box, frame = script.locator(".aca-kernel-frame"), script.locator("iframe")
    for height in (150, 700):
        box.evaluate("(box, height) => { box.style.height = height + 'px' }", height)
        assert frame.evaluate("frame => frame.getBoundingClientRect().height") == height
