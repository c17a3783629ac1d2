"""The payload of an execute_reply: what a session asks of the front end beside its outputs.

A text to page through and one new cell may pass. Everything else acts on the front end (a cell's
text is replaced, an editor opens, a console ends) and does not happen; the user is told, with the
text that a cell would have got.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from .notices import folding, notice
from .streams import bare

__all__ = ["MAX_ITEMS", "MAX_NEXT_INPUT", "explained", "new_cell"]

MAX_ITEMS = 100
"""Entries of a payload that are looked at."""

MAX_NEXT_INPUT = 1024 * 1024
"""Characters of a cell's text above which it is left out."""

_PLAIN_FILE = re.compile(r"(?:/mnt/data/)?([A-Za-z0-9_][A-Za-z0-9_.-]{0,100})")
"""A file that %download takes as it stands: the name comes from the session."""

_MAGIC = re.compile("(?:^|[=\n\r\u2028\u2029])[^\\S\n\r\u2028\u2029]*%")
"""A magic in a cell that the session wrote: ours act on this machine (%upload)."""

_TEXT_STYLE = "margin: 2px 0; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all"


def new_cell(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """The payload that puts a text of the session's into a new cell; None when it may not.

    It may not instead of the user's own text, and not with a magic, which could be one of ours.
    """
    text, is_cut = _text(item)
    if not text or is_cut or item.get("replace") or _MAGIC.search(text):
        return None
    return {"source": "set_next_input", "text": text, "replace": False}


def _text(item: Mapping[str, Any]) -> tuple[str, bool]:
    """The text for a cell, and whether it is only the begin of it."""
    given = item.get("text")
    if not isinstance(given, str):
        return "", False
    return bare(given[:MAX_NEXT_INPUT]), len(given) > MAX_NEXT_INPUT


def explained(payload: Sequence[Any], *, new_cells: bool) -> list[dict[str, Any]]:
    """Contents of ``display_data`` that tell what of ``payload`` does not happen, and what to do.

    ``new_cells`` is whether what `new_cell` gives is passed on. At most one of each kind.
    """
    told: dict[str, dict[str, Any]] = {}
    for item in islice(payload, MAX_ITEMS):
        source = item.get("source") if isinstance(item, Mapping) else None
        if source == "set_next_input":
            told.pop(source, None)  # the last one counts
            text, is_cut = _text(item)
            if text and not (new_cells and new_cell(item)):
                told[source] = _cell_text(item, text, is_cut=is_cut)
        elif source == "edit_magic":
            told[source] = notice(_editor(item.get("filename")))
        elif source == "ask_exit":
            told[source] = notice(_KEPT if item.get("keepkernel") is True else _LEFT)
    return list(told.values())


_LEFT = (
    "exit() ends the Python of the session: its variables are gone, its files stay, and a new"
    " Python starts.\n"
    "It closes no window here. To end the kernel, shut it down in the front end (Jupyter:"
    " Kernel, Shut Down; a console: Ctrl-D). To end the session: %session stop."
)
_KEPT = (
    "exit(keep_kernel=True) does not close a window here; the session and its variables stay.\n"
    "Close the window in the front end."
)


def _cell_text(item: Mapping[str, Any], text: str, *, is_cut: bool) -> dict[str, Any]:
    first = (
        "The session wanted to put another text into this cell (as %load does)."
        if item.get("replace")
        else "The session wanted to put a new cell below this one (as %recall does)."
    )
    then = (
        "Code of a session does not change your cells. Read the text; if you want it,"
        " copy it into a cell."
    )
    label = f"The text, {len(text):,} characters"
    if is_cut:
        label += " (its rest is left out: it is longer)"
    inner = (
        f"{html.escape(first)}<br>{html.escape(then)}"
        f'<details><summary style="cursor: pointer">{label}</summary>'
        f'<pre style="{_TEXT_STYLE}">{html.escape(text)}</pre></details>'
    )
    lines = [f"[aca-kernel] {line}" for line in (first, then, f"{label}:")]
    return {
        "data": {"text/plain": "\n".join([*lines, text]), "text/html": folding(inner)},
        "metadata": {},
        "transient": {},
    }


def _editor(filename: Any) -> str:
    first = "%edit opens no editor: its file lies in the session."
    plain = _PLAIN_FILE.fullmatch(filename) if isinstance(filename, str) else None
    if plain:
        name = plain[1]
        return f"{first}\n%download {name}, edit it here, then %upload {name} and %run {name}."
    return f"{first}\nWrite the code into a cell. To keep it as a file: %%writefile NAME."
