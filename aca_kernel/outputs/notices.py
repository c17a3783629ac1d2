"""What this kernel itself has to say beside a cell's output: one look for all of it."""

from __future__ import annotations

import html
from typing import Any

__all__ = ["notice"]


def notice(text: str) -> dict[str, Any]:
    """The content of a ``display_data`` message that shows ``text`` as a notice of ours.

    HTML with inline styles that read well on dark and light, and the same in plain text.
    """
    lines = "<br>".join(html.escape(line) for line in text.splitlines())
    return {
        "data": {
            "text/plain": "\n".join(f"[aca-kernel] {line}" for line in text.splitlines()),
            "text/html": (
                '<div style="border-left: 3px solid #8a8a8a; padding: 2px 8px; opacity: 0.85">'
                f"{lines}</div>"
            ),
        },
        "metadata": {},
        "transient": {},
    }
