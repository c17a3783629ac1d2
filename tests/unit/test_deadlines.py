"""Deadlines: each at its time, in any order, and none that was cancelled."""

from __future__ import annotations

import queue
import threading
import time

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


def test_one_thread_serves_all() -> None:
    deadlines = Deadlines()
    before = threading.active_count()
    for key in [deadlines.set(1000, lambda: None) for _ in range(100)]:
        deadlines.cancel(key)
    assert threading.active_count() <= before + 1
