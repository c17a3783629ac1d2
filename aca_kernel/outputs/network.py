"""What HTML would load from elsewhere, told by its text; a frame loads none of it.

A guess for what is said to the user, not a protection.
"""

from __future__ import annotations

import html
import re
from itertools import islice

__all__ = ["LIBRARY", "Remote"]

LIBRARY = 20_000
"""Characters from which on a script is a library, which names addresses that it does not load."""

_MAX = 20
_ATTRIBUTE = re.compile(
    r"[\s\"'](src|href|data|rel)\s{0,3}=\s{0,3}(?:\"([^\"]{0,2000})|'([^']{0,2000})|([^\s\"'>]{1,2000}))",
    re.IGNORECASE,
)
_LOADED = frozenset(
    {"script", "link", "img", "iframe", "source", "video", "audio", "embed", "object", "input"}
)
_HARMLESS = re.compile(r"\s{0,9}(?:data:|blob:|#|about:|javascript:|\Z)", re.IGNORECASE)
_SHEET = re.compile(r"\b(?:stylesheet|preload|modulepreload|import)\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*[^*]*(?:\*(?!/)[^*]*)*\*/|(?:^|\n)\s{0,99}//[^\n]*")
_IN_SCRIPT = re.compile(
    r"https?:(?:\\?/){2}[^\s\"'<>]{1,100}?"
    r"(?:\.m?js\b|/npm/|\.css\b|@\d{1,3}[\w.]{0,20}[/?\"'])[^\s\"'<>`]{0,200}",
    re.IGNORECASE,
)


class Remote:
    """Collects addresses, told tag by tag; ``scripts`` when a script is among what is loaded."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.scripts = False

    def start(self, name: str, attributes: str) -> None:
        """A start tag, and the text of its attributes."""
        if name not in _LOADED or len(self.addresses) >= _MAX:
            return
        found = {
            match[1].lower(): match[2] or match[3] or match[4] or ""
            for match in islice(_ATTRIBUTE.finditer(" " + attributes), 20)
        }
        if name == "link" and not _SHEET.search(found.get("rel", "stylesheet")):
            return
        for part in ("src", "href", "data"):
            if part in found and not _HARMLESS.match(found[part]):
                self._add(html.unescape(found[part]))
                self.scripts = self.scripts or name == "script"
                return

    def script(self, code: str) -> None:
        """What is in a script: addresses that it loads a script or a style sheet from."""
        if len(code) < LIBRARY:
            for found in islice(_IN_SCRIPT.finditer(_COMMENT.sub("", code)), _MAX):
                self._add(found[0].rstrip("\\"))
                self.scripts = True

    def _add(self, address: str) -> None:
        address = " ".join(address[:200].split())
        if address not in self.addresses:
            self.addresses.append(address)
