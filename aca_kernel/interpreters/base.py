"""One remote session seen as an interpreter: what every mode offers to the kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import AcaKernelError, UsageError
from ..outputs.notices import notice

__all__ = [
    "CellRequest",
    "Comm",
    "Emit",
    "Interpreter",
    "Output",
    "Reply",
    "error_reply",
    "notice_output",
    "question_deadline",
]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One message for the notebook, as Jupyter's iopub channel knows it."""

    msg_type: str
    content: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    buffers: Sequence[bytes] = ()
    own: bool = False
    """Whether it is this kernel's own word, not the session's: the output policy lets it pass."""
    widget: str = ""
    """The Output widget that it is meant for; "" for the cell itself."""


def notice_output(text: str) -> Output:
    """The Output that shows ``text`` as a notice of this kernel's own."""
    return Output(msg_type="display_data", content=notice(text), own=True)


@dataclass(frozen=True, kw_only=True)
class Comm:
    """One message of the front end to a widget, as Jupyter's shell channel knows it."""

    kind: str
    content: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    buffers: Sequence[bytes] = ()

    @property
    def encoded(self) -> list[str]:
        """The buffers in base64."""
        return [b64encode(part).decode("ascii") for part in self.buffers]


Ask = Callable[[str, bool], Coroutine[Any, Any, str]]

Emit = Callable[[Output], None]
"""Shows one Output in the running cell; may be called from any thread."""


@dataclass(frozen=True, kw_only=True)
class CellRequest:
    """One piece of code to run, with what Jupyter's execute_request says about it."""

    code: str
    silent: bool = False
    store_history: bool = True
    user_expressions: Mapping[str, str] = field(default_factory=dict)
    allow_stdin: bool = False
    execution_count: int = 0
    ask: Ask | None = None
    """Asks the user one line (prompt, hidden); None where the front end has no stdin."""
    shows_result: bool = True
    """False for code before a magic of the same cell: only a cell's last line has an Out."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How a piece of code ended: the content of Jupyter's execute_reply, without the count."""

    status: str = "ok"
    ename: str = ""
    evalue: str = ""
    traceback: Sequence[str] = ()
    user_expressions: Mapping[str, Any] = field(default_factory=dict)
    payload: Sequence[Mapping[str, Any]] = ()

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end."""
        return self.status == "ok"

    def content(self) -> dict[str, Any]:
        """The execute_reply content, without ``execution_count``."""
        if self.ok:
            return {
                "status": "ok",
                "user_expressions": dict(self.user_expressions),
                "payload": list(self.payload),
            }
        return {
            "status": self.status,
            "ename": self.ename,
            "evalue": self.evalue,
            "traceback": list(self.traceback),
        }

    def error_output(self) -> Output:
        """The iopub ``error`` message of a failed reply."""
        return Output(
            msg_type="error",
            content={
                "ename": self.ename,
                "evalue": self.evalue,
                "traceback": list(self.traceback),
            },
        )


def error_reply(error: AcaKernelError) -> Reply:
    """The failed reply that shows ``error``: its class, what happened, and the whole text."""
    name = type(error).__name__
    first, *rest = str(error).splitlines() or [""]
    return Reply(
        status="error",
        ename=name,
        evalue=error.what,
        traceback=[f"\x1b[31m{name}\x1b[0m: {first}", *rest],
    )


LONGEST_DEADLINE = 3.0
"""Seconds after which an editor's question is answered with nothing, wherever the session is."""


def question_deadline(interpreter: Interpreter | None, least: float) -> float:
    """Seconds that an editor's question may take: ``least``, or twice a round trip."""
    away = interpreter.round_trip if interpreter is not None else 0.0
    return min(max(least, 2 * away), LONGEST_DEADLINE)


class Interpreter(ABC):
    """A session that runs code, in one mode.

    All methods are coroutines of the kernel's event loop; none blocks it. Errors that a user
    can meet are :class:`~aca_kernel.errors.AcaKernelError`.
    """

    mode: str
    is_reached: bool = False
    """Whether the session has been called, and so may have been allocated."""
    cooldown_seconds: float | None = None
    """The pool's cooldown period as the session's own times tell it; None when unknown."""

    round_trip: float = 0.0
    """Seconds that a call takes on its way there and back, as measured; 0 when not known."""

    shared: bool = True
    """Whether plain calls of other clients run in the namespace of this notebook's cells."""

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether the session has been reached, as far as this side knows."""

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

    async def pass_by(self, code: str) -> None:  # noqa: B027 - what most modes do anyway
        """Have the next plain call with this code run in the session interpreter itself."""

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
