"""One attempt of a call that failed: with what, and whether it may be repeated."""

from __future__ import annotations

from aca_kernel.errors import (
    AcaKernelError,
    AnswerLost,
    AuthenticationError,
    PoolFull,
    RefusedForNow,
    TransportError,
    UnexpectedAnswer,
)
from aca_kernel.pool.api import Request
from aca_kernel.pool.wire import Call

__all__ = ["Failed", "closed", "lost", "pause_before", "what_is_left", "when_again"]

_REPEATS = 4

_FIRST_PAUSE = 0.25  # seconds; doubled each time

_LONGEST_PAUSE = 60.0  # a Retry-After beyond this is not waited for


def pause_before(repeat: int, retry_after: float | None, jitter: float) -> float | None:
    """The seconds to wait before a repeat (the first is 0); None when there is to be none.

    ``jitter`` is a random number from 0 to 1: it spreads clients over half of each pause.
    """
    if repeat >= _REPEATS or (retry_after or 0) > _LONGEST_PAUSE:
        return None
    pause = _FIRST_PAUSE * float(2**repeat) * (1 - jitter / 2)
    return pause if retry_after is None else max(pause, retry_after)


class Failed(Exception):
    """One attempt failed with ``error``; ``again`` says when another one is allowed."""

    def __init__(
        self, error: AcaKernelError, *, again: str, retry_after: float | None = None
    ) -> None:
        super().__init__()
        self.error = error
        self.again = again
        self.retry_after = retry_after


def when_again(error: AcaKernelError, status: int) -> str:
    """When a call that was answered with ``error`` may be repeated, as `Failed` has it."""
    if isinstance(error, AuthenticationError):
        return "with a fresh token"
    if isinstance(error, PoolFull):
        return "no"
    if isinstance(error, RefusedForNow):
        return "if repeatable" if status == 408 else "yes"
    if isinstance(error, UnexpectedAnswer):
        return "if repeatable" if error.is_passing else "no"
    return "if repeatable" if status in (500, 502, 503, 504) else "no"


def lost(request: Request, call: Call, reason: str) -> Failed:
    """What to raise when a request was sent and ``reason`` kept its answer away."""
    reason = "no answer came in time" if call.expired else reason
    return Failed(
        AnswerLost(
            f"The pool's answer was lost: {reason}.",
            left=what_is_left(request),
            remedy="" if request.operation == "execute" else "Repeat it once the network is back.",
        ),
        again="if repeatable",
    )


def what_is_left(request: Request) -> str:
    """What is left when a request was sent and its answer cannot be used."""
    if request.operation == "execute":
        return "Whether the code was run, wholly or in part, is not known."
    if request.method == "GET":
        return "Nothing was changed."
    return "Whether it was done is not known."


def closed() -> TransportError:
    """The error of a call whose client was closed while it waited."""
    error = TransportError("The connection to the pool was closed while this waited.")
    error.is_passing = False  # nobody opens it again
    return error
