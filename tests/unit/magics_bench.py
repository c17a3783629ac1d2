"""Runs magics against a real pool as the kernel does, and keeps what they show."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aca_kernel.interpreters.direct import DirectInterpreter
from aca_kernel.magics import MagicContext, run_magic
from aca_kernel.messages import CellRequest, Emit, Output, Reply
from aca_kernel.pool import (
    DEFAULT_API_VERSION,
    Execution,
    PoolClient,
    SessionInfo,
    TokenSource,
    parse_endpoint,
)
from aca_kernel.sessions.life import Life, State
from aca_kernel.sessions.recent_sessions import RecentSession, RecentSessions


class BareSession:
    """The session of a kernel that does nothing but run magics."""

    mode = "direct"
    keep_alive = 3000.0
    outage_tolerance = 30.0
    shared = True

    def __init__(self, client: PoolClient) -> None:
        self._client = client
        self.identifier = secrets.token_hex(16)
        self.life = Life()
        self.is_own = True
        self.recent: RecentSessions | None = None
        self.listed: Sequence[RecentSession] = ()

    async def start(self, emit: Emit) -> None:
        self.life = Life(State.MET)

    async def execute_direct(self, request: CellRequest, emit: Emit) -> Reply:
        return await DirectInterpreter(self._client, self.identifier).execute(request, emit)

    async def session_info(self) -> SessionInfo | None:
        if not self.life.may_exist or not self._client.supports("get_session"):
            return None
        return self._client.get_session(self.identifier)

    async def share(self, on: bool) -> None:
        assert on  # as in direct mode

    async def restart(self) -> None:
        self._client.delete_session(self.identifier)

    async def renew(self) -> None:
        await self.stop()
        self.identifier = secrets.token_hex(16)
        self.is_own = True

    async def attach(self, identifier: str) -> None:
        await self.stop()
        self.identifier, self.is_own = identifier, False

    async def stop(self) -> bool:
        is_deleted = self.is_own and self._client.delete_session(self.identifier)
        self.life = Life()
        return is_deleted


class RunningPool(Protocol):
    """What the fixture ``local_pool`` gives."""

    endpoint: str
    token: str


@contextmanager
def open_bench(
    pool: RunningPool, folder: Path, api_version: str = DEFAULT_API_VERSION
) -> Iterator[Bench]:
    """A bench with a session and a notebook directory of its own; the session ends with it."""
    root = folder.resolve() / "notebooks"
    root.mkdir()
    endpoint, tokens = parse_endpoint(pool.endpoint), TokenSource(token=pool.token)
    with PoolClient(endpoint, tokens, api_version=api_version) as client:
        bench = Bench(client, root)
        yield bench
        client.delete_session(bench.session.identifier)


class Bench:
    """Magics of one notebook in ``root``, with one session of the pool behind ``client``."""

    def __init__(self, client: PoolClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.session = BareSession(client)
        self.outputs: list[Output] = []
        self.questions: list[str] = []
        self.on_output: Callable[[Output], None] = lambda _: None

    def run(
        self, name: str, arguments: str = "", *, answer: str | None = None, body: str = ""
    ) -> Reply | None:
        """Run one magic to its end; ``answer`` is what the user says to every question."""
        self.outputs.clear()
        self.questions.clear()
        return asyncio.run(self._run(name, arguments, answer, body))

    def run_interrupted(self, name: str, arguments: str) -> None:
        """Run one magic, interrupt it when its bar appears, and wait until its thread is done."""

        async def interrupted() -> None:
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(self._run(name, arguments, None, ""))

            def interrupt(output: Output) -> None:
                if output.msg_type == "display_data":
                    # The thread waits here until the interrupt has been seen.
                    asyncio.run_coroutine_threadsafe(cancel(), loop).result(timeout=30)

            async def cancel() -> None:
                task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

            self.on_output = interrupt
            try:
                await task
            except asyncio.CancelledError:
                return
            raise AssertionError("it was not interrupted")

        self.outputs.clear()
        asyncio.run(interrupted())

    async def _run(self, name: str, arguments: str, answer: str | None, body: str) -> Reply | None:
        async def ask(question: str) -> str | None:
            self.questions.append(question)
            return answer

        def emit(output: Output) -> None:
            self.outputs.append(output)
            self.on_output(output)

        with ThreadPoolExecutor(1) as worker:

            async def call(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(worker, lambda: function(*args, **kwargs))

            context = MagicContext(
                client=self.client,
                session=self.session,
                emit=emit,
                emit_session=emit,
                root=self.root,
                ask=ask,
                call=call,
                body=body,
            )
            return await run_magic(name, arguments, context)

    @property
    def text(self) -> str:
        """All that the last magic wrote to stdout and stderr."""
        return "".join(
            output.content["text"] for output in self.outputs if output.msg_type == "stream"
        )

    @property
    def displays(self) -> list[Mapping[str, str]]:
        """The mime bundles that the last magic showed, updates included."""
        return [output.content["data"] for output in self.outputs if "data" in output.content]

    def python(self, code: str) -> str:
        """What ``code`` prints in the session."""
        done: Execution = self.client.execute(self.session.identifier, code)
        assert done.succeeded, done.stderr
        return done.stdout.strip()

    def remote(self) -> list[str]:
        """All files in /mnt/data as the session sees them, relative to it."""
        return self.python(
            "import os\n"
            "for top, _, names in os.walk('/mnt/data'):\n"
            "    for name in names: print(os.path.relpath(os.path.join(top, name), '/mnt/data'))"
        ).splitlines()
