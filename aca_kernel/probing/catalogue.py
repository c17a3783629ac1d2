"""All experiments, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import (
    about_answers,
    about_calls,
    about_files,
    about_life,
    about_limits,
    about_link,
    about_session,
)
from .experiment import Experiment

__all__ = ["EXPERIMENTS", "FILL", "Estimate", "chosen", "estimate"]

EXPERIMENTS: tuple[Experiment, ...] = (
    *about_session.EXPERIMENTS,
    *about_link.EXPERIMENTS,
    *about_answers.EXPERIMENTS,
    *about_calls.EXPERIMENTS,
    *about_limits.EXPERIMENTS,
    *about_life.EXPERIMENTS,
    *about_files.EXPERIMENTS,
)

FILL = about_limits.FILL


def chosen(words: str, *, fill: int) -> list[Experiment]:
    """The experiments of some names, separated by commas ("" for all).

    Raises KeyError with a name that there is not. ``fill`` adds the one that fills the pool.
    """
    all_of_them = [*EXPERIMENTS, *([FILL] if fill else [])]
    names = [word.strip().lower() for word in words.split(",") if word.strip()]
    there = {experiment.name for experiment in all_of_them}
    for name in names:
        if name not in there:
            raise KeyError(name)
    return [one for one in all_of_them if not names or one.name in names]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What some experiments take: calls, seconds from and to, bytes that are sent or come."""

    calls: int
    least_seconds: float
    most_seconds: float
    bytes: int


_QUICK, _SLOW = 0.1, 1.0  # seconds of a call
_QUICK_SESSION, _SLOW_SESSION = 0.5, 3.0
_SLOW_LINE = 1_000_000  # bytes a second


def estimate(experiments: Sequence[Experiment], *, most_bytes: int, fill: int) -> Estimate:
    """What the experiments will take at a service that answers as we assume."""
    sizes = list(about_limits.sizes(most_bytes))
    calls, sessions, waits, moved = 0, 0, 0.0, 0
    for one in experiments:
        made = fill if one is FILL else one.sessions
        calls += one.calls + one.calls_a_size * len(sizes) + made
        calls += fill if one is FILL else 0
        sessions += made
        waits += one.waits
        # A size counts once: of two calls for one, the second asks whether the first arrived.
        moved += sum(sizes) * (2 if one.name == "size of answers" else bool(one.calls_a_size))
    return Estimate(
        calls=calls,
        least_seconds=waits + calls * _QUICK + sessions * _QUICK_SESSION,
        most_seconds=waits + calls * _SLOW + sessions * _SLOW_SESSION + moved / _SLOW_LINE,
        bytes=moved,
    )
