"""The open requests of one linked session: sent, followed to their end, or given up.

`Conversation` says what a message does, and `Pump` makes the exchanges; what stands between them,
futures, outputs and the user's answers, is here. All of it belongs to the kernel's event loop.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..errors import AcaKernelError, PoolFull
from ..link.answers import GuestFailed, GuestGone, LinkTaken, NotPassedOn
from ..link.client import Link
from ..link.pump import STUBBORN, WAIT, Plan, Pump
from ..link.side_calls import Beside
from ..messages import CellRequest, Comm, Emit, SessionEvent
from ..pool import PoolClient
from ..worker import Worker
from .conversation import Calls, Conversation, Effect, End, Fail, Kind, Show, Sign
from .endings import (
    guest_failed,
    left_out,
    link_taken,
    not_passed_on,
    others_calls,
    python_replaced,
    session_replaced,
)
from .pending import Asking, Pending

__all__ = ["OpenRequests"]

QUESTION_WAIT = 0.6
"""Seconds that the guest may keep a silent exchange in which only questions wait."""

LINGER = 30.0
"""Seconds after the last output for which what cells have left running is listened to."""

LINGER_PAUSE = 1.0
"""Seconds between two exchanges then; `BRISK` after one that brought something."""

BRISK = 0.2

MOST_EMITS = 500
"""Requests whose outputs find their cell; the conversation knows fewer."""


class OpenRequests:
    """Sends requests to the guest of one session. See `Owner` for what the pump asks of it."""

    def __init__(
        self,
        client: PoolClient,
        identifier: str,
        worker: Worker,
        *,
        tolerance: float,
        comms: bool = False,
        report: Callable[[SessionEvent], None],
    ) -> None:
        self._client = client
        self._identifier = identifier
        self._worker = worker
        self._tolerance = tolerance
        self._comms = comms
        self._session_id = uuid.uuid4().hex
        self.side_calls = Beside(client, identifier, worker)
        self.conversation = Conversation()
        self._report = report
        self._is_met = False
        self.shared = False
        self.cooldown_seconds: float | None = None
        self.untold: AcaKernelError | None = None
        """How the guest was lost when no cell was open: the next one has to say it."""
        self._pending: dict[str, Pending] = {}
        self._emits: dict[str, Emit] = {}
        self._asking = Asking(self._answer, self._wake)
        self._striking: set[asyncio.Task[None]] = set()
        self._stubborn: asyncio.TimerHandle | None = None
        self._is_urgent = False
        self._shown_at = 0.0  # when the last output came, or the last cell ended
        self._was_alive = False  # whether something lived at the exchange before the last one
        self._is_brisk = False  # whether the last exchange brought an output
        self._begin()

    def _begin(self) -> None:
        self.link = Link(self._client, self._identifier, self._worker.call, comms=self._comms)
        self.pump = Pump(self.link, self.side_calls, self._worker, self, tolerance=self._tolerance)

    @property
    def is_met(self) -> bool:
        """Whether the guest is there, as far as is known. A change is reported."""
        return self._is_met

    @is_met.setter
    def is_met(self, is_met: bool) -> None:
        if is_met is not self._is_met:
            self._is_met = is_met
            self._report(SessionEvent.ANSWERED if is_met else SessionEvent.LOST)

    def begin_anew(self) -> None:
        """Let go of a guest that is not there any more: the next cell begins with another."""
        self.is_met = False
        self.conversation.next_count = None
        self._begin()

    def close(self) -> None:
        """Stop, and let the threads go."""
        self.pump.close()
        self._worker.abandon()
        self.side_calls.close()

    # -- sending and following

    def send(
        self, channel: str, kind: str, content: Mapping[str, Any], comm: Comm | None = None
    ) -> str:
        """Queue a message to the guest kernel; its message id."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self._session_id,
            "username": "aca-kernel",
            "date": datetime.now(timezone.utc).isoformat(),
            "version": "5.3",
        }
        self.link.queue(
            {
                "op": "send",
                "channel": channel,
                "kernel": self.conversation.kernel,
                "message": {
                    "header": header,
                    "parent_header": {},
                    "metadata": {} if comm is None else dict(comm.metadata),
                    "content": dict(content),
                    **({} if comm is None or not comm.buffers else {"buffers": comm.encoded}),
                },
            },
            str(header["msg_id"]),
        )
        return str(header["msg_id"])

    def open_cell(self, message_id: str, request: CellRequest, emit: Emit) -> Pending:
        """Open a cell that was sent."""
        asks = request.allow_stdin and request.ask is not None
        self.conversation.begin(message_id, Kind.CELL, shows_result=request.shows_result, asks=asks)
        self._show_in(message_id, emit)
        self.pump.begin_cell()
        return self._open(Pending(message_id, request, emit))

    async def ask(self, kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a question and return its reply's content; empty when none comes.

        When the caller is cancelled, the guest kernel is freed of the question.
        """
        message_id = self.send("shell", kind, content)
        self.conversation.begin(message_id, Kind.QUESTION)
        question = self._open(Pending(message_id, None, None))
        try:
            end = await self.follow(question)
        except asyncio.CancelledError:
            self._call_off(question)
            raise
        return end.reply or {} if end is not None else {}

    def expect(self, message_id: str, emit: Emit) -> None:
        """Show what comes of a widget's message."""
        self.conversation.expect(message_id, Kind.COMM)
        self._show_in(message_id, emit)

    async def follow(self, pending: Pending) -> End | None:
        """Return how a request ended. Raises what it failed with."""
        self.pump.wake()
        try:
            return await pending.ended
        finally:
            self._close(pending)

    def _open(self, pending: Pending) -> Pending:
        self._pending[pending.message_id] = pending
        return pending

    def _show_in(self, message_id: str, emit: Emit) -> None:
        self._emits[message_id] = emit
        if len(self._emits) > MOST_EMITS:
            known = self.conversation.knows
            self._emits = {name: emit for name, emit in self._emits.items() if known(name)}

    def _close(self, pending: Pending) -> None:
        pending.over.set()
        self._pending.pop(pending.message_id, None)
        is_given_up = pending.message_id in self.conversation.open
        self.conversation.close(pending.message_id)
        if pending.request is not None:
            self._asking.cancel()
            self.pump.calm()
            if self._stubborn is not None:
                self._stubborn.cancel()
        if is_given_up and not self._pending:
            self.pump.abandon()

    def _call_off(self, question: Pending) -> None:
        """Free the guest kernel of a question that nobody waits for any more."""
        if self.link.withdraw(question.message_id):
            return
        kernel = self.conversation.kernel
        self.link.queue({"op": "interrupt", "request": question.message_id, "kernel": kernel})
        if question.has_arrived:  # the session answers; else the next cell's exchange takes it
            self._is_urgent = True
            self.pump.wake()

    @property
    def _cell(self) -> Pending | None:
        return self._pending.get(self.conversation.cell)

    def _answer(self, line: str) -> None:
        self.send("stdin", "input_reply", {"value": line})

    def _wake(self) -> None:
        if self._pending:
            self.pump.wake()

    # -- interrupts

    def interrupt(self) -> None:
        """Send SIGINT to the guest kernel, in two ways: one gets there soon."""
        cell = self._cell
        if cell is None:
            return
        cell.is_interrupted = True
        number = secrets.token_hex(8)
        self.link.queue({"op": "interrupt", "kernel": self.conversation.kernel, "id": number})
        self.pump.interrupt()
        self._asking.cancel()
        if self._stubborn is not None:
            self._stubborn.cancel()
        self._stubborn = asyncio.get_running_loop().call_later(STUBBORN, cell.end, None)
        if self.is_met:  # an exchange waits for its output: nothing else gets through
            striking = asyncio.ensure_future(self._strike(cell, number))
            self._striking.add(striking)
            striking.add_done_callback(self._striking.discard)

    async def _strike(self, cell: Pending, number: str) -> None:
        await self.side_calls.interrupt(cell.message_id, number)
        await cell.over.wait()
        await self.side_calls.clean_up()

    # -- what the pump asks: see Owner

    def plan(self) -> Plan | None:
        """Return the next exchange; None when nothing is open any more."""
        requests = self.conversation.open
        if requests:
            if self._asking:
                return Plan(requests, 0, 0 if self.link.has_unsent else self._asking.pause)
            return Plan(requests, WAIT if self.conversation.cell else QUESTION_WAIT)
        if self._is_urgent:
            self._is_urgent = False
            return Plan((), 0)
        # What has just ended may have printed: one more exchange brings it.
        lingers = self.link.lives or self._was_alive
        if lingers and time.monotonic() - self._shown_at < LINGER:
            self._was_alive = self.link.lives
            return Plan((), 0, BRISK if self._is_brisk else LINGER_PAUSE)
        return None

    async def take(
        self, plan: Plan, messages: Sequence[dict[str, Any]], over: Sequence[str]
    ) -> None:
        """Act on what an exchange brought; of the requests ``over`` nothing more comes."""
        for request in plan.until:
            if request in self._pending:
                self._pending[request].has_arrived = True
        cell = self._cell
        if self.link.left_out() and cell is not None and cell.emit is not None:
            cell.emit.show_own(left_out())
        self._is_brisk = False
        for number, message in enumerate(messages):
            if number % 100 == 99:
                await asyncio.sleep(0)  # a flood keeps nothing else from its turn
            self._apply(self.conversation.take(message))
        self._apply(self.conversation.over(over))

    def drop(self) -> None:
        """End the cell that was interrupted before the guest got it."""
        self._apply(self.conversation.sign(self.conversation.cell, Sign.DROPPED))

    def say(self, text: str) -> bool:
        """Show a status line in the open cell; False when there is none to show it in."""
        cell = self._cell
        if cell is None or cell.emit is None:
            return False
        cell.line.say(text)
        return True

    @property
    def has_begun(self) -> bool:
        """Whether the guest has got the open cell."""
        cell = self._cell
        return cell is None or cell.has_arrived

    @property
    def is_followed(self) -> bool:
        """Whether an open request may be carried out, as far as anybody knows."""
        return any(
            one.has_arrived or self.link.may_have_arrived(one.message_id)
            for one in self._pending.values()
        )

    def fail(self, error: Exception) -> None:
        """Give up all that is open: the link, the service or the network has failed."""
        cell = self._cell
        if isinstance(error, (GuestFailed, GuestGone, LinkTaken, NotPassedOn)):
            error = self._lost(error)
            if cell is None:
                self.untold = error
        elif isinstance(error, AcaKernelError) and cell is not None:
            error.left = self._what_is_left(cell)
            self.is_met = self.is_met and not isinstance(error, PoolFull)
        for pending in list(self._pending.values()):
            self.conversation.close(pending.message_id)
            pending.fail(error)

    async def lost(self, error: AcaKernelError) -> AcaKernelError:
        """Return what to tell when a call beside the exchanges finds that the link has ended."""
        if isinstance(error, GuestGone):
            error.is_session_replaced = await self.side_calls.is_replaced()
        return self._lost(error)

    def _lost(self, error: AcaKernelError) -> AcaKernelError:
        """What to tell of a link that has ended, which is let go of."""
        if isinstance(error, (LinkTaken, NotPassedOn)):
            self.is_met = False
            return link_taken() if isinstance(error, LinkTaken) else not_passed_on()
        self.begin_anew()
        if isinstance(error, GuestFailed):
            return guest_failed(error.what)
        is_replaced = getattr(error, "is_session_replaced", None)
        if is_replaced is False:
            return python_replaced()
        return session_replaced(is_sure=is_replaced is True)

    def _what_is_left(self, cell: Pending) -> str:
        """The truth about a cell that is not followed any more."""
        if self.link.withdraw(cell.message_id):
            return "Nothing of this cell was run."
        if cell.has_arrived:
            return "The cell's code may still be running; its output is kept in the session."
        return (
            "Whether this cell's code is run is not known: it may have reached the session."
            " What it shows comes under this cell, while the next one runs."
        )

    # -- effects

    def _apply(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Show):
                self._shown_at, self._is_brisk = time.monotonic(), True
                emit = self._emits.get(effect.request)
                if emit is not None:
                    emit.show_session(effect.output)
            elif isinstance(effect, Calls):
                self._tell_of_calls(effect)
            elif isinstance(effect, Fail) and not effect.request:
                effect.error.left = f"{effect.error.left} Nothing of this cell was run."
                self.untold = effect.error
            elif (pending := self._pending.get(effect.request)) is None:
                continue
            elif isinstance(effect, End):
                self._shown_at = time.monotonic()
                pending.end(effect)
            elif isinstance(effect, Fail):
                pending.fail(effect.error)
            else:
                self._asking.ask(pending, effect)

    def _tell_of_calls(self, calls: Calls) -> None:
        cell = self._cell
        if cell is not None and cell.emit is not None and not cell.knows_calls:
            cell.knows_calls = True  # once a cell: no budget holds our own words back
            cell.emit.show_own(others_calls(calls.number))
