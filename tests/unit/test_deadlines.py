"""Deadlines: each at its time, in any order, and none that was cancelled."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time

import pytest

from aca_kernel.pool.deadlines import Deadlines

PATIENCE = 30.0


def test_functions_are_called_in_the_order_of_their_times() -> None:
    deadlines, called = Deadlines(), queue.SimpleQueue[str]()
    began = time.monotonic()
    deadlines.set(1000, lambda: called.put("never"))
    deadlines.set(0.3, lambda: called.put("later"))
    deadlines.set(0.1, lambda: called.put("sooner"))  # wakes the thread, which sleeps for longer
    assert called.get(timeout=PATIENCE) == "sooner"
    assert time.monotonic() - began >= 0.1
    assert called.get(timeout=PATIENCE) == "later"
    assert time.monotonic() - began >= 0.3
    assert called.empty()


def test_cancelled_function_is_not_called() -> None:
    deadlines, called = Deadlines(), queue.SimpleQueue[str]()
    key = deadlines.set(0.1, lambda: called.put("cancelled"))
    deadlines.set(0.2, lambda: called.put("kept"))
    deadlines.cancel(key)
    deadlines.cancel(key)
    deadlines.cancel(None)
    assert called.get(timeout=PATIENCE) == "kept"
    assert called.empty()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_process_has_deadlines_too() -> None:
    code = (
        "import os, threading\n"
        "from aca_kernel.pool.deadlines import Deadlines\n"
        "deadlines = Deadlines()\n"
        "deadlines.set(1000, lambda: None)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    called = threading.Event()\n"
        "    deadlines.set(0.1, called.set)\n"
        f"    os._exit(0 if called.wait({PATIENCE}) else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=2 * PATIENCE)
    assert done.returncode == 0


def test_one_thread_serves_all() -> None:
    deadlines = Deadlines()
    before = threading.active_count()
    for key in [deadlines.set(1000, lambda: None) for _ in range(100)]:
        deadlines.cancel(key)
    assert threading.active_count() <= before + 1
