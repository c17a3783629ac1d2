"""The wait for a session while the pool is full, and the status line that tells of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from ..errors import PoolFull
from ..messages import Emit
from .statusline import StatusLine

__all__ = ["pause_before", "start_when_free"]

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds between two attempts: the first pause, and what doubling it leads to."""

TICK = 1.0
"""Seconds between two updates of the status line."""


async def start_when_free(start: Callable[[], Awaitable[None]], emit: Emit, limit: float) -> None:
    """Return when ``start`` has got through; a full pool is asked again for ``limit`` seconds.

    ``start`` is repeated only when the pool refused it because it is full, so that nothing was
    begun. Cancelling the wait ends it at once. Raises PoolFull when the limit is over, or
    when the pool asks to wait for longer, and everything else that ``start`` raises.
    """
    status = _Status(emit, limit)
    attempts = 0
    while True:
        try:
            await start()
        except PoolFull as error:
            left = limit - status.seconds
            pause = pause_before(attempts, error.retry_after, left)
            if pause is None:
                status.over()
                raise
            attempts += 1
        except BaseException:
            status.stopped()
            raise
        else:
            status.ended()
            return
        await status.pause(pause)


def pause_before(attempt: int, retry_after: float | None, left: float) -> float | None:
    """Seconds before the attempt (the first repeat is 0); None when there is to be none.

    ``left`` are the seconds of the limit that remain: the last attempt comes at their end.
    """
    if left <= 0 or (retry_after or 0) > left:
        return None
    if retry_after is not None:
        return max(retry_after, min(FIRST_PAUSE, left))
    return min(FIRST_PAUSE * float(2 ** min(attempt, 10)), LONGEST_PAUSE, left)


class _Status:
    """One display that says how long the wait has been, and in the end how it ended."""

    def __init__(self, emit: Emit, limit: float) -> None:
        self._line = StatusLine(emit)
        self._limit = limit
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    async def pause(self, seconds: float) -> None:
        """Wait, and count on the status line."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self._line.say(
                    "The pool is full. Waiting for a session to become free:"
                    f" {self.seconds:.0f} s so far, {self._limit:.0f} s at most"
                    " (ACA_POOL_WAIT). Interrupt the kernel to stop waiting."
                )
                await asyncio.sleep(min(left, TICK))
        except asyncio.CancelledError:
            self.stopped()
            raise

    def ended(self) -> None:
        """Say that the session is there, if anything was said before."""
        if self._line.is_shown:
            self._line.say(f"The pool was full; a session became free after {self.seconds:.0f} s.")

    def stopped(self) -> None:
        """Say that the wait was given up before its limit, if anything was said before."""
        if self._line.is_shown:
            self._line.say(f"The pool was full; the wait was stopped after {self.seconds:.0f} s.")

    def over(self) -> None:
        """Say that no session became free, if anything was said before."""
        if self._line.is_shown:
            self._line.say(f"The pool is full: no session became free in {self.seconds:.0f} s.")
