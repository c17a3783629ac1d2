"""``python -m tests.matrix``: all variants in both modes, and the page of the docs about them."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from .page import PAGE, page
from .run import MODES, Result, run_all
from .variants import VARIANTS

KEPT = Path(__file__).parents[2] / "output" / "matrix.json"
"""The last result of each variant and mode; the page is written when none is missing."""


def _load() -> dict[tuple[str, str], Result]:
    if not KEPT.is_file():
        return {}
    rows = [Result(**{**row, "sins": tuple(row["sins"])}) for row in json.loads(KEPT.read_text())]
    return {(row.variant, row.mode): row for row in rows}


def _save(results: dict[tuple[str, str], Result]) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps([asdict(row) for row in results.values()], indent=1))


def _tell(result: Result) -> None:
    mark = "  " if result.is_good else "! "
    row = f"{mark}{result.variant:<36} {result.mode:<7} {result.verdict:<9} {result.seconds:5.1f} s"
    print(row, flush=True)
    for sin in result.sins:
        print(f"     SIN {sin}")
    if result.unexpected:
        print(f"     {result.unexpected}; told: {result.words[:300]!r}", flush=True)


def main() -> int:
    """Run them; 1 when one of them has a sin or is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names or groups")
    parser.add_argument("--mode", choices=MODES, help="one mode alone")
    parser.add_argument("--jobs", type=int, default=4, help="runs at the same time")
    options = parser.parse_args()
    wanted = re.compile(options.only)
    chosen = [v for v in VARIANTS if wanted.search(v.name) or wanted.search(v.group)]
    began = time.monotonic()
    wanted_keys = [(variant.name, mode) for variant in VARIANTS for mode in MODES]
    kept = _load()

    def tell(result: Result) -> None:
        _tell(result)
        kept[result.variant, result.mode] = result
        _save({key: kept[key] for key in wanted_keys if key in kept})

    results = run_all(chosen, [options.mode] if options.mode else list(MODES), options.jobs, tell)
    kept = {key: kept[key] for key in wanted_keys if key in kept}
    if len(kept) == len(wanted_keys):
        PAGE.write_text(page(VARIANTS, kept), encoding="utf-8")
    for mode in MODES:
        counts = Counter(row.verdict for row in results if row.mode == mode)
        if counts:
            print(f"{mode}: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
    bad = [row for row in results if not row.is_good]
    sins = sum(bool(row.sins) for row in bad)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(results)} runs in {minutes:.1f} min; {sins} with a sin, {len(bad)} not as wanted")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
