"""The way past a session interpreter that is taken: calls that it has no part in."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from io import BytesIO
from typing import Any

from ..errors import AcaKernelError
from ..guest.protocol import INTERRUPT_FILE, STOP_FILE, WAKE
from ..pool import PoolClient, SessionInfo, upload
from ..pool.sources import UploadBody, UploadSource
from ..worker import Worker

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
        self._etag = ""  # of the session, as first seen

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

    async def interrupt(self, request: str, interrupt: str) -> None:
        """Interrupt a cell past the exchange that waits for it, as far as files get there."""
        await self._put(f"{request} {interrupt}")

    async def _put(self, said: str) -> None:
        text = said.encode()

        def body() -> UploadBody:
            return UploadBody(UploadSource(BytesIO(text), len(text), None), INTERRUPT_FILE)

        with suppress(AcaKernelError):
            await self._worker.call(self._client.send_upload, self._identifier, "", body, repeats=0)

    async def wake(self) -> None:
        """End an exchange that waits in the session, so that the next one can begin."""
        await self._put(WAKE)

    async def clean_up(self) -> None:
        """Take away what `interrupt` and `wake` may have left: the guest may not have seen it."""
        with suppress(AcaKernelError):
            await self._worker.call(
                self._client.delete_file, self._identifier, INTERRUPT_FILE, timeout=2.0, repeats=0
            )

    async def cooldown(self) -> float | None:
        """Seconds without a call after which the session ends; None when nobody says so."""
        info = await self._session()
        if info is None:
            return None
        self._etag = info.etag
        return info.cooldown_seconds

    async def is_replaced(self) -> bool | None:
        """Whether the service has replaced the session since `cooldown`; None: nobody knows."""
        info = await self._session()
        if info is None or not info.etag or not self._etag:
            return None
        return info.etag != self._etag

    async def _session(self) -> SessionInfo | None:
        """What the service says of the session; None when it does not, within 2 s."""
        if not self._client.supports("get_session"):
            return None
        question = asyncio.ensure_future(
            self._worker.call(self._client.get_session, self._identifier, timeout=DEADLINE)
        )
        await asyncio.wait([question], timeout=2 * DEADLINE)
        if not question.done():
            question.cancel()
            self._worker.abandon()
            return None
        try:
            return question.result()
        except AcaKernelError:
            return None

    def _ask(self) -> None:
        """Call something that the session's interpreter has no part in."""
        if self._client.supports("get_session"):
            self._client.get_session(self._identifier, timeout=DEADLINE)
        else:
            next(iter(self._client.list_files(self._identifier)), None)

    def close(self) -> None:
        """Let the thread go."""
        self._worker.abandon()
