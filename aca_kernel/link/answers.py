"""What comes back from a guest: its first words, its messages, and the errors of the link."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import AcaKernelError
from ..pool.refusal_texts import clean

__all__ = [
    "MOST_NUMBER",
    "GuestFailed",
    "GuestGone",
    "Hello",
    "LinkTaken",
    "NoGuest",
    "NotPassedOn",
    "Transient",
    "number",
    "parse_message",
    "said",
]

DEEPEST = 200
"""Levels of a message; what is nested deeper could be read here, but not sent on."""

MOST_NUMBER = 2**31
"""Counts that are not below this are no counts."""


class NoGuest(AcaKernelError):
    """The session cannot hold a guest; ``reason`` says why. Direct mode still works there."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This session cannot be linked to: {reason}.",
            left="Nothing of this cell was run.",
            remedy="Set ACA_KERNEL_MODE to auto or direct, then restart the kernel.",
        )
        self.reason = reason


class GuestGone(AcaKernelError):
    """The guest does not answer, or another one does.

    ``is_silent``: the call was answered without it, so that it may be there all the same.
    """

    def __init__(self, what: str, *, is_silent: bool = False) -> None:
        super().__init__(what)
        self.is_silent = is_silent
        self.is_session_replaced: bool | None = None
        """Whether the whole session is another one; None when nobody knows."""


class NotPassedOn(AcaKernelError):
    """The guest is there, but the session passes no exchange on to it."""


class GuestFailed(AcaKernelError):
    """The guest says that it has failed, and with it the Python that the notebook's cells had."""


class LinkTaken(AcaKernelError):
    """Another kernel process has taken the link over."""


class Transient(AcaKernelError):
    """An exchange failed in a way that a repetition mends."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What the guest says of itself: Python's version, and the cells its kernel has run.

    ``share`` is whether plain calls of other clients run in that kernel too, ``busy`` whether
    code runs in it now.
    """

    boot: str
    python: str
    cells: int
    kernel: int
    share: bool = False
    busy: bool = False


def number(value: Any) -> int | None:
    """A count that the guest says; None for what is none, or too large to be one."""
    return value if type(value) is int and 0 <= value < MOST_NUMBER else None


def parse_message(line: memoryview) -> dict[str, Any] | None:
    """A message of the guest; None for a line that holds none, or one nested too deep."""
    try:
        message = json.loads(str(line, "utf-8", "replace"))  # as Jupyter's clients do
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or _is_deep(message):
        return None
    return message


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def said(stderr: str) -> str:
    """What a failed call said, in a sentence: its last line, which is hostile text."""
    words = clean(stderr.strip().rpartition("\n")[2][:1000])
    return f'The session gave no answer, but said: "{words}".' if words else "There was no answer."
