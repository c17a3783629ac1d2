"""One cheap call now and then, so that the service does not end a session that is in use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from ..errors import AcaKernelError
from ..pool import PoolClient
from ..worker import Worker

__all__ = ["KeepAlive", "Kept"]

DEFAULT_COOLDOWN = 300.0
"""Seconds that a session is taken to live without a call when the service does not say."""

SHORTEST_PAUSE = 1.0
"""Seconds between two calls that keep a session alive, whatever cooldown the service tells."""


class Kept(NamedTuple):
    """The session to keep alive; ``cooldown`` is in seconds, None when it is not known."""

    client: PoolClient
    identifier: str
    cooldown: float | None


class KeepAlive:
    """Keeps a session alive for ``seconds`` after the last cell; 0 for not at all.

    ``look`` gives the session, or None when there is none to keep. The calls run beside those
    of ``worker``, and end with it. All methods belong to the event loop.
    """

    def __init__(self, seconds: float, worker: Worker, look: Callable[[], Kept | None]) -> None:
        self.seconds = seconds
        self.last_cell = 0.0
        """When the last cell ended, on the monotonic clock."""
        self._worker = worker
        self._look = look
        self._task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Note that a cell has just ended: the time begins now."""
        self.last_cell = time.monotonic()
        if self.seconds > 0 and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._keep())

    def stop(self) -> None:
        """Make no more calls, until the next `touch`."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep(self) -> None:
        """Make one call each half of the cooldown while the last cell is not too long ago."""
        worker = Worker("aca-kernel-keep-alive", besides=self._worker)
        try:
            while (left := self.last_cell + self.seconds - time.monotonic()) > 0:
                kept = self._look()
                cooldown = (kept.cooldown if kept else None) or DEFAULT_COOLDOWN
                await asyncio.sleep(min(max(SHORTEST_PAUSE, cooldown / 2), left))
                kept = self._look()
                if kept is None or worker.is_stopped:
                    return
                if time.monotonic() - self.last_cell < self.seconds:
                    try:
                        # Any call of the file API resets the idle time (docs/service.md 10).
                        await worker.call(_first_file, kept.client, kept.identifier)
                    except AcaKernelError:
                        continue
        finally:
            worker.abandon()


def _first_file(client: PoolClient, identifier: str) -> None:
    next(iter(client.list_files(identifier)), None)
