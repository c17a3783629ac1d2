"""What to say of an output that is not shown: why not, and exactly what to do."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from .notices import notice_html
from .streams import bare

__all__ = [
    "ISOLATED",
    "WIDGET",
    "WIDGET_AS_PICTURE",
    "Lost",
    "library",
    "lost_type",
    "rank",
]

_SET = (
    "set ACA_OUTPUT_POLICY={0} before Jupyter starts, or c.AzureSessionsKernel.output_policy ="
    ' "{0}" in aca_kernel_config.py, and restart the kernel'
)
ISOLATED = _SET.format("isolated")
_TRUSTED = (
    "To trust the session's code with your Jupyter page, as a local kernel's: "
    + _SET.format("trusted")
    + "."
)

WIDGET = "Widget"
WIDGET_AS_PICTURE = (
    "The figure above is a picture of a widget: it does not answer to the mouse.\n"
    f"%matplotlib inline draws the same without a widget. {_TRUSTED}"
)

_LIBRARIES = (
    (
        r"vega",
        "Vega chart",
        "alt.renderers.enable('png') shows it as a picture; that needs the package"
        " vl-convert-python in the session.",
    ),
    (
        r"bokeh|holoviews",
        "Bokeh plot",
        "IPython.display.HTML(bokeh.embed.file_html(plot, bokeh.resources.INLINE)) shows it"
        " (import bokeh.embed, bokeh.resources).",
    ),
    (
        r"plotly",
        "Plotly chart",
        "IPython.display.HTML(fig.to_html(include_plotlyjs=True)) shows it. fig.show('png') shows"
        " a picture; that needs the package kaleido in the session.",
    ),
    (
        r"leaflet|folium",
        "Map",
        "Its tiles come from the network: map.save('map.html'), %download that, and open it in a"
        " browser if you trust it.",
    ),
    (
        r"mynetwork|vis-network",
        "Network of nodes",
        "pyvis.network.Network(notebook=True, cdn_resources='in_line') makes a page that brings its"
        " scripts along; show that.",
    ),
    (
        r"anim-slider|function animation\(frames",
        "Animation",
        'plt.rcParams["animation.html"] = "html5" shows it as a video; that needs ffmpeg in the'
        " session. As a GIF: animation.save('a.gif', writer='pillow'), then"
        " IPython.display.Image('a.gif').",
    ),
)
"""HTML that loads a library, or a mime type of it; what it stands for, and how it shows."""

_FIGURE = "Interactive figure (%matplotlib notebook)"
_OTHERS = (
    (
        r"widget",
        WIDGET,
        f"Figures: %matplotlib inline draws them. Progress bars: from tqdm import tqdm. {_TRUSTED}",
    ),
    (
        r"javascript|ecmascript",
        "JavaScript",
        "IPython.display.HTML('<script>...</script>') runs it in a frame of its own, which has"
        f" nothing of this page. {_TRUSTED}",
    ),
)
_KNOWN = tuple((re.compile(pattern), what, how) for pattern, what, how in _LIBRARIES + _OTHERS)

_WHY = "output_policy is isolated"
_BARE_OBJECT = re.compile(r"<IPython\.[\w.]{1,200} object(?: at 0x[0-9a-f]{1,16})?>")
_MOST_BESIDE = 2000


@dataclass(frozen=True)
class Lost:
    """Something that is not shown."""

    what: str
    why: str
    remedy: str

    @property
    def text(self) -> str:
        """The notice in one line."""
        return f"[aca-kernel] {self.what} not shown: {self.why}. {self.remedy}"

    def beside(self, twin: str) -> str:
        """The notice as HTML, below the output's own plain text if that says something."""
        said = notice_html(f"{self.what} not shown: {self.why}.\n{self.remedy}")
        if not twin.strip() or _BARE_OBJECT.fullmatch(twin) or len(twin) > _MOST_BESIDE:
            return said
        return (
            f'<pre style="white-space: pre-wrap">{html.escape(bare(twin), quote=False)}</pre>{said}'
        )


def library(text: str) -> tuple[str, str]:
    """What HTML is that loads a library, and how it shows."""
    for pattern, what, remedy in _KNOWN[: len(_LIBRARIES)]:
        if pattern.search(text):
            return what, remedy
    return "HTML", "Show an image, or HTML that brings its scripts and styles along."


def rank(mime: str) -> int:
    """How telling ``mime`` is: of several that are dropped, the one of the lowest is named."""
    ranks = (number for number, (pattern, _, _) in enumerate(_KNOWN) if pattern.search(mime))
    return next(ranks, len(_KNOWN))


def lost_type(mime: str, value: object = None) -> Lost:
    """What to say of a mime type that is not let through."""
    if isinstance(value, str) and "window.mpl" in value[:5000]:
        return Lost(_FIGURE, _WHY, f"%matplotlib inline shows it as a picture. {_TRUSTED}")
    for pattern, what, remedy in _KNOWN:
        if pattern.search(mime):
            return Lost(what, _WHY, remedy)
    return Lost(
        mime, _WHY, "Show it as HTML, an image or text: IPython.display.HTML(...), or print()."
    )
