"""Mode auto: linked where the session can hold a guest, else direct, and a line that says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import (
    AcaKernelError,
    AnswerLost,
    BadRequest,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from ..link.answers import NoGuest
from ..messages import CellRequest, Comm, Emit, Reply
from ..outputs.notices import notice_output
from .base import Interpreter

__all__ = ["AutoInterpreter"]


_PERHAPS_THE_LINK = (AnswerLost, BadRequest, ServiceUnavailable, UnexpectedAnswer)
"""What the link's first call may meet where a short call of direct mode gets through."""


class AutoInterpreter(Interpreter):
    """The ``linked`` interpreter; from the time its handshake fails, the ``direct`` one."""

    def __init__(self, linked: Interpreter, direct: Interpreter) -> None:
        self._current = self._linked = linked
        self._direct = direct
        self._has_linked = False
        self._why = ""  # why it is direct mode, until it has been told

    @property
    def mode(self) -> str:  # type: ignore[override]
        """The mode that is in use."""
        return self._current.mode

    @property
    def cooldown_seconds(self) -> float | None:  # type: ignore[override]
        """The pool's cooldown period, as far as the interpreter in use knows it."""
        return self._current.cooldown_seconds

    @property
    def round_trip(self) -> float:  # type: ignore[override]
        """Seconds that a call takes, as far as the interpreter in use has measured it."""
        return self._current.round_trip

    @property
    def is_reached(self) -> bool:  # type: ignore[override]
        """Whether the session may have been allocated by this kernel."""
        return self._linked.is_reached or self._direct.is_reached

    @property
    def shared(self) -> bool:  # type: ignore[override]
        """Whether other clients' plain calls share the notebook's namespace."""
        return self._current.shared

    @property
    def started(self) -> bool:
        """Whether the session has been reached."""
        return self._current.started

    async def start(self, emit: Emit | None = None) -> None:
        """Start the link, or direct mode when the session cannot hold a guest."""
        try:
            await self._current.start(emit)
        except (NoGuest, *_PERHAPS_THE_LINK) as error:
            if not self._may_fall_back(error):
                raise
            await self._fall_back(error, emit)
        else:
            self._has_linked = self._has_linked or self._current is self._linked
        self._tell(emit)

    def _may_fall_back(self, error: AcaKernelError) -> bool:
        """Whether direct mode may help: not where a link that worked has met a fault."""
        if self._current is self._direct:
            return False
        return isinstance(error, NoGuest) or not self._has_linked

    async def _fall_back(self, error: AcaKernelError, emit: Emit | None) -> None:
        """Go on in direct mode, if that works: else what is wrong has no part in the link."""
        await self._direct.start(emit)
        self._current = self._direct
        reason = error.reason if isinstance(error, NoGuest) else error.what.rstrip(".")
        self._why = f"Direct mode, because this session cannot be linked to: {reason}."

    def _tell(self, emit: Emit | None) -> None:
        """Say once, in the first cell, why it is direct mode."""
        if self._why and emit is not None:
            emit(notice_output(self._why))
            self._why = ""

    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run one cell."""
        if not self._current.started:
            await self.start(emit)
        self._tell(emit)
        return await self._current.execute(request, emit)

    async def interrupt(self) -> None:
        """Ask the running code to stop."""
        await self._current.interrupt()

    def reset_call(self) -> Callable[[], Any] | None:
        """What `reset` does at the session, as a blocking call."""
        return self._current.reset_call()

    async def reset(self) -> None:
        """Give the next cell a fresh Python state."""
        try:
            await self._current.reset()
        except (NoGuest, *_PERHAPS_THE_LINK) as error:
            if not self._may_fall_back(error):
                raise
            await self._fall_back(error, None)
            await self._current.reset()

    async def share(self, on: bool) -> None:
        """Let plain calls of other clients into the notebook's namespace, or keep them out."""
        if not self._current.started:
            await self.start()
        await self._current.share(on)

    async def pass_by(self, code: str) -> None:
        """Have the next plain call with this code run in the session interpreter itself."""
        await self._current.pass_by(code)

    async def complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """The content of a complete_reply."""
        if not self._current.started:
            await self.start()
        return await self._current.complete(code, cursor_pos)

    async def inspect(self, code: str, cursor_pos: int, detail_level: int) -> dict[str, Any]:
        """The content of an inspect_reply."""
        if not self._current.started:
            await self.start()
        return await self._current.inspect(code, cursor_pos, detail_level)

    async def history(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The content of a history_reply."""
        return await self._current.history(request)

    def queue_comm(self, message: Comm, emit: Emit) -> bool:
        """Have a widget's message sent."""
        return self._current.queue_comm(message, emit)

    async def take_comms(self) -> None:
        """Wait until the session has dealt with the widgets' messages that were sent."""
        await self._current.take_comms()

    async def comm_info(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of a comm_info_reply."""
        return await self._current.comm_info(content)

    def close(self) -> None:
        """Let go of connections and threads."""
        self._current.close()
