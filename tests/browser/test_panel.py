"""What this kernel itself shows, in both themes: %session's panel, and a notice that folds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from .lab import Lab
from .screen import Screen

LONG, PANEL, FILES = range(3)
CELLS = ["print('y' * 5000)", "%session", "%files"]
THEMES = {"light": {}, "dark": {"theme": "JupyterLab Dark"}}
READABLE = 4.5
"""The contrast that WCAG asks of text (AA)."""

_CONTRAST = """element => {
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.push(getComputedStyle(one));
    const opaque = style => (numbers(style.backgroundColor)[3] ?? 1) > 0;
    const back = numbers(chain.find(opaque).backgroundColor).slice(0, 3);
    const [red, green, blue, alpha = 1] = numbers(chain[0].color);
    const seen = chain.reduce((all, style) => all * Number(style.opacity), alpha);
    const front = [red, green, blue].map((value, i) => value * seen + back[i] * (1 - seen));
    const light = colour => {
        const [r, g, b] = colour.map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dark, bright] = [light(front), light(back)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
}"""


@pytest.fixture(scope="module")
def notebooks(browser: Browser, lab: Lab) -> list[str]:
    """A notebook that was run and saved, and a copy that JupyterLab does not trust."""
    kernel = lab.add_kernel("cut", mode="direct", api_version="2024-10-02-preview")
    path = lab.write("panel.ipynb", CELLS, kernel)
    page = browser.new_page()
    screen = Screen(page, lab)
    screen.open(path.name)
    screen.run_all()
    screen.wait_until_idle()
    screen.save()
    page.close()
    changed = json.loads(path.read_text())
    changed["cells"][0]["source"] = "# somebody else's"
    (lab.root / "strange.ipynb").write_text(json.dumps(changed))
    return [path.name, "strange.ipynb"]


def contrast(locator: Locator) -> float:
    return float(locator.evaluate(_CONTRAST))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("number", [0, 1])
def test_panel_and_notice_are_readable_and_the_notice_folds(
    browser: Browser, lab: Lab, notebooks: list[str], tmp_path: Path, theme: str, number: int
) -> None:
    lab.set("apputils-extension/themes", THEMES[theme])
    page = browser.new_page()
    try:
        screen = Screen(page, lab)
        screen.open(notebooks[number])
        expect(page.locator("body")).to_have_attribute(
            "data-jp-theme-light", "true" if theme == "light" else "false"
        )
        cells = screen.outputs(PANEL).locator("td")
        expect(cells.nth(0)).to_have_text("pool")
        expect(cells.nth(1)).to_contain_text("2024-10-02-preview")
        assert all(contrast(cells.nth(place)) > READABLE for place in range(cells.count()))
        assert cells.nth(0).bounding_box() != cells.nth(1).bounding_box()

        notice = screen.outputs(LONG).locator("details")
        expect(notice).to_contain_text("stdout ends here")
        assert contrast(notice) > READABLE
        assert contrast(notice.locator("summary")) > READABLE
        box = notice.bounding_box()
        assert box is not None
        notice.locator("summary").click()
        expect(notice).not_to_have_attribute("open", "")
        folded = notice.bounding_box()
        assert folded is not None
        assert folded["height"] <= box["height"]
        assert folded["height"] < 30
        page.screenshot(path=tmp_path / f"{theme}-{number}.png")
    finally:
        page.close()
        lab.set("apputils-extension/themes", {})
