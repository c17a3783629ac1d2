"""Many seeds of one run with faults, a row each, as the commands of this folder print them."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from tests.conftest import RunningPool, running_pools

__all__ = ["Ran", "run_seeds"]


class Ran(Protocol):
    """What a run under one seed took."""

    @property
    def seconds(self) -> float: ...
    @property
    def calls(self) -> int: ...
    @property
    def faults(self) -> Counter[str]: ...
    @property
    def status_lines(self) -> int: ...


R = TypeVar("R", bound=Ran)


def run_seeds(
    run: Callable[[RunningPool, int, Path], R],
    *,
    doc: str | None,
    jobs: int,
    row: str,
    titles: Sequence[str],
    spoiled: str,
    count: Callable[[R], int],
    flags: Sequence[str] = (),
) -> int:
    """Run the seeds that the command line names; 1 when one of them went wrong, else 0.

    ``count`` gives of each run the number that stands under ``spoiled`` in the sum, and in the
    row behind its calls. ``flags`` are for the local pool.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--seeds", type=int, default=20, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=jobs, help="how many kernels at a time")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    done: list[R] = []
    failed = 0
    print(row.format(*titles))
    with (
        running_pools() as start,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.jobs) as workers,
    ):
        pool = start("--max-sessions", "50", "--ready-sessions", str(options.jobs), *flags)
        running = {seed: workers.submit(run, pool, seed, Path(folder, str(seed))) for seed in seeds}
        for seed, future in running.items():
            try:
                ran = future.result()
            except Exception as error:
                failed += 1
                print(f"{seed:>5} FAILED: {type(error).__name__}: {error}"[:2000], flush=True)
                continue
            done.append(ran)
            kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(ran.faults.items()))
            told = (seed, f"{ran.seconds:.1f}", ran.calls, count(ran), ran.status_lines, kinds)
            print(row.format(*told), flush=True)
    if done:
        print(
            f"{len(done)} of {len(seeds)} seeds whole; calls {sum(ran.calls for ran in done)},"
            f" {spoiled} {sum(map(count, done))},"
            f" status lines {sum(ran.status_lines for ran in done)},"
            f" median {statistics.median(ran.seconds for ran in done):.1f} s,"
            f" most {max(ran.seconds for ran in done):.1f} s"
        )
    return 1 if failed else 0
