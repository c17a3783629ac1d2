"""Kernels that start, run a cell and stop while the machine has more to do than it can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_message_is_lost_and_no_stop_writes_a_traceback_under_load() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faults.starts", "--runs", "12", "--jobs", "6"],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 of 12 runs whole" in done.stdout
