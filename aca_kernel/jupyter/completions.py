"""What Tab gives in a notebook: words of our magics where they act, else what the session knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import AcaKernelError
from ..interpreters.base import question_deadline
from ..magics import CELL_MAGICS, LINE_MAGICS
from ..magics.completion import Name, Place, find_place, merged
from ..magics.listing import local_names, session_names
from ..sessions.session import KernelSession
from ..worker import Worker

__all__ = ["COMPLETION_DEADLINE", "Completions"]

COMPLETION_DEADLINE = 0.7
"""Seconds after which a completion request is answered with what is known (JupyterLab: 1 s).

A session that is far away has more: see `question_deadline`.
"""


class Completions:
    """The completions of one kernel; ``root`` gives the directory that local names are in."""

    def __init__(self, remote: KernelSession, root: Callable[[], Path]) -> None:
        self._remote = remote
        self._root = root
        self._listing = Worker("aca-kernel-listing")  # never behind the session's own calls

    async def at(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """The content of a complete_reply, within the deadline: nothing rather than late.

        Our magics' own names and options need no session and always come.
        """
        place = find_place(code, cursor_pos, LINE_MAGICS, CELL_MAGICS)
        own = place or Place(start=cursor_pos, end=cursor_pos)
        try:
            return await asyncio.wait_for(
                self._names(own)
                if own.values is not None
                else self._words(place, own, code, cursor_pos),
                question_deadline(self._remote.interpreter, COMPLETION_DEADLINE),
            )
        except (AcaKernelError, asyncio.TimeoutError):
            self._listing.abandon()
            return own.reply()

    async def _words(
        self, place: Place | None, own: Place, code: str, cursor_pos: int
    ) -> dict[str, Any]:
        """Ours, the session's, or both: its magics may stand where ours do."""
        is_ours = place is not None and not place.is_magic_name
        if is_ours or self._remote.settings.mode == "direct":
            return own.reply()
        interpreter = await self._remote.met()
        theirs = await interpreter.complete(code, cursor_pos)
        return theirs if place is None else merged(own.reply(), theirs, code)

    async def _names(self, place: Place) -> dict[str, Any]:
        """The files and folders that fit, here or in the session."""
        remote = self._remote
        names: list[Name] = []
        if place.values in ("local file", "local folder"):
            names = await self._listing.call(local_names, place.folder, self._root())
        elif remote.life.may_exist or not remote.is_own:
            client = await remote.connected()
            names = await self._listing.call(
                session_names, client, remote.identifier, place.folder, place.base
            )
        # Else to ask would allocate the session, and a new one has no files.
        return place.reply(names)
