"""Direct mode: one execute call a cell, verbatim. It needs nothing but the documented API."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import (
    AcaKernelError,
    AuthenticationError,
    ExecutionFailed,
    NotFound,
    NotSent,
    PermissionRefused,
    PoolFull,
    RefusedForNow,
    SessionLost,
)
from ..messages import CellRequest, Emit, Output, Reply, SessionEvent
from ..outputs.notices import notice_output
from ..pool import Execution, PoolClient, shorten
from ..pool.kinds import kind_of_execution, other_kind
from ..worker import Worker
from . import probes
from .base import Interpreter
from .direct_call import PROBE_TIMEOUT, SERVICE_CAP, interrupted_reply, run_code
from .mapping import OUTPUT_LIMIT, PYTHON_DIED, service_failure
from .statusline import StatusLine, while_starting, while_waiting

__all__ = ["DirectInterpreter"]


OPTIONAL_TIMEOUT = 3.0
"""Seconds for a call that a cell can do without."""

RESET_TIMEOUT = 10.0
"""Seconds for the call that deletes a session."""

BUSY = SERVICE_CAP + 30.0
"""Seconds that a cell waits for a session that takes no other call while code runs."""

TRUSTED_IDLE = 60.0
"""Seconds without a call after which the session is looked at before a cell runs in it."""


class DirectInterpreter(Interpreter):
    """A session whose own interpreter runs the cells. See `Interpreter`.

    ``execution_timeout`` is seconds, None for the service's cap; ``outage_tolerance`` those that
    a cell waits at most for a session that is taken. ``announce`` is called with the code of
    each execute call before it is made.
    """

    mode = "direct"

    def __init__(
        self,
        client: PoolClient,
        identifier: str,
        *,
        outage_tolerance: float = 600.0,
        execution_timeout: float | None = None,
        worker: Worker | None = None,
        report: Callable[[SessionEvent], None] = lambda event: None,
        announce: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._report = report
        self._announce = announce
        self._patience = min(BUSY, outage_tolerance)
        self.client = client
        self.identifier = identifier
        self.worker = worker or Worker("aca-kernel-session")
        seconds = SERVICE_CAP if execution_timeout is None else execution_timeout
        self._timeout = max(1, min(SERVICE_CAP, int(seconds)))
        self._interrupted: asyncio.Event | None = None
        self._starting = asyncio.Lock()
        self._guid_counts = True  # until a header has changed in a session that is the same
        self._asks_for_etag = True
        self._is_fresh_due = False
        self._cut = OUTPUT_LIMIT
        self.forget()
        self._greeted_before = False

    def forget(self) -> None:
        """Know nothing about the session: the next cell begins by looking at it."""
        self._mark: str | None = None
        self._guid = ""
        self._etag = ""
        self._doubtful = False
        self._last_answer = 0.0

    def _note_lost(self) -> None:
        """Forget the session, and report that it is lost."""
        self.forget()
        self._report(SessionEvent.LOST)

    async def start(self, emit: Emit | None = None) -> None:
        """Allocate the session, go to /mnt/data and leave the mark that tells it from another.

        Shows a notice when an earlier process of this kernel had been here. Raises SessionLost
        when the session that was started before is there no longer.
        """
        async with self._starting:  # warming up and the first cell may both ask for it
            if self._mark is None:
                await while_starting(self._greet(emit), emit)
            else:
                await self._look(emit)

    async def _greet(self, emit: Emit | None) -> None:
        self._report(SessionEvent.CALLED)
        mark = secrets.token_hex(8)
        earlier = await self._read_mark(mark, emit)
        if earlier and earlier != mark and self._is_fresh_due:
            # Deleting the session has not helped: its Python can be ended all the same.
            await self._end_python()
            earlier = await self._read_mark(mark, emit)
            if earlier and earlier != mark:
                raise ExecutionFailed(
                    "The restart did not happen: the service has not ended the session, and its"
                    " Python could not be ended either.",
                    left="Variables and files are as they were.",
                    remedy="Use %session new for a new session, or run the cell again to try once"
                    " more.",
                )
        self._is_fresh_due = False
        if earlier == mark:
            earlier = ""  # our own, when the greeting was repeated after a lost answer
        self._etag = await self._read_etag()
        self._mark = earlier or mark
        if earlier and not self._greeted_before and emit is not None:
            text = (
                f"Reattached to the living session {shorten(self.identifier)}: variables and"
                " files are as they were."
            )
            emit(notice_output(text))
        self._greeted_before = True
        self._report(SessionEvent.ANSWERED)

    async def _read_mark(self, mark: str, emit: Emit | None) -> str | None:
        """The mark in the session before, "" for none, after which it is ``mark``.

        None when what the session says cannot be read: that is no other mark.
        """
        probe = probes.greeting(mark)
        for attempt in (1, 2):
            answer: Execution = await self._when_free(
                emit,
                self.client.execute,
                self.identifier,
                probe.code,
                output_limit=OUTPUT_LIMIT,
                repeatable=True,
            )
            # What waits behind code that then fails is aborted once (docs/service.md 8).
            if answer.succeeded or attempt == 2 or "aborted" not in answer.stderr.lower():
                break
        kind = kind_of_execution(answer)
        if kind:
            raise other_kind(kind)
        if not answer.succeeded:
            raise service_failure(answer.stderr, answer.status)
        self._note(answer)
        said = probe.read(answer)
        if probe.mark in answer.stdout and len(answer.stdout) < probes.GREETING_LENGTH:
            self._cut = len(answer.stdout)
        found = said.get("mark") if said is not None else None
        return (found if isinstance(found, str) else "") if said is not None else None

    async def _end_python(self) -> None:
        with contextlib.suppress(AcaKernelError):  # how it ends, the next call tells
            await self.worker.call(
                self.client.execute,
                self.identifier,
                probes.end_python(),
                timeout=PROBE_TIMEOUT,
                repeatable=True,
            )

    async def _when_free(
        self, emit: Emit | None, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """What ``function`` gives; while the session refuses it for now it is called again.

        A service that takes one call at a time refuses all others while code runs, also such as
        nobody waits for any more. Nothing is run by a call that is refused so.
        """
        line = StatusLine(emit)
        began = time.monotonic()
        pause = 0.25
        while True:
            if self._announce is not None and function == self.client.execute:
                await self._announce(args[1])
            try:
                result = await self.worker.call(function, *args, **kwargs)
            except RefusedForNow as error:
                waited = time.monotonic() - began
                may_have_run = error.status == 408 and not kwargs.get("repeatable")
                if not error.is_passing or may_have_run or waited > self._patience:
                    raise
                asked = error.retry_after or 0.0
                line.say(
                    f"{error.what} Code of an earlier cell may still run there, which the service"
                    f" cannot stop. Waiting, {waited:.0f} s so far. Interrupt the kernel to stop"
                    " waiting."
                )
                await asyncio.sleep(min(max(pause, asked), self._patience - waited + 1))
                pause = min(2 * pause, 5.0)
            else:
                if line.is_shown:
                    line.say(f"Waited {time.monotonic() - began:.0f} s for the session.")
                return result

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run one cell by one call. Streams come when it has ended.

        Raises SessionLost when the service replaced the session, before or after the call.
        """
        self._interrupted = asyncio.Event()
        work = asyncio.ensure_future(self._execute(request, emit))
        stop = asyncio.ensure_future(self._interrupted.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            stop.cancel()
        if work.done():
            return work.result()
        work.cancel()
        self.worker.abandon()
        self._doubtful = True
        reply = interrupted_reply()
        if not request.silent:
            emit(reply.error_output())
        return reply

    async def _execute(self, request: CellRequest, emit: Emit) -> Reply:
        await self.start(emit)
        known = self._guid

        async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return await self._when_free(emit, function, *args, **kwargs)

        outputs: list[Output] = []
        reply, execution = await run_code(
            self.client,
            self.identifier,
            request,
            outputs.append,
            call,
            self._timeout,
            self._cut,
        )
        self._note(execution)
        is_lost = False
        if known and execution.session_guid not in ("", known):
            is_lost = await self._is_another(emit)
        for output in outputs:
            # The loss explains an error of the cell, such as a name that is missing.
            if not (is_lost and output.msg_type == "error"):
                emit(output)
        if not execution.succeeded and reply.ename == "ExecutionFailed":
            if PYTHON_DIED in execution.stderr.lower():
                self._note_lost()  # the user has just been told: the next cell begins anew
            else:
                self._doubtful = True
        if is_lost:
            self._note_lost()
            raise SessionLost(
                "The service had replaced this session: this cell ran in a new, empty one.",
                left="The variables and files of before are gone.",
                remedy="Run the notebook from the top.",
            )
        return reply

    def _note(self, execution: Execution) -> None:
        self._last_answer = time.monotonic()
        if self._guid_counts:
            self._guid = execution.session_guid or self._guid

    async def _is_another(self, emit: Emit | None) -> bool:
        """Whether the session has another mark than before: its Python is another one.

        The arbiter where a header or an etag has changed: either may change with every call.
        """
        try:
            found = await self._read_mark(self._mark or "", emit)
        except ExecutionFailed:
            return False  # nobody knows
        if found is None or found == self._mark:
            self._guid_counts = False
            self._guid = ""
            return False
        return True

    async def _look(self, emit: Emit | None) -> None:
        """Raise SessionLost when the session is another than before; nothing has run then."""
        is_quiet = time.monotonic() - self._last_answer > TRUSTED_IDLE
        if self._doubtful:
            await while_waiting(
                self._look_for_mark(emit),
                emit,
                "The session does not answer yet: code of an earlier cell may still run there,"
                " which the service cannot stop. Waiting, {seconds} so far.",
                "The session answers again after {seconds}.",
            )
        # The guid in each answer tells as well, but only after the cell has run.
        elif self._etag and (not self._guid or is_quiet):
            if await self._read_etag() != self._etag:  # or it cannot be read now
                await self._look_for_mark(emit)
        elif not self._etag and not self._guid:
            await self._look_for_mark(emit)

    async def _read_etag(self) -> str:
        if not self._asks_for_etag or not self.client.supports("get_session"):
            return ""
        try:
            info = await self.worker.call(
                self.client.get_session, self.identifier, timeout=OPTIONAL_TIMEOUT
            )
        except AcaKernelError:
            # A pool that cannot tell: the guid or the mark has to do.
            self._asks_for_etag = False
            self._etag = ""
            return ""
        self.cooldown_seconds = info.cooldown_seconds
        return str(info.etag)

    async def _look_for_mark(self, emit: Emit | None) -> None:
        known, expected = self._guid, self._mark
        found = await self._read_mark(expected or "", emit)
        self._doubtful = False
        if found is None or found == expected:
            self._etag = await self._read_etag() if self._etag else ""
            return
        if known and known == self._guid:
            self._note_lost()
            raise SessionLost(
                "The session's Python was replaced, most often because it ran out of memory.",
                left="Variables are gone; the files in /mnt/data are still there. Nothing of"
                " this cell was run.",
                remedy="Run the notebook from the top.",
            )
        self._lose()

    def _lose(self) -> None:
        self._note_lost()
        raise SessionLost(
            "The service replaced this session: it had been idle for longer than its cooldown"
            " period, or somebody deleted it.",
            left="Variables and the files in /mnt/data are gone; nothing of this cell was run.",
            remedy="Run the notebook from the top. `%session keep-alive` keeps a session awake"
            " for longer.",
        )

    async def interrupt(self) -> None:
        """Give the cell its reply at once; the service has no way to stop the code itself."""
        if self._interrupted is not None:
            self._interrupted.set()

    def reset_call(self) -> Callable[[], Any] | None:
        """A blocking call that deletes the session, within 2 s; NotFound when there is none."""
        if self._mark is None:
            return None

        def delete() -> None:
            if not self.client.delete_session(self.identifier, timeout=2.0):
                raise NotFound("The pool says that it has no such session.", status=404)

        return delete

    async def reset(self) -> None:
        """Delete the session, or else end its Python: what there is of fresh Python state here.

        Raises ExecutionFailed when neither has brought it.
        """
        is_deleted = False
        try:
            is_deleted = await self.worker.call(
                self.client.delete_session, self.identifier, timeout=RESET_TIMEOUT
            )
        except (AuthenticationError, NotSent, PermissionRefused, PoolFull):
            raise
        except AcaKernelError:
            self.worker.abandon()  # a call that is not answered, or a service that lacks it
        self._note_lost()
        self._is_fresh_due = True
        if not is_deleted:
            await self._greet(None)  # a session that is said not to be there may live on

    def close(self) -> None:
        """Let the worker thread go."""
        self.worker.abandon()
