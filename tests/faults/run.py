"""``python -m tests.faults.run --seeds 20``: the notebook under many seeds, and its figures."""

from __future__ import annotations

import sys

from .notebook import run_notebook
from .seeds import run_seeds


def main() -> int:
    """Run the seeds, print a row for each, and give 1 when one of them went wrong."""
    return run_seeds(
        run_notebook,
        doc=__doc__,
        jobs=4,
        row="{:>5} {:>8} {:>6} {:>8} {:>13}  {}",
        titles=("seed", "seconds", "calls", "repeats", "status lines", "faults"),
        spoiled="repeats",
        count=lambda figures: figures.repeats,
    )


if __name__ == "__main__":
    sys.exit(main())
