"""Files there and back while the network fails, and by services that differ."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_transfers_survive_three_seeds_of_faults_with_every_byte_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.transfers", "--seeds", "3"],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^ +\d+ +[\d.]+ +\d+ +(\d+) +\d+  (.*)$", done.stdout, re.MULTILINE)
    assert len(rows) == 3
    for faults, _ in rows:
        assert int(faults) > 20, done.stdout
