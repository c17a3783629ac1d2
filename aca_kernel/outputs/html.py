"""HTML from a session: is it inert, and what of it is shown.

One linear scan decides the look. HTML in which every tag is on a small inert list and nests
properly is shown in the page, as nh3 gives it back; all other HTML belongs in a frame (frames.py).
What is shown is nh3's output, scanned once more: what that scan does not accept goes into the
frame as well, so a bypass has to fool two parsers that share nothing.

The scan is ours because the standard library's html.parser takes quadratic time on hostile input
(CVE-2025-6069, in Python up to 3.13.5) and repairs what a browser repairs in another way; here
anything unusual is simply not inert. The cases behind the rules: SECURITY.md.
"""

from __future__ import annotations

import html
import re

from .inlining import without_sheets
from .links import with_addresses
from .markup import (
    ATTRIBUTE,
    CLOSE,
    COMMENT,
    DROPPED_TAGS,
    MAX_ATTRIBUTES,
    MAX_TAGS,
    MAY_STAY_OPEN,
    ONLY_PARTS,
    OPEN,
    TAGS,
    TEXT_RUN,
    closed,
    opened,
)
from .styles import filtered_style
from .tex import defused

__all__ = ["MAX_LENGTH", "MAX_REFERENCES", "inert", "kept_attribute"]

MAX_LENGTH = 2 * 1024 * 1024
"""Characters above which HTML is not parsed (nh3 is quadratic in depth)."""

MAX_REFERENCES = 100_000
"""Character references above which HTML is not parsed (nh3 is quadratic in them too)."""

_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_SMALL = re.compile(r"\d{1,3}")
_LENGTH = re.compile(r"\d{1,4}(?:\.\d{1,3})?(?:px|%)?")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{0,30}")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{3,8}|[A-Za-z]{1,30}")
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/\s]*={0,2}\s*")
_SOUND = re.compile(r"data:(?:audio|video)/[a-z0-9.+-]{1,40};base64,[A-Za-z0-9+/\s]*={0,2}\s*")
_MEDIA_TYPE = re.compile(r"(?:audio|video)/[a-z0-9.+-]{1,40}")
_FLAG = re.compile(r"(?i)|open|controls|true")
_FACE = re.compile(r"[A-Za-z0-9 ,-]{1,100}")
_ANY = re.compile(r"[^\x00]{0,2000}")
_CLASS = re.compile(r"dataframe")

_ANYWHERE = {"class": _CLASS, "title": _ANY, "dir": _WORD, "lang": _WORD, "align": _WORD}
_CELL = {
    "colspan": _SMALL,
    "rowspan": _SMALL,
    "valign": _WORD,
    "halign": _WORD,
    "scope": _WORD,
    "bgcolor": _COLOUR,
    "width": _LENGTH,
    "height": _LENGTH,
}
_GAUGE = dict.fromkeys(("value", "min", "max", "low", "high", "optimum"), _NUMBER)
_OF_TAG: dict[str, dict[str, re.Pattern[str]]] = {
    "table": {
        "border": _SMALL,
        "cellpadding": _SMALL,
        "cellspacing": _SMALL,
        "width": _LENGTH,
        "bgcolor": _COLOUR,
        "rules": _WORD,
        "frame": _WORD,
    },
    "td": _CELL,
    "th": _CELL,
    "tr": {"valign": _WORD, "bgcolor": _COLOUR},
    "col": {"span": _SMALL, "width": _LENGTH},
    "colgroup": {"span": _SMALL, "width": _LENGTH},
    "img": {"src": _IMAGE, "alt": _ANY, "width": _LENGTH, "height": _LENGTH},
    "audio": {"src": _SOUND, "controls": _FLAG},
    "video": {"src": _SOUND, "controls": _FLAG, "width": _LENGTH, "height": _LENGTH},
    "source": {"src": _SOUND, "type": _MEDIA_TYPE},
    "ol": {"start": _SMALL, "type": re.compile(r"[1aAiI]")},
    "li": {"value": _SMALL},
    "details": {"open": _FLAG},
    "font": {"color": _COLOUR, "size": re.compile(r"[+-]?[1-7]"), "face": _FACE},
    "progress": _GAUGE,
    "meter": _GAUGE,
}
_ATTRIBUTES = {tag: {*_ANYWHERE, "style", *_OF_TAG.get(tag, ())} for tag in TAGS}

_CLIP = '<div style="overflow-x: auto; contain: paint">{}</div>'
_MAY_OVERFLOW = re.compile(r"style=|\$|\\[(\[b]")
"""What can paint outside its box, over another cell: huge letters, a formula's moved parts."""

_NEEDLESS = re.compile(
    r"id|name|class|href|target|rel|type|role|tabindex|controls|autoplay|loop"
    r"|preload|xmlns|border|loading|decoding|aria-[a-z-]+|data-[a-z0-9_:-]+"
    r"|download|charset|lang|element|cell[a-z]+|width|height|scope"
)
"""Attributes whose loss does not change the look of inert HTML (it has no style sheet)."""

_STYLE_BLOCK = re.compile(r"<style[^<>]{0,40}>([^<]{0,4000})</style>", re.IGNORECASE)
_DATAFRAME_RULES = re.compile(r"\s*(?:\.dataframe[\w\s>,.:()-]{0,200}\{[^{}@]{0,400}\}\s*)*")


def inert(text: str) -> str | None:
    """The HTML of ``text`` that is safe in the notebook's page; None when a frame must show it.

    None also for HTML that is too long, too deep, not well formed, or shows nothing without what
    would be removed. Time is linear in the length.
    """
    if len(text) > MAX_LENGTH or text.count("&") > MAX_REFERENCES:
        return None
    text = without_sheets(with_addresses(_STYLE_BLOCK.sub(_without_dataframe_style, text)))
    if not _is_inert(text, strict=False):
        return None
    cleaned = defused(_cleaned(text))
    if len(cleaned) > 4 * len(text) + 1000 or not _is_inert(cleaned, strict=True):
        return None
    return _CLIP.format(cleaned) if _MAY_OVERFLOW.search(cleaned) else cleaned


def _without_dataframe_style(block: re.Match[str]) -> str:
    """The block itself, or nothing when it only styles ``.dataframe``: front ends style that."""
    return "" if _DATAFRAME_RULES.fullmatch(block[1]) else block[0]


def _cleaned(text: str) -> str:
    import nh3

    return nh3.clean(
        text,
        tags=set(TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=kept_attribute,
        clean_content_tags={"script", "style"},
        url_schemes={"data"},
        generic_attribute_prefixes=set(),
        strip_comments=True,
        link_rel=None,
    )


def kept_attribute(tag: str, name: str, value: str) -> str | None:
    """The value that an inert tag may have; None when the attribute has to go."""
    if name == "style":
        return filtered_style(value) or None
    if name == "class":
        return "dataframe" if "dataframe" in value.split() else None
    pattern = _ANYWHERE.get(name) or _OF_TAG.get(tag, {}).get(name)
    if pattern is None:
        return None
    value = value.strip()
    return value if pattern.fullmatch(value) else None


def _is_inert(text: str, *, strict: bool) -> bool:
    """Whether ``text`` is well formed and has inert tags only.

    Not ``strict``: attributes may be there that can go without a change in the look. ``strict``:
    every attribute is one that this module lets through, with the value it would give.
    """
    stack: list[str] = []
    tags = position = 0
    while position < len(text):
        run = TEXT_RUN.match(text, position)
        if run:
            position = run.end()
            if stack and stack[-1] in ONLY_PARTS and not run[0].isspace():
                return False
            continue
        comment = None if strict else COMMENT.match(text, position)
        if comment:
            position = comment.end()
            continue
        opening = OPEN.match(text, position)
        tags += 1
        if opening is None or tags > MAX_TAGS:
            return False
        closes, name = opening[1], opening[2].lower()
        end = _attributes_end(text, opening.end(), name, strict=strict)
        if end is None:
            return False
        position = end
        if name not in TAGS:
            if strict or name not in DROPPED_TAGS:
                return False
        elif closes:
            if not closed(stack, name):
                return False
        elif not opened(stack, name):
            return False
    return all(name in MAY_STAY_OPEN for name in stack)


def _attributes_end(text: str, position: int, tag: str, *, strict: bool) -> int | None:
    """Where the tag ends whose attributes begin at ``position``; None when it is not inert."""
    for _ in range(MAX_ATTRIBUTES):
        close = CLOSE.match(text, position)
        if close:
            return close.end()
        attribute = ATTRIBUTE.match(text, position)
        if attribute is None:
            return None
        name, raw = attribute[1].lower(), attribute[2] or ""
        try:
            value = html.unescape(raw[1:-1] if raw[:1] in "\"'" else raw)
        except ValueError:  # a character's number of more than 4300 digits
            return None
        kept = kept_attribute(tag, name, value)
        if strict:
            if kept is None or kept != value.strip():
                return None
        elif not _may_go(tag, name, value, kept):
            return None
        position = attribute.end()
    return None


def _may_go(tag: str, name: str, value: str, kept: str | None) -> bool:
    """Whether what is lost of an attribute changes nothing that a user sees."""
    if name == "style":
        return filtered_style(value, whole=True) is not None
    if name == "src" or (name == "href" and tag != "a"):
        return kept is not None
    return kept is not None or _NEEDLESS.fullmatch(name) is not None
