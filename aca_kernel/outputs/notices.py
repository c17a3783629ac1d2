"""What this kernel itself has to say beside a cell's output: one look for all of it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from ..messages import OwnOutput

__all__ = ["folding", "missing_files", "notice", "notice_html", "notice_output"]

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,100}")
"""A name that may stand behind a magic as it is: it comes from the session."""

_BOX = "border-left: 3px solid; padding: 1px 8px; overflow: hidden; opacity: 0.75; font-size: small"
_LABEL = "float: right; margin-left: 16px; cursor: pointer; font-size: smaller"


def notice(text: str) -> dict[str, Any]:
    """The content of a ``display_data`` message that shows ``text`` as a notice of ours.

    As HTML it can be folded away; in plain text each line says whose word it is.
    """
    return {
        "data": {
            "text/plain": "\n".join(f"[aca-kernel] {line}" for line in text.splitlines()),
            "text/html": notice_html(text),
        },
        "metadata": {},
        "transient": {},
    }


def notice_output(text: str) -> OwnOutput:
    """The Output that shows ``text`` as a notice of this kernel's own."""
    return OwnOutput(msg_type="display_data", content=notice(text))


def missing_files(why: Mapping[str, str]) -> str:
    """What to say of files of the session that an output shows; ``why`` not, by name."""
    lines = [f"{ascii(name)[1:-1]} is not shown: {reason}." for name, reason in why.items()]
    plain = next((name for name in why if _PLAIN.fullmatch(name)), "NAME")
    lines.append(
        f"Relative names are files in /mnt/data. %download {plain} brings one to this machine;"
        " embed=True (Video, Audio, Image) puts it into the output."
    )
    return "\n".join(lines)


def notice_html(text: str) -> str:
    """``text`` in the one look of our notices, as HTML."""
    return folding("<br>".join(html.escape(line) for line in text.splitlines()))


def folding(inner: str) -> str:
    """HTML of ours in the one look of our notices, which a click on its label folds away.

    The text's colour is the page's own, so it reads on dark and light. JupyterLab cleans a saved
    notebook's HTML: of styles it keeps neither variables nor currentColor, hence there is no
    colour here at all, and without any style it still is a text with a label that folds.
    """
    return (
        f'<details open style="{_BOX}">'
        f'<summary style="{_LABEL}">aca-kernel</summary>'
        f"{inner}</details>"
    )
