"""``python -m tests.faults.transfers --seeds 20``: files there and back while the network fails.

Each seed sends 9 MB through a limit of 2 MB, a folder and a small file, lists them, fetches all,
and deletes one, by the magics of a real kernel, and compares every byte.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.kernel.driver import Kernel, Pool, Ran

from .proxy import PASS, Proxy, transfer_script
from .seeds import run_seeds

SIZE = 9_000_000
LIMIT = 2_000_000
_PATIENCE = 240.0
_ROW = "{:>5} {:>8} {:>6} {:>7} {:>13}  {}"

_LISTED = """\
import hashlib, os
for top, _, names in sorted(os.walk('/mnt/data')):
    for name in sorted(names):
        path = os.path.join(top, name)
        found = hashlib.sha256(open(path, 'rb').read()).hexdigest()
        print(os.path.relpath(path, '/mnt/data'), found)
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run took."""

    seed: int
    seconds: float
    calls: int
    faults: Counter[str]
    status_lines: int
    """Cells that told of an outage."""


def run_transfers(pool: Pool, seed: int, folder: Path) -> Figures:
    """Run all transfers under one seed, and check every byte.

    Raises AssertionError when a cell failed, bytes differ, or something is left over.
    """
    folder.mkdir(exist_ok=True)
    sent = _make(folder, seed)
    with Proxy(pool.endpoint, seed=seed) as proxy:
        kernel = Kernel(
            {
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
                "ACA_ACCESS_TOKEN": pool.token,
                "ACA_KEEP_ALIVE": "0",
            },
            folder,
        )
        try:
            kernel.start()
            assert kernel.run("1").status == "ok"
            proxy.play(transfer_script(seed))
            calls, began = len(proxy.calls), time.monotonic()
            ran = _transfer(kernel)
            seconds = time.monotonic() - began
            made = proxy.calls[calls:]
            proxy.play([])
            _check(kernel, folder, sent)
        finally:
            kernel.close()
    return Figures(
        seed=seed,
        seconds=seconds,
        calls=len(made),
        faults=Counter(call.fault for call in made if call.fault != PASS),
        status_lines=sum("Trying again" in cell.displayed for cell in ran),
    )


def _make(folder: Path, seed: int) -> dict[str, bytes]:
    """The files to send, by their paths in the session."""
    source = random.Random(seed)
    files = {"big.bin": source.randbytes(SIZE), "small.csv": b"a,b\n1,2\n"}
    files |= {f"set/part{n}.csv": source.randbytes(1000 * n) for n in range(1, 4)}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return files


def _transfer(kernel: Kernel) -> list[Ran]:
    done = []
    for code in (
        "%upload big.bin",
        "%upload -r set",
        "%upload small.csv",
        "%files -r",
        "%download big.bin small.csv --to back",
        "%download 'set/*.csv' --to back",
        "%files --delete small.csv",
    ):
        ran = kernel.run(code, timeout=_PATIENCE)
        assert ran.status == "ok", (code, ran.reply, ran.displayed)
        done.append(ran)
    return done


def _check(kernel: Kernel, folder: Path, sent: dict[str, bytes]) -> None:
    back = {path.name: path.read_bytes() for path in (folder / "back").iterdir()}
    assert back.keys() == {name.rpartition("/")[2] for name in sent}
    for name, content in sent.items():
        assert back[name.rpartition("/")[2]] == content, f"{name} came back with other bytes"
    there = {name: hashlib.sha256(content).hexdigest() for name, content in sent.items()}
    del there["small.csv"]
    listed = kernel.run(_LISTED).stdout
    assert dict(line.split() for line in listed.splitlines()) == there, listed


def main() -> int:
    """Run the seeds, print a row for each, and give 1 when one of them went wrong."""
    return run_seeds(
        run_transfers,
        doc=__doc__,
        jobs=2,
        row=_ROW,
        titles=("seed", "seconds", "calls", "faults", "status lines", "kinds"),
        spoiled="faults",
        count=lambda figures: figures.faults.total(),
        flags=("--max-upload-size", str(LIMIT)),
    )


if __name__ == "__main__":
    sys.exit(main())
