"""What people display looks right in JupyterLab under the policy ``isolated``."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from .lab import Lab
from .screen import Screen, is_loaded

CELLS = {
    "table": """
import pandas as pd
table = pd.DataFrame({"city": ["Oslo", "Lima", "Pune"], "people": [709_000, 10_092_000, 7_400_000]})
table""",
    "styled": """
(table.style.background_gradient(cmap="Greens", subset=["people"])
    .format({"people": "{:,}"}).set_caption("Cities"))""",
    "tqdm": """
from tqdm import tqdm
for n in tqdm(range(50), desc="Work"): pass""",
    "markdown": '''
from IPython.display import Markdown
Markdown("""# Report
**Bold** and *italic* text with `code`:

- one
- two

| a | b |
|---|--:|
| x | 1 |

> a quotation

```python
x = 1
```
""")''',
    "math": r"""
from IPython.display import Math
Math(r"\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}")""",
    "svg": """
from IPython.display import SVG
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60">'
    '<rect width="120" height="60" rx="8" fill="#369"/><circle cx="60" cy="30" r="20" fill="#fc3"/>'
    '</svg>')""",
    "image": """
import io, PIL.Image
from IPython.display import Image
picture = io.BytesIO()
PIL.Image.linear_gradient("L").resize((160, 80)).save(picture, "png")
Image(data=picture.getvalue())""",
    "plot": """
import matplotlib.pyplot as plt
plt.figure(figsize=(4, 2)); plt.plot([1, 3, 2]); plt.title("A plot"); plt.show()""",
    "audio": """
import numpy
from IPython.display import Audio
Audio(numpy.sin(numpy.arange(8000) * 0.3), rate=8000)""",
    "plotly": """
import plotly.graph_objects as go
from IPython.display import HTML
figure = go.Figure(go.Bar(x=["a", "b", "c"], y=[3, 1, 2]), layout={"height": 300})
HTML(figure.to_html(include_plotlyjs=True))""",
    "needs-network": """
from IPython.display import display
display({"text/html": '<div id="map"></div><script src="https://cdn.example/leaflet.js"></script>',
         "text/plain": "<Map of Oslo>"}, raw=True)""",
    "altair": """
import altair
altair.Chart(table).mark_bar().encode(x="city", y="people")""",
    "folium": """
import folium
folium.Map(location=[59.9, 10.7])""",
    "bokeh": """
import bokeh.io, bokeh.plotting
plot = bokeh.plotting.figure(width=300, height=200)
plot.line([1, 2, 3], [3, 1, 2])
bokeh.io.output_notebook(hide_banner=True)
bokeh.io.show(plot)""",
    "bokeh-inline": """
import bokeh.embed, bokeh.resources
HTML(bokeh.embed.file_html(plot, bokeh.resources.INLINE))""",
    "html": """
from IPython.display import HTML
HTML("<h3>A heading</h3><p>Text with a <b>bold</b> word, and a list:</p><ul><li>one<li>two</ul>")""",  # noqa: E501
    "error": "{}['missing']",
    "colours": r"print('\x1b[32mgreen\x1b[0m \x1b[1;31mbold red\x1b[0m')",
    "end": "print('end')",
}
PLACE = {name: place for place, name in enumerate(CELLS)}


@pytest.fixture(scope="module")
def screen(browser: Browser, lab: Lab) -> Iterator[Screen]:
    """Give a notebook with all of it, that has been run."""
    lab.write("looks.ipynb", [source.strip() for source in CELLS.values()])
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    screen = Screen(context.new_page(), lab)
    screen.open("looks.ipynb")
    screen.run_all()
    screen.wait_until_idle()
    expect(screen.outputs(PLACE["end"])).to_have_text("end\n")
    yield screen
    context.close()
    lab.shut_kernels_down()


def shown(screen: Screen, name: str) -> Locator:
    return screen.outputs(PLACE[name]).last


def inner(screen: Screen, name: str) -> FrameLocator:
    """The document of an output that is in a frame of its own."""
    return shown(screen, name).frame_locator("iframe").frame_locator("iframe")


def test_a_table_has_its_cells(screen: Screen) -> None:
    table = shown(screen, "table").locator("table.dataframe")
    expect(table.locator("thead th")).to_have_text(["", "city", "people"])
    expect(table.locator("tbody tr").nth(1).locator("td")).to_have_text(["Lima", "10092000"])
    assert shown(screen, "table").locator("iframe").count() == 0


def test_a_styled_table_has_its_colours(screen: Screen) -> None:
    place = shown(screen, "styled")
    assert place.locator("iframe").count() == 0
    expect(place.locator("caption")).to_have_text("Cities")
    cell = place.locator("tbody td", has_text="10,092,000")
    assert cell.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(0, 68, 27)"


def test_a_progress_bar_ends_as_one_line(screen: Screen) -> None:
    expect(screen.outputs(PLACE["tqdm"])).to_have_count(1)
    assert re.search(r"Work: 100%.*50/50", shown(screen, "tqdm").inner_text())


def test_markdown_is_rendered(screen: Screen) -> None:
    output = shown(screen, "markdown")
    expect(output.locator("h1")).to_contain_text("Report")
    expect(output.locator("strong")).to_have_text("Bold")
    expect(output.locator("li")).to_have_text(["one", "two"])
    expect(output.locator("td")).to_have_text(["x", "1"])
    expect(output.locator("pre")).to_have_text("x = 1\n")


def test_math_is_typeset(screen: Screen) -> None:
    expect(shown(screen, "math").locator("mjx-container").first).to_be_visible()


@pytest.mark.parametrize("name", ["svg", "image", "plot"])
def test_pictures_are_seen(screen: Screen, name: str) -> None:
    assert is_loaded(shown(screen, name).locator("img"))


def test_sound_can_be_played(screen: Screen) -> None:
    audio = shown(screen, "audio").locator("audio")
    expect(audio).to_have_count(1)
    duration = audio.evaluate(
        """audio => audio.readyState ? audio.duration : new Promise((done, fail) => {
            audio.onloadedmetadata = () => done(audio.duration);
            audio.onerror = () => fail(audio.error.message);
        })"""
    )
    assert duration == pytest.approx(1.0, abs=0.01)


def test_plotly_draws_in_its_frame(screen: Screen) -> None:
    frame = inner(screen, "plotly")
    expect(frame.locator("svg.main-svg").first).to_be_visible()
    expect(frame.locator("g.bars g.point")).to_have_count(3)


def test_what_needs_the_network_says_so(screen: Screen) -> None:
    output = shown(screen, "needs-network")
    expect(output).to_contain_text("<Map of Oslo>")
    expect(output).to_contain_text("loads parts from the network")
    assert output.locator("iframe").count() == 0


@pytest.mark.parametrize(
    ("name", "twin", "remedy"),
    [
        ("altair", "alt.Chart(...)", "alt.renderers.enable('png')"),
        ("folium", "<folium.folium.Map", "%download that"),
        ("bokeh", "", "bokeh.resources.INLINE"),
    ],
)
def test_charts_of_libraries_that_need_the_network_say_so(
    screen: Screen, name: str, twin: str, remedy: str
) -> None:
    output = shown(screen, name)
    expect(output).to_contain_text(twin)
    expect(output).to_contain_text("output_policy is isolated")
    expect(output).to_contain_text(remedy)


def test_bokeh_draws_in_its_frame_when_its_library_is_inside(screen: Screen) -> None:
    expect(inner(screen, "bokeh-inline").locator(".bk-Figure")).to_be_visible()


def test_an_error_and_colours_are_as_ever(screen: Screen) -> None:
    expect(shown(screen, "error")).to_contain_text("KeyError")
    expect(shown(screen, "colours").locator(".ansi-green-fg")).to_have_text("green")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots(screen: Screen, lab: Lab, theme: str) -> None:
    """For the eye: every output, in both themes, and the whole notebook."""
    page: Page = screen.page
    if theme == "dark":
        screen.save()
        lab.set("apputils-extension/themes", {"theme": "JupyterLab Dark"})
        screen.open("looks.ipynb")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    for name in CELLS:
        cell = screen.cell(PLACE[name])
        cell.scroll_into_view_if_needed()
        screen.keep_picture(f"{theme}-{name}", cell)
    screen.cell(0).scroll_into_view_if_needed()
    screen.keep_picture(theme)
    lab.set("apputils-extension/themes", {})
