"""The kernel's end of the link: exchanges over execute calls, with what they cost measured."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..errors import (
    AcaKernelError,
    PayloadTooLarge,
)
from ..guest.protocol import MARK, FrameError, Peer, fingerprint, pack, unpack
from ..pool import Execution, PoolClient, tracebacks
from ..pool.refusal_texts import clean
from .answers import (
    GuestFailed,
    GuestGone,
    Hello,
    LinkTaken,
    NoGuest,
    Transient,
    number,
    parse_message,
    said,
)
from .bootstrap import (
    bootstrap_code,
    bootstrap_parts,
    exchange_code,
    look_code,
    withdraw_code,
)
from .limits import Limits, is_surely_refused, may_be_size

__all__ = ["Link"]

HELLOS = ((None, 12_000), (None, 1000), (8000, 1000), (2000, 300), (1000, 300))
"""How the guest is put there, each way for a smaller service than the one before.

The characters of one call's part of it (None: all in one call), and the bytes of known size
in its first answer: at first far above the service's default cut of 4096.
"""

HELLO_TIMEOUT = 60
"""Seconds that the service may take for the call that puts the guest there."""

QUICK = 15.0
"""Seconds after which a failure is none of size: those come at once."""

LEAST_WHOLE = 2000
"""Characters of a cut first answer from which on it is worth while to go on."""

SERVICE_CAP = 220
"""Seconds that the service lets a call take. Another client's call may hold an exchange up."""

LOOK_TIMEOUT = 10
"""Seconds for short code beside the link."""

MOST_REQUESTS = 100
"""Requests whose places in the outbox are known: those that somebody still waits for."""


Call = Callable[..., Awaitable[Any]]


class Link:
    """One link to one guest. Belongs to the kernel's event loop; ``call`` runs blocking code."""

    def __init__(
        self, client: PoolClient, identifier: str, call: Call, *, comms: bool = False
    ) -> None:
        self._client = client
        self._comms = comms  # whether what widgets say crosses too
        self._identifier = identifier
        self._call = call
        self._id = secrets.token_hex(8)
        self._way = "stdout"
        self._as_is = True
        self._limits = Limits()
        self._limit = 20_000_000
        self._left_out = 0
        self._places: dict[str, tuple[int, int]] = {}  # of queued requests in the outbox
        self._arrived = 0  # the bytes of the outbox before this number may be at the other end
        self._withdrawn: list[str] = []
        self._ends: set[str] = set()
        self.lives = False
        """Whether threads, tasks or child processes of cells that have ended still live."""
        self.boot = ""
        self.peer = Peer()

    @property
    def round_trip(self) -> float:
        """Seconds that a call takes on its way there and back, as measured; 0 when not known."""
        return self._limits.round_trip

    async def hello(self, share: bool | None = None) -> Hello:
        """Install the guest where it is missing, and learn which way back holds how much.

        ``share`` decides whether it shares its kernel when nobody has decided that before.
        Raises NoGuest when the session cannot hold one, Transient when another attempt may
        bring it, AcaKernelError when the call failed.
        """
        first: AcaKernelError | None = None
        for part, probe in HELLOS:
            if part is None and isinstance(first, PayloadTooLarge):
                continue  # it is the request that is too large, not its answer
            began = time.monotonic()
            try:
                return await self._hello(share, part, probe, is_first=first is None)
            except (NoGuest, Transient):
                raise
            except AcaKernelError as error:
                first = first or error
                if not may_be_size(error) or time.monotonic() - began > QUICK:
                    break
        assert first is not None  # noqa: S101
        raise first

    async def _hello(
        self, share: bool | None, part: int | None, probe: int, *, is_first: bool
    ) -> Hello:
        asked: dict[str, object] = {"share": share, **({"comms": True} if self._comms else {})}
        head = pack({"op": "hello", "link": self._id, "probe": probe, **asked})
        codes = [bootstrap_code(head, MARK)] if part is None else bootstrap_parts(head, MARK, part)
        for code in codes:
            execution: Execution = await self._call(
                self._client.execute,
                self._identifier,
                code,
                timeout=HELLO_TIMEOUT,
                output_limit=self._limit,
                repeatable=True,
                repeats=None if is_first else 1,
            )
            if not execution.succeeded:
                error = tracebacks.parse(execution.stderr)
                if error is None:  # the service's own words, as in _open_answer
                    raise Transient(said(execution.stderr))
                raise NoGuest(clean(f"{error.ename}: {error.evalue}"[:200]))
        self._limits.begin(part, probe)
        answers = {"stdout": execution.stdout, "result": _result(execution)}
        for way, text in answers.items():
            try:
                found, _ = unpack(text)
            except FrameError:
                continue
            self._way = way
            return self._meet(found)
        self._way = max(answers, key=lambda way: len(answers[way]))
        if MARK not in answers[self._way] or len(answers[self._way]) < min(LEAST_WHOLE, probe):
            raise NoGuest("no answer of the session comes back whole")
        self._limits.learn_cut(len(answers[self._way]))
        return self._meet((await self._exchange({"op": "hello"}))[0])

    def _meet(self, head: dict[str, Any]) -> Hello:
        boot, python = head.get("boot"), head.get("python")
        cells, kernel = number(head.get("cells")), number(head.get("kernel"))
        if (
            not isinstance(boot, str)
            or not 0 < len(boot) <= 64
            or not isinstance(python, str)
            or cells is None
            or kernel is None
        ):
            raise NoGuest("the guest's first answer has another shape")
        if boot != self.boot:
            self.boot = boot
            self.peer = Peer()
            self._left_out = self._arrived = 0
            self._places.clear()
        return Hello(
            boot=boot,
            python=clean(python[:40]),
            cells=cells,
            kernel=kernel,
            share=head.get("share") is True,
            busy=head.get("busy") is True,
        )

    def queue(self, message: dict[str, Any], request: str = "") -> None:
        """Have a message sent with the next exchange; ``request`` is the id by which to find it."""
        begin = self.peer.outbox.end
        self.peer.send(message)
        if request:
            while len(self._places) >= MOST_REQUESTS:
                del self._places[next(iter(self._places))]
            self._places[request] = begin, self.peer.outbox.end

    def withdraw(self, request: str) -> bool:
        """Take a request back that was queued; whether it surely has not begun, and never will.

        Where it may have reached the guest, the next exchange asks the guest not to begin it.
        """
        outbox = self.peer.outbox
        begin, _ = self._places.get(request, (0, 0))
        is_last = all(place[0] <= begin for place in self._places.values())
        if is_last and not self.may_have_arrived(request):
            outbox.take_back(max(begin, self._arrived))
            if self._arrived > begin:
                self.peer.send("")  # what is there of it is the begin of a line: no message now
            return True
        self._withdrawn.append(request)
        return False

    @property
    def has_unsent(self) -> bool:
        """Whether something is queued that no exchange has carried yet."""
        return self.peer.outbox.end > self._arrived

    def may_have_arrived(self, request: str) -> bool:
        """Whether a request that was queued may be at the guest, as a whole."""
        return self._arrived >= self._places.get(request, (0, 0))[1]

    async def exchange(self, *, until: Sequence[str], wait: float) -> list[dict[str, Any]]:
        """Send what is queued, and return the messages that have come in, in order.

        The guest answers after ``wait`` seconds (1 at most), or as soon as one of the requests
        with the message ids ``until`` has finished, or when it has output. Raises Transient,
        GuestGone, GuestFailed, LinkTaken, or the pool's errors; nothing is lost or doubled by
        any of them.
        """
        limits, peer = self._limits, self.peer
        withdrawn = tuple(self._withdrawn)
        head = self._head(until=list(until), wait=wait)
        if withdrawn:
            head["withdrawn"] = withdrawn
        if limits.is_bare:
            head["bare"] = True
        if limits.skips:
            head["skip"] = peer.inbox.received
        text = peer.frame(head, limits.send_budget)
        arrived = self._arrived
        self._arrived = max(arrived, peer.framed)  # who knows, unless it is surely refused
        began = time.monotonic()
        try:
            answer, data = await self._send(text)
            if limits.skips and number(answer.get("start")) is not None:
                peer.inbox.jump(answer["start"])
            lines = peer.receive(answer, data)
        except FrameError as error:
            limits.failed(sent=len(text))
            raise Transient(f"The session answered with {error}.") from None
        except AcaKernelError as error:
            if is_surely_refused(error):
                self._arrived = arrived
            if isinstance(error, PayloadTooLarge):
                limits.request_refused(len(text), error.limit)
            elif may_be_size(error):
                limits.failed(sent=len(text))
            raise
        del self._withdrawn[: len(withdrawn)]
        took, held = time.monotonic() - began, answer.get("held")
        is_whole = answer.get("end", 0) == peer.inbox.received
        limits.succeeded(
            more=not is_whole,
            sent=len(text),
            round_trip=took - held if type(held) is float and 0 <= held <= took else None,
        )
        self.lives = answer.get("lives") is True
        self._ends, over = set(), answer.get("over")
        if is_whole and isinstance(over, list):
            self._ends = {request for request in until if request in over}
        return [message for line in lines if (message := parse_message(line)) is not None]

    def has_ended(self, request: str) -> bool:
        """Whether the last exchange said that nothing more comes for a request."""
        return request in self._ends

    def left_out(self) -> int:
        """How many messages have been left out, since the last call, because of their size."""
        new = self.peer.inbox.left_out - self._left_out
        self._left_out += new
        return new

    def restart_call(self) -> Callable[[], int]:
        """A blocking call that has the guest kernel replaced, and gives the new one's number.

        It needs no event loop, and may run beside an exchange.
        """
        head = self._head(op="restart", id=secrets.token_hex(8))
        code = exchange_code(pack(head))

        def restart() -> int:
            execution = self._client.execute(
                self._identifier, code, output_limit=self._limit, repeatable=True
            )
            answer, _ = self._open_answer(execution)
            return number(answer.get("kernel")) or 0

        return restart

    def _head(self, **more: Any) -> dict[str, Any]:
        return {
            "link": self._id,
            "boot": self.boot,
            "way": self._way,
            "as_is": self._as_is and self._way == "stdout" and not self._limits.is_low,
            "budget": self._limits.budget,
            **more,
        }

    async def share(self, on: bool) -> bool:
        """Have plain calls run in the guest kernel, or not; what holds now."""
        answer, _ = await self._exchange({"op": "share", "on": on})
        return answer.get("share") is True

    async def announce(self, code: str) -> None:
        """Have the next plain call with this code run in the session interpreter itself."""
        await self._exchange({"op": "direct", "code": fingerprint(code)})

    async def _exchange(self, head: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
        return await self._send(pack({**self._head(), **head}))

    async def _send(self, frame: str) -> tuple[dict[str, Any], memoryview]:
        execution: Execution = await self._call(
            self._client.execute,
            self._identifier,
            exchange_code(frame),
            timeout=SERVICE_CAP,
            output_limit=self._limit,
            repeatable=True,
            repeats=0,  # what an exchange fails with, its caller has to know at once
        )
        return self._open_answer(execution)

    def _open_answer(self, execution: Execution) -> tuple[dict[str, Any], memoryview]:
        if not execution.succeeded:
            # Another client's failing call aborts what waits behind it (docs/service.md 8).
            raise Transient(said(execution.stderr))
        text = execution.stdout if self._way == "stdout" else _result(execution)
        try:
            answer, data = unpack(text)
        except FrameError as error:
            if MARK not in text:
                raise GuestGone("The session answers without the guest.", is_silent=True) from None
            if f"{MARK} 2 " in text:
                self._as_is = False  # the line ends in such a frame may have been changed
            else:
                self._limits.learn_cut(len(text))
            raise Transient(f"The session answered with {error}.") from None
        error_code = answer.get("error")
        if error_code == "boot":
            raise GuestGone("The guest in the session is another one.")
        if error_code == "relay":
            detail = str(answer.get("detail", "")).strip().rpartition("\n")[2]
            raise GuestFailed(clean(detail[:300]))
        if error_code == "link":
            self._id = secrets.token_hex(8)
            self.boot = ""  # to take it back is to begin anew, on both sides
            raise LinkTaken("Another kernel has taken this session's link over.")
        if error_code is not None:
            raise Transient("The session received a broken request.")
        return answer, data

    async def look(self) -> str:
        """The boot id of the guest that is in the session, "" for none; asked past the link.

        Raises Transient when the answer cannot be read, AcaKernelError when the call failed.
        """
        mark = f"aca-kernel:{secrets.token_hex(8)}:"
        execution: Execution = await self._call(
            self._client.execute,
            self._identifier,
            look_code(mark),
            timeout=LOOK_TIMEOUT,
            output_limit=self._limit,
            repeatable=True,
            repeats=1,
        )
        _, _, said = execution.stdout.partition(mark)
        try:
            boot = json.loads(said.partition("\n")[0])["boot"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Transient("The session's answer cannot be read.") from None
        return boot if isinstance(boot, str) else ""

    async def leave(self) -> None:
        """Take the guest away again. Raises AcaKernelError when that may have failed."""
        await self._call(
            self._client.execute,
            self._identifier,
            withdraw_code(),
            timeout=LOOK_TIMEOUT,
            output_limit=self._limit,
            repeatable=True,
        )


def _result(execution: Execution) -> str:
    return execution.result if isinstance(execution.result, str) else ""
