"""Linked mode: Jupyter's own messages to a guest kernel in the session, over the link."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ..errors import AcaKernelError, ExecutionFailed, PoolFull
from ..guest.counts import count_request
from ..link.answers import MOST_NUMBER, GuestFailed, GuestGone, LinkTaken, Transient
from ..link.client import Link
from ..messages import CellRequest, Comm, Emit, Reply, SessionEvent
from ..outputs.notices import notice_output
from ..pool import PoolClient, shorten
from ..worker import Worker
from .base import Interpreter
from .guestmessages import (
    completions,
    guest_failed,
    history_lines,
    interrupted,
    kernel_failed,
    link_taken,
    not_passed_on,
    python_replaced,
    reply_of,
    session_replaced,
    still_running,
)
from .handshake import meet, patiently
from .incoming import Incoming, Running
from .outage import Outage
from .side_calls import Beside
from .statusline import while_starting

__all__ = ["LinkedInterpreter"]

WAIT = 1.0
"""Seconds that the guest may keep a silent exchange."""

QUIET = 4.0
"""Seconds without an answer after which the cell tells of it."""

SHARED_QUIET = 2.0
"""The same in a shared session, where another client's call is likely the reason."""

STUBBORN = 8.0
"""Seconds after an interrupt when the cell gets its reply although its code still runs."""

RESTART_PATIENCE = 1.5
"""Seconds after which a restart ends another client's call that keeps it from the session."""

_COMM = "shell-comm"
"""The guest's name for the shell channel when no reply comes."""

_NO_CELL = CellRequest(code="")

LOST_REPLY = 1.0
"""Seconds that a cell of which a message was left out still waits for its reply after its idle."""

REFUSALS = 3
"""Refusals in a row after which a cell that has surely not begun is taken back."""

SILENCES = 3
"""Calls in a row that pass the guest by although it is there, after which the cell is told."""


class LinkedInterpreter(Interpreter):
    """A guest kernel in a session, spoken to in Jupyter's messages. See `Interpreter`.

    ``outage_tolerance`` is the seconds that a running cell survives without the network,
    ``execution_timeout`` those that a cell may run, None for no limit. ``share`` is whether
    plain calls of other clients run in the guest kernel, when nobody has decided that before.
    ``comms`` is whether what widgets say crosses, which may act on the user's page.
    """

    mode = "linked"
    shared = False

    def __init__(
        self,
        client: PoolClient,
        identifier: str,
        *,
        outage_tolerance: float = 600.0,
        execution_timeout: float | None = None,
        share: bool | None = None,
        comms: bool = False,
        worker: Worker | None = None,
        report: Callable[[SessionEvent], None] = lambda event: None,
    ) -> None:
        self.client = client
        self.identifier = identifier
        self.worker = worker or Worker("aca-kernel-session")
        self._outage_tolerance = outage_tolerance
        self._execution_timeout = execution_timeout
        self._share = share
        self._comms = comms
        self._beside = Beside(client, identifier, self.worker)
        self._link = Link(client, identifier, self.worker.call, comms=comms)
        self._session_id = uuid.uuid4().hex
        self._incoming = Incoming(lambda line: self._send("stdin", "input_reply", {"value": line}))
        self._report = report
        self._is_met = False
        self._starting: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._delivering: asyncio.Task[None] | None = None
        self._striking: set[asyncio.Task[None]] = set()
        self._interrupted: asyncio.Event = asyncio.Event()
        self._interrupted_at: float | None = None
        self._refusals = 0  # in a row
        self._silences = 0

    # -- the session

    @property
    def _met(self) -> bool:
        """Whether the guest has been met. A change of it is reported."""
        return self._is_met

    @_met.setter
    def _met(self, is_met: bool) -> None:
        if is_met is not self._is_met:
            self._is_met = is_met
            self._report(SessionEvent.ANSWERED if is_met else SessionEvent.LOST)

    async def start(self, emit: Emit | None = None) -> None:
        """Put the guest into the session, or find it there, and see that it works.

        A start that takes long is told in a status line. Raises NoGuest when the session cannot
        hold a guest: direct mode is left then.
        """
        if self._starting is None or (self._starting.done() and not self._met):
            self._starting = asyncio.ensure_future(self._start(emit))
        starting = self._starting
        try:
            await while_starting(asyncio.shield(starting), emit)
        except asyncio.CancelledError:
            if emit is not None:  # the user's interrupt; else a question that came too late
                starting.cancel()
            raise
        if emit is None:
            await self._cooldown_is_known()

    async def _start(self, emit: Emit | None) -> None:
        self._report(SessionEvent.CALLED)  # what is asked for is allocated, whatever comes back
        hello = await meet(self._link, self.worker, self._share, self._greet)
        self.shared = hello.share
        self._incoming.kernel = hello.kernel
        self._incoming.next_count = 1 if hello.cells == 0 else None
        self._learning = asyncio.ensure_future(self._learn_cooldown())
        if hello.cells and emit is not None:
            text = (
                f"Reattached to the living session {shorten(self.identifier)}: variables and"
                " files are as they were."
            )
            emit(notice_output(text))
        self._met = True

    def _greet(self, kernel: int) -> str:
        self._incoming.kernel = kernel
        return self._send("shell", "kernel_info_request", {})

    async def share(self, on: bool) -> None:
        """Have plain calls of other clients run in the guest kernel, or not."""
        self._share = on
        if not self._met:
            await self.start()
        try:
            self.shared = await patiently(lambda: self._link.share(on))
        except (GuestGone, GuestFailed) as error:
            self._silences = SILENCES
            await self._look_into(error)
        except LinkTaken:
            raise self._taken() from None

    async def pass_by(self, code: str) -> None:
        """Have the next plain call with this code run past the guest kernel."""
        if self._met:
            with suppress(GuestGone, GuestFailed):
                await patiently(lambda: self._link.announce(code))

    async def _learn_cooldown(self) -> None:
        self.cooldown_seconds = await self._beside.cooldown()

    async def _cooldown_is_known(self) -> None:
        """Wait until the service has said it: beside the first cell, which needs no part of it."""
        if self._learning is not None:
            await asyncio.wait([self._learning], timeout=1.0)
            self._learning = None

    @property
    def round_trip(self) -> float:  # type: ignore[override]
        """Seconds that a call takes on its way, as measured; 0 while it is not known."""
        return self._link.round_trip

    # -- cells

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run one cell in the guest kernel, showing its outputs as they come.

        Raises SessionLost, ExecutionFailed when the guest kernel died, and TransportError when
        the network was away for longer than ``outage_tolerance``.
        """
        if not self._met:
            await self.start(emit)
        self._interrupted.clear()
        self._interrupted_at = None
        counted = request.store_history and not request.silent
        if counted and self._incoming.next_count != request.execution_count:
            self._send("shell", "execute_request", count_request(request.execution_count))
        content = {
            "code": request.code,
            "silent": request.silent,
            "store_history": request.store_history,
            "user_expressions": dict(request.user_expressions),
            "allow_stdin": request.allow_stdin and request.ask is not None,
            "stop_on_error": False,  # the queue of cells is on this machine
        }
        running = Running(self._send("shell", "execute_request", content), request, emit)
        self._silences = self._refusals = 0
        self._incoming.begin(running)
        try:
            reply = await self._follow(running)
            await self._cooldown_is_known()
            return reply
        finally:
            self._incoming.end()
            running.over.set()

    async def _follow(self, running: Running) -> Reply:
        begun = time.monotonic()
        timed_out = False
        while not running.done:
            await self._incoming.answered()
            await self._exchange(running, wait=0 if self._incoming.is_asking else WAIT)
            now = time.monotonic()
            if self._link.has_ended(running.message_id):
                running.give_up()
            if (
                self._execution_timeout is not None
                and not timed_out
                and now - begun > self._execution_timeout
            ):
                timed_out = True
                await self.interrupt()
            if running.idle and running.reply is None and running.is_incomplete:
                if now - running.idle_at > LOST_REPLY:
                    raise ExecutionFailed(
                        "The cell has ended, but how is not known: its reply was too large.",
                        left="Variables and files stay.",
                        remedy="Run the next cell; raise errors with shorter texts.",
                    )
            elif (
                self._interrupted_at is not None
                and not running.done
                and now - self._interrupted_at > STUBBORN
            ):
                return _shown(still_running(), running)
        if running.reply is None and running.unanswered is not None:
            if self._interrupted_at is None:
                raise kernel_failed(running.unanswered)
            # SIGINT struck ipykernel between a request and its code.
            return _shown(interrupted(), running)
        content = running.reply or {}
        request = running.request
        assert request is not None  # noqa: S101
        if request.store_history and not request.silent:
            count = content.get("execution_count")
            self._incoming.next_count = (
                count + 1 if type(count) is int and count < MOST_NUMBER else None
            )
        if timed_out:
            raise ExecutionFailed(
                f"The cell ran longer than execution_timeout ({self._execution_timeout:g} s)"
                " and was interrupted.",
                left="Variables and files stay as far as it got.",
                remedy="Set ACA_EXECUTION_TIMEOUT higher, or to nothing for no limit.",
            )
        return reply_of(content)

    # -- what an editor asks

    async def complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Completions from the guest kernel's namespace."""
        reply = await self._ask("complete_request", {"code": code, "cursor_pos": cursor_pos})
        return completions(reply, code, cursor_pos)

    async def inspect(self, code: str, cursor_pos: int, detail_level: int) -> dict[str, Any]:
        """Help on what stands at the cursor, as plain text only: nothing there can act."""
        from ..outputs.policy import OutputPolicy  # late, as in kernel.py

        content = {"code": code, "cursor_pos": cursor_pos, "detail_level": detail_level}
        reply = await self._ask("inspect_request", content)
        shown = OutputPolicy.inspection(reply.get("data"))
        return {"status": "ok", "found": bool(shown), "data": shown, "metadata": {}}

    async def history(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The guest kernel's history."""
        return history_lines(await self._ask("history_request", dict(request)))

    def queue_comm(self, message: Comm, emit: Emit) -> bool:
        """Have a widget's message sent with the next exchange; False when nobody would get it."""
        if not self._met or not self._comms:
            return False
        message_id = self._send(_COMM, message.kind, message.content, message)
        self._incoming.expect(Running(message_id, _NO_CELL, emit))
        return True

    async def take_comms(self, emit: Emit) -> None:
        """Wait until the guest kernel has dealt with all that is queued, and show what comes."""
        # It takes its messages in order, and answers this one.
        running = Running(self._send("shell", "kernel_info_request", {}), _NO_CELL, emit)
        self._incoming.running = running
        try:
            while not running.done:
                await self._exchange(running, wait=WAIT)
        finally:
            self._incoming.running = None

    async def comm_info(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Which comms the guest kernel has, as the content of a comm_info_reply."""
        if not self._met or not self._comms:
            return {"status": "ok", "comms": {}}
        return await self._ask("comm_info_request", dict(content))

    @property
    def is_taken(self) -> bool:
        """Whether a request is on its way."""
        return self._incoming.running is not None

    async def _ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        if not self._met:
            await self.start()
        running = Running(self._send("shell", kind, content), None, None)
        previous, self._incoming.running = self._incoming.running, running
        try:
            while not running.done:
                await self._exchange(running, wait=0.6)
        except asyncio.CancelledError:  # it took too long, or the user has interrupted it
            self._call_off(running)
            raise
        finally:
            self._incoming.running = previous
        return running.reply or {}

    def _call_off(self, question: Running) -> None:
        """Let a question go, and free the guest kernel of it."""
        self.worker.abandon()
        if self._link.withdraw(question.message_id):
            return
        stop = {"op": "interrupt", "request": question.message_id, "kernel": self._incoming.kernel}
        self._link.queue(stop)
        if question.is_there:  # the session answers; else the next cell's exchange takes it along
            self._delivering = asyncio.ensure_future(self._deliver())

    async def _deliver(self) -> None:
        with suppress(AcaKernelError):
            for message in await self._link.exchange(until=None, wait=0):
                await self._incoming.take(message)

    # -- interrupt and restart

    async def interrupt(self) -> None:
        """Send SIGINT to the guest kernel with the next exchange."""
        running = self._incoming.running
        if running is None:
            return
        self._interrupted_at = time.monotonic()
        self._interrupted.set()
        number = secrets.token_hex(8)
        self._link.queue({"op": "interrupt", "kernel": self._incoming.kernel, "id": number})
        self._incoming.cancel_question()
        if self._met:  # an exchange waits for its output: nothing else gets through
            striking = asyncio.ensure_future(self._strike(running, number))
            self._striking.add(striking)
            striking.add_done_callback(self._striking.discard)

    async def _strike(self, running: Running, number: str) -> None:
        await self._beside.interrupt(running.message_id, number)
        await running.over.wait()
        await self._beside.clean_up()

    def reset_call(self) -> Callable[[], Any] | None:
        """A blocking call that replaces the guest kernel; None when there is none yet."""
        return self._link.restart_call() if self._met else None

    async def reset(self) -> None:
        """Replace the guest kernel: fresh Python state, files kept.

        Another client's call that runs in the guest kernel is ended.
        """
        if self._met and self._incoming.running is not None:
            self.worker.abandon()
        work = asyncio.ensure_future(self._reset())
        if not (await asyncio.wait([work], timeout=RESTART_PATIENCE))[0]:
            await self._beside.stop_call(work)
        await work

    async def _reset(self) -> None:
        if not self._met:
            await self.start()
        restart = self._link.restart_call()
        try:
            self._incoming.kernel = await patiently(lambda: self.worker.call(restart))
        except (GuestGone, GuestFailed):
            self._met = False
            return
        self._incoming.next_count = 1

    def close(self) -> None:
        """Let the threads go."""
        self.worker.abandon()
        self._beside.close()

    # -- exchanges

    def _send(
        self, channel: str, kind: str, content: Mapping[str, Any], comm: Comm | None = None
    ) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self._session_id,
            "username": "aca-kernel",
            "date": datetime.now(timezone.utc).isoformat(),
            "version": "5.3",
        }
        self._link.queue(
            {
                "op": "send",
                "channel": channel,
                "kernel": self._incoming.kernel,
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

    async def _exchange(self, running: Running, *, wait: float) -> None:
        """One exchange that came through; while the network is away, a status line says so.

        That an exchange failed says nothing of the cell. So it is repeated; and when that comes
        to an end, the cell is taken back, or the error says that it may run.
        """
        outage = Outage(running.emit, self._outage_tolerance, self.cooldown_seconds)
        while True:
            try:
                messages = await self._answer(running, wait, outage)
            except PoolFull as error:
                self._met = False
                raise self._given_up(running, error) from None
            except (GuestGone, GuestFailed) as error:
                await self._look_into(error)
                continue
            except LinkTaken:
                raise self._taken() from None
            except AcaKernelError as error:
                if self._is_refused(error, running):
                    raise self._given_up(running, error) from None
                if not await outage.wait(error, self._interrupted):
                    raise self._given_up(running, outage.over(error)) from None
                continue
            if messages is None:
                raise self._given_up(running, outage.over())
            outage.end()
            running.is_there = True
            self._refusals = self._silences = 0
            break
        if self._link.left_out():
            running.leave_out()
        for number, message in enumerate(messages):
            if number % 100 == 99:
                await asyncio.sleep(0)  # a flood keeps nothing else from its turn
            await self._incoming.take(message)

    def _is_refused(self, error: AcaKernelError, running: Running) -> bool:
        """Whether a refusal ends the request: it does not pass, and nothing runs of it yet."""
        if error.is_passing or isinstance(error, Transient):
            self._refusals = 0
            return False
        self._refusals += 1
        is_followed = running.is_there or self._link.may_have_arrived(running.message_id)
        return not is_followed and self._refusals >= REFUSALS

    def _given_up(self, running: Running, error: AcaKernelError) -> AcaKernelError:
        """``error`` with the truth about the cell, which is not followed any more."""
        if self._link.withdraw(running.message_id):
            error.left = "Nothing of this cell was run."
        elif running.is_there:
            error.left = "The cell's code may still be running; its output is kept in the session."
        else:
            error.left = (
                "Whether this cell's code is run is not known: it may have reached the session."
                " What it shows comes under this cell, while the next one runs."
            )
        return error

    async def _look_into(self, error: GuestGone | GuestFailed) -> None:
        """Find out why the guest does not answer. Returns when it is there: the next call tells.

        Raises what is so: the session was replaced, its Python was, or the link has failed.
        """
        if isinstance(error, GuestFailed):
            self._begin_anew()
            raise guest_failed(error.what) from None
        if error.is_silent:
            self._silences += 1
            try:
                boot = await self._link.look()
            except AcaKernelError:
                boot = self._link.boot  # who knows: the next exchange will tell
            if boot == self._link.boot:
                if self._silences < SILENCES:
                    await asyncio.sleep(0.2)
                    return
                self._met = False
                raise not_passed_on()
        is_replaced = await self._beside.is_replaced()
        self._begin_anew()
        if is_replaced is False:
            raise python_replaced()
        raise session_replaced(is_sure=is_replaced is True)

    def _begin_anew(self) -> None:
        """Let go of a guest that is not there any more: the next cell begins with another."""
        self._met = False
        self._incoming.next_count = None
        self._link = Link(self.client, self.identifier, self.worker.call, comms=self._comms)

    async def _answer(
        self, running: Running, wait: float, outage: Outage
    ) -> list[dict[str, Any]] | None:
        """What one exchange brings. While no answer comes, the status line says so.

        The network may have gone dark, or another client's long call hold this one up: neither
        keeps an interrupted cell from getting its reply. None when that was not waited for.
        """
        link = self._link.exchange(until=running.message_id, wait=wait)
        exchange = asyncio.ensure_future(link)
        began = time.monotonic()
        try:
            # A call that comes while the cell runs is refused after 2 s: no need to tell of it.
            quiet = SHARED_QUIET if self.shared and not running.is_there else QUIET
            while not await self._ends(exchange, quiet):
                is_taken = await self._beside.answers_while(exchange)
                if exchange.done():
                    break
                at = self._interrupted_at
                if time.monotonic() - began > quiet:
                    outage.quiet(began, is_taken=is_taken, has_begun=running.is_there)
                if at is not None and not is_taken:
                    self.worker.abandon()
                    return None
                if at is not None and is_taken and not running.is_there:
                    self.worker.abandon()
                    # The guest drops the cell: it gets the interrupt with the next exchange.
                    return [{"event": "dropped", "msg_id": running.message_id}]
                if at is not None and time.monotonic() - at > STUBBORN - QUIET:
                    self.worker.abandon()
                    return None
            return exchange.result()
        finally:
            exchange.cancel()

    async def _ends(self, exchange: asyncio.Future[Any], quiet: float) -> bool:
        """Whether an exchange ends within ``quiet`` seconds: soon, once it is interrupted."""
        interrupted = asyncio.ensure_future(self._interrupted.wait())
        try:
            either = asyncio.FIRST_COMPLETED
            await asyncio.wait([exchange, interrupted], timeout=quiet, return_when=either)
        finally:
            interrupted.cancel()
        if not exchange.done() and self._interrupted.is_set():
            await asyncio.wait([exchange], timeout=WAIT + 2 * self.round_trip)
        return exchange.done()

    def _taken(self) -> AcaKernelError:
        self._met = False
        return link_taken()


def _shown(reply: Reply, running: Running) -> Reply:
    """An error's reply, which is shown in its cell as well."""
    if running.emit is not None:
        running.emit(reply.error_output())
    return reply
