"""One remote session seen as an interpreter: what every mode offers to the kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UsageError
from ..messages import CellRequest, Comm, Emit, Reply

__all__ = ["Interpreter", "question_deadline"]


LONGEST_DEADLINE = 3.0
"""Seconds after which an editor's question is answered with nothing, wherever the session is."""


def question_deadline(interpreter: Interpreter | None, least: float) -> float:
    """Seconds that an editor's question may take: ``least``, or twice a round trip."""
    away = interpreter.round_trip if interpreter is not None else 0.0
    return min(max(least, 2 * away), LONGEST_DEADLINE)


class Interpreter(ABC):
    """A session that runs code, in one mode.

    It reports what it finds out about the session's life, as `SessionEvent`. All methods are
    coroutines of the kernel's event loop; none blocks it. Errors that a user can meet are
    :class:`~aca_kernel.errors.AcaKernelError`.
    """

    mode: str
    cooldown_seconds: float | None = None
    """The pool's cooldown period as the session's own times tell it; None when unknown."""

    round_trip: float = 0.0
    """Seconds that a call takes on its way there and back, as measured; 0 when not known."""

    shared: bool = True
    """Whether plain calls of other clients run in the namespace of this notebook's cells."""

    @abstractmethod
    async def start(self, emit: Emit | None = None) -> None:
        """Reach the session, allocating it when it is not there; once per session.

        ``emit`` shows what the user should know about it (reattached, fallback). Called by
        ``execute`` itself when it has not been called before.
        """

    @abstractmethod
    async def execute(self, request: CellRequest, emit: Emit) -> Reply:
        """Run ``request`` and show its outputs as they come; the reply when it has ended.

        A failure of the code is a Reply with status ``error`` whose ``error`` Output has been
        emitted. Raises AcaKernelError when the session or the service failed.
        """

    @abstractmethod
    async def interrupt(self) -> None:
        """Ask the running code to stop; its ``execute`` then returns within 2 s."""

    @abstractmethod
    def reset_call(self) -> Callable[[], Any] | None:
        """What :meth:`reset` does at the session, as a blocking call for any thread.

        None when the session has not been reached, so that nothing is known of its state.
        """

    @abstractmethod
    async def reset(self) -> None:
        """Give the next cell a fresh Python state (a restart)."""

    async def share(self, on: bool) -> None:
        """Let plain calls of other clients into the namespace of this notebook, or keep them out.

        Raises UsageError where the mode leaves no choice.
        """
        if not on:
            raise UsageError(
                f"In {self.mode} mode a session has one Python, which all its clients share.",
                left="Nothing was changed.",
                remedy="Set ACA_KERNEL_MODE to auto or linked for one of your own.",
            )

    async def complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """The content of a complete_reply; no matches where the mode cannot know them."""
        return {
            "status": "ok",
            "matches": [],
            "cursor_start": cursor_pos,
            "cursor_end": cursor_pos,
            "metadata": {},
        }

    async def inspect(self, code: str, cursor_pos: int, detail_level: int) -> dict[str, Any]:
        """The content of an inspect_reply; nothing found where the mode cannot know it."""
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}

    async def history(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The content of a history_reply."""
        return {"status": "ok", "history": []}

    def queue_comm(self, message: Comm, emit: Emit) -> bool:
        """Have a widget's message sent, and what comes of it shown.

        False in a mode, or a session, that has no widgets.
        """
        return False

    async def take_comms(self, emit: Emit) -> None:  # noqa: B027 - see queue_comm
        """Show what comes of the widgets' messages that were sent."""

    async def comm_info(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of a comm_info_reply."""
        return {"status": "ok", "comms": {}}

    @property
    def is_taken(self) -> bool:
        """Whether a request of this notebook is on its way in the session."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and threads, not of the session. Never blocks."""
