"""Calling again what may be called again, until it succeeds or the patience is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from aca_kernel.errors import AcaKernelError, NotSent, RefusedForNow, ServiceError

__all__ = ["Cancelled", "Patience", "may_be_done", "pause_after"]

_T = TypeVar("_T")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_SPOKEN = 2
"""Failures in a row from which on something is said: the first one is mostly over at once."""


class Cancelled(Exception):
    """The user interrupted the cell."""


def may_be_done(error: AcaKernelError) -> bool:
    """Whether what failed with an error that passes may have been carried out all the same."""
    if isinstance(error, RefusedForNow) and error.status != 408:
        return False
    return error.is_passing and not isinstance(error, NotSent)


class Patience:
    """Calls a function again while it fails with an error that passes.

    ``tolerance`` is the seconds that a row of failures may last; with 0 nothing is called
    again. ``say`` gets the status to show, and how it ended. Setting ``cancelled`` ends a
    pause at once. One object serves all calls of one transfer, from one thread.
    """

    def __init__(
        self,
        tolerance: float = 0.0,
        *,
        say: Callable[[str], None] | None = None,
        cancelled: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.tolerance = tolerance
        self._say = say
        self._cancelled = cancelled or threading.Event()
        self._clock = clock
        self._wait = wait or self._cancelled.wait
        self.failures = 0
        """How many calls failed and were made again, over all."""

    def call(self, function: Callable[[], _T], *, tolerance: float | None = None) -> _T:
        """Return what ``function`` returns; ``tolerance`` bounds this call more narrowly.

        Raises its error when that does not pass or the tolerance is over, and Cancelled.
        """
        longest = self.tolerance if tolerance is None else min(tolerance, self.tolerance)
        began: float | None = None
        failed = 0
        is_said = False
        while True:
            self.check()
            started = self._clock()
            try:
                value = function()
            except AcaKernelError as error:
                now = self._clock()
                # A call that hung counts from its start.
                began = started if began is None else began
                failed += 1
                pause = self._pause(error, failed, began + longest - now)
                if pause is None:
                    if error.is_passing and failed > 1:
                        error.what = f"{error.what} It was tried for {now - began:.0f} s."
                    if is_said and self._say is not None:
                        self._say(f"Tried for {now - began:.0f} s.")
                    raise
                self.failures += 1
                if failed >= _SPOKEN and self._say is not None:
                    is_said = True
                    self._say(f"{error.what}{_wish(error, pause)}{_so_far(now - began)}")
            else:
                if is_said and began is not None and self._say is not None:
                    self._say(f"The pool answers again after {self._clock() - began:.0f} s.")
                return value
            if self._wait(pause):
                if is_said and self._say is not None:
                    self._say(f"Waited {self._clock() - began:.0f} s.")
                raise Cancelled

    def pause(self, seconds: float) -> None:
        """Wait. Raises Cancelled at once when it is cancelled."""
        if self._wait(seconds):
            raise Cancelled

    def check(self) -> None:
        """Raise Cancelled when it is cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def _pause(self, error: AcaKernelError, failed: int, remaining: float) -> float | None:
        """The seconds before the next call; None when there is to be none."""
        if not error.is_passing or remaining <= 0:
            return None
        return pause_after(error, failed, remaining)


def pause_after(error: AcaKernelError, failed: int, remaining: float) -> float:
    """Return the seconds to wait after a call failed for the ``failed``th time in a row.

    They double each time, up to 5 s. A service that asks for more gets it, as far as
    ``remaining`` seconds allow.
    """
    pause = min(_FIRST_PAUSE * 2.0 ** min(failed - 1, 10), _LONGEST_PAUSE)
    asked = error.retry_after if isinstance(error, ServiceError) else None
    if asked is not None and asked > pause:
        pause = asked
    return min(pause, max(remaining, _FIRST_PAUSE))


def _wish(error: AcaKernelError, pause: float) -> str:
    asked = error.retry_after if isinstance(error, ServiceError) else None
    is_long = asked is not None and asked >= pause > _FIRST_PAUSE
    return f" The service asks to wait {asked:.0f} s." if is_long else ""


def _so_far(seconds: float) -> str:
    return f" Trying again, {seconds:.0f} s so far."
