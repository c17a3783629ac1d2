"""The end of a kernel's process: what becomes of the sessions that it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import AcaKernelError
from ..pool import PoolClient
from ..worker import Worker

__all__ = ["RELEASE_DEADLINE", "Held", "within_deadline"]

RELEASE_DEADLINE = 2.0
"""Seconds that a shutdown may take to delete the session: Jupyter kills soon after."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a kernel has to let go of. It is immutable: a shutdown reads it on another thread."""

    client: PoolClient | None = None
    own: str = ""
    """The identifier of the kernel's own session, when that may exist; "" otherwise."""
    reset: Callable[[], Any] | None = None
    """A blocking call that gives the current session a fresh Python state; None if unknown."""
    is_as_configured: bool = True
    """Whether the next process of this kernel has the current session too."""

    async def give_fresh_state(self) -> bool:
        """Return whether a restart has got through to the session."""
        return self.reset is not None and await within_deadline(self.reset)

    async def delete_own(self) -> bool:
        """Delete the kernel's own session, and return whether that has got through."""
        client = self.client
        if client is None:
            return False
        is_deleted = bool(self.own) and await within_deadline(
            lambda: client.delete_session(self.own, timeout=RELEASE_DEADLINE)
        )
        client.close()
        return is_deleted


async def within_deadline(call: Callable[[], Any]) -> bool:
    """Return whether a blocking call got through within `RELEASE_DEADLINE`; else it goes on."""
    worker = Worker("aca-kernel-release")
    try:
        await asyncio.wait_for(worker.call(call), RELEASE_DEADLINE)
    except (AcaKernelError, asyncio.TimeoutError):
        return False
    finally:
        worker.abandon()
    return True
