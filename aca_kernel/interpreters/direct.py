"""Direct mode: one execute call a cell, verbatim. It needs nothing but the documented API."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ..errors import AcaKernelError, NotFound, SessionLost
from ..pool import Execution, PoolClient, shorten
from . import probes
from .base import CellRequest, Emit, Interpreter, Output, Reply, notice_output
from .mapping import (
    DEFAULT_OUTPUT_LIMIT,
    OUTPUT_LIMIT,
    PYTHON_DIED,
    is_image,
    map_execution,
    result_text,
    service_failure,
)
from .worker import Worker

__all__ = ["DirectInterpreter", "interrupted_reply", "run_direct"]

SERVICE_CAP = 220
"""Seconds after which the service gives up on a call (docs/service.md 6)."""

PROBE_TIMEOUT = 10
"""Seconds for short code of ours beside a cell."""

TRUSTED_IDLE = 60.0
"""Seconds without a call after which the session is looked at before a cell runs in it."""

Call = Callable[..., Awaitable[Any]]


async def run_direct(
    client: PoolClient,
    identifier: str,
    request: CellRequest,
    emit: Emit,
    call: Call,
    *,
    timeout: int = SERVICE_CAP,
) -> Reply:
    """Run ``request`` by one execute call and show what came of it.

    ``call(function, *args)`` runs a blocking function off the event loop; ``timeout`` is
    seconds. Raises AcaKernelError when the call itself failed.
    """
    reply, _ = await _run(client, identifier, request, emit, call, timeout)
    return reply


async def _run(
    client: PoolClient,
    identifier: str,
    request: CellRequest,
    emit: Emit,
    call: Call,
    timeout: int,
) -> tuple[Reply, Execution]:
    execution: Execution = await call(
        client.execute,
        identifier,
        probes.guard_text(request.code),
        timeout=timeout,
        output_limit=OUTPUT_LIMIT,
    )
    limit = OUTPUT_LIMIT if client.supports("output_limit") else DEFAULT_OUTPUT_LIMIT
    shown = ""
    if _may_be_string(execution, request):
        answer = await _probe(client, identifier, probes.shown_as(execution.result), call)
        said = answer.get("shown")
        shown = said if isinstance(said, str) else ""
    # Off the event loop: pictures and long tracebacks take their time.
    outputs, reply = await call(map_execution, execution, request, limit=limit, shown=shown)
    if not request.silent:
        for output in outputs:
            emit(output)
    if reply.ok and request.user_expressions:
        found = await _probe(client, identifier, probes.expressions(request.user_expressions), call)
        names = request.user_expressions
        reply = replace(reply, user_expressions={n: found[n] for n in names if n in found})
    return reply, execution


async def _probe(client: PoolClient, identifier: str, code: str, call: Call) -> dict[str, Any]:
    """What a probe beside a cell found; {} when it failed, for the cell itself has run."""
    try:
        answer: Execution = await call(
            client.execute,
            identifier,
            code,
            timeout=PROBE_TIMEOUT,
            output_limit=OUTPUT_LIMIT,
            repeatable=True,
        )
    except AcaKernelError:
        return {}
    return probes.parse_line(answer.stdout)


def _may_be_string(execution: Execution, request: CellRequest) -> bool:
    """Whether a result could be a string without its quotes: not too long, no JSON value."""
    value = execution.result
    return (
        execution.succeeded
        and request.shows_result
        and not request.silent
        and isinstance(value, str)
        and result_text(value) is not None
        and not is_image(value)
        # A repr has line ends only when it was read as JSON, so with double quotes outside.
        and ("\n" not in value or "'" in value)
        and len(value) <= 100_000
    )


class DirectInterpreter(Interpreter):
    """A session whose own interpreter runs the cells. See `Interpreter`.

    ``execution_timeout`` is seconds, None for the service's cap.
    """

    mode = "direct"

    def __init__(
        self,
        client: PoolClient,
        identifier: str,
        *,
        execution_timeout: float | None = None,
        worker: Worker | None = None,
    ) -> None:
        self.client = client
        self.identifier = identifier
        self.worker = worker or Worker("aca-kernel-session")
        seconds = SERVICE_CAP if execution_timeout is None else execution_timeout
        self._timeout = max(1, min(SERVICE_CAP, int(seconds)))
        self._interrupted: asyncio.Event | None = None
        self._starting = asyncio.Lock()
        self._forget()
        self._greeted_before = False

    def _forget(self) -> None:
        """Know nothing about the session: the next cell begins by looking at it."""
        self._mark: str | None = None
        self._guid = ""
        self._etag = ""
        self._doubtful = False
        self._last_answer = 0.0

    @property
    def started(self) -> bool:
        """Whether this session's mark is known."""
        return self._mark is not None

    async def start(self, emit: Emit | None = None) -> None:
        """Allocate the session, go to /mnt/data and leave the mark that tells it from another.

        Shows a notice when an earlier process of this kernel had been here. Raises SessionLost
        when the session that was started before is there no longer.
        """
        async with self._starting:  # warming up and the first cell may both ask for it
            if self._mark is None:
                await self._greet(emit)
            else:
                await self._look()

    async def _greet(self, emit: Emit | None) -> None:
        self.is_reached = True
        mark = secrets.token_hex(8)
        answer = await self.worker.call(
            self.client.execute, self.identifier, probes.greeting(mark), repeatable=True
        )
        if not answer.succeeded:
            raise service_failure(answer.stderr)
        earlier = probes.parse_line(answer.stdout).get("mark")
        if earlier == mark:
            earlier = None  # our own, when the greeting was repeated after a lost answer
        self._note(answer)
        self._etag = await self._read_etag()
        self._mark = earlier if isinstance(earlier, str) else mark
        if isinstance(earlier, str) and not self._greeted_before and emit is not None:
            text = (
                f"Reattached to the living session {shorten(self.identifier)}: variables and"
                " files are as they were."
            )
            emit(notice_output(text))
        self._greeted_before = True

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
        outputs: list[Output] = []
        reply, execution = await _run(
            self.client, self.identifier, request, outputs.append, self.worker.call, self._timeout
        )
        self._note(execution)
        is_lost = bool(known and execution.session_guid and execution.session_guid != known)
        for output in outputs:
            # The loss explains an error of the cell, such as a name that is missing.
            if not (is_lost and output.msg_type == "error"):
                emit(output)
        if not execution.succeeded and reply.ename == "ExecutionFailed":
            if PYTHON_DIED in execution.stderr.lower():
                self._forget()  # the user has just been told: the next cell begins anew
            else:
                self._doubtful = True
        if is_lost:
            self._forget()
            raise SessionLost(
                "The service had replaced this session: this cell ran in a new, empty one.",
                left="The variables and files of before are gone.",
                remedy="Run the notebook from the top.",
            )
        return reply

    def _note(self, execution: Execution) -> None:
        self._last_answer = time.monotonic()
        self._guid = execution.session_guid or self._guid

    async def _look(self) -> None:
        """Raise SessionLost when the session is another than before; nothing has run then."""
        if self._doubtful:
            await self._look_for_mark()
        elif self._etag:
            # The guid in each answer tells as well, but only after the cell has run.
            if not self._guid or time.monotonic() - self._last_answer > TRUSTED_IDLE:
                await self._look_at_etag()
        elif not self._guid:
            await self._look_for_mark()

    async def _look_at_etag(self) -> None:
        if await self._read_etag() != self._etag:
            self._lose()

    async def _read_etag(self) -> str:
        if not self.client.supports("get_session"):
            return ""
        try:
            info = await self.worker.call(self.client.get_session, self.identifier)
        except NotFound:
            return ""
        except AcaKernelError:
            if self._etag:
                raise
            return ""  # a pool that cannot tell: the guid or the mark has to do
        self.cooldown_seconds = info.cooldown_seconds
        return str(info.etag)

    async def _look_for_mark(self) -> None:
        for attempt in (1, 2):
            answer = await self.worker.call(
                self.client.execute,
                self.identifier,
                probes.greeting(self._mark or ""),
                repeatable=True,
            )
            # What waits behind code that then fails is aborted once (docs/service.md 8).
            if answer.succeeded or attempt == 2 or "aborted" not in answer.stderr.lower():
                break
        if not answer.succeeded:
            raise service_failure(answer.stderr)
        known, expected = self._guid, self._mark
        self._note(answer)
        self._doubtful = False
        if probes.parse_line(answer.stdout).get("mark") == expected:
            return
        if known and known == answer.session_guid:
            self._forget()
            raise SessionLost(
                "The session's Python was replaced, most often because it ran out of memory.",
                left="Variables are gone; the files in /mnt/data are still there. Nothing of"
                " this cell was run.",
                remedy="Run the notebook from the top.",
            )
        self._lose()

    def _lose(self) -> None:
        self._forget()
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
        """A blocking call that deletes the session, within 2 s."""
        if self._mark is None:
            return None
        return lambda: self.client.delete_session(self.identifier, timeout=2.0)

    async def reset(self) -> None:
        """Delete the session, which is the only way to a fresh Python state here."""
        await self.worker.call(self.client.delete_session, self.identifier)
        self._forget()

    def close(self) -> None:
        """Let the worker thread go."""
        self.worker.abandon()


def interrupted_reply() -> Reply:
    """The reply of a cell whose execute call is no longer waited for."""
    return Reply(
        status="error",
        ename="KeyboardInterrupt",
        evalue="the service cannot stop the code; it runs on in the session",
        traceback=[
            "\x1b[31mKeyboardInterrupt\x1b[0m: this cell is no longer waited for.",
            "In direct mode the service cannot stop running code: it goes on in the session until"
            " it ends, 220 s at most, and the next cell waits for it. Its output is lost.",
            "To end it now, with all variables and files: %session restart",
        ],
    )
