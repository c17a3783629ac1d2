"""B9: what a kernel imports before it answers, and before its first result."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .kernels import OURS, PLAIN, kernel
from .measure import Figure, Goal, Row, median
from .pools import pool, settled

ROUNDS = 3
NOT_YET = ("azure.identity", "PIL")
_LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def measure() -> Iterator[Row]:
    """Rows for the time of imports, the heaviest packages, and those that have to wait."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], PLAIN: []}
    with pool(ready=1, sessions=1) as near:
        for _ in range(ROUNDS):
            for name in (OURS, PLAIN):
                settled(near.process)
                found[name].append(_imports(name, near.environment))
    total = {name: median([sum(one.values()) for one in found[name]]) for name in found}
    ours = found[OURS][-1]
    yield Row(
        number="B9",
        case=f"imports up to the first result ({_heaviest(ours)})",
        ours=Figure(total[OURS], "ms"),
        beside={"ipykernel": Figure(total[PLAIN], "ms")},
        goals=(
            Goal(
                "azure.identity and pillow not before they are needed",
                sum(
                    name == late or name.startswith(f"{late}.") for name in ours for late in NOT_YET
                ),
                0,
                "modules",
            ),
        ),
    )


def _imports(name: str, environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds of each module that a real kernel imports up to its first result."""
    with kernel(name, environment | {"PYTHONPROFILEIMPORTTIME": "1"}) as one:
        one.start()
        one.run("6*7")
        lines = _LINE.findall(one.log.read_text(errors="replace"))
    return {module: int(micros) / 1000 for micros, module in lines}


def _heaviest(modules: dict[str, float]) -> str:
    """The three packages that take longest, with their milliseconds."""
    packages: dict[str, float] = {}
    for name, took in modules.items():
        top = name.partition(".")[0]
        packages[top] = packages.get(top, 0) + took
    first = sorted(packages.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{name} {took:.0f} ms" for name, took in first)
