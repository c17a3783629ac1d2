"""B6: completion from the session's variables, the first one and later ones."""

from __future__ import annotations

from collections.abc import Iterator

from .kernels import OURS, PLAIN, Kernel, kernel
from .measure import Figure, Goal, Row, median
from .pools import Pool, pool

STARTS, LATER = 3, 12
CODE = "import json\nvalue_of_mine = {'a': 1}"


def measure() -> Iterator[Row]:
    """Rows for the first completion after the first cell, and for later ones."""
    found: dict[str, list[float]] = {}
    trips: list[int] = []
    with pool(20, ready=1, sessions=1) as far:
        for _ in range(STARTS):
            _one_start(OURS, far, found, trips)
            _one_start(PLAIN, far, found, [])
    for what in ("first", "later"):
        took, beside = (1000 * median(found[f"{name} {what}"]) for name in (OURS, PLAIN))
        yield Row(
            number="B6",
            case=f"completion, the {'first one' if what == 'first' else 'later ones'},"
            " 20 ms round trip",
            ours=Figure(took, "ms"),
            beside={"ipykernel": Figure(beside, "ms")},
            goals=(
                Goal("under 200 ms", took, 200, "ms"),
                Goal("one call", max(trips), 1, "calls"),
            ),
        )


def _one_start(name: str, far: Pool, found: dict[str, list[float]], trips: list[int]) -> None:
    with kernel(name, far.environment) as one:
        one.start()
        one.run(CODE)
        for number in range(LATER):
            before = far.passed().round_trips
            seconds = _complete(one)
            found.setdefault(f"{name} {'later' if number else 'first'}", []).append(seconds)
            trips.append(far.passed().round_trips - before)


def _complete(one: Kernel) -> float:
    seconds, matches = one.complete("value_of_mi")
    if matches != ["value_of_mine"]:
        raise RuntimeError(f"the completion gave {matches}")
    return seconds
