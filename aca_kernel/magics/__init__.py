"""The magics that act on this machine: %upload, %download, %files, %session, %%direct."""

from __future__ import annotations

import argparse
import re

from ..errors import UsageError
from ..messages import Reply
from .base import HelpRequested, Magic, MagicContext, SessionControl, split_arguments
from .cells import magic_line_start
from .direct import Direct
from .download import Download
from .files import Files
from .session import Session
from .upload import Upload

__all__ = [
    "CELL_MAGICS",
    "LINE_MAGICS",
    "Magic",
    "MagicContext",
    "SessionControl",
    "check_arguments",
    "magic_at",
    "magic_help",
    "run_magic",
]

LINE_MAGICS: dict[str, Magic] = {
    "upload": Upload(),
    "download": Download(),
    "files": Files(),
    "session": Session(),
}
"""The magics of one line, by name without the percent sign."""

CELL_MAGICS: dict[str, Magic] = {"direct": Direct()}
"""The magics of a whole cell, by name without the percent signs."""


def check_arguments(name: str, arguments: str) -> str | None:
    """The help when ``arguments`` ask for it, else None: nothing has been done or sent.

    Raises UsageError for wrong arguments.
    """
    try:
        _parse(_find(name), arguments)
    except HelpRequested as help_:
        return help_.what
    return None


async def run_magic(name: str, arguments: str, context: MagicContext) -> Reply | None:
    """Run the magic ``name``, a key of LINE_MAGICS or CELL_MAGICS; None means ok.

    ``arguments`` is the rest of its line. ``-h`` shows the help. Raises UsageError for wrong
    arguments and other AcaKernelErrors when the magic failed.
    """
    magic = _find(name)
    try:
        parsed = _parse(magic, arguments)
    except HelpRequested as help_:
        context.stream(f"{help_.what}\n")
        return None
    return await magic.run(parsed, context)


def magic_at(code: str, offset: int) -> str | None:
    """The magic of ours, percent signs included, whose line around ``offset`` is obeyed."""
    start = magic_line_start(code, offset, CELL_MAGICS)
    found = re.match(r"(%%?)\s*(\w+)", code[start:]) if start is not None else None
    if found is None or found[2] not in (LINE_MAGICS if found[1] == "%" else CELL_MAGICS):
        return None
    return found[1] + found[2]


def magic_help(name: str) -> str:
    """The help of the magic ``name``, with or without percent signs. Raises UsageError."""
    return _find(name.lstrip("%")).parser().format_help().strip()


def _parse(magic: Magic, arguments: str) -> argparse.Namespace:
    parser = magic.parser()
    try:
        words = split_arguments(arguments)
    except UsageError as error:
        error.remedy = f"{error.remedy}\n{parser.format_usage().strip()}"
        raise
    return parser.parse_args(words)


def _find(name: str) -> Magic:
    magic = LINE_MAGICS.get(name) or CELL_MAGICS.get(name)
    if magic is None:
        raise UsageError(f"There is no magic %{name} here.")
    return magic
