"""What a magic of ours is, and what it may touch."""

from __future__ import annotations

import argparse
import os
import shlex
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol

from ..errors import UsageError
from ..messages import CellRequest, Emit, Output, Reply
from ..pool import PoolClient, SessionInfo
from ..sessions.life import Life
from ..sessions.recent_sessions import RecentSession, RecentSessions

__all__ = [
    "HelpRequested",
    "Magic",
    "MagicContext",
    "MagicParser",
    "SessionControl",
    "Values",
    "split_arguments",
]

Values = Literal["local file", "local folder", "session file", "session folder"]
"""What a word of a magic's line names, for Tab to complete."""


class SessionControl(Protocol):
    """What %session may do to the kernel's session; the kernel implements it."""

    @property
    def identifier(self) -> str:
        """The full session identifier: never shown but on request."""

    @property
    def is_own(self) -> bool:
        """Whether the kernel made the session itself, and so deletes it at shutdown."""

    @property
    def recent(self) -> RecentSessions | None:
        """The sessions that this user had lately; None where they are not remembered."""

    listed: Sequence[RecentSession]
    """Those that were shown last, in the order of their numbers."""

    @property
    def mode(self) -> str:
        """``linked`` or ``direct``, or the configured mode while nothing has run."""

    @property
    def shared(self) -> bool:
        """Whether plain calls of other clients run in this notebook's namespace."""

    @property
    def life(self) -> Life:
        """How far this kernel has come with the session."""

    @property
    def keep_alive(self) -> float:
        """Seconds after the last cell during which the session is kept alive; 0 for none."""

    @keep_alive.setter
    def keep_alive(self, seconds: float) -> None: ...

    @property
    def outage_tolerance(self) -> float:
        """Seconds without the network that a cell or a transfer survives."""

    async def start(self, emit: Emit) -> None:
        """Reach the session, allocating it when it is not there; waits while the pool is full."""

    async def execute_direct(self, request: CellRequest, emit: Emit) -> Reply:
        """Run code in the session interpreter itself. Raises AcaKernelError."""

    async def session_info(self) -> SessionInfo | None:
        """What the service says about the session; None when it has none or cannot tell."""

    async def restart(self) -> None:
        """Fresh Python state, as the kernel's Restart gives it."""

    async def renew(self) -> None:
        """Leave this session (deleting it when it is the kernel's own) for a new one."""

    async def share(self, on: bool) -> None:
        """Let plain calls of other clients into this notebook's namespace, or keep them out."""

    async def attach(self, identifier: str) -> None:
        """Leave this session for the one that ``identifier`` names."""

    async def stop(self) -> bool:
        """Delete the session; the next cell starts a new one. False: there was none, it says."""


@dataclass(frozen=True, kw_only=True)
class MagicContext:
    """What a running magic may use. Made anew for each call."""

    client: PoolClient
    session: SessionControl
    emit: Emit
    emit_session: Emit
    """Shows what the session itself sends: the output policy judges it first."""
    root: Path
    """The directory on this machine that transfers stay in, resolved."""
    ask: Callable[[str], Awaitable[str | None]]
    """Asks the user one line; None when the front end has no stdin."""
    call: Callable[..., Awaitable[Any]]
    """``await call(function, *args, **kwargs)`` runs blocking code on the session's worker
    thread. When the cell is interrupted the awaiting coroutine is cancelled while the thread
    goes on: give it something that stops it (a progress callback that raises)."""
    execution_count: int = 0
    request_silent: bool = False
    allow_stdin: bool = False
    body: str = ""
    """The lines below a cell magic; "" for a line magic."""

    def stream(self, text: str, name: str = "stdout") -> None:
        """Show ``text`` as a stream message."""
        self.emit(Output(msg_type="stream", content={"name": name, "text": text}))


class HelpRequested(UsageError):
    """``-h`` was given: ``what`` is the help to show, and nothing went wrong."""


class MagicParser(argparse.ArgumentParser):
    """An ArgumentParser that never exits or prints, and knows no abbreviations.

    Help comes as :class:`HelpRequested`, a wrong argument as :class:`UsageError`.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        # A fixed width, as the notebook's is not that of this process's terminal.
        options.setdefault("formatter_class", partial(argparse.HelpFormatter, width=78))
        super().__init__(**options)

    def print_help(self, file: Any = None) -> None:
        """Raise HelpRequested with the help."""
        raise HelpRequested(self.format_help().strip())

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise UsageError with ``message``."""
        raise UsageError((message or self.format_usage()).strip())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: what is wrong, then the usage line."""
        raise UsageError(f"{self.prog}: {message}", remedy=self.format_usage().strip())


class Magic(ABC):
    """One magic: its name with the percent signs, a line of summary, its arguments, its work."""

    name: str
    summary: str
    completes: Mapping[str, Values] = MappingProxyType({})
    """What an argument, by its ``dest``, names."""

    @abstractmethod
    def parser(self) -> MagicParser:
        """A new parser for the magic's arguments, with help for each."""

    @abstractmethod
    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Do it. None means ok; raises AcaKernelError when it failed."""


def split_arguments(text: str) -> list[str]:
    """The words of a magic's line, quotes removed; on Windows a backslash is an ordinary letter.

    Raises UsageError for a quote that is never closed.
    """
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = ""
    if os.name == "nt":
        words.escape = ""
    try:
        return list(words)
    except ValueError as error:
        raise UsageError(
            f"The line cannot be split into words: {error}.",
            remedy="Put names with spaces or quotes between double quotes.",
        ) from None
