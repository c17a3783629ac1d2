"""What a transfer needs of whoever wants it: a running magic, or a command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from ..messages import Emit

__all__ = ["TransferContext"]


class _Tolerant(Protocol):
    @property
    def outage_tolerance(self) -> float:
        """Seconds without the network that a transfer survives."""


class TransferContext(Protocol):
    """Where a transfer shows its progress, and what it may do."""

    @property
    def session(self) -> _Tolerant:
        """What is known of the session."""

    @property
    def emit(self) -> Emit:
        """Shows an Output of ours."""

    @property
    def root(self) -> Path:
        """The directory on this machine that transfers stay in, resolved."""

    @property
    def ask(self) -> Callable[[str], Awaitable[str | None]]:
        """Asks the user one line; None where nobody can be asked."""

    @property
    def call(self) -> Callable[..., Awaitable[Any]]:
        """Runs blocking code on a thread; see `MagicContext.call`."""

    def stream(self, text: str, name: str = "stdout") -> None:
        """Show ``text`` as a stream message."""
