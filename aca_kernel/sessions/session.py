"""The kernel's session: which one it is, how it is reached, kept alive and let go."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir

from ..config.options import LOCAL_ENDPOINT, Settings
from ..errors import (
    AcaKernelError,
    ConfigurationError,
    NotFound,
    SessionLost,
    TransportError,
    VersionLacks,
)
from ..interpreters.auto import AutoInterpreter
from ..interpreters.base import Interpreter
from ..interpreters.direct import DirectInterpreter
from ..interpreters.linked import LinkedInterpreter
from ..interpreters.poolwait import start_when_free
from ..messages import CellRequest, Emit, Reply
from ..outputs.notices import notice_output
from ..pool import PoolClient, SessionInfo, check_identifier
from ..pool.connect import connect
from ..worker import Worker
from .identity import RestartMarker, derive_identifier
from .recent_sessions import RecentSession, RecentSessions

__all__ = ["RELEASE_DEADLINE", "KernelSession"]

RELEASE_DEADLINE = 2.0
"""Seconds that a shutdown may take to delete the session: Jupyter kills soon after."""

ASK_DEADLINE = 10.0
"""Seconds that the service may take to say what it knows of a session."""

STOP_DEADLINE = 30.0
"""Seconds that deleting a session may take when a user has asked for it."""

LOCAL_TOLERANCE = 3.0
"""Seconds without the embedded local pool after which it is taken for ended."""

PAUSE = 1.0
"""Seconds after a cell before the next call asks first whether the local pool is there."""

REMEMBER_EVERY = 60.0
"""Seconds between two notes of when the session was last used."""

DEFAULT_COOLDOWN = 300.0
"""Seconds that a session is taken to live without a call when the service does not say."""

SHORTEST_KEEP = 1.0
"""Seconds between two calls that keep a session alive, whatever cooldown the service tells."""


class KernelSession:
    """One session at a time, chosen by configuration or attached to by the user.

    Nothing is sent, and no session allocated, before the first cell asks for it. All methods
    but :meth:`release` belong to the kernel's main event loop.
    """

    def __init__(self, settings: Settings, *, connection_file: Path | None, key: bytes) -> None:
        self.settings = settings
        self.marker = RestartMarker(connection_file)
        self._restart_pending = self.marker.is_set()
        self.worker = Worker("aca-kernel-session")
        self.client: PoolClient | None = None
        self.interpreter: Interpreter | None = None
        self._connection_file = connection_file
        self._derived = derive_identifier(connection_file, key)
        self._attached = settings.session_id.strip()
        self._reached: set[str] = set()
        self._keep_alive_seconds: float | None = None
        self._last_cell = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._pool_was_started = False
        self._warning = ""  # what the local pool warns of, until it has been shown
        self._ending = False
        self.recent = self._recent_sessions()
        self.listed: Sequence[RecentSession] = ()
        self._remembered = ("", 0.0)

    # -- what it is

    @property
    def identifier(self) -> str:
        """The full session identifier: never shown but on request."""
        return self._attached or self._derived

    @property
    def is_own(self) -> bool:
        """Whether the kernel made this session itself, and so deletes it at shutdown."""
        return not self._attached

    @property
    def mode(self) -> str:
        """``direct`` or ``linked``; the configured mode while nothing has run."""
        return self.interpreter.mode if self.interpreter is not None else self.settings.mode

    @property
    def shared(self) -> bool:
        """Whether plain calls of other clients run in this notebook's namespace."""
        return self.interpreter is not None and self.interpreter.shared

    @property
    def started(self) -> bool:
        """Whether this kernel has reached the session yet."""
        self._note_reached()
        return self.identifier in self._reached

    @property
    def is_met(self) -> bool:
        """Whether the session has answered, so that login, role and endpoint are right."""
        return self.interpreter is not None and self.interpreter.started

    @property
    def is_ready(self) -> bool:
        """Whether a cell may run, for `start` has nothing to do."""
        return self.is_met and not self._restart_pending

    def _note_reached(self) -> None:
        if self.interpreter is not None and self.interpreter.is_reached:
            self._reached.add(self.identifier)

    @property
    def is_local(self) -> bool:
        """Whether the session is of the embedded local pool."""
        return self.settings.pool_endpoint.strip() == LOCAL_ENDPOINT

    @property
    def outage_tolerance(self) -> float:
        """Seconds without the network that a cell or a transfer survives."""
        tolerance = self.settings.outage_tolerance
        return min(tolerance, LOCAL_TOLERANCE) if self.is_local else tolerance

    # -- reaching it

    async def connected(self) -> tuple[PoolClient, Interpreter]:
        """The client and the interpreter, made when they are not there yet.

        The session is not called. Starts the embedded local pool when that is configured.
        Raises ConfigurationError, LocalPoolError, and SessionLost when that pool has ended.
        """
        if self.client is not None and await self._local_pool_has_ended(self.client):
            raise self._local_pool_lost()
        if self.client is None:
            self.client = await self._connect()
        if self.interpreter is None:
            check_identifier(self.identifier)
            self.interpreter = self._interpreter(self.client)
        return self.client, self.interpreter

    def _interpreter(self, client: PoolClient) -> Interpreter:
        """The interpreter of the configured mode; linked is what auto begins with."""
        linked = LinkedInterpreter(
            client,
            self.identifier,
            outage_tolerance=self.outage_tolerance,
            execution_timeout=self.settings.execution_timeout,
            share=None if self.is_own else True,  # it was named for others to find
            comms=self.settings.output_policy == "trusted",
            worker=self.worker,
        )
        direct = DirectInterpreter(
            client,
            self.identifier,
            outage_tolerance=self.outage_tolerance,
            execution_timeout=self.settings.execution_timeout,
            worker=self.worker,
        )
        if self.settings.mode == "auto":
            return AutoInterpreter(linked, direct)
        return linked if self.settings.mode == "linked" else direct

    async def _connect(self) -> PoolClient:
        self.settings.check()
        if not self.is_local:
            return connect(self.settings)
        if self._connection_file is None:
            raise ConfigurationError(
                "The embedded local pool needs a kernel with a connection file.",
                remedy="Start the kernel through Jupyter, or run `aca-kernel pool`.",
            )
        from ..localpool.launch import ensure_pool

        pool = await self.worker.call(ensure_pool, self._connection_file)
        if pool.started and self._pool_was_started:
            self._reached.clear()
        self._pool_was_started = True
        self._warning = pool.warning
        return connect(self.settings, endpoint=pool.endpoint, token=pool.token)

    async def start(self, emit: Emit) -> None:
        """Reach the session, allocating it when it is not there, for a cell that waits for it.

        While the pool is full it is asked again for ``pool_wait`` seconds, and ``emit`` shows
        that. Raises AcaKernelError.
        """
        with self._local_pool_may_have_ended():
            await start_when_free(lambda: self._begin(emit), emit, self.settings.pool_wait)
        self._remember()

    async def _begin(self, emit: Emit | None = None) -> None:
        """Reach the session, with the fresh Python state that a restart still owes it."""
        _, interpreter = await self.connected()
        if self._restart_pending:
            await interpreter.reset()
            self._restart_pending = False
            self.marker.clear()
        await interpreter.start(emit)

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run code in the session. Raises AcaKernelError when it could not be run."""
        _, interpreter = await self.connected()
        if self._warning and not request.silent:
            emit(notice_output(self._warning))
            self._warning = ""
        try:
            with self._local_pool_may_have_ended():
                return await interpreter.execute(request, emit)
        finally:
            self.touch()

    @contextlib.contextmanager
    def _local_pool_may_have_ended(self) -> Iterator[None]:
        """Take it for ended when the embedded local pool does not answer: what comes next has one.

        Raises SessionLost for a TransportError then.
        """
        try:
            yield
        except TransportError:
            if not self.is_local:
                raise
            raise self._local_pool_lost() from None

    def _local_pool_lost(self) -> SessionLost:
        self.disconnect()
        return SessionLost(
            "The local pool had ended, as it does after a while without a call.",
            left="Variables and the files in /mnt/data are gone; nothing of this cell was run.",
            remedy="Run the notebook from the top: a new local pool starts with it.",
        )

    async def _local_pool_has_ended(self, client: PoolClient) -> bool:
        """Whether nothing listens any more where the embedded pool did.

        Asked after a pause only: cells in a row need not pay for it, and a pool that ends
        among them is found out by a call that fails.
        """
        if not self.is_local or time.monotonic() - self._last_cell < PAUSE:
            return False
        from ..localpool.launch import is_listening

        return not await is_listening(client.endpoint.url)

    async def warm_up(self) -> None:
        """Allocate the session ahead of the first cell; a failure waits for that cell."""
        try:
            await self._begin()
        except AcaKernelError:
            return
        self.touch()

    def disconnect(self) -> None:
        """Let go of the client and the interpreter, not of the session."""
        self._note_reached()
        if self.interpreter is not None:
            self.interpreter.close()
            self.interpreter = None
        if self.client is not None:
            self.client.close()
            self.client = None

    # -- what %session does

    async def session_info(self) -> SessionInfo | None:
        """What the service says about the session; None when it has none or cannot tell."""
        client, _ = await self.connected()
        try:
            info: SessionInfo = await self.worker.call(
                client.get_session, self.identifier, timeout=ASK_DEADLINE
            )
        except (NotFound, VersionLacks):
            return None
        return info

    async def restart(self) -> None:
        """Fresh Python state, as the kernel's Restart gives it."""
        _, interpreter = await self.connected()
        await interpreter.reset()
        if self._restart_pending:
            self._restart_pending = False
            self.marker.clear()

    async def renew(self) -> None:
        """Leave an attached session for the kernel's own; delete the own one for a new one."""
        if not self.is_own:
            self._leave()
            self._attached = ""
            if self._derived not in self._reached:
                return
        self._note_reached()
        was_reached = self._derived in self._reached
        if not await self.stop() and was_reached and await self._may_live_on():
            self._derived = derive_identifier(None, b"")

    async def _may_live_on(self) -> bool:
        """Whether the session that the service did not delete may be there all the same."""
        client, _ = await self.connected()
        try:
            await self.worker.call(client.get_session, self.identifier, timeout=ASK_DEADLINE)
        except NotFound:
            return False
        except AcaKernelError:
            return True  # nobody knows
        return True

    async def share(self, on: bool) -> None:
        """Let plain calls of other clients into this notebook's namespace, or keep them out."""
        _, interpreter = await self.connected()
        await interpreter.share(on)
        self.touch()

    async def attach(self, identifier: str) -> None:
        """Leave this session for the one that ``identifier`` names.

        The kernel's own session is left to cool down, and deleted at shutdown.
        """
        check_identifier(identifier)
        self._leave()
        self._attached = identifier

    async def stop(self) -> bool:
        """Delete the session; the next cell starts a new, empty one.

        False when the service says that there was none.
        """
        client, _ = await self.connected()
        is_deleted: bool = await self.worker.call(
            client.delete_session, self.identifier, timeout=STOP_DEADLINE
        )
        if self._restart_pending:
            self.marker.clear()
        self._forget(self.identifier, client)
        self._leave()
        self._reached.discard(self.identifier)
        return is_deleted

    def _leave(self) -> None:
        self._restart_pending = False  # that was owed to this session
        self._stop_keeping()
        self._note_reached()
        if self.interpreter is not None:
            self.interpreter.close()
            self.interpreter = None

    # -- keeping it alive

    @property
    def keep_alive(self) -> float:
        """Seconds after the last cell during which the session is kept alive; 0 for none."""
        if self._keep_alive_seconds is not None:
            return self._keep_alive_seconds
        return self.settings.keep_alive

    @keep_alive.setter
    def keep_alive(self, seconds: float) -> None:
        self._keep_alive_seconds = seconds
        self._stop_keeping()
        if self.started:
            self.touch()

    def touch(self) -> None:
        """Say that a cell has just ended: the time of ``keep_alive`` begins now."""
        self._last_cell = time.monotonic()
        self._remember()
        if self.keep_alive > 0 and (self._keeper is None or self._keeper.done()):
            self._keeper = asyncio.ensure_future(self._keep())

    def _stop_keeping(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    async def _keep(self) -> None:
        """One cheap call per half cooldown while the last cell is not too long ago."""
        worker = Worker("aca-kernel-keep-alive")
        try:
            while (left := self._last_cell + self.keep_alive - time.monotonic()) > 0:
                cooldown = self.interpreter and self.interpreter.cooldown_seconds
                pause = max(SHORTEST_KEEP, (cooldown or DEFAULT_COOLDOWN) / 2)
                await asyncio.sleep(min(pause, left))
                if self.client is None or self._ending or not self.started:
                    return
                if time.monotonic() - self._last_cell < self.keep_alive:
                    try:
                        # Any call of the file API resets the idle time (docs/service.md 10).
                        await worker.call(_first_file, self.client, self.identifier)
                    except AcaKernelError:
                        continue
        finally:
            worker.abandon()

    # -- remembering it

    def _recent_sessions(self) -> RecentSessions | None:
        """Where sessions are remembered; None where they are not, or end with their kernel."""
        if not self.settings.remember_sessions or self.is_local:
            return None
        return RecentSessions(Path(jupyter_data_dir(), "aca-kernel"))

    def _remember(self) -> None:
        """Keep the session for `%session attach`, so that it can be found after a crash."""
        if self.recent is None or self.client is None or self._ending or not self.is_met:
            return
        identifier, since = self._remembered
        now = time.monotonic()
        if identifier != self.identifier or now - since > REMEMBER_EVERY:
            self._remembered = (self.identifier, now)
            notebook = "/".join(Path(self.settings.notebook_path()).parts[-2:])
            self.recent.remember(self.identifier, self.client.endpoint.url, notebook)

    def _forget(self, identifier: str, client: PoolClient) -> None:
        self._remembered = ("", 0.0)
        if self.recent is not None:
            self.recent.forget(identifier, client.endpoint.url)

    # -- letting it go

    async def release(self, *, restart: bool) -> None:
        """Give the session up at the end of this process, within `RELEASE_DEADLINE`.

        The kernel's own session is deleted; one that was given or attached to stays, but for a
        restart, which means fresh Python state. What a restart could not do in time is left to
        the next process by a marker. May run on another event loop than the kernel's.
        """
        self._ending = True  # whatever asked for the session from now on would allocate it anew
        self.worker.stop()
        if restart:
            self.marker.set()
        elif self.is_local and self._connection_file is not None:
            from ..localpool.launch import stop_pool

            self.marker.clear()
            await _within_deadline(lambda worker: [worker.call(stop_pool, self._connection_file)])
            return
        self._note_reached()
        client = self.client
        reset = self.interpreter.reset_call() if self.interpreter is not None else None
        if restart and self._attached != self.settings.session_id.strip():
            return  # the next process is back in its own session: others' are left alone
        if restart:
            if reset is not None and await _within_deadline(lambda worker: [worker.call(reset)]):
                self.marker.clear()
            return
        doomed = self._reached & {self._derived}
        if client is not None:
            is_deleted = await _within_deadline(
                lambda worker: [
                    worker.call(client.delete_session, name, timeout=RELEASE_DEADLINE)
                    for name in sorted(doomed)
                ]
            )
            if is_deleted and doomed:
                self._forget(self._derived, client)
            client.close()
        self.marker.clear()


async def _within_deadline(calls: Callable[[Worker], list[Coroutine[Any, Any, Any]]]) -> bool:
    """Whether all calls came through within `RELEASE_DEADLINE`; those that did not go on."""
    worker = Worker("aca-kernel-release")
    try:
        await asyncio.wait_for(asyncio.gather(*calls(worker)), RELEASE_DEADLINE)
    except (AcaKernelError, asyncio.TimeoutError):
        return False
    finally:
        worker.abandon()
    return True


def _first_file(client: PoolClient, identifier: str) -> None:
    next(iter(client.list_files(identifier)), None)
