"""B2: from the start of a kernel to its first result, in a pool with a ready session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .kernels import OURS, PLAIN, kernel
from .measure import Figure, Goal, Row, in_turns, median
from .pools import Pool, pool, settled

ROUNDS = 21
CODE = "6*7"


@dataclass
class _Starts:
    """How a kind of kernel starts: seconds to kernel_info and to the first result."""

    name: str
    pool: Pool
    variables: dict[str, str]
    infos: list[float] = field(default_factory=list)

    def once(self) -> float:
        settled(self.pool.process)  # it makes the next session ready when one was deleted
        with kernel(self.name, self.variables) as made:
            began = time.perf_counter()
            self.infos.append(made.start())
            made.run(CODE)
            return time.perf_counter() - began


def measure() -> Iterator[Row]:
    """Rows for kernel_info, and for the first result with and without ``prewarm``."""
    with pool(ready=1, sessions=1) as near:
        kinds = {
            "ipykernel": _Starts(PLAIN, near, {}),
            "without": _Starts(OURS, near, near.environment),
            "with": _Starts(OURS, near, near.environment | {"ACA_PREWARM": "true"}),
        }
        found = in_turns({name: kind.once for name, kind in kinds.items()}, ROUNDS)
    plain = median(found["ipykernel"])
    infos = {name: median(kind.infos[1:]) for name, kind in kinds.items()}
    yield Row(
        number="B2",
        case="kernel start to kernel_info",
        ours=Figure(1000 * infos["without"], "ms"),
        beside={"ipykernel": Figure(1000 * infos["ipykernel"], "ms")},
        goals=(Goal("at most 1.0 x", infos["without"] / infos["ipykernel"], 1.0),),
    )
    for name, bound in (("without", 2.5), ("with", 1.5)):
        took = median(found[name])
        yield Row(
            number="B2",
            case=f"kernel start to first result, {name} `prewarm`",
            ours=Figure(1000 * took, "ms"),
            beside={"ipykernel": Figure(1000 * plain, "ms")},
            goals=(Goal(f"at most {bound} x", took / plain, bound),),
        )
