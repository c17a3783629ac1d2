"""Plain calls of other clients on their way through the guest kernel.

Sent into the session: Python 3.8 and later.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

LATE = 100  # messages of at most so many bytes that are kept after a call has ended
LATE_SIZE = 100_000


class Routed:
    """A plain call of another client on its way through the guest kernel.

    ``messages`` are its iopub messages that nobody has taken yet, each as (type, content,
    metadata, buffers). ``lost`` says why no reply will come, ``failed`` whether its kernel is
    there all the same.
    """

    def __init__(self, is_counted: bool) -> None:
        self.is_counted = is_counted
        self.messages: deque[tuple[str, Any, Any, list[bytes]]] = deque()
        self.reply: dict[str, Any] | None = None
        self.is_idle = False
        self.lost = ""
        self.failed = False

    @property
    def done(self) -> bool:
        """Whether everything has come that will come."""
        return bool(self.lost) or (self.is_idle and self.reply is not None)

    def take(self, channel: str, kind: str, parts: list[Any]) -> None:
        """Take in a message of the guest kernel: its metadata, content and buffers, as bytes."""
        metadata, content, *buffers = parts
        if self.done and (len(self.messages) >= LATE or len(content) > LATE_SIZE):
            return
        body = _parsed(content)
        if channel == "shell":
            self.reply = body
        elif kind == "status":
            self.is_idle = self.is_idle or body.get("execution_state") == "idle"
        elif channel == "iopub" and kind != "execute_input":
            self.messages.append((kind, body, _parsed(metadata), buffers))


class RoutedCalls:
    """The latest plain calls by message id, and what they have done to the notebook's numbers."""

    def __init__(self) -> None:
        self._calls: dict[str, Routed] = {}
        self._number = 0
        self._next_number: int | None = None

    def add(self, message_id: str, is_counted: bool) -> Routed:
        """A new call, which begins with what the threads of earlier ones have printed since."""
        routed = Routed(is_counted)
        for earlier in self._calls.values():
            routed.messages.extend(m for m in earlier.messages if m[0] == "stream")
            earlier.messages.clear()
        while len(self._calls) > 100:
            del self._calls[next(iter(self._calls))]
        self._calls[message_id] = routed
        self._number += 1
        return routed

    def take(self, message_id: Any, channel: str, kind: str, parts: list[Any]) -> bool:
        """Take in a message of the guest kernel; False when it belongs to no call."""
        routed = self._calls.get(message_id)
        if routed is None:
            return False
        routed.take(channel, kind, parts)
        if channel == "shell" and routed.is_counted and self._next_number is None:
            self._next_number = (routed.reply or {}).get("execution_count")
        return True

    def settle(self) -> tuple[int, int | None]:
        """Since the last time: the number of calls, and the number that the next cell had before.

        The latter is None when no call has raised it.
        """
        found = self._number, self._next_number
        self._number, self._next_number = 0, None
        return found

    def fail(self, message_id: str, why: str) -> bool:
        """Say that the guest kernel does not answer a call; False when it is none of these."""
        routed = self._calls.get(message_id)
        if routed is None:
            return False
        if not routed.done:
            routed.lost, routed.failed = why or "it does not say why", True
        return True

    def lose(self, why: str) -> None:
        """Say that no more will come for the calls that have not ended."""
        for routed in self._calls.values():
            routed.lost = routed.lost or ("" if routed.done else why)
        self.settle()


def _parsed(data: bytes | memoryview) -> Any:
    return json.loads(str(data, "utf-8", "replace"))  # as Jupyter's clients read what is no UTF-8
