"""The time without answers from a session, and the status line that tells of it."""

from __future__ import annotations

import asyncio
import time

from ..errors import AcaKernelError, AnswerLost, ServiceError
from ..link.answers import Transient
from ..messages import Emit
from .statusline import StatusLine

__all__ = ["Outage"]


class Outage:
    """The time without answers in one exchange, and the status line that tells of it."""

    def __init__(self, emit: Emit | None, tolerance: float, cooldown: float | None) -> None:
        self._line = StatusLine(emit)
        self._tolerance = tolerance
        self._cooldown = cooldown
        self._began: float | None = None
        self._attempts = 0
        self._is_taken = False

    async def wait(self, error: AcaKernelError, interrupted: asyncio.Event) -> bool:
        """Wait before the next attempt; False when there should be none."""
        now = time.monotonic()
        self._began = self._began or now
        self._attempts += 1
        if now - self._began > self._tolerance:
            return False
        pause = min(0.1 * 2 ** min(self._attempts, 7), 5.0)
        asked = error.retry_after if isinstance(error, ServiceError) else None
        if isinstance(error, Transient) and self._attempts < 4:
            pause = 0.05
        else:
            seconds = f"{now - self._began:.0f} s so far."
            wish = ""
            if asked is not None and asked > pause:
                pause = min(asked, max(0.1, self._began + self._tolerance - now))
                wish = f" The service asks to wait {asked:.0f} s."
            self._line.say(f"{error.what}{wish} Trying again, {seconds}{self._until()}")
        if interrupted.is_set() and self._attempts > 4:
            return False
        try:
            await asyncio.wait_for(interrupted.wait(), pause)
        except asyncio.TimeoutError:
            return True
        await asyncio.sleep(0.2)
        return True

    def quiet(self, since: float, *, is_taken: bool, has_begun: bool) -> None:
        """Say that there is no answer to what was sent at the time ``since``.

        ``is_taken``: the service answers, so that only the session's interpreter is taken.
        ``has_begun``: the session has got the cell before, so that only its output waits.
        """
        self._began = self._began or since
        self._is_taken = is_taken
        if is_taken:
            seconds = time.monotonic() - self._began
            what = "the cell's output" if has_begun else "the cell"
            self._line.say(
                f"The session does not answer, while the service does: {what} waits,"
                f" {seconds:.0f} s so far. Another client's call in this session may be the reason."
            )
            return
        self._line.say(
            f"The session has not answered for {time.monotonic() - self._began:.0f} s: the network"
            f" is away, or another client's code runs there. Waiting.{self._until()}"
        )

    def end(self) -> None:
        """Say that the session answers again, if anything was said before."""
        if self._line.is_shown and self._began is not None:
            self._line.say(
                f"The session answers again after {time.monotonic() - self._began:.0f} s."
            )

    def over(self, error: AcaKernelError | None = None) -> AnswerLost:
        """The error of an outage that lasted too long; ``error`` is what it failed with last."""
        seconds = time.monotonic() - (self._began or time.monotonic())
        last = f" The last attempt: {error}" if isinstance(error, ServiceError) else ""
        return AnswerLost(
            f"The session could not be reached for {seconds:.0f} s.{last}",
            remedy="Run the next cell when the session can be reached again: it shows what is"
            " still there.",
        )

    def _until(self) -> str:
        if not self._cooldown or self._is_taken:  # another client's call counts as well
            return ""
        return f" A session without a call is deleted after {self._cooldown:.0f} s."
