"""The way past a session interpreter that is taken: calls that it has no part in."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from io import BytesIO
from typing import Any

from ..errors import AcaKernelError
from ..link.protocol import STOP_FILE
from ..pool import PoolClient, upload
from .worker import Worker

__all__ = ["Beside"]

DEADLINE = 2.0
"""Seconds after which no answer counts as none."""


class Beside:
    """Calls about one session on a thread of their own, which starts when it is needed."""

    def __init__(self, client: PoolClient, identifier: str, worker: Worker) -> None:
        self._client = client
        self._identifier = identifier
        # Stopped with the session's own: what asks after its end might allocate it anew.
        self._worker = Worker("aca-kernel-beside", besides=worker)

    async def answers_while(self, exchange: asyncio.Future[Any]) -> bool:
        """Whether the service answers within 2 s; False when ``exchange`` ends before it does.

        When it does, what keeps ``exchange`` is the session's interpreter: another client's
        call runs there.
        """
        question = asyncio.ensure_future(self._worker.call(self._ask))
        await asyncio.wait(
            [exchange, question], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED
        )
        if not question.done():
            question.cancel()
            self._worker.abandon()
            return False
        return question.exception() is None

    async def stop_call(self, work: asyncio.Future[Any]) -> None:
        """End the plain call that keeps ``work`` from the session, and wait for ``work``.

        Files reach the session at any time; the guest looks for one while such a call runs.
        """
        with suppress(AcaKernelError):  # the guest deletes it as soon as it has seen it
            file = BytesIO(b"stop")
            await self._worker.call(upload, self._client, self._identifier, file, STOP_FILE, size=4)
        await asyncio.wait([work])
        with suppress(AcaKernelError):
            await self._worker.call(self._client.delete_file, self._identifier, STOP_FILE)

    async def cooldown(self) -> float | None:
        """Seconds without a call after which the session ends; None when nobody says so."""
        if not self._client.supports("get_session"):
            return None
        try:
            info = await self._worker.call(self._client.get_session, self._identifier)
        except AcaKernelError:
            return None
        seconds: float | None = info.cooldown_seconds
        return seconds

    def _ask(self) -> None:
        """Call something that the session's interpreter has no part in."""
        if self._client.supports("get_session"):
            self._client.get_session(self._identifier)
        else:
            next(iter(self._client.list_files(self._identifier)), None)

    def close(self) -> None:
        """Let the thread go."""
        self._worker.abandon()
