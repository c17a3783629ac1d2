"""``python -m benchmarks [B1 B3 ...] [--readme]``: measure, print the table, write both files."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from . import tables
from .environment import prepared

MODULES = {
    "B1": "b1_warm_cell",
    "B2": "b2_start",
    "B3": "b3_streaming",
    "B4": "b4_volume",
    "B5": "b5_files",
    "B6": "b6_completion",
    "B7": "b7_idle",
    "B8": "b8_many",
    "B9": "b9_imports",
}


def main() -> None:
    """Measure what was asked for, by default everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="B1", help="what to measure; all by default")
    parser.add_argument("--output", type=Path, default=Path("output"), help="where files go")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md too")
    wanted = parser.parse_args()
    unknown = set(wanted.numbers) - set(MODULES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    began, rows, seconds = time.monotonic(), [], {}
    with prepared() as machine:
        for number in wanted.numbers or MODULES:
            start = time.monotonic()
            for row in importlib.import_module(f"benchmarks.{MODULES[number]}").measure():
                rows.append(row)
                print(tables.line(row), flush=True)
            seconds[number] = round(time.monotonic() - start, 1)
    report = tables.report(machine, rows, seconds, time.monotonic() - began)
    tables.write(report, wanted.output, readme=wanted.readme)


if __name__ == "__main__":
    main()
