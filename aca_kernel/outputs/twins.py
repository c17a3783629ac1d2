"""The inert part of HTML that needs a frame: for a notebook whose front end takes frames out.

JupyterLab shows no frame in a notebook that it does not trust, such as one that nbconvert or
papermill ran. What is made here is in the file as well, and shows there.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace

from .heights import DEFAULT, Ruler, height_of
from .html import MAX_REFERENCES, inert, kept_attribute
from .links import with_addresses
from .markup import (
    ATTRIBUTE,
    CLOSE,
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAY_STAY_OPEN,
    ONLY_PARTS,
    OPEN,
    TAGS,
    VOID,
    opened,
)
from .network import LIBRARY, Remote
from .streams import bare

__all__ = ["MAX_READ", "Twin", "twin_of", "unwrapped"]

MAX_READ = 1024 * 1024
"""Characters of HTML, those of scripts aside, that are read."""

_MAX_WRITTEN = 100_000
_MAX_TAGS = 30_000
_MAX_SKIPPED = 1_000
_WRAPPING = 1_000
"""Characters of HTML around a document within it."""

_MUCH = 300
"""Characters of text that are worth showing without the script that would do more with them."""

_SKIPPED = frozenset(
    [
        *("script", "style", "title", "textarea", "select", "template", "noscript", "noembed"),
        *("noframes", "xmp", "svg", "math", "canvas", "iframe", "object", "video", "audio"),
    ]
)
"""What goes with all that is in it: it is no text, or it is large and in the file already."""

_RUN = re.compile(r"[^<]+|<(?![A-Za-z/!?])")
_WALLS = frozenset({"td", "th", "caption", "table"})
"""What an end tag does not reach across, but for those of the table's own parts."""
_PARTS = _WALLS | {"tr", "thead", "tbody", "tfoot", "colgroup"}


@dataclass(frozen=True, kw_only=True)
class Twin:
    """Inert HTML, ``whole`` or the beginning of it, and what was seen of the rest.

    ``height`` is what all of it may need. ``missing`` are the addresses of what it would load from
    elsewhere; it ``works`` when it shows something without that.
    """

    html: str = ""
    whole: bool = True
    height: int = DEFAULT
    missing: tuple[str, ...] = ()
    works: bool = True


def twin_of(text: str) -> Twin:
    """What of ``text`` can be shown in a page.

    Empty when nothing is left. What is given is judged like all other HTML; time is linear.
    """
    writer = _Writer(with_addresses(text) if len(text) <= MAX_READ else text)
    whole = writer.write()
    seen = Twin(
        whole=whole,
        height=height_of(text, writer.ruler),
        missing=tuple(writer.remote.addresses),
        works=writer.works(),
    )
    for candidate in (writer.markup(), html.escape(writer.words(), quote=False)):
        if not candidate.strip():
            break
        clean = inert(bare(candidate))
        if clean is not None:
            return replace(seen, html=clean)
    return seen


def unwrapped(text: str) -> str:
    """The document that is all that ``text`` shows, in a frame of its own; else ``text``."""
    start = text.find("<iframe")
    if not 0 <= start < _WRAPPING:
        return text
    position, srcdoc = start + len("<iframe"), ""
    for _ in range(MAX_ATTRIBUTES):
        attribute = ATTRIBUTE.match(text, position)
        if attribute is None:
            break
        position = attribute.end()
        if attribute[1].lower() == "srcdoc" and (attribute[2] or "")[:1] in ("'", '"'):
            srcdoc = attribute[2][1:-1]
    if len(text) - position > _WRAPPING:
        return text
    return html.unescape(srcdoc) if srcdoc and text.count("&#") < MAX_REFERENCES else text


class _Writer:
    """One pass over HTML of any kind, which writes well formed HTML of inert tags."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._shows = False
        self._words: list[str] = []
        self.ruler = Ruler()
        self.remote = Remote()
        self._library = self._media = False

    def markup(self) -> str:
        """What was written; "" when nothing of it shows."""
        ends = "".join(f"</{name}>" for name in reversed(self._stack))
        return "".join(self._parts) + ends if self._shows else ""

    def words(self) -> str:
        """The text alone."""
        return html.unescape(" ".join("".join(self._words).split()))

    def works(self) -> bool:
        """Whether something shows without what comes from elsewhere."""
        if self.remote.scripts:
            return self._library or len(self.words()) > _MUCH
        drawn = self.ruler.draws or (self.ruler.drawn_on and not self._media)
        return self._shows or drawn

    def _see_script(self, code: str) -> None:
        self.ruler.script(code)
        self.remote.script(code)
        self._library = self._library or len(code) > LIBRARY

    def write(self) -> bool:
        """Whether all of it was written, and not only the beginning."""
        text, position, read, tags = self._text, 0, 0, 0
        skipped = _Skipped(text)
        while position < len(text):
            if read > MAX_READ or tags > _MAX_TAGS or self._length > _MAX_WRITTEN:
                return False
            start = position
            run = _RUN.match(text, position)
            if run:
                position = run.end()
                self._write_text(run[0])
                read += position - start
                continue
            tags += 1
            opening = OPEN.match(text, position)
            if opening is None:
                close = "-->" if text.startswith("<!--", position) else ">"
                position = skipped.past(close, position)
                continue
            name = opening[2].lower()
            attributes, position = _attributes(text, opening.end(), name, skipped)
            if opening[1]:
                self.ruler.end(name)
                self._write_end(name)
                continue
            given = text[opening.end() : min(position, opening.end() + 2000)]
            self.ruler.start(name, given)
            self.remote.start(name, given)
            if name in _SKIPPED:
                within, end = position, f"</{name}"
                position = skipped.past(end, position)
                if name == "script":
                    self._see_script(text[within : position - len(end)])
                elif name in ("audio", "video"):
                    self._media = True
                    self.remote.start("source", text[within : min(position, within + 2000)])
                elif name == "style":
                    self.ruler.sheet(text[within : min(position, within + 20_000)])
                position = skipped.past(">", position)
                if skipped.count > _MAX_SKIPPED:
                    return False
                continue
            self._write_start(name, attributes)
            read += position - start
        return self._length <= _MAX_WRITTEN

    def _write_text(self, run: str) -> None:
        self.ruler.text(run)
        self._words.append(run[: _MAX_WRITTEN - min(self._length, _MAX_WRITTEN)])
        run = run.replace("<", "&lt;")
        if self._stack and self._stack[-1] in ONLY_PARTS and not run.isspace():
            return
        self._shows = self._shows or not run.isspace()
        left = _MAX_WRITTEN - self._length
        self._put(run if len(run) <= left else re.sub(r"&[^&;]{0,40}\Z", "", run[:left]))
        self._length += max(0, len(run) - left)

    def _put(self, piece: str) -> None:
        self._parts.append(piece)
        self._length += len(piece)

    def _write_start(self, name: str, attributes: str) -> None:
        if name == "img" and " src=" not in attributes:
            return
        if name not in TAGS or len(self._stack) >= MAX_DEPTH - 1:
            return
        if self._length + len(attributes) <= _MAX_WRITTEN and opened(self._stack, name):
            self._shows = self._shows or name in ("img", "progress", "meter")
            self._put(f"<{name}{attributes}>")
        elif name in VOID:
            return
        self._words.append(" ")

    def _write_end(self, name: str) -> None:
        if name in VOID:
            return
        place = len(self._stack) - 1
        while place >= 0 and self._stack[place] != name:
            if self._stack[place] in _WALLS and (
                name not in _PARTS or self._stack[place] == "table"
            ):
                return
            place -= 1
        if place < 0:
            return
        for inner in reversed(self._stack[place + 1 :]):
            if inner not in MAY_STAY_OPEN:
                self._put(f"</{inner}>")
        del self._stack[place:]
        self._put(f"</{name}>")
        self._words.append(" ")


class _Skipped:
    """Finds where something ends; what is nowhere is looked for once, so time stays linear."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower() if text.isascii() else _ascii_lower(text)
        self._missing: set[str] = set()
        self.count = 0

    def past(self, end: str, position: int) -> int:
        self.count += end not in (">", "-->")
        if end not in self._missing:
            found = self._lower.find(end, position)
            if found >= 0:
                return found + len(end)
            self._missing.add(end)
        return len(self._text)


def _ascii_lower(text: str) -> str:
    """``text`` with small letters, as long as before."""
    return text.translate({upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)})


def _attributes(text: str, position: int, tag: str, skipped: _Skipped) -> tuple[str, int]:
    """The attributes, written anew, that an inert tag may have, and where the tag ends."""
    kept: dict[str, str] = {}
    for _ in range(MAX_ATTRIBUTES):
        close = CLOSE.match(text, position)
        if close:
            return "".join(f' {name}="{value}"' for name, value in kept.items()), close.end()
        attribute = ATTRIBUTE.match(text, position)
        if attribute is None:
            break
        position = attribute.end()
        name, raw = attribute[1].lower(), attribute[2] or ""
        if tag not in TAGS or name in kept or len(raw) > _MAX_WRITTEN:
            continue
        try:
            value = kept_attribute(tag, name, html.unescape(raw[1:-1] if raw[0] in "\"'" else raw))
        except (ValueError, IndexError):
            continue
        if value is not None:
            kept[name] = html.escape(value)
    return "", skipped.past(">", position)
