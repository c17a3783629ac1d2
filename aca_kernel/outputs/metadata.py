"""The metadata of a display, reduced to what only tells a front end how to show the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .images import FORMAT_OF
from .streams import bare

__all__ = ["harmless_metadata"]

_MAX_PIXELS = 10_000
_MAX_TEXT = 1000
_ATTRIBUTE = str.maketrans({'"': "\u201d", "<": "\u2039", ">": "\u203a"})
"""Older exporters write an image's text into its tag as it is."""


def harmless_metadata(metadata: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``metadata`` may go along with the data in ``shown``, by mime type.

    An image's size, text, background and freedom to be wider than the page; whether JSON is
    unfolded, and the name of its root.
    """
    if not isinstance(metadata, Mapping):
        return {}
    kept = {}
    for mime in (*FORMAT_OF, "application/json"):
        given = metadata.get(mime)
        if mime in shown and isinstance(given, Mapping):
            one = _of_json(given) if mime == "application/json" else _of_image(given)
            if one:
                kept[mime] = one
    return kept


def _of_image(given: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        side: int(given[side])
        for side in ("width", "height")
        if type(given.get(side)) in (int, float) and 1 <= given[side] <= _MAX_PIXELS
    }
    if text := _text(given.get("alt")):
        kept["alt"] = text.translate(_ATTRIBUTE)
    if given.get("unconfined") is True:
        kept["unconfined"] = True
    if given.get("needs_background") in ("light", "dark"):
        kept["needs_background"] = given["needs_background"]
    return kept


def _of_json(given: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if type(given.get("expanded")) is bool:
        kept["expanded"] = given["expanded"]
    if text := _text(given.get("root")):
        kept["root"] = text
    return kept


def _text(value: Any) -> str:
    return bare(value[:_MAX_TEXT]) if isinstance(value, str) else ""
