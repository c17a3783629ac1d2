"""The thread of a session's calls, and those that work beside it."""

from __future__ import annotations

import asyncio

import pytest

from aca_kernel.errors import AcaKernelError
from aca_kernel.worker import Worker


def test_who_works_beside_a_worker_is_stopped_with_it() -> None:
    async def run() -> None:
        worker = Worker("session")
        beside = Worker("beside", besides=worker)
        assert await beside.call(lambda: 42) == 42
        worker.stop()
        for each in (worker, beside):
            with pytest.raises(AcaKernelError, match="ending"):
                await each.call(lambda: 42)

    asyncio.run(run())
