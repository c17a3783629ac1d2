"""A notebook of 50 cells that knows afterwards what was run, and what was shown."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.kernel.driver import Kernel, Pool, Ran, ask_pool

from .proxy import DARK, PASS, SPOILING, Proxy, seeded_script

CELLS = 50
LINES = 2000
_EACH = LINES // CELLS
_PATIENCE = 240.0

_CELL = """\
import time
with open('/mnt/data/ran.txt', 'a') as ran:
    ran.write('{number}\\n')
for line in range({first}, {last}):
    print(line, flush=True)
    if line % 100 == 50:
        time.sleep(0.3)
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run of the notebook took."""

    seed: int
    seconds: float
    calls: int
    faults: Counter[str]
    status_lines: int
    """Cells that told of an outage."""

    @property
    def repeats(self) -> int:
        """The calls that had to be made again."""
        return sum(self.faults[kind] for kind in (*SPOILING, DARK))


def run_notebook(pool: Pool, seed: int, folder: Path) -> Figures:
    """Run it through a real kernel in linked mode under one seed, and check all that is there.

    Raises AssertionError when a cell was not run once, or a line is not there once.
    """
    with Proxy(pool.endpoint, seeded_script(seed), seed=seed) as proxy:
        kernel = Kernel(
            {
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
                "ACA_ACCESS_TOKEN": pool.token,
                "ACA_KERNEL_MODE": "linked",
                "ACA_KEEP_ALIVE": "0",
            },
            folder,
        )
        began = time.monotonic()
        try:
            kernel.start()
            ran = [kernel.run(_source(number), timeout=_PATIENCE) for number in range(CELLS)]
            seconds = time.monotonic() - began
            _check(ran, pool, kernel.identifier)
        finally:
            kernel.close()
    return Figures(
        seed=seed,
        seconds=seconds,
        calls=len(proxy.calls),
        faults=proxy.faults() - Counter({PASS: len(proxy.calls)}),
        status_lines=sum("Trying again" in cell.displayed for cell in ran),
    )


def _source(number: int) -> str:
    return _CELL.format(number=number, first=number * _EACH, last=(number + 1) * _EACH)


def _check(ran: list[Ran], pool: Pool, identifier: str) -> None:
    for number, cell in enumerate(ran):
        assert cell.status == "ok", (number, cell.reply)
        assert cell.reply["execution_count"] == number + 1
        shown = "".join(f"{line}\n" for line in range(number * _EACH, (number + 1) * _EACH))
        assert cell.stdout == shown, f"cell {number} shows other lines: {cell.stdout!r}"
        assert cell.stderr == ""
    answer = ask_pool(pool, "GET", "files/ran.txt/content", identifier=identifier)
    answer.raise_for_status()
    assert answer.text == "".join(f"{number}\n" for number in range(CELLS))
