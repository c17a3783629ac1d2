"""Inline styles from a session: the properties that can neither load, nor cover, nor move."""

from __future__ import annotations

import re

__all__ = ["filtered_style"]

_MAX_LENGTH = 2000

_SIDES = ("", "-top", "-right", "-bottom", "-left")
_PROPERTIES = frozenset(
    [
        *("color", "background-color", "background", "opacity", "visibility", "display"),
        *("font", "font-family", "font-size", "font-style", "font-weight", "font-variant"),
        *("font-variant-numeric", "line-height", "letter-spacing", "word-spacing"),
        *("text-align", "text-decoration", "text-transform", "text-overflow", "text-indent"),
        *("white-space", "word-break", "word-wrap", "overflow-wrap", "vertical-align"),
        *("width", "height", "min-width", "max-width", "min-height", "max-height"),
        *("overflow", "overflow-x", "overflow-y", "table-layout", "caption-side", "empty-cells"),
        *("flex", "flex-direction", "flex-flow", "flex-grow", "flex-shrink", "flex-wrap", "gap"),
        *("justify-content", "align-items", "align-content", "align-self", "column-gap"),
        *("border-collapse", "border-spacing", "border-radius", "list-style-type", "tab-size"),
        *(f"{box}{side}" for box in ("margin", "padding", "border") for side in _SIDES),
        *(f"border{side}-{part}" for side in _SIDES for part in ("color", "style", "width")),
    ]
)
_TOKEN = re.compile(
    r"(?:(?:rgb|hsl)a?\([\d\s.,%/]{1,60}\)"
    r"|#[0-9A-Fa-f]{3,8}"
    r"|(?:\d{1,4}(?:\.\d{0,8})?|\.\d{1,8})(?:px|em|rem|ex|ch|pt|%)?"
    r"|[A-Za-z][A-Za-z-]{0,40}"
    r"|'[A-Za-z0-9 -]{1,60}'|\"[A-Za-z0-9 -]{1,60}\")"
    r"(?:[\s,/]+|\Z)"
)
_NOT_INERT = re.compile(r"(?i)fixed|absolute|sticky|contents|expression")


def filtered_style(value: str, *, whole: bool = False) -> str | None:
    """The declarations of the style ``value`` that are harmless; "" when none is.

    With ``whole``, None instead when any declaration would have to go. Nothing that is kept has
    a function but a colour's, a negative length, or a length of more than four digits.
    """
    if len(value) > _MAX_LENGTH:
        return None if whole else ""
    kept = []
    for declaration in value.split(";"):
        if not declaration.strip():
            continue
        name, _, setting = declaration.partition(":")
        name, setting = name.strip().lower(), setting.strip()
        if setting.lower().endswith("important"):
            setting = setting[: -len("important")].rstrip().removesuffix("!").rstrip()
        if name in _PROPERTIES and _is_harmless(name, setting):
            kept.append(f"{name}: {setting}")
        elif whole:
            return None
    return "; ".join(kept)


def _is_harmless(name: str, setting: str) -> bool:
    if not setting or len(setting) > 300:
        return False
    position = 0
    while position < len(setting):
        token = _TOKEN.match(setting, position)
        if token is None:
            return False
        position = token.end()
    return name in ("font-family", "font") or not _NOT_INERT.search(setting)
