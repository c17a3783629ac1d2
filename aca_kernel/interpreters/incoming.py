"""What comes from a guest kernel. All of it is hostile data, and may do one of a few things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ..errors import ExecutionFailed
from ..guest.protocol import COMMS, MAX_LINE_BYTES, OUTPUTS
from ..link.answers import MOST_NUMBER
from ..messages import Ask, CellRequest, Emit, Output
from ..outputs.notices import notice_output
from ..pool.refusal_texts import clean
from .guestmessages import buffers, death, dropped, others_calls, prompt_of

__all__ = ["Incoming", "Running"]

MOST_CELLS = 100
"""Cells whose late output still finds them."""

MOST_PAUSE = 15.0
"""Seconds between two calls while a cell waits for the user: what threads print shows then."""


class Running:
    """One request on its way: its outputs go to ``emit``, its end is reply and idle."""

    def __init__(self, message_id: str, request: CellRequest | None, emit: Emit | None) -> None:
        self.message_id = message_id
        self.request = request
        self.emit = emit
        self.reply: dict[str, Any] | None = None
        self.idle = False
        self.idle_at = 0.0
        self.is_incomplete = False  # a message was left out, and may have been its reply
        self.is_there = False  # whether an exchange with it has been answered
        self.unanswered: str | None = None  # that no reply will come, and why
        self.over = asyncio.Event()  # set when nobody follows it any more
        self.knows_calls = False  # whether it has told of other clients' calls

    @property
    def done(self) -> bool:
        """Whether reply and idle have come, or all that will come of them."""
        return (self.reply is not None and self.idle) or self.unanswered is not None

    def leave_out(self) -> None:
        """Tell of a message that did not come through because of its size."""
        self.is_incomplete = True
        if self.emit is not None:
            self.emit(
                notice_output(
                    "A message of the session was left out: it was larger than"
                    f" {MAX_LINE_BYTES >> 20} MB, or the service lets no answer pass that has a"
                    " part of it. Write large results to a file and %download it."
                )
            )

    def give_up(self) -> None:
        """Take the request as ended: the session has said all that it says of it."""
        if not self.idle:
            self.idle, self.idle_at = True, time.monotonic()
        self.is_incomplete = True


class Incoming:
    """Acts on a guest kernel's messages: the request that runs gets its outputs and its end.

    ``answer`` is called with the line that a user gives when a cell asks for one.
    """

    def __init__(self, answer: Callable[[str], object]) -> None:
        self._answer = answer
        self.kernel = 0
        """The guest kernel's number in its session, from 1."""
        self.next_count: int | None = None
        """The number that its next cell would have; None when it is not known."""
        self.running: Running | None = None
        self._cells: dict[str, Running] = {}  # whose late output is still theirs
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = 0.0

    def begin(self, cell: Running) -> None:
        """Take a cell that runs from now on."""
        self.expect(cell)
        self.running = cell

    def expect(self, message: Running) -> None:
        """Take what will come of a message as ours, though no request of it runs."""
        while len(self._cells) >= MOST_CELLS:
            del self._cells[next(iter(self._cells))]
        self._cells[message.message_id] = message

    def end(self) -> None:
        """Let go of the cell that runs; what it still shows afterwards is its own."""
        self.running = None
        self.cancel_question()

    @property
    def is_asking(self) -> bool:
        """Whether the user is asked for a line, and has not given it."""
        return self._asking is not None and not self._asking.done()

    async def answered(self) -> None:
        """Wait until the user has answered, or for so long that the session may have more output.

        That is a tenth of a second at first, and longer the longer nobody answers.
        """
        if self._asking is None:
            return
        pause = min(max(0.1, (time.monotonic() - self._asked_at) / 2), MOST_PAUSE)
        await asyncio.wait([self._asking], timeout=pause)
        if self._asking.done():
            asking, self._asking = self._asking, None
            if not asking.cancelled():  # interrupted: SIGINT ends the question over there
                asking.result()

    def cancel_question(self) -> None:
        """Take back what the user is asked, if anything."""
        if self._asking is not None:
            self._asking.cancel()

    async def take(self, message: dict[str, Any]) -> None:
        """Act on one message.

        Raises ExecutionFailed when it says that the guest kernel, or the request, is gone.
        """
        if "event" in message:
            self._on_event(message)
            return
        parent, header = message.get("parent_header"), message.get("header")
        content = message.get("content")
        if not (
            isinstance(parent, dict) and isinstance(header, dict) and isinstance(content, dict)
        ):
            return
        channel, kind = message.get("channel"), header.get("msg_type")
        running, ours = self.running, parent.get("msg_id")
        if not isinstance(kind, str) or not isinstance(ours, str):
            return
        if channel == "iopub" and (kind in OUTPUTS or kind in COMMS):
            cell = self._cells.get(ours)
            if cell is not None:
                _show(cell, kind, message)
        elif running is None or ours != running.message_id:
            return
        elif channel == "iopub":
            is_idle = kind == "status" and content.get("execution_state") == "idle"
            if is_idle and not running.idle:
                running.idle, running.idle_at = True, time.monotonic()
        elif channel == "shell":
            running.reply = content
        elif channel == "stdin" and kind == "input_request":
            await self._ask(running, content)

    def _on_event(self, message: dict[str, Any]) -> None:
        event, number, code = (message.get(name) for name in ("event", "kernel", "code"))
        if event == "stale":
            if self.running is not None and message.get("msg_id") == self.running.message_id:
                raise ExecutionFailed(
                    "The session's Python had died before this cell, and was started again.",
                    left="Variables are gone; the files in /mnt/data are still there. Nothing of"
                    " this cell was run.",
                    remedy="Run the notebook from the top.",
                )
            return
        running = self.running
        if event == "calls" and running is not None and running.emit is not None:
            if not running.knows_calls:  # once a cell: no budget holds our own words back
                running.knows_calls = True
                running.emit(others_calls(message.get("number")))
        elif event in ("dropped", "unanswered"):
            is_meant = running is not None and message.get("msg_id") == running.message_id
            if running is None or not is_meant or running.done:
                return
            if event == "dropped":
                self._drop(running)
            else:
                why = message.get("why")
                running.unanswered = clean(why[:400]) if isinstance(why, str) else ""
        elif type(number) is int and self.kernel < number < MOST_NUMBER:
            self.kernel = number
            self.next_count = 1
            error = death(event, code, message.get("why"))
            if error is not None and running is not None:
                raise error

    def _drop(self, running: Running) -> None:
        reply = dropped()
        running.reply, running.idle = reply.content(), True
        if running.emit is not None:
            running.emit(reply.error_output())

    async def _ask(self, running: Running, content: dict[str, Any]) -> None:
        """Have the user asked, beside what else comes: output that the question overtook, say."""
        request = running.request
        if request is None or request.ask is None:
            return
        if self._asking is not None:
            await asyncio.wait([self._asking])  # one at a time, whatever the session asks
        self._asked_at = time.monotonic()
        self._asking = asyncio.ensure_future(self._answer_with(request.ask, content))

    async def _answer_with(self, ask: Ask, content: dict[str, Any]) -> None:
        self._answer(await ask(*prompt_of(content)))


def _show(cell: Running, kind: str, message: dict[str, Any]) -> None:
    """Show an output in the cell that made it."""
    request = cell.request
    if cell.emit is None or request is None:
        return
    if kind == "execute_result" and not request.shows_result:
        return
    metadata, widget = message.get("metadata"), message.get("widget")
    cell.emit(
        Output(
            msg_type=kind,
            content=message["content"],
            metadata=metadata if isinstance(metadata, dict) else {},
            buffers=buffers(message.get("buffers")),
            widget=widget if isinstance(widget, str) else "",
        )
    )
