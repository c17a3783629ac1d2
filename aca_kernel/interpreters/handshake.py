"""The begin of a link: the guest is put there, and then shown to work, within a deadline.

The handshake uses all that a cell will use: an exchange that passes the hook, and a request
that the guest kernel answers. What fails after that is a failure of its own, not a missing link.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ..errors import AcaKernelError, PayloadTooLarge, PoolFull, TransportError
from ..link.answers import GuestFailed, GuestGone, Hello, NoGuest, Transient
from ..link.client import Link
from ..pool.refusal_texts import clean
from ..worker import Worker
from .endings import cause

__all__ = ["HANDSHAKE", "meet", "patiently"]

T = TypeVar("T")

HANDSHAKE = 20.0
"""Seconds that the guest and its kernel have to answer after they were put there."""

LEAVE = 10.0
"""Seconds for the call that takes away what does not work."""

_PAUSE = 0.2


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What ``attempt`` brings; what another client's calls spoil is tried a few times."""
    for _ in range(4):
        try:
            return await attempt()
        except Transient:
            await asyncio.sleep(_PAUSE)
    return await attempt()


async def meet(link: Link, worker: Worker, share: bool | None, ask: Callable[[int], str]) -> Hello:
    """Put the guest there, or find it, and have it answer; what it says of itself.

    ``ask(kernel)`` queues a request to that guest kernel and gives its message id. Raises
    NoGuest, with the reason, when the session cannot hold a guest or what is there does not
    work: then the session interpreter is as it was before. Raises the pool's own errors.
    """
    try:
        hello = await patiently(lambda: link.hello(share))
    except Transient as error:
        raise NoGuest(_reason(error)) from None
    except PayloadTooLarge as error:
        facts = ", ".join(filter(None, (f"HTTP {error.status}", error.code)))
        raise NoGuest(f"the service takes no call as large as the link's ({facts})") from None
    try:
        await _prove(link, worker, "" if hello.busy else ask(hello.kernel))
    except NoGuest:
        leaving = asyncio.ensure_future(link.leave())
        with suppress(AcaKernelError, asyncio.TimeoutError):
            await asyncio.wait_for(leaving, LEAVE)
        if not leaving.done() or leaving.cancelled():
            worker.abandon()
        raise
    return hello


async def _prove(link: Link, worker: Worker, request: str) -> None:
    """Return when an exchange, and ``request`` unless it is "", have been answered."""
    end = time.monotonic() + HANDSHAKE
    to_come = {"shell", "iopub"} if request else set()
    failure: AcaKernelError | None = None
    while True:
        left = end - time.monotonic()
        if left <= 0:
            break
        exchange = asyncio.ensure_future(
            link.exchange(until=[request] if request else [], wait=min(left, 1.0) if request else 0)
        )
        try:
            done, _ = await asyncio.wait([exchange], timeout=left)
            if not done:
                worker.abandon()
                break
            messages = exchange.result()
        except PoolFull:
            raise
        except (GuestGone, GuestFailed) as error:
            if isinstance(error, GuestGone) and error.is_silent:
                raise NoGuest("the link's calls do not reach the guest in it") from None
            raise NoGuest(_reason(error)) from None
        except AcaKernelError as error:
            failure = error
            if not error.is_passing and not isinstance(error, Transient):
                raise NoGuest(f"it refuses the link's calls ({_reason(error)})") from None
            await asyncio.sleep(_PAUSE)
            continue
        finally:
            exchange.cancel()
        failure = None
        for message in messages:
            if message.get("event") in ("failed", "died"):
                raise NoGuest(_death(message))
            parent = message.get("parent_header")
            if isinstance(parent, dict) and parent.get("msg_id") == request:
                to_come.discard(str(message.get("channel")))
        if not to_come:
            return
    if isinstance(failure, TransportError):
        raise failure  # the network is away, for direct mode too
    if failure is not None:
        raise NoGuest(f"the link's calls fail there ({_reason(failure)})")
    raise NoGuest(f"its guest kernel has not answered within {HANDSHAKE:.0f} s")


def _death(message: dict[str, object]) -> str:
    why = message.get("why")
    said = clean(why[:300]) if isinstance(why, str) else ""
    return f"its guest kernel does not start: {said or cause(message.get('code'))}"


def _reason(error: AcaKernelError) -> str:
    """What an error says, as the end of a sentence."""
    return error.what.rstrip(".")
