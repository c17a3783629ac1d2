"""B7: what a kernel that nobody uses costs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .kernels import OURS, PLAIN, Kernel, kernel
from .measure import Figure, Goal, Row
from .pools import pool, settled

SECONDS = 30.0


def measure() -> Iterator[Row]:
    """Rows for memory, CPU and calls, after a first cell and while nothing happens."""
    with pool(20) as far, kernel(OURS, far.environment) as ours, kernel(PLAIN) as plain:
        for one in (ours, plain):
            one.start()
            one.run("6*7")
        settled(far.process)
        passed, used = far.passed(), {one: _cpu(one) for one in (ours, plain)}
        time.sleep(SECONDS)  # to be idle is what is measured
        busy = {one: 100 * (_cpu(one) - used[one]) / SECONDS for one in (ours, plain)}
        calls = far.passed().round_trips - passed.round_trips
        memory = {one: _memory(one) for one in (ours, plain)}
    yield Row(
        number="B7",
        case="resident memory of an idle kernel",
        ours=Figure(memory[ours], "MB"),
        beside={"ipykernel": Figure(memory[plain], "MB")},
        goals=(Goal("not more than ipykernel", memory[ours] / memory[plain], 1.0),),
    )
    yield Row(
        number="B7",
        case=f"CPU of an idle kernel, over {SECONDS:.0f} s",
        ours=Figure(busy[ours], "%"),
        beside={"ipykernel": Figure(busy[plain], "%")},
        goals=(Goal("under 0.1 % of a core", busy[ours], 0.1, "%"),),
    )
    yield Row(
        number="B7",
        case=f"calls of an idle kernel, over {SECONDS:.0f} s",
        ours=Figure(calls, "calls"),
        goals=(Goal("none", calls, 0, "calls"),),
    )


def _cpu(one: Kernel) -> float:
    used = one.process.cpu_times()
    return float(used.user + used.system)


def _memory(one: Kernel) -> float:
    return float(one.process.memory_info().rss) / 1e6
