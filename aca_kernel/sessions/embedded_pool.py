"""The embedded local pool of a kernel: it is started for the first cell, and may end before it."""

from __future__ import annotations

import time
from pathlib import Path

from ..config.options import Settings
from ..errors import ConfigurationError, SessionLost
from ..pool import PoolClient
from ..pool.connect import connect
from ..worker import Worker

__all__ = ["EmbeddedPool"]

PAUSE = 1.0
"""Seconds after a cell before the next call asks first whether the local pool is there."""


class EmbeddedPool:
    """The pool that belongs to one connection file."""

    def __init__(self, connection_file: Path | None) -> None:
        self._file = connection_file
        self.warning = ""
        """What the pool warns of, until it has been shown."""

    async def connect(self, settings: Settings, worker: Worker) -> tuple[PoolClient, bool]:
        """Return a client of the pool, which is started if need be, and whether it was.

        Raises ConfigurationError and LocalPoolError.
        """
        if self._file is None:
            raise ConfigurationError(
                "The embedded local pool needs a kernel with a connection file.",
                remedy="Start the kernel through Jupyter, or run `aca-kernel pool`.",
            )
        from ..localpool.launch import ensure_pool

        pool = await worker.call(ensure_pool, self._file)
        self.warning = pool.warning
        return connect(settings, endpoint=pool.endpoint, token=pool.token), pool.started

    async def has_ended(self, client: PoolClient, last_cell: float) -> bool:
        """Return whether nothing listens any more at the pool's endpoint.

        It is asked only some time after ``last_cell``, on the monotonic clock: cells in a row
        need not pay for it, and a call that fails finds out that the pool ended among them.
        """
        if time.monotonic() - last_cell < PAUSE:
            return False
        from ..localpool.launch import is_listening

        return not await is_listening(client.endpoint.url)

    def lost(self) -> SessionLost:
        """Return the error of a cell that finds the pool ended."""
        return SessionLost(
            "The local pool had ended, as it does after a while without a call.",
            left="Variables and the files in /mnt/data are gone; nothing of this cell was run.",
            remedy="Run the notebook from the top: a new local pool starts with it.",
        )

    def stop(self) -> None:
        """End the pool, with its sessions. Blocks; may be called from any thread."""
        if self._file is not None:
            from ..localpool.launch import stop_pool

            stop_pool(self._file)
