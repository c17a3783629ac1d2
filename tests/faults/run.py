"""``python -m tests.faults.run --seeds 20``: the notebook under many seeds, and its figures."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import running_pools

from .notebook import Figures, run_notebook

_ROW = "{:>5} {:>8} {:>6} {:>8} {:>13}  {}"


def main() -> int:
    """Run the seeds, print a row for each, and give 1 when one of them went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=4, help="how many kernels at a time")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    done: list[Figures] = []
    failed = 0
    print(_ROW.format("seed", "seconds", "calls", "repeats", "status lines", "faults"))
    with (
        running_pools() as start,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.jobs) as workers,
    ):
        pool = start("--max-sessions", "50", "--ready-sessions", str(options.jobs))
        running = {
            seed: workers.submit(run_notebook, pool, seed, Path(folder, str(seed)))
            for seed in seeds
        }
        for seed, future in running.items():
            try:
                figures = future.result()
            except Exception as error:
                failed += 1
                print(f"{seed:>5} FAILED: {type(error).__name__}: {error}"[:2000], flush=True)
                continue
            done.append(figures)
            kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(figures.faults.items()))
            row = (seed, f"{figures.seconds:.1f}", figures.calls, figures.repeats)
            print(_ROW.format(*row, figures.status_lines, kinds), flush=True)
    if done:
        print(
            f"{len(done)} of {len(seeds)} seeds whole; calls {sum(f.calls for f in done)},"
            f" repeats {sum(f.repeats for f in done)},"
            f" status lines {sum(f.status_lines for f in done)},"
            f" median {statistics.median(f.seconds for f in done):.1f} s,"
            f" most {max(f.seconds for f in done):.1f} s"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
