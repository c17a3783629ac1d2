"""Links of HTML as text: none leads anywhere, so each shows its address beside its text."""

from __future__ import annotations

import html
import re
import urllib.parse

from .streams import bare

__all__ = ["with_addresses"]

_LINK = re.compile(r"<(/?)a(?=[\s/>])", re.IGNORECASE)
_HREF = re.compile(
    r"[\s\"']href\s{0,3}=\s{0,3}(?:\"([^\"<>]{1,2000})\"|'([^'<>]{1,2000})'|([^\s\"'<>]{1,2000}))",
    re.IGNORECASE,
)
_TAG_END = re.compile(r"[^<>]{0,4000}>")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SHOWN = re.compile(r"(?:https?|ftp|mailto):", re.IGNORECASE)
_FILE = re.compile(r"(?:/mnt/data/|\./)?(?![/\\.#?])[^:?#<>\"'\\\x00-\x1f\x7f]{1,200}")
_MAX_SHOWN = 300
_MAX_TEXT = 3_000


def with_addresses(text: str) -> str:
    """``text`` with the address of each link behind what the link shows, unless that is it.

    A file of the session gets the call that fetches it. The result is to be judged like any HTML;
    time is linear.
    """
    parts: list[str] = []
    copied, begins, address = 0, 0, ""
    for found in _LINK.finditer(text):
        if not found[1]:
            tag = _TAG_END.match(text, found.end())
            href = _HREF.search(tag[0]) if tag else None
            address = html.unescape(href[1] or href[2] or href[3]) if href else ""
            begins = tag.end() if tag else 0
        elif address:
            shown = text[begins : min(found.start(), begins + _MAX_TEXT)]
            if said := _said(address, html.unescape(_TAG.sub("", shown)).strip()):
                parts += [text[copied : found.start()], f" ({html.escape(said)})"]
                copied = found.start()
            address = ""
    return "".join([*parts, text[copied:]]) if parts else text


def _said(address: str, text: str) -> str:
    """What stands behind a link to ``address`` that shows ``text``; "" for nothing."""
    address = " ".join(bare(address).split())
    if _SHOWN.match(address):
        address = address.removeprefix("mailto:")
        if text.rstrip("/") == address.rstrip("/"):
            return ""
        return address if len(address) <= _MAX_SHOWN else f"{address[:_MAX_SHOWN]}..."
    name = urllib.parse.unquote(address)
    if not _FILE.fullmatch(name):
        return ""
    name = name.removeprefix("./")
    return f'%download "{name}"' if " " in name else f"%download {name}"
