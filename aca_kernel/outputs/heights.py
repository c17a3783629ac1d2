"""How high HTML in a frame is, guessed from its text: such a frame cannot tell the page.

A guess for the look alone: the frame has a handle, and scrolls.
"""

from __future__ import annotations

import re
from itertools import islice

from .network import LIBRARY

__all__ = ["DEFAULT", "Ruler", "height_of"]

DEFAULT = 400
_MIN, _MAX = 48, 1200
_MARGIN = 32
_SMALL = 60
_LINE, _WIDTH = 19, 130
_ROW, _CELL_WIDTH = 25, 50
_PICTURE = 150

_DRAWS = re.compile(
    r"document\.(?:write|body)|append|currentScript|innerHTML|insertAdjacent|getElement"
    r"|querySelector|newPlot|embed|render"
)
_WRITES = re.compile("textContent|innerText")
_GIVEN = re.compile(r"\"height\"\s{0,3}:\s{0,3}(\d{2,4})\b")
_PX = r"(?:min-)?height\s{0,3}[:=]\s{0,3}[\"']?(\d{2,4})(?:\.\d{1,9})?(?:px)?[;\"'\s>}]"
_DECLARED = re.compile(
    r"<(?:div|svg|canvas|table|figure|iframe|img|section|video)\b[^<>]{0,600}?[\s;\"']" + _PX,
    re.IGNORECASE,
)
_IN_SHEET = re.compile(r"#[\w-]{1,80}\s{0,9}\{[^{}]{0,600}?[\s;]" + _PX, re.IGNORECASE)
_PADDING = re.compile(r"\bpadding(?:-top)?\s{0,3}:\s{0,3}(\d{1,2})px", re.IGNORECASE)
_HIDDEN = re.compile(r"width:\s{0,3}0|display:\s{0,3}none", re.IGNORECASE)
_BIG = frozenset({"h1", "h2", "h3"})
_SPACED = _BIG | {"p", "ul", "ol", "dl", "pre", "blockquote", "h4", "table", "figure"}
_BLOCKS = _SPACED | {"div", "section", "li", "dt", "dd", "details", "summary", "center", "caption"}
_CONTROLS = frozenset({"button", "input", "progress", "meter", "label"})


class Ruler:
    """Measures HTML that is told to it tag by tag."""

    def __init__(self) -> None:
        self.draws = False
        self.writes = False
        self.drawn_on = False
        self.drawn_height = 0
        self._height = 0.0
        self._line = 0
        self._row: list[float] | None = None
        self._pre = self._closed = self._summary = 0
        self._row_height = _ROW
        self._last = ""

    @property
    def height(self) -> float:
        """The height of the content, in pixels; 0 when there is nothing to see."""
        return self._height + (self._line > 0) * _LINE + (self._row is not None) * self._row_height

    def text(self, run: str) -> None:
        """Text, as it stands in the HTML."""
        length = len(run.strip())
        if not length or (self._closed and not self._summary):
            return
        self._last = ""
        if self._row is not None:
            self._row[-1] += length / _CELL_WIDTH
        elif self._pre:
            self._height += run.count("\n") * 16
            self._line = 1
        else:
            self._line += length

    def start(self, name: str, attributes: str) -> None:
        """A start tag."""
        if name == "details" and " open" not in attributes.lower():
            self._closed += 1
        elif name == "summary":
            self._summary += 1
        if name in ("canvas", "svg", "video") or (name == "div" and "100%" in attributes):
            self.drawn_on = self.drawn_on or not _HIDDEN.search(attributes)
        if name == "div" and (padding := _PADDING.search(attributes)):
            self._add(2 * int(padding[1]))
        if name in ("tr", "table"):
            self._end_row()
            self._row = [0.0] if name == "tr" else None
        elif name in ("td", "th") and self._row is not None:
            self._row.append(0.0)
        elif name == "br" or name in _BLOCKS:
            self._break(name)
        elif name == "img":
            self.drawn_on = self.drawn_on or "src" not in attributes
            self._add(_PICTURE if " height" not in attributes else 0)
        elif name in _CONTROLS:
            self._line += 1
        self._pre += name == "pre"
        self._last = name

    def end(self, name: str) -> None:
        """An end tag."""
        if name == "details":
            self._closed = max(0, self._closed - 1)
        elif name == "summary":
            self._summary = max(0, self._summary - 1)
        elif name == "pre":
            self._pre = max(0, self._pre - 1)
        elif name == "div" and self._last == "div":
            self.drawn_on = True
        if name in ("tr", "table"):
            self._end_row()
        elif name in _BLOCKS:
            self._break("")
        self._last = ""

    def script(self, code: str) -> None:
        """What is in a script."""
        if len(code) < LIBRARY:
            self.draws = self.draws or _DRAWS.search(code) is not None
            self.writes = self.writes or _WRITES.search(code) is not None
            given = (int(found[1]) for found in islice(_GIVEN.finditer(code), 50))
            self.drawn_height = max(self.drawn_height, *given, 0)

    def sheet(self, rules: str) -> None:
        """What is in a style sheet."""
        padding = max((int(found[1]) for found in islice(_PADDING.finditer(rules), 50)), default=0)
        self._row_height = max(self._row_height, 17 + 2 * min(padding, 10))

    def _break(self, name: str) -> None:
        if self._closed and name != "summary":
            return
        if self._row is not None:
            self._row[-1] += name == "br"
            return
        lines = -(-self._line // _WIDTH) or (name == "br")
        self._height += lines * _LINE + (lines and name in _SPACED) * 12 + (name in _BIG) * 24
        self._line = 0

    def _add(self, height: float) -> None:
        if self._row is not None:
            self._row[-1] += height / _LINE
        elif not self._closed:
            self._height += height

    def _end_row(self) -> None:
        self._break("")
        if self._row is not None and not self._closed:
            self._height += self._row_height + int(max(0.0, *self._row)) * _LINE
        self._row = None


def height_of(text: str, ruler: Ruler) -> int:
    """The height in pixels for ``text``, which ``ruler`` has measured; 0 when nothing shows.

    That is what the text declares, the height of what it holds, or, where a script draws, 400.
    """
    declared = [int(found[1]) for found in islice(_DECLARED.finditer(text), 50)]
    declared += [int(found[1]) for found in islice(_IN_SHEET.finditer(text), 50)]
    drawn = (ruler.drawn_on and (ruler.draws or ruler.height < _SMALL)) or (
        ruler.draws and not ruler.height
    )
    if declared:
        height = max(declared) + ruler.height
    elif drawn:
        height = (ruler.drawn_height or DEFAULT) + ruler.height
    elif not ruler.height and not ruler.writes:
        return 0
    else:
        height = ruler.height or _SMALL
    return int(max(_MIN, min(height + _MARGIN, _MAX)))
