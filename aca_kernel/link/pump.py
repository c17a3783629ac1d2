"""The one caller of a link's exchanges: it runs while anything is open, and then stops.

It decides alone when a failed exchange is repeated, when the user is told of a time without
answers, and when the guest is lost. What is open, and what comes of it, is its owner's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import AcaKernelError, PoolFull
from ..worker import Worker
from .answers import GuestFailed, GuestGone, LinkTaken, NotPassedOn, Transient
from .client import Link
from .outage import Outage
from .side_calls import Beside

__all__ = ["STUBBORN", "WAIT", "Owner", "Plan", "Pump"]

WAIT = 1.0
"""Seconds that the guest may keep a silent exchange."""

QUIET = 4.0
"""Seconds without an answer after which the cell tells of it."""

SHARED_QUIET = 2.0
"""The same in a shared session, where another client's call is likely the reason."""

STUBBORN = 8.0
"""Seconds after an interrupt when the cell gets its reply although its code still runs."""

SOON = 0.05
"""Seconds that an exchange may still take when another one has more to bring."""

REFUSALS = 3
"""Refusals in a row after which a request that has surely not begun is taken back."""

SILENCES = 3
"""Calls in a row that pass the guest by although it is there, after which the cell is told."""


@dataclass(frozen=True)
class Plan:
    """The next exchange.

    ``until`` are the open requests: the guest answers as soon as one of them has ended, or when
    there is output, or after ``wait`` seconds. ``pause`` is the seconds before it is made.
    """

    until: Sequence[str]
    wait: float
    pause: float = 0.0


class Owner(Protocol):
    """Who has the open requests of a session."""

    def plan(self) -> Plan | None:
        """Return the next exchange; None when nothing is open any more."""

    async def take(
        self, plan: Plan, messages: Sequence[dict[str, Any]], over: Sequence[str]
    ) -> None:
        """Act on what an exchange brought; of the requests ``over`` nothing more comes."""

    def drop(self) -> None:
        """End the cell that was interrupted before the guest got it."""

    def fail(self, error: Exception) -> None:
        """Give up all that is open: the link, the service or the network has failed."""

    def say(self, text: str) -> bool:
        """Show a status line in the open cell; False when there is none to show it in."""

    @property
    def has_begun(self) -> bool:
        """Whether the guest has got the open cell."""

    @property
    def is_followed(self) -> bool:
        """Whether an open request may be carried out, as far as anybody knows."""

    @property
    def shared(self) -> bool:
        """Whether other clients' calls are likely in this session."""

    @property
    def cooldown_seconds(self) -> float | None:
        """The pool's cooldown period; None when it is not known."""


class _Interrupted(Exception):
    """An interrupt ended the wait for an answer."""


class Pump:
    """Makes the exchanges that ``owner`` plans, one after another, in a task of its own."""

    def __init__(
        self, link: Link, side_calls: Beside, worker: Worker, owner: Owner, *, tolerance: float
    ) -> None:
        self._link = link
        self._side_calls = side_calls
        self._worker = worker
        self._owner = owner
        self._tolerance = tolerance
        self._task: asyncio.Task[None] | None = None
        self._flight: asyncio.Future[Any] | None = None
        self._signal = asyncio.Event()
        self._has_news = False
        self._interrupted_at: float | None = None
        self._refusals = 0  # in a row
        self._silences = 0
        self._nudge: asyncio.Task[None] | None = None

    # -- what its owner tells it

    def wake(self) -> None:
        """Have a new plan carried out now: an exchange that waits in the session is ended."""
        self._has_news = True
        self._signal.set()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    def begin_cell(self) -> None:
        """Forget what was true of the cell before."""
        self._refusals = self._silences = 0
        self.calm()

    def calm(self) -> None:
        """Forget an interrupt: the cell that it was for has ended."""
        self._interrupted_at = None

    def interrupt(self) -> None:
        """Wait for nothing any longer than an interrupt may take."""
        self._interrupted_at = time.monotonic()
        self._signal.set()

    def abandon(self) -> None:
        """Leave the exchange that is on its way to its thread; the next one gets another."""
        if self._flight is not None and not self._flight.done():
            self._worker.abandon()
            self._flight.cancel()
        self._signal.set()

    def close(self) -> None:
        """Stop at once."""
        if self._task is not None:
            self._task.cancel()

    # -- the task

    async def _run(self) -> None:
        outage: Outage | None = None
        try:
            while True:
                self._signal.clear()
                self._has_news = False
                plan = self._owner.plan()
                if plan is None:
                    break
                if plan.pause and await self._is_signalled(plan.pause):
                    continue
                outage = outage or Outage(
                    self._owner.say, self._tolerance, self._owner.cooldown_seconds
                )
                if await self._exchange(plan, outage):
                    outage = None
        except Exception as error:
            self._owner.fail(error)
        finally:
            if self._nudge is not None:
                self._nudge = asyncio.ensure_future(self._tidy(self._nudge))

    async def _tidy(self, nudge: asyncio.Future[None]) -> None:
        await nudge
        await self._side_calls.clean_up()

    async def _exchange(self, plan: Plan, outage: Outage) -> bool:
        """Make one exchange; whether it brought an answer. Raises what ends the requests."""
        try:
            messages = await self._answer(plan, outage)
        except _Interrupted:
            raise outage.over() from None
        except GuestGone as error:
            await self._look_into(error)
            return False
        except (GuestFailed, LinkTaken, PoolFull):
            raise
        except AcaKernelError as error:
            if self._is_refused(error):
                raise
            if not await self._goes_on(outage, error):
                raise outage.over(error) from None
            return False
        if messages is None:
            return False
        self._refusals = self._silences = 0
        outage.end()  # before the cell may end with what has come
        over = [request for request in plan.until if self._link.has_ended(request)]
        await self._owner.take(plan, messages, over)
        return True

    async def _is_signalled(self, seconds: float) -> bool:
        """Wait; return True at once when there is something new."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._signal.wait(), seconds)
        return self._signal.is_set()

    async def _goes_on(self, outage: Outage, error: AcaKernelError) -> bool:
        """Wait before the next attempt; False when there is to be none."""
        pause = outage.pause(error)
        is_interrupted = self._interrupted_at is not None
        if pause is None or (is_interrupted and outage.attempts > 4):
            return False
        if is_interrupted or (await self._is_signalled(pause) and self._interrupted_at is not None):
            await asyncio.sleep(0.2)
        return True

    def _is_refused(self, error: AcaKernelError) -> bool:
        """Whether a refusal ends the requests: it does not pass, and nothing runs of them yet."""
        if error.is_passing or isinstance(error, Transient):
            self._refusals = 0
            return False
        self._refusals += 1
        return not self._owner.is_followed and self._refusals >= REFUSALS

    async def _look_into(self, error: GuestGone) -> None:
        """Find out why the guest does not answer. Return when it is there: the next call tells.

        Raises GuestGone, which says whether the whole session was replaced, or NotPassedOn.
        """
        if error.is_silent:
            self._silences += 1
            try:
                boot = await self._link.look()
            except AcaKernelError:
                boot = self._link.boot  # who knows: the next exchange will tell
            if boot == self._link.boot:
                if self._silences < SILENCES:
                    await asyncio.sleep(0.2)
                    return
                raise NotPassedOn("The session passes no exchange on to the guest.")
        error.is_session_replaced = await self._side_calls.is_replaced()
        raise error

    # -- one exchange

    async def _answer(self, plan: Plan, outage: Outage) -> list[dict[str, Any]] | None:
        """What one exchange brings. While no answer comes, the status line says so.

        The network may have gone dark, or another client's long call hold this one up: neither
        keeps an interrupted cell from getting its reply. None when nobody waits for it any more.
        """
        exchange = asyncio.ensure_future(self._link.exchange(until=plan.until, wait=plan.wait))
        self._flight = exchange
        began = time.monotonic()
        is_held = plan.wait > 0
        try:
            while not await self._ends(exchange):
                if self._signal.is_set():
                    self._signal.clear()
                    if self._has_news and is_held:
                        is_held = False
                        await self._hurry(exchange)
                    continue
                is_taken = await self._side_calls.answers_while(exchange)
                if exchange.done():
                    break
                if time.monotonic() - began > self._quiet:
                    outage.quiet(began, is_taken=is_taken, has_begun=self._owner.has_begun)
                at = self._interrupted_at
                if at is None:
                    continue
                is_dropped = is_taken and not self._owner.has_begun
                if is_dropped:
                    # The guest drops the cell: it gets the interrupt with the next exchange.
                    self._owner.drop()
                if is_dropped or not is_taken or time.monotonic() - at > STUBBORN - QUIET:
                    self._worker.abandon()
                    if is_dropped:
                        return None
                    raise _Interrupted
            return None if exchange.cancelled() else exchange.result()
        finally:
            exchange.cancel()
            self._flight = None

    @property
    def _quiet(self) -> float:
        # A call that comes while the cell runs is refused after 2 s: no need to tell of it.
        return SHARED_QUIET if self._owner.shared and not self._owner.has_begun else QUIET

    async def _ends(self, exchange: asyncio.Future[Any]) -> bool:
        """Whether an exchange ends before it is time for a word, or before there is a signal."""
        patience = self._quiet
        if self._interrupted_at is not None:
            patience = WAIT + 2 * self._link.round_trip
        signal = asyncio.ensure_future(self._signal.wait())
        try:
            either = asyncio.FIRST_COMPLETED
            await asyncio.wait([exchange, signal], timeout=patience, return_when=either)
        finally:
            signal.cancel()
        return exchange.done()

    async def _hurry(self, exchange: asyncio.Future[Any]) -> None:
        """Have the guest end an exchange that it keeps, because another one has more to bring."""
        await asyncio.wait([exchange], timeout=SOON)
        if not exchange.done() and (self._nudge is None or self._nudge.done()):
            self._nudge = asyncio.ensure_future(self._side_calls.wake())
