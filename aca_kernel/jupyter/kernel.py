"""The kernel: Jupyter requests in, Jupyter messages out. No user code runs here, ever."""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from collections.abc import Awaitable, Mapping
from concurrent.futures import Future
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..config.options import OUTPUT_POLICIES, Settings
from ..errors import AcaKernelError
from ..interpreters.base import question_deadline
from ..messages import CellRequest
from .ipykernel_internals import BaseKernel, kernel_protocol_version
from .surrogates import tolerant
from .widgets import Widgets

if TYPE_CHECKING:
    from ..interpreters.base import Interpreter
    from ..sessions.session import KernelSession
    from .cell import Cell
    from .completions import Completions
    from .emitter import Emitter, Fetch

# What only cells need (the session, magics, the output policy) is imported by the first one:
# kernel_info is answered sooner.

__all__ = ["AzureSessionsKernel"]

QUESTION_DEADLINE = 2.0
"""Seconds after which an editor's question is answered with nothing; more for a far session."""


class AzureSessionsKernel(Settings, BaseKernel):
    """A Jupyter kernel whose cells run in an Azure Container Apps dynamic session."""

    implementation = "aca-kernel"
    implementation_version = version("aca-kernel")
    banner = "Azure Sessions Python: cells run in an Azure Container Apps dynamic session."
    language_info: dict[str, object] = {  # noqa: RUF012 - ipykernel's own declaration
        "name": "python",
        "version": "3",
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": 3},
        "pygments_lexer": "ipython3",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.session is not None:
            self.session.pack = tolerant(self.session.pack)
        self.disinherit()
        problem = getattr(self.parent, "config_problem", None)
        if problem is not None:
            self.problems.insert(0, problem)
        self._display_scope = secrets.token_hex(8)
        self._cell: Cell | None = None
        Widgets(self)
        self._warming: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._released: Future[None] | None = None
        self._end_lock = threading.Lock()
        self._completions: Completions | None = None
        self._question: asyncio.Future[dict[str, Any]] | None = None

    @cached_property
    def remote(self) -> KernelSession:
        """The kernel's session; nothing is sent before a cell asks for it."""
        from ..sessions.session import KernelSession

        file = getattr(self.parent, "abs_connection_file", "")
        return KernelSession(
            self,
            connection_file=Path(file) if file else None,
            key=self.session.key if self.session is not None else b"",
        )

    # -- the process

    def start(self) -> None:
        """Begin to answer. The network is not touched, unless ``prewarm`` asks for it."""
        super().start()  # type: ignore[no-untyped-call]
        self._loop: asyncio.AbstractEventLoop = self.io_loop.asyncio_loop  # type: ignore[attr-defined]
        signal.signal(signal.SIGINT, self._on_interrupt_signal)
        signal.signal(signal.SIGTERM, self._on_terminate_signal)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_terminate_signal)  # not under nohup
        if self.prewarm:
            self._warming = self._loop.create_task(self.remote.warm_up())

    def pre_handler_hook(self) -> None:
        """Keep our own SIGINT handler, which is right at any time."""

    def post_handler_hook(self) -> None:
        """Keep our own SIGINT handler, which is right at any time."""

    def _on_interrupt_signal(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._interrupt)

    def _on_terminate_signal(self, number: int, frame: FrameType | None) -> None:
        self.leave()

    def leave(self) -> None:
        """Release the session and end the process. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._terminate)

    def _terminate(self) -> None:
        if self._leaving is not None:
            return

        async def leave() -> None:
            try:
                await self._release(restart=False)
            finally:
                self.io_loop.stop()

        self._leaving = self._loop.create_task(leave())

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Release the session within 2 s; called on the control thread, also during a cell."""
        await self._release(restart=restart)
        return {"status": "ok", "restart": restart}

    async def _release(self, *, restart: bool) -> None:
        """Release the session once, though a request and a signal may ask at the same time."""
        self.begin_no_cells()  # those that wait would allocate it anew
        with self._end_lock:
            released, is_first = self._released, self._released is None
            released = self._released = released or Future()
        if is_first:
            try:
                await self.remote.release(restart=restart)
            except Exception:
                self.log.exception("The session could not be released")
            finally:
                released.set_result(None)
        elif asyncio.get_running_loop() is self._loop:
            await asyncio.wrap_future(released)
        else:  # not awaited: the control thread would be stopped before its last words
            released.result()

    @property
    def kernel_info(self) -> dict[str, Any]:
        """What kernel_info_reply says: no subshells, no debugger, no network asked."""
        return {
            "protocol_version": kernel_protocol_version,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": [],
        }

    # -- a cell

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: Any = None,
        cell_id: Any = None,
    ) -> dict[str, Any]:
        """Run a cell: its code in the session, its magics of ours here, in order."""
        from .cell import Cell  # late: kernel_info is answered sooner

        count = self.execution_count
        request = CellRequest(
            code=code,
            silent=silent,
            store_history=store_history,
            user_expressions=user_expressions or {},
            allow_stdin=allow_stdin,
            execution_count=count,
        )
        self._cell = Cell(self, request)
        try:
            reply = await self._cell.run()
        finally:
            self._cell = None
        if not silent and (not store_history or not code.strip()):
            self.execution_count = count - 1
        if silent or not store_history or not code.strip():
            count -= 1  # what is not counted says the last number, as with ipykernel
        return {**reply.content(), "execution_count": count}

    @property
    def trusted_interpreter(self) -> Interpreter | None:
        """The session's interpreter, when what it says may act on the user's page."""
        return self.remote.interpreter if self._policy_name == "trusted" else None

    @property
    def has_cell(self) -> bool:
        """Whether a cell runs."""
        return self._cell is not None

    def emitter_for(
        self, parent: Any, *, silent: bool = False, fetch: Fetch | None = None
    ) -> Emitter:
        """What shows outputs as those of the request ``parent``, judged by the output policy."""
        from ..outputs.policy import OutputPolicy
        from .emitter import Emitter

        policy = OutputPolicy(self._policy_name, scope=self._display_scope)
        return Emitter(self, parent, policy, silent=silent, fetch=fetch)

    @property
    def _policy_name(self) -> str:
        return self.output_policy if self.output_policy in OUTPUT_POLICIES else "isolated"

    def root(self) -> Path:
        """The directory that transfers stay in: the notebook's, unless configured."""
        from ..transfers.diskname import on_disk

        wanted = self.transfer_root
        return (Path(on_disk(wanted)).expanduser() if wanted else Path.cwd()).resolve()

    # -- interrupts

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Jupyter's interrupt message, on the control thread: handed to the main loop."""
        self._loop.call_soon_threadsafe(self._interrupt)
        if self.session is not None:
            self.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    def _interrupt(self) -> None:
        if self._cell is not None:
            self._cell.interrupt()
        elif self._question is not None:
            self._question.cancel()

    # -- what an editor asks

    async def _asked(
        self, question: Awaitable[dict[str, Any]], otherwise: dict[str, Any]
    ) -> dict[str, Any]:
        """What ``question`` brings; ``otherwise`` when it fails, is late or is interrupted."""
        asked = self._question = asyncio.ensure_future(question)
        try:
            deadline = question_deadline(self.remote.interpreter, QUESTION_DEADLINE)
            await asyncio.wait([asked], timeout=deadline)
            return asked.result() if asked.done() else otherwise
        except asyncio.CancelledError:
            if not asked.cancelled():
                raise
            return otherwise
        except AcaKernelError as error:
            self.log.warning("A question of the editor has no answer: %s", error.what)
            return otherwise
        finally:
            asked.cancel()
            self._question = None

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Completions: within 0.7 s, within 3 s where the session is far away."""
        if self._completions is None:
            from .completions import Completions

            self._completions = Completions(self.remote, self.root)
        nothing = {
            "status": "ok",
            "matches": [],
            "cursor_start": cursor_pos,
            "cursor_end": cursor_pos,
            "metadata": {},
        }
        return await self._asked(self._completions.at(code, cursor_pos), nothing)

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Help for the magics of ours; the session's own objects as far as the mode can."""
        from ..magics import magic_at, magic_help

        name = magic_at(code, cursor_pos)
        if name is not None:
            data = {"text/plain": magic_help(name)}
            return {"status": "ok", "found": True, "data": data, "metadata": {}}
        nothing = {"status": "ok", "found": False, "data": {}, "metadata": {}}
        if self.remote.interpreter is None:
            return nothing

        async def inspect() -> dict[str, Any]:
            interpreter = await self.remote.met()
            return await interpreter.inspect(code, cursor_pos, detail_level)

        return await self._asked(inspect(), nothing)

    async def do_history(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The session's history as far as the mode can know it."""
        nothing: dict[str, Any] = {"status": "ok", "history": []}
        if self.remote.interpreter is None:
            return nothing

        async def history() -> dict[str, Any]:
            return await (await self.remote.met()).history(kwargs)

        return await self._asked(history(), nothing)

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Whether ``code`` is a whole cell, judged here by IPython's own parser."""
        from IPython.core.inputtransformer2 import TransformerManager

        status, indent = TransformerManager().check_complete(code)
        reply: dict[str, Any] = {"status": status}
        if status == "incomplete":
            reply["indent"] = " " * (indent or 0)
        return reply
