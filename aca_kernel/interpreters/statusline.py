"""One line that says how a wait goes, and in the end how it ended."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable

from ..messages import Emit, Output
from ..outputs.notices import notice

__all__ = ["StatusLine", "while_starting", "while_waiting"]

QUIET = 3.0
"""Seconds that something may take without a word."""

TICK = 1.0
"""Seconds between two updates of a status line."""


class StatusLine:
    """A display in the running cell that each further text replaces. Without ``emit`` none."""

    def __init__(self, emit: Emit | None) -> None:
        self._emit = emit
        self._display_id = ""

    @property
    def is_shown(self) -> bool:
        """Whether anything has been said."""
        return bool(self._display_id)

    def say(self, text: str) -> None:
        """Show ``text`` in place of what was said before."""
        if self._emit is None:
            return
        content = notice(text)
        kind = "update_display_data" if self._display_id else "display_data"
        self._display_id = self._display_id or f"aca-kernel-{uuid.uuid4().hex}"
        content["transient"] = {"display_id": self._display_id}
        self._emit.show_own(Output(msg_type=kind, content=content))


async def while_waiting(work: Awaitable[None], emit: Emit | None, waiting: str, end: str) -> None:
    """Await ``work``; when it takes longer than 3 s a status line says so, and how it ended.

    ``waiting`` and ``end`` are texts with ``{seconds}`` in them.
    """
    line = StatusLine(emit)
    began = time.monotonic()
    task = asyncio.ensure_future(work)
    pause = QUIET
    try:
        while not (await asyncio.wait([task], timeout=pause))[0]:
            line.say(waiting.format(seconds=f"{time.monotonic() - began:.0f} s"))
            pause = TICK
        await task
    except BaseException:
        if line.is_shown:
            line.say(f"Waited {time.monotonic() - began:.0f} s.")
        task.cancel()
        raise
    if line.is_shown:
        line.say(end.format(seconds=f"{time.monotonic() - began:.0f} s"))


async def while_starting(work: Awaitable[None], emit: Emit | None) -> None:
    """Await ``work``, which reaches a session; a status line says so when it takes long."""
    await while_waiting(
        work,
        emit,
        "The session is starting, {seconds} so far. Interrupt the kernel to stop waiting.",
        "The session started after {seconds}.",
    )
