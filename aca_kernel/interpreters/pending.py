"""One open request of a linked session, and the user whom it may ask for a line."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence

from ..messages import CellRequest, Emit
from .conversation import Ask, End
from .statusline import StatusLine

__all__ = ["Asking", "Pending"]

MOST_PAUSE = 15.0
"""Seconds between two exchanges while a cell waits for the user: what threads print shows then."""


class Pending:
    """An open request: its outputs go to ``emit``, its end to ``ended``.

    ``ended`` gives None for a cell whose code still runs although it was interrupted.
    """

    def __init__(self, message_id: str, request: CellRequest | None, emit: Emit | None) -> None:
        self.message_id = message_id
        self.request = request
        self.emit = emit
        self.ended: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()  # set when nobody follows it any more
        self.has_arrived = False  # whether an exchange with it was answered
        self.is_interrupted = False
        self.line = StatusLine(emit)
        self.knows_calls = False  # whether it has told of other clients' calls
        # Jupyter's libraries say in the context whose cell runs, and so who is asked for a line.
        self.context = contextvars.copy_context()

    def fail(self, error: BaseException) -> None:
        """Have its follower raise ``error``."""
        if not self.ended.done():
            self.ended.set_exception(error)

    def end(self, end: End | None) -> None:
        """Have its follower go on."""
        if not self.ended.done():
            self.ended.set_result(end)


class Asking:
    """The questions of cells to the user, one at a time.

    ``answered`` is called with each line that the user gives, ``wake`` when a question is over.
    """

    def __init__(self, answered: Callable[[str], object], wake: Callable[[], object]) -> None:
        self._answered = answered
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked_at = 0.0

    def __bool__(self) -> bool:
        """Whether the user is asked for a line, and has not given it."""
        return bool(self._tasks)

    @property
    def pause(self) -> float:
        """Seconds to the next look for output: more, the longer nobody answers."""
        return min(max(0.1, (time.monotonic() - self._asked_at) / 2), MOST_PAUSE)

    def ask(self, cell: Pending, question: Ask) -> None:
        """Have the user asked, beside what else comes: output that the question overtook, say."""
        self._asked_at = time.monotonic()
        answering = self._answer(cell, question, list(self._tasks))
        asking: asyncio.Task[None] = cell.context.run(asyncio.ensure_future, answering)
        self._tasks.add(asking)
        asking.add_done_callback(self._over)

    async def _answer(
        self, cell: Pending, question: Ask, before: Sequence[asyncio.Task[None]]
    ) -> None:
        if before:
            await asyncio.wait(before)
        if cell.request is None or cell.request.ask is None:
            return
        try:
            line = await cell.request.ask(question.prompt, question.hidden)
        except Exception as error:
            cell.fail(error)
        else:
            self._answered(line)

    def _over(self, asking: asyncio.Task[None]) -> None:
        self._tasks.discard(asking)
        self._wake()

    def cancel(self) -> None:
        """Take back what the user is asked: SIGINT ends the question over there."""
        for asking in self._tasks:
            asking.cancel()
