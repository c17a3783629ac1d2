"""The kernel's end of the link: exchanges over execute calls, with what they cost measured."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..errors import AcaKernelError
from ..outputs import tracebacks
from ..pool import Execution, PoolClient
from ..pool.refusals import clean
from .bootstrap import bootstrap_code, exchange_code
from .protocol import MARK, FrameError, Peer, fingerprint, pack, unpack

__all__ = ["GuestGone", "Hello", "Link", "LinkTaken", "NoGuest", "Transient"]

PROBE = 12_000
"""Bytes of known size in the first answer: far above the service's default cut of 4096."""

SEND_BUDGET = 1_000_000
"""Characters of a request's frame; a larger message takes several exchanges."""

FIRST_BUDGET = 1_000_000
MOST_BUDGET = 8_000_000
LEAST_BUDGET = 1000
"""Characters of an answer's frame: what is asked for first, and its bounds."""

SERVICE_CAP = 220
"""Seconds that the service lets a call take. Another client's call may hold an exchange up."""

DEEPEST = 200
"""Levels of a message; what is nested deeper could be read here, but not sent on."""

MOST_NUMBER = 2**31
"""Counts that are not below this are no counts."""

Call = Callable[..., Awaitable[Any]]


class NoGuest(AcaKernelError):
    """The session cannot hold a guest; ``reason`` says why. Direct mode still works there."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This session cannot be linked to: {reason}.",
            left="Nothing of this cell was run.",
            remedy="Set ACA_KERNEL_MODE to auto or direct, then restart the kernel.",
        )
        self.reason = reason


class GuestGone(AcaKernelError):
    """The guest is not in the session any more: the service replaced it, or its Python died."""


class LinkTaken(AcaKernelError):
    """Another kernel process has taken the link over."""


class Transient(AcaKernelError):
    """An exchange failed in a way that a repetition mends."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What the guest says of itself: Python's version, and the cells its kernel has run.

    ``share`` is whether plain calls of other clients run in that kernel too.
    """

    boot: str
    python: str
    cells: int
    kernel: int
    share: bool = False


class Link:
    """One link to one guest. Belongs to the kernel's event loop; ``call`` runs blocking code."""

    def __init__(self, client: PoolClient, identifier: str, call: Call) -> None:
        self._client = client
        self._identifier = identifier
        self._call = call
        self._id = secrets.token_hex(8)
        self._way = "stdout"
        self._as_is = True
        self._budget = FIRST_BUDGET
        self._ceiling = MOST_BUDGET
        self._limit = 20_000_000
        self._left_out = 0
        self.boot = ""
        self.peer = Peer()

    async def hello(self, share: bool | None = None) -> Hello:
        """Install the guest where it is missing, and learn which way back holds how much.

        ``share`` decides whether it shares its kernel when nobody has decided that before.
        Raises NoGuest when the session cannot hold one, Transient when another attempt may
        bring it, AcaKernelError when the call failed.
        """
        head = {"op": "hello", "link": self._id, "probe": PROBE, "share": share}
        execution: Execution = await self._call(
            self._client.execute,
            self._identifier,
            bootstrap_code(pack(head), MARK),
            output_limit=self._limit,
            repeatable=True,
        )
        if not execution.succeeded:
            error = tracebacks.parse(execution.stderr)
            if error is None:  # the service's own words, as in _open_answer
                raise Transient(_said(execution.stderr))
            raise NoGuest(clean(f"{error.ename}: {error.evalue}"[:200]))
        answers = {"stdout": execution.stdout, "result": _result(execution)}
        for way, text in answers.items():
            try:
                found, _ = unpack(text)
            except FrameError:
                continue
            self._way = way
            return self._meet(found)
        self._way = max(answers, key=lambda way: len(answers[way]))
        if len(answers[self._way]) < 2 * LEAST_BUDGET:
            raise NoGuest("no answer of the session comes back whole")
        self._learn_cut(answers[self._way])
        return self._meet((await self._exchange({"op": "hello"}))[0])

    def _meet(self, head: dict[str, Any]) -> Hello:
        boot, python = head.get("boot"), head.get("python")
        cells, kernel = _number(head.get("cells")), _number(head.get("kernel"))
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
            self._left_out = 0
        return Hello(
            boot=boot,
            python=clean(python[:40]),
            cells=cells,
            kernel=kernel,
            share=head.get("share") is True,
        )

    async def exchange(self, *, until: str | None, wait: float) -> list[dict[str, Any]]:
        """Send what is queued, and give the messages that have come in, in order.

        The guest answers after ``wait`` seconds (1 at most), or as soon as the request with
        the message id ``until`` has finished, or when it has output. Raises Transient,
        GuestGone, LinkTaken, or the pool's errors; nothing is lost or doubled by any of them.
        """
        head = self._head(until=until, wait=wait)
        text = self.peer.frame(head, SEND_BUDGET)
        answer, data = await self._send(text)
        try:
            lines = self.peer.receive(answer, data)
        except FrameError as error:
            raise Transient(f"The session answered with {error}.") from None
        if answer.get("end", 0) != self.peer.inbox.received:
            self._budget = min(self._budget * 2, self._ceiling)
        return [message for line in lines if (message := _parse(line)) is not None]

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
            return _number(answer.get("kernel")) or 0

        return restart

    def _head(self, **more: Any) -> dict[str, Any]:
        return {
            "link": self._id,
            "boot": self.boot,
            "way": self._way,
            "as_is": self._as_is and self._way == "stdout",
            "budget": self._budget,
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
        )
        return self._open_answer(execution)

    def _open_answer(self, execution: Execution) -> tuple[dict[str, Any], memoryview]:
        if not execution.succeeded:
            # Another client's failing call aborts what waits behind it (docs/service.md 8).
            raise Transient(_said(execution.stderr))
        text = execution.stdout if self._way == "stdout" else _result(execution)
        try:
            answer, data = unpack(text)
        except FrameError as error:
            if MARK not in text:
                raise GuestGone("The session answers without the guest.") from None
            if f"{MARK} 2 " in text:
                self._as_is = False  # the line ends in such a frame may have been changed
            else:
                self._learn_cut(text)
            raise Transient(f"The session answered with {error}.") from None
        error_code = answer.get("error")
        if error_code == "boot":
            raise GuestGone("The guest in the session is another one.")
        if error_code == "relay":
            raise GuestGone("The guest in the session has failed.")
        if error_code == "link":
            self._id = secrets.token_hex(8)
            self.boot = ""  # to take it back is to begin anew, on both sides
            raise LinkTaken("Another kernel has taken this session's link over.")
        if error_code is not None:
            raise Transient("The session received a broken request.")
        return answer, data

    def _learn_cut(self, text: str) -> None:
        """Take the length of an answer that was cut as the most that an answer may have.

        Never less than `LEAST_BUDGET`: an answer may also be broken for another reason.
        """
        self._ceiling = max(min(self._ceiling, len(text) - 16), LEAST_BUDGET)
        self._budget = min(self._budget, self._ceiling)


def _said(stderr: str) -> str:
    """What a failed call said, in a sentence: its last line, which is hostile text."""
    said = clean(stderr.strip().rpartition("\n")[2][:1000])
    return f'The session gave no answer, but said: "{said}".' if said else "There was no answer."


def _result(execution: Execution) -> str:
    return execution.result if isinstance(execution.result, str) else ""


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < MOST_NUMBER else None


def _parse(line: memoryview) -> dict[str, Any] | None:
    try:
        message = json.loads(str(line, "utf-8", "replace"))  # as Jupyter's clients do
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or _is_deep(message):
        return None
    return message


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True
