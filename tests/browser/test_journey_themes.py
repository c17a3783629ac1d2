"""What this kernel itself writes is readable on light and on dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from .lab import Lab
from .screen import Screen

ENOUGH = 4.5
"""The contrast that WCAG 2.1 (1.4.3, level AA) asks of text."""

CELLS = {
    "text": "import sys\nprint('told')\nprint('warned', file=sys.stderr)\n6 * 7",
    "files": "open('/mnt/data/a.txt', 'w').write('a')\n%files",
    "session": "%session",
    "list": "%session list",
    "code": "from IPython.display import Code\nCode('def f(x): return 1  # a', language='python')",
    "sheet": "import pandas\npandas.DataFrame({'a': [1, 2], 'b': [2, 1]}).style.highlight_max()"
    ".set_table_styles([{'selector': 'th', 'props': 'background: #eee'}])",
    "left-out": "from IPython.display import Javascript\nJavascript('1')",
    "notice": "%%direct\nimport PIL.Image\nPIL.Image.new('1', (20_000, 20_000))",
    "upload": "%upload themes.bin",
    "help": "%upload -h",
    "usage": "%upload",
    "error": "%upload nothing.txt",
}

_LEAST_CONTRAST = """cell => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map(part => part / 255);
    };
    const over = ([r, g, b, a], [R, G, B, A]) => {
        const alpha = a + A * (1 - a);
        const mix = (x, X) => alpha ? (x * a + X * A * (1 - a)) / alpha : 0;
        return [mix(r, R), mix(g, G), mix(b, B), alpha];
    };
    // From the inside out: each element lies on its background, then both fade with its opacity.
    const seen = element => {
        let text = rgba(getComputedStyle(element).color), ground = [0, 0, 0, 0];
        for (let e = element; e; e = e.parentElement) {
            const style = getComputedStyle(e), back = rgba(style.backgroundColor);
            [text, ground] = [over(text, back), over(ground, back)];
            text[3] *= style.opacity;
            ground[3] *= style.opacity;
        }
        const white = [1, 1, 1, 1];
        return [over(text, white), over(ground, white)];
    };
    const light = colour => {
        const [r, g, b] = colour.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    // The red of an error's name is JupyterLab's own, the same for every kernel.
    const found = [...cell.querySelectorAll(".jp-OutputArea-output :not(.ansi-red-fg)")]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .filter(e => e.checkVisibility())
        .map(element => {
            const [bright, dim] = seen(element).map(light).sort((a, b) => b - a);
            const text = element.textContent.trim().slice(0, 60);
            return [(bright + 0.05) / (dim + 0.05), text];
        });
    return found.sort((a, b) => a[0] - b[0])[0];
}"""


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest, lab: Lab) -> Iterator[str]:
    name = f"JupyterLab {request.param.title()}"
    lab.set("apputils-extension/themes", {"theme": name})
    yield request.param
    lab.set("apputils-extension/themes", {})


def test_all_that_is_ours_is_readable(screen: Screen, lab: Lab, theme: str) -> None:
    (lab.root / "themes.bin").write_bytes(bytes(1000))
    lab.write("themes.ipynb", list(CELLS.values()))
    screen.open("themes.ipynb")
    is_light = str(theme == "light").lower()
    expect(screen.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    screen.run_all()
    screen.wait_until_idle()
    faint = {}
    for number, name in enumerate(CELLS):
        cell = screen.cell(number)
        expect(screen.outputs(number).first).to_be_visible()
        cell.scroll_into_view_if_needed()
        screen.keep_picture(f"ours-{theme}-{name}", cell)
        contrast, text = cell.evaluate(_LEAST_CONTRAST)
        if contrast < ENOUGH:
            faint[name] = f"{contrast:.1f}: {text}"
    assert faint == {}
