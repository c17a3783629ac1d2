"""Widgets under the policy ``trusted``, in a real JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .lab import Lab
from .screen import Screen


@pytest.fixture
def trusting(lab: Lab) -> str:
    """Give the name of a kernel that trusts its session."""
    return lab.add_kernel("aca-trusting", output_policy="trusted")


def test_a_slider_moves_a_value_of_the_session(screen: Screen, lab: Lab, trusting: str) -> None:
    code = "import ipywidgets\nslider = ipywidgets.IntSlider(description='n')\nslider"
    lab.write("slider.ipynb", [code, "slider.value"], trusting)
    screen.open("slider.ipynb")
    screen.cell(0).locator(".cm-content").click()
    screen.page.keyboard.press("Shift+Enter")
    handle = screen.outputs(0).locator(".noUi-handle")
    expect(handle).to_be_visible()
    screen.wait_until_idle()
    screen.keep_picture("slider")
    handle.focus()
    for _ in range(3):
        screen.page.keyboard.press("ArrowRight")
    expect(screen.outputs(0).locator(".widget-readout")).to_have_text("3")
    screen.cell(1).locator(".cm-content").click()
    screen.page.keyboard.press("Shift+Enter")
    expect(screen.outputs(1)).to_have_text("3")
    screen.keep_picture("slider-moved")

    # And the other way: what a cell sets is what the slider shows.
    screen.run("slider.value = 42")
    expect(screen.outputs(0).locator(".widget-readout")).to_have_text("42")
