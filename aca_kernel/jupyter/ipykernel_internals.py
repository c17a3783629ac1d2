"""Every private name of ipykernel that the kernel relies on, each with its reason.

They exist in ipykernel 7.2, the lowest version that pyproject.toml allows, up to 7.4. The guest
kernel changes its own ipykernel in guest/guest_kernel.py, because a session may have any version.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

from ipykernel._version import kernel_protocol_version
from traitlets import Float

from .strays import StrayTolerant

__all__ = ["PRIVATE_NAMES", "BaseKernel", "kernel_protocol_version"]

PRIVATE_NAMES = {
    "_abort_queues": "is called when a cell has failed; its abort would end too early here",
    "_aborting": "while it is true, execute requests are answered as aborted",
    "_execute_sleep": "half a millisecond before each reply, for front ends that we do not have",
    "_main_asyncio_lock": "is held while a shell request is handled",
    "_parent_ident": "says whose cell runs, and so who is asked for a line",
    "_publish_status": "says on iopub whether the kernel is busy, and with whose request",
    "_progressively_terminate_all_children": "would kill the local pool, which outlives a restart",
}
"""The names, and what each is or does."""


PASSING = ("complete_request", "inspect_request")
"""The requests that do not wait for the cell that runs."""


class BaseKernel(StrayTolerant):
    """ipykernel's kernel, with the changes that need its private names."""

    _execute_sleep = Float(0.0)

    @property
    def turn(self) -> asyncio.Lock:
        """What a request of the shell channel holds while it is handled."""
        lock: asyncio.Lock = self._main_asyncio_lock
        return lock

    @property
    def asker(self) -> bytes:
        """The front end whose request is handled, as its socket's identity."""
        ident: bytes = self._parent_ident["shell"]
        return ident

    async def shell_main(self, subshell_id: str | None, msg: Any) -> None:
        """Handle a message of the shell channel: one after another, but questions at once.

        ipykernel lets a completion wait until the cell that runs has ended. Here the session may
        know it before.
        """
        if not self.turn.locked() or self._kind_of(msg) not in PASSING:
            await super().shell_main(subshell_id, msg)
            return
        # A context of its own: in the shell channel's stands whose cell runs.
        question = self.dispatch_shell(msg, subshell_id=subshell_id)
        await copy_context().run(asyncio.ensure_future, question)
        cell = self.cell_parent
        if cell is not None:  # a front end took the question's idle for the kernel's
            self._publish_status("busy", "shell", cell)  # type: ignore[no-untyped-call]

    @property
    def cell_parent(self) -> Any:
        """The request of the cell that runs; None for none."""
        return None

    def _kind_of(self, msg: Any) -> str:
        session = self.session
        if session is None:
            return ""
        try:
            frames = session.feed_identities(msg, copy=False)[1]
            header = session.deserialize(frames, content=False, copy=False)["header"]
        except Exception:  # dispatch_shell says what is wrong with it
            return ""
        return str(header.get("msg_type"))

    def begin_no_cells(self) -> None:
        """Answer each execute request that comes from now on as aborted."""
        self._aborting = True

    async def _progressively_terminate_all_children(self) -> None:
        """Leave the local pool alone: it outlives a restart. There are no other children."""

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Abort every execute_request that waits behind a failed cell.

        ipykernel's way without its shell channel thread ends the abort after one turn of the
        loop, when the second request still waits for the lock; here a task takes its turn
        behind them all.
        """
        self._aborting = True
        if self.shell_stream is not None:
            self.shell_stream.flush()
        self._stopping_abort = asyncio.ensure_future(self._stop_aborting())

    async def _stop_aborting(self) -> None:
        if self.stop_on_error_timeout:  # ipykernel's option for front ends far away
            await asyncio.sleep(self.stop_on_error_timeout)
        async with self.turn:
            self._aborting = False
