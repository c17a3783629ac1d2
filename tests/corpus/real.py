"""What libraries display, made by the libraries themselves: mime bundles by name."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["REAL", "bundle_of"]

Bundle = Mapping[str, Any]

_PNG = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    b"gg=="
)


def bundle_of(shown: Any) -> Bundle:
    """The mime bundle that IPython makes of an object."""
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(shown)
    return {
        mime: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for mime, value in data.items()
    }


def _table() -> Any:
    import pandas

    return pandas.DataFrame({"city": ["Oslo", "Lima", "Pune"], "people": [1, 2, 3], "b": [3, 1, 2]})


def _styled(change: Callable[[Any], Any]) -> Callable[[], Bundle]:
    return lambda: bundle_of(change(_table().style))


def _rich(make: Callable[[], Any]) -> Callable[[], Bundle]:
    def made() -> Bundle:
        return make()._repr_mimebundle_(include=(), exclude=())  # type: ignore[no-any-return]

    return made


def _rich_table() -> Any:
    from rich.table import Table

    table = Table(title="Cities")
    table.add_column("city", style="cyan")
    table.add_column("people", justify="right", style="bold magenta")
    table.add_row("Oslo", "[link=https://example.com]1[/link]")
    return table


def _rich_syntax() -> Any:
    from rich.syntax import Syntax

    return Syntax("def f(x):\n    return x + 1  # more\n", "python", line_numbers=True)


def _rich_panel() -> Any:
    from rich.panel import Panel

    return Panel("[bold red]stop[/] [u]here[/] [reverse]now[/] [strike]not[/]", title="note")


def _rich_tree() -> Any:
    from rich.tree import Tree

    tree = Tree("[green]root")
    tree.add("[blue]leaf").add("[dim]twig")
    return tree


def _animation() -> Any:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.animation import FuncAnimation

    figure, axes = pyplot.subplots(figsize=(1, 1), dpi=40)
    (line,) = axes.plot([0, 1], [0, 0])
    animation = FuncAnimation(
        figure, lambda i: line.set_data([0, 1], [0, i]), frames=2, cache_frame_data=False
    )
    page = animation.to_jshtml()
    pyplot.close(figure)
    return page


def _figure(kind: str) -> Bundle:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(2, 2))
    axes.plot([1, 2])
    written = io.BytesIO()
    figure.savefig(written, format=kind)
    pyplot.close(figure)
    text = "<Figure size 200x200 with 1 Axes>"
    if kind == "svg":
        return {"image/svg+xml": written.getvalue().decode(), "text/plain": text}
    return {"image/png": base64.b64encode(written.getvalue()).decode(), "text/plain": text}


def _colormap() -> Bundle:
    import matplotlib

    return bundle_of(matplotlib.colormaps["viridis"])


def _colours() -> Bundle:
    import matplotlib

    return bundle_of(matplotlib.color_sequences and matplotlib.colormaps["tab10"])


def _display(name: str, *args: Any, **options: Any) -> Callable[[], Bundle]:
    def made() -> Bundle:
        from IPython import display

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an IFrame in HTML()
            return bundle_of(getattr(display, name)(*args, **options))

    return made


def _plotly(how: str) -> Bundle:
    import plotly.graph_objects

    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 2]))
    if how == "cdn":
        return {"text/html": figure.to_html(include_plotlyjs="cdn")}
    if how == "inline":
        return {"text/html": figure.to_html(include_plotlyjs=True)}
    return {"application/vnd.plotly.v1+json": figure.to_plotly_json()}


def _altair() -> Bundle:
    import altair

    chart = altair.Chart(altair.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")
    return {"text/html": chart.to_html()}


def _bokeh(inline: bool) -> Bundle:
    from bokeh.embed import file_html
    from bokeh.plotting import figure
    from bokeh.resources import CDN, INLINE

    plot = figure(width=200, height=200)
    plot.line([1, 2], [1, 2])
    return {"text/html": file_html(plot, INLINE if inline else CDN)}


def _folium() -> Bundle:
    import folium

    return {"text/html": folium.Map(location=[0, 0])._repr_html_()}


def _widget() -> Bundle:
    import ipywidgets

    return ipywidgets.IntSlider()._repr_mimebundle_()  # type: ignore[no-any-return]


REAL: dict[str, Callable[[], Bundle]] = {
    "pandas": lambda: bundle_of(_table()),
    "pandas-links": lambda: {"text/html": _table().to_html(render_links=True, escape=False)},
    "styler": _styled(lambda style: style),
    "styler-highlight": _styled(lambda style: style.highlight_max()),
    "styler-gradient": _styled(lambda style: style.background_gradient(cmap="Greens")),
    "styler-bars": _styled(lambda style: style.bar(align="mid")),
    "styler-sheet": _styled(
        lambda style: style.set_table_styles(
            [
                {"selector": "th", "props": "background: navy; color: white"},
                {"selector": "tr:nth-child(even)", "props": "background: #eee; color: black"},
                {"selector": "td:hover", "props": "background-color: #ffffb3; color: black"},
            ]
        ).set_caption("Cities")
    ),
    "styler-hidden": _styled(lambda style: style.hide(axis="index").format(precision=1)),
    "styler-sticky": _styled(lambda style: style.set_sticky(axis="columns")),
    "styler-tooltips": _styled(
        lambda style: style.set_tooltips(_table().map(str).rename(columns=str))
    ),
    "rich-table": _rich(_rich_table),
    "rich-syntax": _rich(_rich_syntax),
    "rich-panel": _rich(_rich_panel),
    "rich-tree": _rich(_rich_tree),
    "animation": lambda: {"text/html": _animation()},
    "figure-png": lambda: _figure("png"),
    "figure-svg": lambda: _figure("svg"),
    "colormap": _colormap,
    "colormap-listed": _colours,
    "code": _display("Code", "def f(x):\n    return x  # same\n", language="python"),
    "iframe": _display("IFrame", "https://example.com", width=300, height=200),
    "youtube": _display("YouTubeVideo", "xxxxxxxxxxx"),
    "audio": _display("Audio", [0.0, 0.5, 0.0], rate=8000),
    "video": _display("Video", b"\0\0\0\x18ftypmp42", embed=True, mimetype="video/mp4"),
    "image": _display("Image", _PNG),
    "latex": _display("Math", "x^2"),
    "markdown": _display("Markdown", "# Title\n\n- a\n- b\n\n```python\nx = 1\n```\n"),
    "json": _display("JSON", {"a": 1}),
    "svg": _display("SVG", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    "progress": _display("ProgressBar", 3),
    "filelink": _display("FileLink", "setup.py"),
    "plotly-mime": lambda: _plotly("mime"),
    "plotly-cdn": lambda: _plotly("cdn"),
    "plotly-inline": lambda: _plotly("inline"),
    "altair": _altair,
    "bokeh-cdn": lambda: _bokeh(False),
    "bokeh-inline": lambda: _bokeh(True),
    "folium": _folium,
    "widget": _widget,
}
