"""Measurements in turns, and what a measurement says: rows, goals, verdicts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Figure", "Goal", "Row", "in_turns", "median", "ninety_fifth", "timed"]


@dataclass(frozen=True)
class Figure:
    """A number and its unit: ms, s, MB/s, MB, %, calls or cells/s."""

    value: float
    unit: str

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 100 or self.unit == "calls" else 1
        if abs(self.value) < 1 and self.value and self.unit != "calls":
            digits = 2
        return f"{self.value:,.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Goal:
    """``text`` with the ``bound`` that ``measured`` is held against, ``unit`` "x" for a ratio."""

    text: str
    measured: float
    bound: float
    unit: str = "x"
    is_floor: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.measured >= self.bound if self.is_floor else self.measured <= self.bound

    def __str__(self) -> str:
        figure = f"{self.measured:.2f} x" if self.unit == "x" else Figure(self.measured, self.unit)
        return f"{self.text}: {figure}, {'met' if self.met else '**missed**'}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    number: str
    case: str
    ours: Figure
    beside: Mapping[str, Figure] = field(default_factory=dict)
    goals: tuple[Goal, ...] = ()


def in_turns(
    contestants: Mapping[str, Callable[[], float]], rounds: int, *, warm_up: int = 1
) -> dict[str, list[float]]:
    """What each contestant's calls return, ``rounds`` of them, taken in turns.

    The machine's moods meet all alike. The first ``warm_up`` rounds do not count, and every
    second round goes the other way round, so that nobody always follows the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm_up + rounds):
        order = list(contestants.items())
        for name, call in order if number % 2 else reversed(order):
            value = call()
            if number >= warm_up:
                found[name].append(value)
    return found


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def ninety_fifth(values: list[float]) -> float:
    """The 95th percentile, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
