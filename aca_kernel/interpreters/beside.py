"""A question to the service beside the link, which tells a busy session from a dark network."""

from __future__ import annotations

import asyncio
from typing import Any

from ..pool import PoolClient
from .worker import Worker

__all__ = ["Beside"]

DEADLINE = 2.0
"""Seconds after which no answer counts as none."""


class Beside:
    """Asks the service about one session on a thread of its own, which starts when it is needed."""

    def __init__(self, client: PoolClient, identifier: str) -> None:
        self._client = client
        self._identifier = identifier
        self._worker = Worker("aca-kernel-beside")

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

    def _ask(self) -> None:
        """Call something that the session's interpreter has no part in."""
        if self._client.supports("get_session"):
            self._client.get_session(self._identifier)
        else:
            next(iter(self._client.list_files(self._identifier)), None)

    def close(self) -> None:
        """Let the thread go."""
        self._worker.abandon()
