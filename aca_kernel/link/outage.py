"""A time without answers from a session: when to call again, and what the status line says."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import AcaKernelError, AnswerLost, ServiceError
from ..pool.patience import pause_after
from .answers import Transient

__all__ = ["Outage"]

QUICK_REPEATS = 3
"""Repetitions that nobody is told of, where another client's call spoilt an exchange."""


class Outage:
    """One time without answers. ``say`` shows a status line, and returns whether anybody sees it.

    ``tolerance`` is the seconds that it may last; ``cooldown`` those after which a session
    without a call is deleted, None when they are not known.
    """

    def __init__(
        self, say: Callable[[str], bool], tolerance: float, cooldown: float | None
    ) -> None:
        self._say = say
        self._tolerance = tolerance
        self._cooldown = cooldown
        self._began: float | None = None
        self._is_taken = False
        self._is_told = False
        self.attempts = 0
        """How many exchanges failed."""

    def pause(self, error: AcaKernelError) -> float | None:
        """Return the seconds before the next exchange after one failed; None for no more."""
        now = time.monotonic()
        self._began = self._began or now
        self.attempts += 1
        left = self._began + self._tolerance - now
        if left < 0:
            return None
        if isinstance(error, Transient) and self.attempts <= QUICK_REPEATS:
            return 0.05
        pause = pause_after(error, self.attempts + 1, left)
        asked = error.retry_after if isinstance(error, ServiceError) else None
        wish = ""
        if asked is not None and asked >= pause:
            wish = f" The service asks to wait {asked:.0f} s."
        self._tell(
            f"{error.what}{wish} Trying again, {now - self._began:.0f} s so far.{self._until()}"
        )
        return pause

    def quiet(self, since: float, *, is_taken: bool, has_begun: bool) -> None:
        """Say that there is no answer to what was sent at the time ``since``.

        ``is_taken``: the service answers, so that only the session's interpreter is taken.
        ``has_begun``: the session has got the cell before, so that only its output waits.
        """
        self._began = self._began or since
        self._is_taken = is_taken
        seconds = time.monotonic() - self._began
        if is_taken:
            what = "the cell's output" if has_begun else "the cell"
            self._tell(
                f"The session does not answer, while the service does: {what} waits,"
                f" {seconds:.0f} s so far. Another client's call in this session may be the reason."
            )
            return
        self._tell(
            f"The session has not answered for {seconds:.0f} s: the network is away, or another"
            f" client's code runs there. Waiting.{self._until()}"
        )

    def end(self) -> None:
        """Say that the session answers again, if anything was said before."""
        if self._is_told and self._began is not None:
            seconds = time.monotonic() - self._began
            self._say(f"The session answers again after {seconds:.0f} s.")

    def over(self, error: AcaKernelError | None = None) -> AnswerLost:
        """Return the error of an outage that lasted too long; ``error`` is its last failure."""
        seconds = time.monotonic() - (self._began or time.monotonic())
        last = f" The last attempt: {error}" if isinstance(error, (ServiceError, Transient)) else ""
        return AnswerLost(
            f"The session could not be reached for {seconds:.0f} s.{last}",
            remedy="Run the next cell when the session can be reached again: it shows what is"
            " still there.",
        )

    def _tell(self, text: str) -> None:
        self._is_told = self._say(text) or self._is_told

    def _until(self) -> str:
        if not self._cooldown or self._is_taken:  # another client's call counts as well
            return ""
        return f" A session without a call is deleted after {self._cooldown:.0f} s."
