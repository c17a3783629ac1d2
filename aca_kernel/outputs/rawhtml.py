"""Raw HTML in a session's Markdown: its tags, with what of their attributes can stay.

Only what a page could show as it is gets through, all else is text. The result is judged as a
whole afterwards; here is decided how much of it is worth that.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from .html import kept_attribute
from .markup import TAGS

__all__ = ["LEFT_OUT_IMAGE", "SHOWN_IMAGE", "RawTags"]

SHOWN_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,")
"""How the address of a picture begins that brings its data along."""

LEFT_OUT_IMAGE = "[image not shown: {} {}]"

_PIECE = re.compile(
    r"<!--.*?-->"
    r"|<(/?)([A-Za-z][A-Za-z0-9]{0,20})"
    r"((?:[\s/]+[^\s\"'<>/=]{1,100}(?:\s{0,20}=\s{0,20}(?:\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*)"
    r"[\s/]*>"
    r"|<",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"([^\s\"'<>/=]{1,100})(?:\s{0,20}=\s{0,20}(\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?"
)
_MAX_ATTRIBUTES = 20
_MAX_PIECE = 20_000


class RawTags:
    """The raw HTML of one text, piece by piece, for a link's end belongs to its begin.

    ``picture`` gives the data to show for an image's source; "" when there is none.
    """

    def __init__(self, picture: Callable[[str], str]) -> None:
        self._picture = picture
        self._addresses: list[str] = []

    def shown(self, piece: str) -> str:
        """``piece`` as HTML that shows it: known tags stay, others are text."""
        if len(piece) > _MAX_PIECE:
            return html.escape(piece, quote=False)
        return _PIECE.sub(self._tag, piece)

    def _tag(self, found: re.Match[str]) -> str:
        closes, name = found[1], (found[2] or "").lower()
        if found[0].startswith("<!--"):
            return ""
        if name == "a":
            return self._link(closes, found[3])
        if name not in TAGS:
            return html.escape(found[0], quote=False)
        if closes:
            return f"</{name}>"
        given = _attributes(found[3])
        if name == "img":
            source = given.get("src", "")
            given["src"] = self._picture(source)
            if not given["src"]:
                return html.escape(LEFT_OUT_IMAGE.format(given.get("alt", ""), source[:200]))
        kept = {key: kept_attribute(name, key, value) for key, value in given.items()}
        return f"<{name}{_written(kept)}>"

    def _link(self, closes: str, attributes: str) -> str:
        if not closes:
            self._addresses.append(_attributes(attributes).get("href", ""))
            return ""
        address = self._addresses.pop() if self._addresses else ""
        return f" ({html.escape(address[:2000])})" if address else ""


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute in _ATTRIBUTE.finditer(text):
        raw = attribute[2] or ""
        try:
            value = html.unescape(raw[1:-1] if raw[:1] in "\"'" else raw)
        except ValueError:  # a character's number of more than 4300 digits
            continue
        found.setdefault(attribute[1].lower(), value)
        if len(found) == _MAX_ATTRIBUTES:
            break
    return found


def _written(attributes: dict[str, str | None]) -> str:
    return "".join(
        f' {name}="{html.escape(value)}"' for name, value in attributes.items() if value is not None
    )
