"""The kernel's session: which one it is, how it is reached, kept alive and let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..config.options import LOCAL_ENDPOINT, Settings
from ..errors import AcaKernelError, NotFound, TransportError, VersionLacks
from ..interpreters.base import Interpreter
from ..interpreters.poolwait import start_when_free
from ..messages import CellRequest, Emit, Reply, SessionEvent
from ..outputs.notices import notice_output
from ..pool import PoolClient, SessionInfo, check_identifier
from ..pool.connect import connect
from ..worker import Worker
from .choice import InterpreterChoice
from .embedded_pool import EmbeddedPool
from .identity import RestartMarker, derive_identifier
from .keep_alive import KeepAlive, Kept
from .life import Life, Lives, State
from .recent_sessions import RecentSession
from .release import Held, within_deadline
from .remembering import Memory

__all__ = ["KernelSession"]

ASK_DEADLINE = 10.0
"""Seconds that the service may take to say what it knows of a session."""

STOP_DEADLINE = 30.0
"""Seconds that deleting a session may take when a user has asked for it."""

LOCAL_TOLERANCE = 3.0
"""Seconds without the embedded local pool after which it is taken for ended."""


class KernelSession:
    """One session at a time, chosen by configuration or attached to by the user.

    Nothing is sent, and no session allocated, before the first cell asks for it. All methods
    but :meth:`release` belong to the kernel's main event loop.
    """

    def __init__(self, settings: Settings, *, connection_file: Path | None, key: bytes) -> None:
        self.settings = settings
        self.worker = Worker("aca-kernel-session")
        self.client: PoolClient | None = None
        self._choice: InterpreterChoice | None = None
        self._derived = derive_identifier(connection_file, key)
        self._attached = settings.session_id.strip()
        self._marker = RestartMarker(connection_file)
        self._lives = Lives({self.identifier: Life(restart_owed=self._marker.is_set())})
        self._held = Held()
        self._running: Interpreter | None = None
        self._interrupting: asyncio.Task[None] | None = None
        self._pool = EmbeddedPool(connection_file)
        self._keeper = KeepAlive(settings.keep_alive, self.worker, self._kept)
        self._memory = Memory(is_on=settings.remember_sessions and not self.is_local)
        self.recent = self._memory.recent
        self.listed: Sequence[RecentSession] = ()

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
    def life(self) -> Life:
        """How far this kernel has come with the session."""
        return self._lives[self.identifier]

    @property
    def interpreter(self) -> Interpreter | None:
        """The session's interpreter; None while there is none."""
        return self._choice.current if self._choice is not None else None

    def _note(self, event: SessionEvent, *identifiers: str) -> None:
        """Note what has happened to sessions; the marker goes when a restart is owed no more."""
        for identifier in identifiers or [self.identifier]:
            was_owed = self._lives[identifier].restart_owed
            life = self._lives.change(identifier, event)
            if was_owed and not life.restart_owed and not self.worker.is_stopped:
                self._marker.clear()
        self._publish()

    def _reported(self, choice: InterpreterChoice, event: SessionEvent) -> None:
        """Note what an interpreter reports; of one that was left, only that it makes calls."""
        if choice is self._choice or event is SessionEvent.CALLED:
            self._note(event, choice.identifier)

    def _publish(self) -> None:
        """Say for `release`, which may run on another thread, what there is to let go of."""
        interpreter = self.interpreter
        self._held = Held(
            client=self.client,
            own=self._derived if self._lives[self._derived].may_exist else "",
            reset=interpreter.reset_call() if interpreter is not None else None,
            is_as_configured=self._attached == self.settings.session_id.strip(),
        )

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

    async def connected(self) -> PoolClient:
        """Return the client, made when it is not there yet, and so the interpreter.

        The session is not called. Starts the embedded local pool when that is configured.
        Raises ConfigurationError, LocalPoolError, and SessionLost when that pool has ended.
        """
        return (await self._connected())[0]

    async def _connected(self) -> tuple[PoolClient, InterpreterChoice]:
        last_cell = self._keeper.last_cell
        if self.is_local and self.client and await self._pool.has_ended(self.client, last_cell):
            self._disconnect()
            raise self._pool.lost()
        if self.client is None:
            self.client = await self._connect()
        if self._choice is None:
            self._choice = self._new_choice(self.client)
        return self.client, self._choice

    def _new_choice(self, client: PoolClient) -> InterpreterChoice:
        choice = InterpreterChoice(
            self.settings,
            client,
            check_identifier(self.identifier),
            outage_tolerance=self.outage_tolerance,
            is_shared=not self.is_own,  # because other clients are meant to find it
            worker=self.worker,
            report=lambda event: self._reported(choice, event),
        )
        return choice

    async def _connect(self) -> PoolClient:
        self.settings.check()
        if not self.is_local:
            return connect(self.settings)
        client, is_new = await self._pool.connect(self.settings, self.worker)
        if is_new:
            self._note(SessionEvent.DELETED, *self._lives)
        return client

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
        _, choice = await self._connected()
        if self.life.restart_owed:
            await choice.reset()
            self._note(SessionEvent.RESET, choice.identifier)
        await choice.start(emit)

    async def met(self) -> Interpreter:
        """Return the interpreter of a session that has answered. Raises AcaKernelError."""
        _, choice = await self._connected()
        if self.life.state is not State.MET:
            await choice.start()
        return choice.current

    # -- code in it

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run code in the session. Raises AcaKernelError when it could not be run."""
        _, choice = await self._connected()
        if self._pool.warning and not request.silent:
            emit(notice_output(self._pool.warning))
            self._pool.warning = ""
        choice.tell(emit)
        return await self._run(choice.current, request, emit)

    async def execute_direct(self, request: CellRequest, emit: Emit) -> Reply:
        """Run code in the session interpreter itself, which direct mode does with all code."""
        _, choice = await self._connected()
        return await self._run(choice.direct, request, emit)

    async def _run(self, interpreter: Interpreter, request: CellRequest, emit: Emit) -> Reply:
        self._running = interpreter
        try:
            with self._local_pool_may_have_ended():
                return await interpreter.execute(request, emit)
        finally:
            self._running = None
            self.touch()

    def interrupt(self) -> bool:
        """Ask the code that runs in the session to stop. False when none runs there."""
        if self._running is None:
            return False
        self._interrupting = asyncio.ensure_future(self._running.interrupt())
        return True

    @contextlib.contextmanager
    def _local_pool_may_have_ended(self) -> Iterator[None]:
        """Take an embedded local pool that does not answer for ended; what comes next has one.

        Raises SessionLost for a TransportError then.
        """
        try:
            yield
        except TransportError:
            if not self.is_local:
                raise
            self._disconnect()
            raise self._pool.lost() from None

    async def warm_up(self) -> None:
        """Allocate the session ahead of the first cell; a failure waits for that cell."""
        try:
            await self._begin()
        except AcaKernelError:
            return
        self.touch()

    def _disconnect(self) -> None:
        """Let go of the client and the interpreter, not of the session."""
        self._drop_interpreters()
        if self.client is not None:
            self.client.close()
            self.client = None
        self._publish()

    def _drop_interpreters(self) -> None:
        if self._choice is not None:
            self._choice.close()
            self._choice = None
        self._note(SessionEvent.LEFT)

    # -- what %session does

    async def session_info(self) -> SessionInfo | None:
        """What the service says about the session; None when it has none or cannot tell."""
        client = await self.connected()
        try:
            info: SessionInfo = await self.worker.call(
                client.get_session, self.identifier, timeout=ASK_DEADLINE
            )
        except (NotFound, VersionLacks):
            return None
        return info

    async def restart(self) -> None:
        """Fresh Python state, as the kernel's Restart gives it."""
        _, choice = await self._connected()
        await choice.reset()
        self._note(SessionEvent.RESET)

    async def renew(self) -> None:
        """Leave an attached session for the kernel's own; delete the own one for a new one."""
        if not self.is_own:
            self._leave()
            self._attached = ""
            self._publish()
            if not self.life.may_exist:
                return
        may_exist = self.life.may_exist
        if not await self.stop() and may_exist and await self._may_live_on():
            self._derived = derive_identifier(None, b"")
            self._publish()

    async def _may_live_on(self) -> bool:
        """Whether the session that the service did not delete may be there all the same."""
        client = await self.connected()
        try:
            await self.worker.call(client.get_session, self.identifier, timeout=ASK_DEADLINE)
        except NotFound:
            return False
        except AcaKernelError:
            return True  # nobody knows
        return True

    async def share(self, on: bool) -> None:
        """Let plain calls of other clients into this notebook's namespace, or keep them out."""
        await (await self.met()).share(on)
        self.touch()

    async def attach(self, identifier: str) -> None:
        """Leave this session for the one that ``identifier`` names.

        The kernel's own session is left to cool down, and deleted at shutdown.
        """
        check_identifier(identifier)
        self._leave()
        self._attached = identifier
        self._publish()

    async def stop(self) -> bool:
        """Delete the session; the next cell starts a new, empty one.

        False when the service says that there was none.
        """
        client = await self.connected()
        is_deleted: bool = await self.worker.call(
            client.delete_session, self.identifier, timeout=STOP_DEADLINE
        )
        self._memory.forget(self.identifier, client.endpoint.url)
        self._leave()
        self._note(SessionEvent.DELETED)
        return is_deleted

    def _leave(self) -> None:
        self._keeper.stop()
        self._drop_interpreters()

    # -- keeping it alive

    @property
    def keep_alive(self) -> float:
        """Seconds after the last cell during which the session is kept alive; 0 for none."""
        return self._keeper.seconds

    @keep_alive.setter
    def keep_alive(self, seconds: float) -> None:
        self._keeper.stop()
        self._keeper.seconds = seconds
        if self.life.may_exist:
            self.touch()

    def touch(self) -> None:
        """Note that a cell has just ended: the time of ``keep_alive`` begins now."""
        self._remember()
        self._publish()
        self._keeper.touch()

    def _kept(self) -> Kept | None:
        if self.client is None or not self.life.may_exist:
            return None
        interpreter = self.interpreter
        cooldown = interpreter.cooldown_seconds if interpreter is not None else None
        return Kept(self.client, self.identifier, cooldown)

    def _remember(self) -> None:
        """Keep the session for `%session attach`, so that it can be found after a crash."""
        if self.client is not None and self.life.state is State.MET and not self.worker.is_stopped:
            notebook = self.settings.notebook_path()
            self._memory.remember(self.identifier, self.client.endpoint.url, notebook)

    # -- letting it go

    async def release(self, *, restart: bool) -> None:
        """Give the session up at the end of this process, within `RELEASE_DEADLINE`.

        The kernel's own session is deleted; one that was given or attached to stays, but for a
        restart, which means fresh Python state. What a restart could not do in time is left to
        the next process by a marker. May run on another event loop than the kernel's.
        """
        self.worker.stop()  # first, because a later call would allocate the session anew
        held = self._held
        if restart:
            self._marker.set()
            # Else the next process is back in its own session: others' are left alone.
            if held.is_as_configured and await held.give_fresh_state():
                self._marker.clear()
            return
        self._marker.clear()
        if self.is_local:
            await within_deadline(self._pool.stop)
        elif await held.delete_own():
            assert held.client is not None  # noqa: S101
            self._memory.forget(held.own, held.client.endpoint.url)
