"""HTML in a frame can make no document of its own inside, and its scripts stay as written.

The markup of such a document (``<iframe``) becomes text. In a script the same letters are code
(``i<frames.length`` is none of them, ``"<iframe>"`` a text of the script's), so what is in a
script or a style sheet stays. Where such an element begins and ends has to be what a browser makes
of it, or markup could pass for a script: one scan reads the HTML as long as all of it is plain, in
which no browser can see anything else, and from the first odd thing on nothing passes.
"""

from __future__ import annotations

import re

__all__ = ["NAMES", "without_documents"]

NAMES = "i?frame|frameset|object|embed|fencedframe|portal"
"""The elements, as a pattern, that make a document inside the document."""

_SPACE = r"[\t\n\f\r ]"
_DOCUMENT = re.compile(rf"<(?=/?(?:{NAMES})[\t\n\f\r />]|!ENTITY)", re.IGNORECASE)
_PLAIN = frozenset(
    [
        *(
            "html",
            "head",
            "body",
            "meta",
            "link",
            "script",
            "style",
            "title",
            "main",
            "nav",
            "aside",
        ),
        *("div", "span", "p", "br", "hr", "a", "b", "i", "u", "s", "em", "strong", "small", "sub"),
        *("sup", "code", "pre", "kbd", "samp", "var", "center", "section", "article", "header"),
        *("footer", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "img"),
        *("figure", "figcaption", "details", "summary", "label", "button", "input", "canvas"),
        *("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "font", "nobr"),
    ]
)
"""The tags in which a script's tag begins a script, wherever they stand."""
_RAW = frozenset({"script", "style", "title"})
_STAYS = frozenset({"script", "style"})

_TEXT = re.compile(r"[^<]+|<(?![A-Za-z/!?])")
_COMMENT = re.compile(
    r"<!--(?![->])[^-]*(?:-(?!-)[^-]*)*-->|<!doctype[ A-Za-z]{0,20}>", re.IGNORECASE
)
_OPEN = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9]{{0,20}})(?={_SPACE}|/|>)")
_ATTRIBUTE = re.compile(
    rf"(?:{_SPACE}|/)+[^\t\n\f\r \"'<>/=\x00]+"
    rf"(?:{_SPACE}*={_SPACE}*(?:\"[^\"]*\"|'[^']*'|[^\t\n\f\r \"'=<>`]+))?(?={_SPACE}|/|>)"
)
_CLOSE = re.compile(rf"{_SPACE}*/?>")
_END = {name: re.compile(rf"</{name}(?={_SPACE}|/|>)", re.IGNORECASE) for name in _RAW}
_SCRIPT = re.compile("<script", re.IGNORECASE)


def without_documents(text: str) -> str:
    """``text`` in which the tags that make a further document are text."""
    if not _DOCUMENT.search(text):
        return text
    parts: list[str] = []
    edited = 0
    for start, end in _scripts(text):
        parts += [_DOCUMENT.sub("&lt;", text[edited:start]), text[start:end]]
        edited = end
    return "".join([*parts, _DOCUMENT.sub("&lt;", text[edited:])])


def _scripts(text: str) -> list[tuple[int, int]]:
    """Where the contents of scripts and style sheets are, as far as ``text`` is plain."""
    found: list[tuple[int, int]] = []
    position = 0
    while position < len(text):
        skipped = _TEXT.match(text, position) or _COMMENT.match(text, position)
        if skipped:
            position = skipped.end()
            continue
        tag = _OPEN.match(text, position)
        name = tag[2].lower() if tag else ""
        if tag is None or name not in _PLAIN:
            break
        position = tag.end()
        while attribute := _ATTRIBUTE.match(text, position):
            position = attribute.end()
        close = _CLOSE.match(text, position)
        if close is None:
            break
        position = close.end()
        if tag[1] or name not in _RAW:
            continue
        end = _END[name].search(text, position)
        if end is None or (name == "script" and _ends_later(text, position, end.start())):
            break
        if name in _STAYS:
            found.append((position, end.start()))
        position = end.start()
    return found


def _ends_later(text: str, start: int, end: int) -> bool:
    """Whether the script from ``start`` to ``end`` makes of its end tag a part of itself."""
    escaped = text.find("<!--", start, end)
    return escaped >= 0 and _SCRIPT.search(text, escaped, end) is not None
