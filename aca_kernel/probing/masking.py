"""What a report may show of what came back: bounded, in plain text, and without secrets. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Mask", "escape", "region_of"]

LONGEST_TEXT = 400
MOST_ITEMS = 1000
_DEEPEST = 6
_SHORTEST_SECRET = 3

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LONG_HEX = re.compile(r"\b(?=\d*[a-f])[0-9a-f]{24,}\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.=])(?!127\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)\b")
_HOST = re.compile(
    r"[\w.-]+\.(?:dynamicsessions\.io|azurecontainerapps\.(?:io|dev)|windows\.net|microsoft\.com)",
    re.IGNORECASE,
)
_HIDDEN = "[hidden]"


class Mask:
    """Takes secrets and whatever may be one out of texts and values.

    ``secrets`` are hidden wherever they stand; ``names`` (of a pool, a user, a folder) where they
    stand as words. GUIDs get numbers, the same one for the same GUID, so that one can see what
    stayed and what changed.
    """

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = ()) -> None:
        self._secrets = sorted({one for one in secrets if one}, key=len, reverse=True)
        words = {one for one in names if len(one) >= _SHORTEST_SECRET}
        self._names = [
            re.compile(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![A-Za-z0-9])", re.IGNORECASE)
            for one in sorted(words, key=len, reverse=True)
        ]
        self._guids: dict[str, str] = {}

    def text(self, text: str, longest: int = LONGEST_TEXT) -> str:
        """``text`` in one line of printable characters, bounded, without secrets."""
        # A secret that a bound would cut in two could not be found any more.
        text = text[:200_000]
        for secret in self._secrets:
            text = re.sub(re.escape(secret), _HIDDEN, text, flags=re.IGNORECASE)
        for name in self._names:
            text = name.sub(_HIDDEN, text)
        text = _TOKEN.sub("[token]", text)
        text = _GUID.sub(self._numbered, text)
        text = _LONG_HEX.sub("[hex]", text)
        text = _HOST.sub("[host]", text)
        text = _ADDRESS.sub("[address]", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= longest else f"{text[: longest - 1]}…"

    def value(self, value: Any, *, _depth: int = 0) -> Any:
        """A JSON value with every text in it masked, keys too, and bounded."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, int):
            return value if abs(value) < 2**63 else self.text(str(value)[:100])
        if _depth >= _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            items = list(value.items())[:MOST_ITEMS]
            return {
                self.text(str(key), 80): self.value(item, _depth=_depth + 1) for key, item in items
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item, _depth=_depth + 1) for item in list(value)[:MOST_ITEMS]]
        return self.text(str(value))

    def _numbered(self, found: re.Match[str]) -> str:
        return self._guids.setdefault(found[0].lower(), f"guid-{len(self._guids) + 1}")


def region_of(host: str, *, is_loopback: bool) -> str:
    """The region of a pool's host, which is all that a report says of where a pool is."""
    if is_loopback:
        return "a local pool"
    found = re.fullmatch(r"([a-z0-9]{2,30})\.dynamicsessions\.io", host.lower())
    return found[1] if found else "not told by the endpoint"


def escape(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing: no tags, links, mentions or issues."""
    text = re.sub(r"([\\`*_{}\[\]<>#|~$&^])", r"\\\1", text)
    text = re.sub(r"^(\s*)([-+=]|\d+(?=[.)]))", "\\1\N{ZERO WIDTH SPACE}\\2", text)
    # Not Markdown's own doing but its hosts': no escape keeps these from being linked.
    return re.sub(r"(@|#(?=\d)|:(?=//)|www(?=\.))", "\\1\N{ZERO WIDTH SPACE}", text)
