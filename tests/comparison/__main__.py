"""``python -m tests.comparison``: the differences as they are, and the page of the docs."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.conftest import running_pools
from tests.kernel.driver import LINKED, Kernel, reach

from .compare import answer, difference
from .kinds import KINDS
from .page import PAGE, page
from .reasons import REASONS


def main() -> int:
    """Run all kinds on both kernels; 1 when a difference has no reason."""
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="comparison-") as name, running_pools() as start:
        pool = start()
        local = Kernel({}, Path(name, "local"), name="python3").start()
        ours = Kernel(LINKED | reach(pool), Path(name, "ours")).start()
        try:
            for kind in KINDS:
                told = difference(answer(local, kind), answer(ours, kind))
                if told:
                    found[kind.name] = told
                    mark = " " if kind.name in REASONS else "!"
                    print(f"{mark} {kind.group}: {kind.name}\n      {told}", flush=True)
        finally:
            local.shutdown()
            ours.shutdown()
    gone = sorted(set(REASONS) - set(found))
    new = sorted(set(found) - set(REASONS))
    print(f"{len(KINDS)} kinds, {len(found)} differ; new: {new}; gone: {gone}")
    if not new and not gone:
        PAGE.write_text(page(KINDS, REASONS), encoding="utf-8")
    return bool(new or gone)


if __name__ == "__main__":
    sys.exit(main())
