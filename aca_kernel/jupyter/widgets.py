"""What widgets say, between the front end and the session: for a kernel that trusts it alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import AcaKernelError
from ..messages import Comm

if TYPE_CHECKING:
    from ..interpreters.base import Interpreter
    from .emitter import Emitter
    from .kernel import AzureSessionsKernel

__all__ = ["Widgets"]


class Widgets:
    """Takes a kernel's comm messages, and passes them on to the session that it trusts.

    What comes of them is shown as theirs, also while a cell runs.
    """

    def __init__(self, kernel: AzureSessionsKernel) -> None:
        self._kernel = kernel
        self._waiting: set[asyncio.Task[None]] = set()
        for kind in ("comm_open", "comm_msg", "comm_close"):
            kernel.shell_handlers[kind] = self.take
        kernel.shell_handlers["comm_info_request"] = self.info

    async def take(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        """Pass one message of the front end on; show what comes of it."""
        kernel = self._kernel
        interpreter = kernel.trusted_interpreter
        if interpreter is None:
            return
        comm = Comm(
            kind=message["header"]["msg_type"],
            content=message["content"],
            metadata=message["metadata"],
            buffers=[bytes(part) for part in message.get("buffers", ())],
        )
        emitter = kernel.emitter_for(message)
        if not interpreter.queue_comm(comm, emitter):
            return
        if kernel.has_cell:  # ipykernel lets these pass a cell by
            task = asyncio.ensure_future(self._follow(interpreter, emitter))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        else:
            await self._follow(interpreter, emitter)

    async def _follow(self, interpreter: Interpreter, emitter: Emitter) -> None:
        try:
            await interpreter.take_comms()
            await emitter.settled()
        except AcaKernelError as error:
            self._kernel.log.warning("A widget's message did not get through: %s", error.what)

    async def info(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        """Answer which comms there are: those of a session that is trusted."""
        kernel = self._kernel
        content: dict[str, Any] = {"status": "ok", "comms": {}}
        interpreter = kernel.trusted_interpreter
        if interpreter is not None:
            try:
                answer = await interpreter.comm_info(message["content"])
                if isinstance(answer.get("comms"), dict):
                    content["comms"] = answer["comms"]
            except AcaKernelError as error:
                kernel.log.warning("The session's widgets are not known: %s", error.what)
        if kernel.session is not None:
            kernel.session.send(stream, "comm_info_reply", content, message, ident)
