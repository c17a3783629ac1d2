"""Every open request of a linked session, and what each message of the guest does to it. Pure.

No clock, no I/O: `Conversation.take` gives the effects of a message, and `LinkedInterpreter`
carries them out. All that a session sends is hostile data, and may do one of a few things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..errors import AcaKernelError
from ..guest.protocol import COMMS, OUTPUTS
from ..link.answers import MOST_NUMBER
from ..messages import Output
from ..outputs.replies import buffers, prompt_of
from ..pool.refusal_texts import clean
from .endings import death, stale

__all__ = [
    "STEPS",
    "Ask",
    "Calls",
    "Conversation",
    "Effect",
    "End",
    "Fail",
    "Kind",
    "Show",
    "Sign",
    "State",
]

MOST_SOURCES = 100
"""Ended requests of each kind whose late output is still shown under them."""


class Kind(Enum):
    """What a request is."""

    CELL = "a cell"
    QUESTION = "a completion, an inspection, a history or another question"
    COMM = "a message to a widget"


class State(Enum):
    """How far an open request has come."""

    SENT = "neither reply nor idle has come"
    REPLIED = "its idle is to come"
    IDLE = "its reply is to come"
    ENDED = "nothing more is waited for"


class Sign(Enum):
    """What the guest says of a request."""

    REPLY = "its reply, on the shell channel"
    IDLE = "its idle, on the iopub channel"
    UNANSWERED = "the guest kernel will not answer it"
    DROPPED = "it was withdrawn before it began"
    OVER = "all that comes of it has come"


STEPS: Mapping[tuple[State, Sign], State] = {
    (State.SENT, Sign.REPLY): State.REPLIED,
    (State.SENT, Sign.IDLE): State.IDLE,
    (State.SENT, Sign.UNANSWERED): State.ENDED,
    (State.SENT, Sign.DROPPED): State.ENDED,
    (State.SENT, Sign.OVER): State.ENDED,
    (State.REPLIED, Sign.IDLE): State.ENDED,
    (State.REPLIED, Sign.UNANSWERED): State.ENDED,
    (State.REPLIED, Sign.DROPPED): State.ENDED,
    (State.REPLIED, Sign.OVER): State.ENDED,
    (State.IDLE, Sign.REPLY): State.ENDED,
    (State.IDLE, Sign.UNANSWERED): State.ENDED,
    (State.IDLE, Sign.DROPPED): State.ENDED,
    (State.IDLE, Sign.OVER): State.ENDED,
}
"""What a sign makes of a request. A sign that is not here changes nothing: it came twice."""


@dataclass(frozen=True)
class Show:
    """An output to show under the request that made it."""

    request: str
    output: Output


@dataclass(frozen=True)
class Ask:
    """A line that a cell asks the user for."""

    request: str
    prompt: str
    hidden: bool


@dataclass(frozen=True)
class End:
    """The end of a request: ``sign`` ended it, ``reply`` is its reply's content if one came.

    ``why`` is what the guest kernel said when it gave no reply.
    """

    request: str
    sign: Sign
    reply: Mapping[str, Any] | None
    why: str = ""


@dataclass(frozen=True)
class Fail:
    """The failure of a request: its guest kernel is gone. "" stands for the cell to come."""

    request: str
    error: AcaKernelError


@dataclass(frozen=True)
class Calls:
    """Other clients' calls that ran since the last cell; ``number`` may be anything."""

    number: Any


Effect = Show | Ask | End | Fail | Calls


@dataclass
class _Open:
    """An open request."""

    kind: Kind
    asks: bool
    state: State = State.SENT
    reply: Mapping[str, Any] | None = None


class Conversation:
    """The open requests by message id. Any number of them may be open at once."""

    def __init__(self) -> None:
        self.kernel = 0
        """The guest kernel's number in its session, from 1."""
        self.next_count: int | None = None
        """The number that its next cell would have; None when it is not known."""
        self._open: dict[str, _Open] = {}
        # Whose outputs are shown, late ones too: by message id, whether the result is.
        self._sources: dict[Kind, dict[str, bool]] = {kind: {} for kind in Kind}

    def begin(
        self, request: str, kind: Kind, *, shows_result: bool = True, asks: bool = False
    ) -> None:
        """Take in a request that is sent. ``asks``: whether it may ask the user for a line."""
        self._open[request] = _Open(kind, asks)
        if kind is Kind.CELL:
            self.expect(request, kind, shows_result=shows_result)

    def expect(self, request: str, kind: Kind, *, shows_result: bool = True) -> None:
        """Show what comes of a message, though no answer to it is waited for."""
        sources = self._sources[kind]
        while len(sources) >= MOST_SOURCES:
            del sources[next(iter(sources))]
        sources[request] = shows_result

    def close(self, request: str) -> None:
        """Wait no more for a request; what it still shows is its own."""
        self._open.pop(request, None)

    @property
    def open(self) -> tuple[str, ...]:
        """The message ids of the open requests, the oldest first."""
        return tuple(self._open)

    @property
    def cell(self) -> str:
        """The open cell's message id; "" when none is open."""
        return next((name for name, one in self._open.items() if one.kind is Kind.CELL), "")

    def knows(self, request: str) -> bool:
        """Whether what comes of a request is still shown."""
        return any(request in sources for sources in self._sources.values())

    # -- what comes in

    def take(self, message: Mapping[str, Any]) -> list[Effect]:
        """What one message of the guest does. One that means nothing does nothing."""
        if "event" in message:
            return self._on_event(message)
        parent, header = message.get("parent_header"), message.get("header")
        content = message.get("content")
        if not (
            isinstance(parent, dict) and isinstance(header, dict) and isinstance(content, dict)
        ):
            return []
        channel, kind, request = (
            message.get("channel"),
            header.get("msg_type"),
            parent.get("msg_id"),
        )
        if not isinstance(kind, str) or not isinstance(request, str):
            return []
        if channel == "iopub" and (kind in OUTPUTS or kind in COMMS):
            return self._shown(request, kind, message)
        if channel == "iopub":
            is_idle = kind == "status" and content.get("execution_state") == "idle"
            return self.sign(request, Sign.IDLE) if is_idle else []
        if channel == "shell":
            return self.sign(request, Sign.REPLY, reply=content)
        if channel == "stdin" and kind == "input_request":
            return self._asked(request, content)
        return []

    def sign(
        self,
        request: str,
        sign: Sign,
        *,
        reply: Mapping[str, Any] | None = None,
        why: str = "",
    ) -> list[Effect]:
        """What a sign does to a request, by `STEPS`."""
        one = self._open.get(request)
        step = None if one is None else STEPS.get((one.state, sign))
        if one is None or step is None:
            return []
        one.state = step
        if sign is Sign.REPLY:
            one.reply = reply
        if step is not State.ENDED:
            return []
        del self._open[request]
        return [End(request, sign, one.reply, why)]

    def over(self, requests: Iterable[str]) -> list[Effect]:
        """What it does that the guest says of these requests that all of them has come."""
        return [effect for request in requests for effect in self.sign(request, Sign.OVER)]

    def _shown(self, request: str, kind: str, message: Mapping[str, Any]) -> list[Effect]:
        shows_result = next(
            (sources[request] for sources in self._sources.values() if request in sources), None
        )
        if shows_result is None or (kind == "execute_result" and not shows_result):
            return []
        metadata, widget = message.get("metadata"), message.get("widget")
        output = Output(
            msg_type=kind,
            content=message["content"],
            metadata=metadata if isinstance(metadata, dict) else {},
            buffers=buffers(message.get("buffers")),
            widget=widget if isinstance(widget, str) else "",
        )
        return [Show(request, output)]

    def _asked(self, request: str, content: Mapping[str, Any]) -> list[Effect]:
        one = self._open.get(request)
        return [Ask(request, *prompt_of(content))] if one is not None and one.asks else []

    # -- what the relay says itself

    def _on_event(self, message: Mapping[str, Any]) -> list[Effect]:
        event, number, request = (message.get(name) for name in ("event", "kernel", "msg_id"))
        if event == "calls":
            return [Calls(message.get("number"))]
        if event in ("stale", "dropped", "unanswered"):
            if not isinstance(request, str) or request not in self._open:
                return []
            if event == "stale":
                del self._open[request]
                return [Fail(request, stale())]
            if event == "dropped":
                return self.sign(request, Sign.DROPPED)
            why = message.get("why")
            said = clean(why[:400]) if isinstance(why, str) else ""
            return self.sign(request, Sign.UNANSWERED, why=said)
        if type(number) is int and self.kernel < number < MOST_NUMBER:
            self.kernel = number
            self.next_count = 1
            return self._died(message)
        return []

    def _died(self, message: Mapping[str, Any]) -> list[Effect]:
        """What it does that the guest kernel is another one: no open request is answered."""
        has_cell = bool(self.cell)
        failed: list[Effect] = []
        for request in self.open if has_cell else (*self.open, ""):
            error = death(message.get("event"), message.get("code"), message.get("why"))
            if error is not None:
                self._open.pop(request, None)
                failed.append(Fail(request, error))
        return failed
