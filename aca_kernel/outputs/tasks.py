"""Task lists in Markdown: an item that begins with ``[ ]`` or ``[x]`` has a box."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore

__all__ = ["tasks"]

_BOXES = {"[ ] ": "\u2610 ", "[x] ": "\u2611 ", "[X] ": "\u2611 "}


def tasks(state: StateCore) -> None:
    """Put boxes into ``state``'s items; characters, since a page's own could be clicked."""
    for index in range(2, len(state.tokens)):
        item, paragraph, inline = state.tokens[index - 2 : index + 1]
        box = _BOXES.get(inline.content[:4])
        if box and (item.type, paragraph.type) == ("list_item_open", "paragraph_open"):
            first = (inline.children or [inline])[0]
            if first.type == "text" and first.content.startswith(inline.content[:4]):
                first.content = box + first.content[4:]
                item.attrSet("style", "list-style-type: none")
