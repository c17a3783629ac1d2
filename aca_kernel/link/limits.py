"""How much the link asks of a service at once, learned from what came through and what did not.

Pure. A service may cut an answer, or fail with any words when a request or an answer is above
a limit that nobody told. So after failures the link asks for less, and later for more again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import (
    AcaKernelError,
    AnswerLost,
    AuthenticationError,
    BadRequest,
    NotSent,
    PermissionRefused,
    RefusedForNow,
    ServiceError,
    UnexpectedAnswer,
)
from .answers import Transient

__all__ = ["LEAST_BUDGET", "Limits", "is_surely_refused", "may_be_size"]

FIRST_SENT = 1_000_000
LEAST_SENT = 600
"""Characters of a request's frame: at first, and what it cannot be less than."""

FIRST_BUDGET = 1_000_000
MOST_BUDGET = 8_000_000
LEAST_BUDGET = 1000
"""Characters of an answer's frame: what is asked for first, and its bounds."""

FLAPS = 2
"""Failures at one size after which less is asked for: the first may be the network's."""

TRIES = 3
"""Failures of the least answer after which one without any output is asked for."""

FORGET = 300.0
"""Seconds after which a limit may be another one."""

_ENVELOPE = 400  # characters around a frame in a request


def is_surely_refused(error: AcaKernelError) -> bool:
    """Whether the request that failed with ``error`` surely was not carried out."""
    if isinstance(error, UnexpectedAnswer):
        return 300 <= error.status < 400
    if isinstance(error, RefusedForNow):
        return error.status != 408  # a gateway may say that after it has passed a request on
    return isinstance(error, (AuthenticationError, BadRequest, NotSent))


def may_be_size(error: AcaKernelError) -> bool:
    """Whether a call may have failed because it, or its answer, was too large for the service."""
    if isinstance(error, (AuthenticationError, PermissionRefused, RefusedForNow, NotSent)):
        return False
    return isinstance(error, (ServiceError, AnswerLost, Transient))


class _Size:
    """One size to use: it falls after failures, rises again, and stays below what failed."""

    def __init__(self, first: int, least: int, most: int, clock: Callable[[], float]) -> None:
        self.now = first
        self._least = least
        self._most = self._ceiling = most
        self._clock = clock
        self._learned_at = 0.0
        self._good = 0  # the largest that has come through since the last failure

    @property
    def is_least(self) -> bool:
        return self.now <= self._least

    def limit(self, most: int) -> None:
        """Use no more than ``most``, for a while."""
        self._ceiling = max(min(self._ceiling, most), self._least)
        self.now = min(self.now, self._ceiling)
        self._learned_at = self._clock()

    def fall(self) -> None:
        if 0 < self._good < self.now:
            self.limit(self._good)  # it has just been raised from there
        self._good = 0
        self.now = max(self._least, self.now // 4)

    def rise(self) -> None:
        """Use more after a success with what there is now."""
        self._good = self.now
        if self._learned_at and self._clock() - self._learned_at > FORGET:
            self._ceiling = min(self._most, 2 * self._ceiling)
            self._learned_at = self._clock() if self._ceiling < self._most else 0.0
        self.now = min(self.now * 2, self._ceiling)


class Limits:
    """The sizes to use for the next exchange. ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._sent = _Size(FIRST_SENT, LEAST_SENT, FIRST_SENT, clock)
        self._answered = _Size(FIRST_BUDGET, LEAST_BUDGET, MOST_BUDGET, clock)
        self._failures = 0
        self._stuck = 0
        self._bare_came = False
        self.is_bare = False
        """Whether to ask for an answer without output: to see whether that comes at least."""
        self.is_low = False
        """Whether less than usual is asked for, because something did not come through."""
        self.skips = False
        """Whether to give up the message that is next: no answer brings it."""
        self.round_trip = 0.0
        """Seconds that a call takes beside what the guest waits; 0 while it is not known."""

    @property
    def send_budget(self) -> int:
        """Characters that the next request's frame may have."""
        return self._sent.now

    @property
    def budget(self) -> int:
        """Characters that the next answer may have."""
        return self._answered.now

    def begin(self, part: int | None, probe: int) -> None:
        """Begin with the sizes that put the guest there."""
        if part is not None:
            self._sent.limit(part)
        if probe < 10_000:
            self._answered.now = max(LEAST_BUDGET, probe)

    def learn_cut(self, length: int) -> None:
        """Take the length of an answer that was cut as the most that an answer may have.

        Never less than `LEAST_BUDGET`: an answer may also be broken for another reason.
        """
        self._answered.limit(length - 16)

    def request_refused(self, sent: int, limit: int | None) -> None:
        """Send less: a request with a frame of ``sent`` characters was too large.

        ``limit`` is the bytes that the service says it takes.
        """
        if limit is not None and _ENVELOPE < limit < sent + _ENVELOPE:
            self._sent.limit(limit - _ENVELOPE)
        else:
            self._sent.limit(sent // 2)

    def failed(self, *, sent: int) -> None:
        """Note an exchange that failed in a way that may be a matter of size."""
        if self.is_bare:
            self.is_bare = self.skips = False
            return
        self._failures += 1
        if self._failures < FLAPS and not self.is_low:
            return
        if self._answered.is_least:
            self._stuck += 1
            self.is_bare = self._stuck >= TRIES
            self.skips = self._stuck >= 2 * TRIES and self._bare_came
        self.is_low = True
        self._answered.fall()
        if sent > 10 * LEAST_SENT:  # or it was the request
            self._sent.fall()

    def succeeded(self, *, more: bool, sent: int = 0, round_trip: float | None = None) -> None:
        """Note an answer that came whole; ``more``: it did not have all that there is."""
        if round_trip is not None:
            known = self.round_trip
            self.round_trip = 0.7 * known + 0.3 * round_trip if known else round_trip
        if self.is_bare and not self.skips:
            self.is_bare, self._bare_came = False, True
            return
        self.is_bare = self.skips = self._bare_came = False
        self._failures = self._stuck = 0
        if more:
            self._answered.rise()
        else:
            self.is_low = False
        if 2 * sent > self._sent.now:
            self._sent.rise()
