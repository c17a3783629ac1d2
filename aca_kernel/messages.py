"""Values that cross rooms: what runs in a session, what comes back, and how it ended."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from .errors import AcaKernelError

__all__ = [
    "Ask",
    "CellRequest",
    "Comm",
    "Emit",
    "Output",
    "OwnOutput",
    "Reply",
    "SessionEvent",
    "error_reply",
    "keyboard_interrupt",
]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One message for the notebook, as Jupyter's iopub channel knows it."""

    msg_type: str
    content: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    buffers: Sequence[bytes] = ()
    widget: str = ""
    """The Output widget that it is meant for; "" for the cell itself."""


class OwnOutput(Output):
    """An Output whose every word is this kernel's own, among others that are a session's."""


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


class Emit(Protocol):
    """Shows outputs in one cell. May be used from any thread."""

    def show_own(self, output: Output, /) -> None:
        """Show what this kernel has to say: it passes as it is."""

    def show_session(self, output: Output, /) -> None:
        """Show what a session sends, as far as the output policy allows that."""


class SessionEvent(Enum):
    """What happens to a session, and changes its life (`sessions.life`)."""

    CALLED = auto()
    """An interpreter is about to call it, so that it may be allocated."""
    ANSWERED = auto()
    """It has answered an interpreter, so that code can run in it."""
    LOST = auto()
    """Its interpreter has found that it was replaced, or cannot use it any more."""
    RESET = auto()
    """It has the fresh Python state that a restart owed it."""
    LEFT = auto()
    """The kernel has let go of it, and left it as it is."""
    DELETED = auto()
    """It is there no more: it was deleted, or its pool has ended."""


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


def keyboard_interrupt(evalue: str, first: str, *more: str) -> Reply:
    """The reply of a cell that an interrupt ended; ``first`` stands behind the exception's name."""
    return Reply(
        status="error",
        ename="KeyboardInterrupt",
        evalue=evalue,
        traceback=[f"\x1b[31mKeyboardInterrupt\x1b[0m: {first}", *more],
    )
