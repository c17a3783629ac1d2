"""Sessions: an interpreter and a directory each, made ahead, found by identifier, cooled down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import zmq.asyncio

from ..errors import LocalPoolError
from . import files
from .answers import PoolFull, Refusal, SessionTimes
from .isolation import Isolation, Place
from .kernelprocess import KernelDied, KernelProcess
from .outcomes import ABORTED, RESTARTED, TIMED_OUT, Outcome
from .unknowns import Unknowns

__all__ = ["PoolOptions", "Session", "Sessions"]

_KEPT_EXECUTIONS = 5


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """How the sessions of a pool are: the options of ``aca-kernel pool``.

    Times in seconds, ``max_upload_size`` in bytes. Those from
    ``warm_up_cells`` to ``recovery_time`` decide what docs/service.md has as not known.
    """

    max_sessions: int = 10
    ready_sessions: int = 1
    cooldown: float = 300
    max_execution_time: float = 220
    max_upload_size: int = 128 * 1024 * 1024
    warm_up_cells: int = 3
    decode_base64: bool = True
    first_image: bool = False
    recovery_time: float = 5
    page_size: int = 300
    unknown: Unknowns = field(default_factory=Unknowns)


class _Turns:
    """Whose turn it is to use a session's one interpreter: first come, first served."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def taken(self) -> bool:
        """Whether it is somebody's turn."""
        return self._busy

    async def enter(self, timeout: float) -> bool | None:
        """Wait for one's turn; False when the call before failed, None after ``timeout``."""
        if not self._busy:
            self._busy = True
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await asyncio.wait({turn}, timeout=timeout)
        if turn.done():
            return turn.result()
        self._waiting.remove(turn)
        return None

    def leave(self, *, failed: bool) -> None:
        """End one's turn; when it ``failed``, all who wait now are sent away."""
        while failed and self._waiting:
            self._waiting.popleft().set_result(False)
        if self._waiting:
            self._waiting.popleft().set_result(True)
        else:
            self._busy = False


@dataclass(eq=False)
class Session:
    """A session of the pool, ready or allocated; made and ended by ``Sessions`` only."""

    root: Path
    options: PoolOptions
    start_kernel: Callable[[Place], KernelProcess]
    identifier: str = ""
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))
    executions: OrderedDict[str, object] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._turns = _Turns()
        self._recovering: asyncio.Task[None] | None = None
        self._kernels = 0
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._others: set[KernelProcess] = set()
        self.active = 0
        self.created = self.accessed = datetime.now(timezone.utc)
        self._touched = asyncio.get_running_loop().time()
        self.data = self.root / "data"
        self.uploads = self.root / "up"
        for directory in (self.data, self.uploads, self.root / "home"):
            directory.mkdir(parents=True)
        self.kernel = self._new_kernel(watched=True)

    @property
    def times(self) -> SessionTimes:
        """What the management calls tell of it; the etag stands for the container."""
        return SessionTimes(
            identifier=self.identifier,
            etag=f"0--{self.guid}",
            created=self.created,
            accessed=self.accessed,
            cooldown=self.options.cooldown,
        )

    @property
    def idle(self) -> float:
        """Seconds since the last use; 0 while a call is running."""
        return 0.0 if self.active else asyncio.get_running_loop().time() - self._touched

    @property
    def is_busy(self) -> bool:
        """Whether code runs in its interpreter."""
        return self._turns.taken

    def touch(self) -> None:
        """Note a use: the cooldown starts again."""
        self.accessed = datetime.now(timezone.utc)
        self._touched = asyncio.get_running_loop().time()

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep the session from cooling down, and start the cooldown anew at the end."""
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self.touch()

    def remember(self, execution_id: str, answer: object) -> None:
        """Keep an execution's answer for GET /executions/{id}, the latest few."""
        self.executions[execution_id] = answer
        while len(self.executions) > _KEPT_EXECUTIONS:
            self.executions.popitem(last=False)

    def outcome(self, limit: int) -> Outcome:
        """Make an empty outcome whose streams keep ``limit`` characters."""
        return Outcome(limit=limit, first_image=self.options.first_image)

    async def execute(self, code: str, *, timeout: float, limit: int) -> Outcome:
        """Run one cell when its turn comes, within ``timeout`` seconds, waiting included.

        The outcome says so when it timed out, was aborted, or the interpreter died
        (docs/service.md 4.4 and 8). LocalPoolError when no interpreter can be started.
        """
        loop = asyncio.get_running_loop()
        outcome = self.outcome(limit)
        deadline = loop.time() + timeout
        if self._recovering:
            outcome.give_up(ABORTED)
            return outcome
        turn = await self._turns.enter(timeout)
        if not turn:
            outcome.give_up(TIMED_OUT if turn is None else ABORTED)
            return outcome
        try:
            before = loop.time()
            kernel = await self._started_kernel()
            begun = loop.time()
            deadline += begun - before  # a cold start is not the code's time
            await self._run(kernel, code, outcome, deadline - begun)
            outcome.seconds = loop.time() - begun
        except KernelDied:
            outcome.give_up(RESTARTED)
        finally:
            self._turns.leave(failed=outcome.failed)
        return outcome

    async def execute_apart(self, code: str, *, timeout: float, limit: int) -> Outcome:
        """Run code in an interpreter of its own, as asynchronous calls do (docs/service.md 7)."""
        outcome = self.outcome(limit)
        kernel = self._new_kernel(watched=False)
        self._others.add(kernel)
        try:
            await kernel.started
            begun = asyncio.get_running_loop().time()
            await asyncio.wait_for(kernel.execute(code, outcome), timeout)
            outcome.seconds = asyncio.get_running_loop().time() - begun
        except asyncio.TimeoutError:
            outcome.give_up(TIMED_OUT)
        except (KernelDied, LocalPoolError):
            outcome.give_up(RESTARTED)
        finally:
            self._others.discard(kernel)
            await kernel.kill()
        return outcome

    async def _started_kernel(self) -> KernelProcess:
        """Give the interpreter once it is ready; one that did not start is tried once more."""
        for again in (True, False):
            kernel = self.kernel
            await asyncio.wait({kernel.started})
            if self._closed:
                raise KernelDied
            error = kernel.started.exception()
            if error is None:
                return kernel
            if not again:
                raise error
            self.kernel = self._new_kernel(watched=True)
        raise AssertionError

    async def _run(
        self, kernel: KernelProcess, code: str, outcome: Outcome, timeout: float
    ) -> None:
        running = asyncio.create_task(kernel.execute(code, outcome))
        await asyncio.wait({running}, timeout=timeout)
        if not running.done():
            # The code must not write into an answer that was given already.
            outcome.give_up(TIMED_OUT)
            self._recovering = asyncio.create_task(self._recover(kernel, running))
            return
        running.result()

    async def _recover(self, kernel: KernelProcess, running: asyncio.Task[None]) -> None:
        """After a timeout: interrupt the code, and kill the kernel if that does not help.

        docs/service.md 4.4: it is not known whether variables are kept; here they are when
        the code can be interrupted. Until then calls are answered "Execution aborted".
        """
        try:
            with contextlib.suppress(KernelDied):
                await asyncio.wait_for(kernel.interrupt(), self.options.recovery_time)
        except asyncio.TimeoutError:
            pass
        done, _ = await asyncio.wait({running}, timeout=self.options.recovery_time)
        if not done:
            await kernel.kill()
        await asyncio.wait({running})
        running.exception()
        self._recovering = None

    def _new_kernel(self, *, watched: bool) -> KernelProcess:
        self._kernels += 1
        sockets = self.root / f"k{self._kernels}"
        sockets.mkdir()
        kernel = self.start_kernel(Place(data=self.data, home=self.root / "home", sockets=sockets))
        if watched:
            self.spawn(self._replace_when_dead(kernel))
        return kernel

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background for as long as the session lives."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace_when_dead(self, kernel: KernelProcess) -> None:
        """Start a fresh interpreter when this one ends by itself; the files stay."""
        await asyncio.wait({kernel.started})
        if kernel.started.cancelled() or kernel.started.exception():
            return
        await kernel.ended
        if not self._closed:
            self.kernel = self._new_kernel(watched=True)
        await kernel.kill()

    async def close(self) -> None:
        """End its processes and remove its directory."""
        self._closed = True
        for kernel in (self.kernel, *self._others):
            kernel.started.cancel()
            await asyncio.wait({kernel.started})
            await kernel.kill()
        await asyncio.to_thread(files.remove_tree, self.root)


class Sessions:
    """All sessions of a pool: the allocated ones by identifier, and the ready ones."""

    def __init__(self, root: Path, options: PoolOptions, isolation: Isolation) -> None:
        self._root = root
        self._options = options
        self._isolation = isolation
        self._context = zmq.asyncio.Context()
        # Held open for as long as this process lives: session processes end with it.
        self._lifeline, self._held = os.pipe()
        self._made = 0
        self._allocated: dict[str, Session] = {}
        self._ready: deque[Session] = deque()
        self._cooling: dict[Session, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._allocated)

    def fill(self) -> None:
        """Start as many ready sessions as there should be and may be."""
        room = self._options.max_sessions - len(self._allocated)
        while not self.closed and len(self._ready) < min(self._options.ready_sessions, room):
            self._ready.append(self._make())

    def _make(self) -> Session:
        self._made += 1
        return Session(
            root=self._root / f"{self._made}-{secrets.token_hex(4)}",
            options=self._options,
            start_kernel=lambda place: KernelProcess(
                self._context,
                self._isolation,
                place,
                lifeline=self._lifeline,
                warm_up=self._options.warm_up_cells,
            ),
        )

    def find(self, identifier: str) -> Session | None:
        """Give the session of that identifier, if there is one."""
        return self._allocated.get(identifier)

    def listed(self) -> list[Session]:
        """Give all allocated sessions, oldest first."""
        return list(self._allocated.values())

    def allocate(self, identifier: str) -> tuple[Session, bool]:
        """Give the session of ``identifier``, and whether it is new; PoolFull when none is left."""
        session = self._allocated.get(identifier)
        if session is not None:
            session.touch()
            return session, False
        if self.closed:  # a connection that is still open asks for more
            raise Refusal(503)
        if len(self._allocated) >= self._options.max_sessions:
            raise PoolFull(len(self._allocated))
        session = self._ready.popleft() if self._ready else self._make()
        session.identifier = identifier
        session.created = datetime.now(timezone.utc)
        session.touch()
        self._allocated[identifier] = session
        self._cool(session, self._options.cooldown)
        self.fill()
        return session, True

    def _cool(self, session: Session, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._cooling[session] = loop.call_later(seconds, self._cooled, session)

    def _cooled(self, session: Session) -> None:
        left = self._options.cooldown - session.idle
        if left > 0:
            self._cool(session, left)
            return
        self._release(session)

    async def release(self, session: Session) -> None:
        """End a session: its identifier is free at once, its processes when this returns."""
        await asyncio.shield(self._release(session))

    def _release(self, session: Session) -> asyncio.Task[None]:
        """Begin to end a session; whatever becomes of its caller, ``close`` waits for it."""
        self._allocated.pop(session.identifier, None)
        self._cooling.pop(session).cancel()
        self.fill()
        task = asyncio.create_task(session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def close(self) -> None:
        """End all sessions, ready ones too."""
        self.closed = True
        for timer in self._cooling.values():
            timer.cancel()
        sessions = [*self._allocated.values(), *self._ready]
        self._allocated.clear()
        self._ready.clear()
        await asyncio.gather(*(session.close() for session in sessions), *self._closing)
        self._context.destroy(linger=0)
        os.close(self._held)
        os.close(self._lifeline)
