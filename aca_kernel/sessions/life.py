"""The life of a session as this kernel knows it: one value, and one table of what changes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from ..messages import SessionEvent

__all__ = ["Life", "Lives", "State"]


class State(Enum):
    """How far this kernel has come with a session."""

    ABSENT = auto()
    """This kernel has not called it, or has deleted it."""
    REACHED = auto()
    """A call was made to it, so it may be there and be billed."""
    MET = auto()
    """It has answered: login, role and endpoint are right, and code can run in it."""
    LOST = auto()
    """It had answered, but was replaced or cannot be used: the next cell begins anew."""


_CALLED, _ANSWERED, _LOST, _RESET, _LEFT, _DELETED = SessionEvent

TRANSITIONS: Mapping[tuple[State, SessionEvent], State] = MappingProxyType(
    {
        (State.ABSENT, _CALLED): State.REACHED,
        (State.ABSENT, _ANSWERED): State.MET,
        (State.REACHED, _ANSWERED): State.MET,
        (State.REACHED, _DELETED): State.ABSENT,
        (State.MET, _LOST): State.LOST,
        (State.MET, _LEFT): State.REACHED,
        (State.MET, _DELETED): State.ABSENT,
        (State.LOST, _CALLED): State.REACHED,
        (State.LOST, _ANSWERED): State.MET,
        (State.LOST, _LEFT): State.REACHED,
        (State.LOST, _DELETED): State.ABSENT,
    }
)
"""The state after an event. An event that has no row here changes nothing."""


@dataclass(frozen=True)
class Life:
    """The state of one session, and whether a restart still owes it a fresh Python state."""

    state: State = State.ABSENT
    restart_owed: bool = False

    @property
    def may_exist(self) -> bool:
        """Whether the session may be there, and be billed, because this kernel has called it."""
        return self.state is not State.ABSENT

    @property
    def is_ready(self) -> bool:
        """Whether a cell may run in it at once."""
        return self.state is State.MET and not self.restart_owed

    def after(self, event: SessionEvent) -> Life:
        """Return the life that follows ``event``."""
        is_paid = event in (_RESET, _DELETED)
        return Life(
            TRANSITIONS.get((self.state, event), self.state),
            restart_owed=self.restart_owed and not is_paid,
        )


class Lives:
    """The lives of all sessions that a kernel has used, by identifier.

    The thread that makes the first change is the only one that may make changes: that is the
    kernel's event loop. What other threads read is immutable.
    """

    def __init__(self, first: Mapping[str, Life]) -> None:
        self._lives = first
        self._thread: int | None = None

    def __getitem__(self, identifier: str) -> Life:
        """Return the life of one session. May be called from any thread."""
        return self._lives.get(identifier, Life())

    def __iter__(self) -> Iterator[str]:
        """Give the identifiers of all sessions that have a life."""
        return iter(self._lives)

    def change(self, identifier: str, event: SessionEvent) -> Life:
        """Note what has happened to a session, and return its life from now on.

        Raises RuntimeError on another thread than that of the first change.
        """
        here = threading.get_ident()
        if self._thread is None:
            self._thread = here
        if here != self._thread:
            raise RuntimeError("A session's life is changed on the kernel's event loop only.")
        life = self[identifier].after(event)
        self._lives = MappingProxyType({**self._lives, identifier: life})
        return life
