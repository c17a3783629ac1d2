"""Linked mode: Jupyter's own messages to a guest kernel in the session, over the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..guest.counts import count_request
from ..link.answers import MOST_NUMBER, GuestFailed, GuestGone, LinkTaken
from ..messages import CellRequest, Comm, Emit, Reply, SessionEvent
from ..outputs.notices import notice_output
from ..outputs.replies import completions, history_lines, reply_of
from ..pool import PoolClient, shorten
from ..worker import Worker
from .base import Interpreter
from .conversation import End, Sign
from .endings import (
    dropped,
    interrupted,
    kernel_failed,
    reply_left_out,
    still_running,
    timed_out,
)
from .handshake import meet, patiently
from .open_requests import OpenRequests
from .pending import Pending
from .statusline import while_starting

__all__ = ["LinkedInterpreter"]

RESTART_PATIENCE = 1.5
"""Seconds after which a restart ends another client's call that keeps it from the session."""

_COMM = "shell-comm"
"""The guest's name for the shell channel when no reply comes."""


class LinkedInterpreter(Interpreter):
    """A guest kernel in a session, spoken to in Jupyter's messages. See `Interpreter`.

    ``outage_tolerance`` is the seconds that a running cell survives without the network,
    ``execution_timeout`` those that a cell may run, None for no limit. ``share`` is whether
    plain calls of other clients run in the guest kernel, when nobody has decided that before.
    ``comms`` is whether what widgets say crosses, which may act on the user's page.
    """

    mode = "linked"

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
        self._execution_timeout = execution_timeout
        self._share = share
        self._comms = comms
        self._report = report
        self._requests = OpenRequests(
            client, identifier, self.worker, tolerance=outage_tolerance, comms=comms, report=report
        )
        self._starting: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None

    # -- the session

    @property
    def shared(self) -> bool:  # type: ignore[override]
        """Whether plain calls of other clients run in the namespace of this notebook's cells."""
        return self._requests.shared

    @property
    def round_trip(self) -> float:  # type: ignore[override]
        """Seconds that a call takes on its way, as measured; 0 while it is not known."""
        return self._requests.link.round_trip

    async def start(self, emit: Emit | None = None) -> None:
        """Put the guest into the session, or find it there, and see that it works.

        A start that takes long is told in a status line. Raises NoGuest when the session cannot
        hold a guest: direct mode is left then.
        """
        if emit is not None:
            self._tell_of_loss()
        if self._starting is None or (self._starting.done() and not self._requests.is_met):
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
        requests = self._requests
        hello = await meet(requests.link, self.worker, self._share, self._greet)
        requests.shared = hello.share
        requests.conversation.kernel = hello.kernel
        requests.conversation.next_count = 1 if hello.cells == 0 else None
        self._learning = asyncio.ensure_future(self._learn_cooldown())
        if hello.cells and emit is not None:
            text = (
                f"Reattached to the living session {shorten(self.identifier)}: variables and"
                " files are as they were."
            )
            emit.show_own(notice_output(text))
        requests.is_met = True

    def _greet(self, kernel: int) -> str:
        self._requests.conversation.kernel = kernel
        return self._requests.send("shell", "kernel_info_request", {})

    async def share(self, on: bool) -> None:
        """Have plain calls of other clients run in the guest kernel, or not."""
        self._share = on
        if not self._requests.is_met:
            await self.start()
        try:
            self._requests.shared = await patiently(lambda: self._requests.link.share(on))
        except (GuestGone, GuestFailed, LinkTaken) as error:
            raise await self._requests.lost(error) from None

    async def pass_by(self, code: str) -> None:
        """Have the next plain call with this code run past the guest kernel."""
        if self._requests.is_met:
            with suppress(GuestGone, GuestFailed):
                await patiently(lambda: self._requests.link.announce(code))

    async def _learn_cooldown(self) -> None:
        self.cooldown_seconds = await self._requests.side_calls.cooldown()
        self._requests.cooldown_seconds = self.cooldown_seconds

    async def _cooldown_is_known(self) -> None:
        """Wait until the service has said it: beside the first cell, which needs no part of it."""
        if self._learning is not None:
            await asyncio.wait([self._learning], timeout=1.0)
            self._learning = None

    # -- cells

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run one cell in the guest kernel, showing its outputs as they come.

        Raises SessionLost, ExecutionFailed when the guest kernel died, and TransportError when
        the network was away for longer than ``outage_tolerance``.
        """
        self._tell_of_loss()
        if not self._requests.is_met:
            await self.start(emit)
        requests, conversation = self._requests, self._requests.conversation
        counted = request.store_history and not request.silent
        if counted and conversation.next_count != request.execution_count:
            requests.send("shell", "execute_request", count_request(request.execution_count))
        content = {
            "code": request.code,
            "silent": request.silent,
            "store_history": request.store_history,
            "user_expressions": dict(request.user_expressions),
            "allow_stdin": request.allow_stdin and request.ask is not None,
            "stop_on_error": False,  # the queue of cells is on this machine
        }
        message_id = requests.send("shell", "execute_request", content)
        cell = requests.open_cell(message_id, request, emit)
        reply = await self._follow(cell)
        await self._cooldown_is_known()
        return reply

    def _tell_of_loss(self) -> None:
        error, self._requests.untold = self._requests.untold, None
        if error is not None:
            raise error

    async def _follow(self, cell: Pending) -> Reply:
        is_late = False

        def stop() -> None:
            nonlocal is_late
            is_late = True
            self._requests.interrupt()

        limit, timer = self._execution_timeout, None
        if limit is not None:
            timer = asyncio.get_running_loop().call_later(limit, stop)
        try:
            end = await self._requests.follow(cell)
        finally:
            if timer is not None:
                timer.cancel()
        if end is None:
            return _shown(still_running(), cell)
        if end.sign is Sign.DROPPED:
            return _shown(dropped(), cell)
        if end.reply is None and end.sign is Sign.OVER:
            raise reply_left_out()
        if end.reply is None:
            if not cell.is_interrupted:
                raise kernel_failed(end.why)
            # SIGINT struck ipykernel between a request and its code.
            return _shown(interrupted(), cell)
        self._count(cell, end)
        if is_late and limit is not None:
            raise timed_out(limit)
        return reply_of(end.reply)

    def _count(self, cell: Pending, end: End) -> None:
        request, content = cell.request, end.reply or {}
        if request is not None and request.store_history and not request.silent:
            count = content.get("execution_count")
            self._requests.conversation.next_count = (
                count + 1 if type(count) is int and count < MOST_NUMBER else None
            )

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
        if not self._requests.is_met or not self._comms:
            return False
        message_id = self._requests.send(_COMM, message.kind, message.content, message)
        self._requests.expect(message_id, emit)
        return True

    async def take_comms(self) -> None:
        """Wait until the guest kernel has dealt with all that is queued."""
        # It takes its messages in order, and answers this one.
        await self._requests.ask("kernel_info_request", {})

    async def comm_info(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Which comms the guest kernel has, as the content of a comm_info_reply."""
        if not self._requests.is_met or not self._comms:
            return {"status": "ok", "comms": {}}
        return await self._ask("comm_info_request", content)

    async def _ask(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        if not self._requests.is_met:
            await self.start()
        return dict(await self._requests.ask(kind, content))

    # -- interrupt and restart

    async def interrupt(self) -> None:
        """Send SIGINT to the guest kernel with the next exchange."""
        self._requests.interrupt()

    def reset_call(self) -> Callable[[], Any] | None:
        """A blocking call that replaces the guest kernel; None when there is none yet."""
        return self._requests.link.restart_call() if self._requests.is_met else None

    async def reset(self) -> None:
        """Replace the guest kernel: fresh Python state, files kept.

        Another client's call that runs in the guest kernel is ended.
        """
        if self._requests.is_met:
            self._requests.pump.abandon()
        work = asyncio.ensure_future(self._reset())
        if not (await asyncio.wait([work], timeout=RESTART_PATIENCE))[0]:
            await self._requests.side_calls.stop_call(work)
        await work

    async def _reset(self) -> None:
        self._requests.untold = None
        if not self._requests.is_met:
            await self.start()
        restart = self._requests.link.restart_call()
        try:
            kernel = await patiently(lambda: self.worker.call(restart))
        except (GuestGone, GuestFailed):
            self._requests.is_met = False
            return
        self._requests.conversation.kernel = kernel
        self._requests.conversation.next_count = 1

    def close(self) -> None:
        """Let the threads go."""
        self._requests.close()


def _shown(reply: Reply, cell: Pending) -> Reply:
    """An error's reply, which is shown in its cell as well."""
    if cell.emit is not None:
        cell.emit.show_own(reply.error_output())
    return reply
