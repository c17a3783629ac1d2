"""Names of this machine's files where its locale has no letters beyond its own.

A file's name is bytes, nearly always UTF-8. Python takes and gives it as text in the locale's
encoding; with that of the C locale (and UTF-8 mode off) it refuses `größe.csv` and lists it with
surrogates in place of the letters. Where the locale is UTF-8, names come out of here as they are.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from .names import printable

__all__ = ["from_disk", "on_disk", "printable_path"]

_ESCAPED = re.compile("[\udc80-\udcff]+")
"""Bytes that Python could not decode."""


def on_disk(name: str) -> str:
    """``name`` as this Python's file functions take it; what is no text stays as it is."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        try:
            return os.fsdecode(name.encode("utf-8", "surrogateescape"))
        except UnicodeError:
            return name
    return name


def from_disk(name: str) -> str:
    """The text of a ``name`` that this Python's file functions gave."""
    if sys.getfilesystemencoding() == "utf-8":
        return name
    return _ESCAPED.sub(_decoded, name)


def _decoded(match: re.Match[str]) -> str:
    return match[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def printable_path(path: str | Path, limit: int = 200) -> str:
    """The path of a file of this machine as it may be shown; see `printable`."""
    return printable(from_disk(str(path)), limit)
