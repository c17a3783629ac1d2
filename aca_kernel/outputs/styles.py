"""Inline styles from a session: the properties that can neither load, nor cover, nor move."""

from __future__ import annotations

import re

__all__ = ["filtered_style"]

_MAX_LENGTH = 4000
_MAX_SETTING = 2000

_SIDES = ("", "-top", "-right", "-bottom", "-left")
_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
_PROPERTIES = frozenset(
    [
        *("color", "background-color", "background", "opacity", "visibility", "display"),
        *("background-clip", "background-origin", "background-position", "background-repeat"),
        *("background-size", "background-image", "accent-color", "color-scheme", "caret-color"),
        *("font", "font-family", "font-size", "font-style", "font-weight", "font-variant"),
        *("font-variant-numeric", "font-feature-settings", "font-kerning", "font-stretch"),
        *("line-height", "letter-spacing", "word-spacing", "text-rendering", "hyphens"),
        *("text-align", "text-align-last", "text-decoration", "text-transform", "text-overflow"),
        *("text-decoration-color", "text-decoration-line", "text-decoration-style"),
        *("text-decoration-thickness", "text-underline-offset", "text-underline-position"),
        *("text-indent", "text-justify", "text-wrap", "white-space", "word-break", "word-wrap"),
        *("overflow-wrap", "line-break", "vertical-align", "writing-mode", "direction"),
        *("width", "height", "min-width", "max-width", "min-height", "max-height", "box-sizing"),
        *("overflow", "overflow-x", "overflow-y", "table-layout", "caption-side", "empty-cells"),
        *("aspect-ratio", "object-fit", "object-position", "float", "clear", "order"),
        *("flex", "flex-basis", "flex-direction", "flex-flow", "flex-grow", "flex-shrink"),
        *("flex-wrap", "gap", "row-gap", "column-gap", "column-width"),
        *("justify-content", "justify-items", "justify-self", "place-content", "place-items"),
        *("align-items", "align-content", "align-self", "place-self"),
        *("grid-template-columns", "grid-template-rows", "grid-auto-columns", "grid-auto-rows"),
        *("grid-auto-flow", "grid-column", "grid-row", "grid-gap", "grid-column-gap"),
        *("border-collapse", "border-spacing", "border-radius", "list-style", "tab-size"),
        *("list-style-type", "list-style-position", "user-select", "-webkit-user-select"),
        *("break-inside", "page-break-inside", "outline-color", "outline-style"),
        *("-webkit-font-smoothing", "-moz-osx-font-smoothing", "-webkit-text-size-adjust"),
        *(f"border-{corner}-radius" for corner in _CORNERS),
        *(f"{box}{side}" for box in ("margin", "padding", "border") for side in _SIDES),
        *(f"border{side}-{part}" for side in _SIDES for part in ("color", "style", "width")),
    ]
)
_COLOUR = r"(?:rgb|hsl)a?\([\d\s.,%/]{1,60}\)|#[0-9A-Fa-f]{3,8}"
_WORD = r"[A-Za-z][A-Za-z-]{0,40}"
_SIZE = r"(?:\d{1,4}(?:\.\d{0,20})?|\.\d{1,20})(?:px|em|rem|ex|ch|pt|fr|%)?"
_REPEATED = r"repeat\((?:\d{1,2}|auto-fi(?:t|ll)),\s?(?:SIZE|WORD|MINMAX)\)|MINMAX"
_MINMAX = r"minmax\((?:SIZE|WORD),\s?(?:SIZE|WORD)\)"
_GRID = _REPEATED.replace("MINMAX", _MINMAX).replace("SIZE", _SIZE).replace("WORD", _WORD)
_GRADIENT = (
    r"(?:repeating-)?(?:linear|radial|conic)-gradient\("
    r"(?:(?:rgb|hsl)a?\([\d\s.,%/]{1,60}\)|[\w\s.,%#]){1,1900}\)"
)
_QUOTED = r"'[A-Za-z0-9 -]{1,60}'|\"[A-Za-z0-9 -]{1,60}\""
_SHADOW = r"\d{1,2}(?:\.\d{1,3})?(?:px)?|\.\d{1,3}px"
_END = r"(?:[\s,/]+|\Z)"


def _tokens(*patterns: str) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(patterns)}){_END}", re.ASCII)


_ORDINARY = (_COLOUR, _SIZE, _WORD, _QUOTED)
_TOKEN = _tokens(*_ORDINARY)
_TOKENS = {
    **dict.fromkeys(("background", "background-image"), _tokens(_GRADIENT, *_ORDINARY)),
    **dict.fromkeys(("grid-template-columns", "grid-template-rows"), _tokens(_GRID, _SIZE, _WORD)),
    # What paints outside its own box gets two digits: the box around all of it does the rest.
    **dict.fromkeys(("box-shadow", "text-shadow"), _tokens(_COLOUR, _SHADOW, _WORD)),
    **dict.fromkeys(
        ("outline", "outline-width", "outline-offset"), _tokens(_COLOUR, _SHADOW, _WORD)
    ),
    **dict.fromkeys(("grid-column", "grid-row", "order"), _tokens(r"\d{1,2}", "span", "auto")),
    "column-count": _tokens(r"\d{1,2}", "auto"),
    "position": _tokens("relative|static|initial"),
    "cursor": _tokens("auto|default|pointer|text|help|grab|move|not-allowed|inherit"),
    **dict.fromkeys(("font-family", "font"), _tokens(*_ORDINARY, f"-{_WORD}")),
}
"""What the settings of a property are made of, where that differs from `_TOKEN`."""
_NOT_INERT = re.compile(r"(?i)fixed|absolute|sticky|contents|expression")


def filtered_style(value: str, *, whole: bool = False) -> str | None:
    """The declarations of the style ``value`` that are harmless; "" when none is.

    With ``whole``, None instead when any declaration would have to go. Nothing that is kept has
    a function but a colour's, a gradient's or a grid's, a negative length, or a length of more than
    four digits.
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
        if (name in _PROPERTIES or name in _TOKENS) and _is_harmless(name, setting):
            kept.append(f"{name}: {setting}")
        elif whole:
            return None
    return "; ".join(kept)


def _is_harmless(name: str, setting: str) -> bool:
    if not setting or len(setting) > _MAX_SETTING:
        return False
    tokens, position = _TOKENS.get(name, _TOKEN), 0
    while position < len(setting):
        token = tokens.match(setting, position)
        if token is None:
            return False
        position = token.end()
    return name in ("font-family", "font") or not _NOT_INERT.search(setting)
