"""Total deadlines of calls, watched by one thread: a timer of its own costs a call 0.2 ms."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

__all__ = ["Deadlines"]


class Deadlines:
    """Calls functions when their time has come, on a daemon thread that starts with the first.

    The functions must be quick. Between deadlines the thread sleeps. A forked process begins with
    none, and with a thread of its own.
    """

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._next = 0.0  # when the thread wakes by itself
        self._is_started = False

    def set(self, seconds: float, function: Callable[[], None]) -> object:
        """Have ``function`` called in so many seconds; gives what `cancel` takes."""
        key, when = object(), time.monotonic() + seconds
        with self._changed:
            if not self._is_started:
                threading.Thread(target=self._run, name="aca-kernel-deadlines", daemon=True).start()
                self._is_started = True
            self._due[key] = (when, function)
            if when < self._next:
                self._changed.notify()
        return key

    def cancel(self, key: object) -> None:
        """Have a function not called any more."""
        with self._changed:
            self._due.pop(key, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key, (when, function) in list(self._due.items()):
                    if when <= now:
                        del self._due[key]
                        function()
                soonest = min((when for when, _ in self._due.values()), default=float("inf"))
                self._next = soonest
                self._changed.wait(min(soonest - now, threading.TIMEOUT_MAX))
