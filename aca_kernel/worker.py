"""One thread for the blocking calls of a session, so that HTTP never blocks the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import AcaKernelError

__all__ = ["Worker"]

T = TypeVar("T")

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Worker:
    """Runs calls one after another on a daemon thread that starts with the first one.

    A daemon, so that a call that waits for a silent service never keeps the process from
    ending. All methods belong to the event loop's thread. It takes no more calls when the one
    ``besides`` which it works has been stopped.
    """

    def __init__(self, name: str, *, besides: Worker | None = None) -> None:
        self._name = name
        self._besides = besides
        self._jobs: queue.SimpleQueue[_Job | None] | None = None
        self._stopped = False

    async def call(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """What ``function`` returns or raises, called on the thread after all earlier calls.

        When the awaiting task is cancelled the call itself goes on; see :meth:`abandon`.
        """
        if self.is_stopped:
            raise AcaKernelError("The kernel is ending.", left="Nothing more was sent.")
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=_run, args=(self._jobs,), name=self._name, daemon=True).start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, future, lambda: function(*args, **kwargs)))
        return await future

    @property
    def is_stopped(self) -> bool:
        """Whether calls are refused."""
        return self._stopped or (self._besides is not None and self._besides.is_stopped)

    def stop(self) -> None:
        """Take no more calls: AcaKernelError from now on. May be called from any thread."""
        self._stopped = True

    def abandon(self) -> None:
        """Leave a call that will not end soon to its thread; the next call gets a new one."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None


def _run(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        loop, future, work = job
        if future.cancelled():
            continue
        result: Any = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            return  # the loop is closed: the kernel is ending
        del job, future, work, result, error


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError("StopIteration"))
    else:
        future.set_exception(error)
