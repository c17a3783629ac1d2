"""A proxy between a kernel and a pool that fails as its script says, and counts the calls."""

from __future__ import annotations

import asyncio
import ctypes
import math
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

PASS, DELAY = "pass", "delay"
REFUSE, RESET_BEFORE, RESET_AFTER = "refuse", "reset before", "reset after"
THROTTLED, UNAVAILABLE = "429", "503"
CUT, DARK = "cut", "dark"
REFUSED = "refused"

PAGES = {f"{status} page": status for status in (408, 409, 423, 425, 429, 500, 502, 503, 504)}
"""Refusals before the pool is reached, each with a web page for a body."""

PAGES_AFTER = {f"{status} after": status for status in (500, 502, 504)}
"""The same when the pool has done what was asked."""

SPOILING = (REFUSE, RESET_BEFORE, RESET_AFTER, THROTTLED, UNAVAILABLE, CUT)
"""The faults that cost a call its answer, `DARK` apart."""

REFUSE_SECONDS = 0.5
DARK_SECONDS = 20.0
LONGEST_DELAY = 3.0

_BLOCK = 64 * 1024

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h; Python has no names for them
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: return 0, so that no byte of a packet is kept


def seeded_script(seed: int) -> Iterator[str]:
    """Three of each fault, six delays and one darkness among the first sixty calls; then calm."""
    script = [DARK, *[DELAY] * 6, *SPOILING * 3]
    script += [PASS] * (60 - len(script))
    random.Random(seed).shuffle(script)
    yield from script


def transfer_script(seed: int) -> Iterator[str]:
    """Two of each fault that an answer can be, and of each page, among the first 90 calls."""
    kinds = [*PAGES, *PAGES_AFTER, REFUSE, RESET_BEFORE, RESET_AFTER, CUT, THROTTLED]
    script = [*kinds * 2, *[DELAY] * 3]
    script += [PASS] * (90 - len(script))
    random.Random(seed).shuffle(script)
    yield from script


@dataclass
class Call:
    """One request that reached the proxy."""

    method: str
    target: str
    fault: str
    began: float
    sent: int
    """Bytes of the request's body."""
    received: int = 0
    """Bytes of the pool's answer's body."""

    @property
    def operation(self) -> str:
        """The last part of its path: executions, session, files."""
        return urlsplit(self.target).path.rsplit("/", 1)[-1]


@dataclass
class _Message:
    """An HTTP request or answer: its first line, its header lines, its body."""

    first: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    call: Call | None = None

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")

    def replace(self, name: bytes, value: bytes) -> None:
        self.headers = [pair for pair in self.headers if pair[0].lower() != name]
        self.headers.append((name, value))

    def head(self) -> bytes:
        lines = [self.first, *(b"%s: %s" % pair for pair in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass
class Proxy:
    """Forwards to ``pool``'s endpoint while it is entered; ``script`` has a fault a call.

    When the script is over, all calls pass. ``refuse`` gives, for a call's operation and body,
    the status and the JSON of an answer in the pool's place, or None; ``rewrite`` changes the
    bodies of answers, ``alter`` their status and body, ``alter_request`` the body of a request.
    ``stuck`` names operations that are never answered. ``retry_after`` is added to answers that
    say 429, and ``rate`` is the bytes per second at which the bodies of requests are let in.
    """

    pool: str
    script: Iterable[str] = ()
    seed: int = 0
    rewrite: Callable[[bytes], bytes] | None = None
    refuse: Callable[[str, bytes], tuple[int, bytes] | None] | None = None
    alter: Callable[[Call, int, bytes], tuple[int, bytes]] | None = None
    alter_request: Callable[[Call, bytes], bytes] | None = None
    stuck: tuple[str, ...] = ()
    retry_after: int | None = None
    rate: float = math.inf
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.pool)
        assert parts.hostname
        assert parts.port
        self._upstream = (parts.hostname, parts.port)
        self._path = parts.path
        self._faults = iter(self.script)
        self._rng = random.Random(self.seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._port = 0

    @property
    def endpoint(self) -> str:
        """What stands in for the pool's endpoint."""
        return f"http://127.0.0.1:{self._port}{self._path}"

    def count(self, operation: str = "executions") -> int:
        """How many calls of an operation there were."""
        return sum(call.operation == operation for call in self.calls)

    def faults(self) -> Counter[str]:
        """How often each fault was played."""
        return Counter(call.fault for call in self.calls)

    def play(self, script: Iterable[str]) -> None:
        """Go on with another script from the next call on."""
        self._faults = iter(script)

    # -- its life

    def __enter__(self) -> Proxy:
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Inside, nobody listens: what is open has been reset, whoever connects is refused."""
        self._do(self._leave())
        try:
            yield
        finally:
            self._do(self._listen())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Have ``work`` done on the proxy's own thread, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._abort_all()
        await asyncio.sleep(0)

    # -- connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            while (request := await _read(reader, self.rate)) is not None:
                method, target, _ = request.first.decode("ascii").split(" ", 2)
                fault = next(self._faults, PASS)
                call = Call(method, target, fault, time.monotonic(), len(request.body))
                self.calls.append(call)
                request.call = call
                await self._play(fault, request, writer)
                if writer.transport.is_closing():
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            return  # the proxy ends; asyncio would log it
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _play(self, fault: str, request: _Message, writer: asyncio.StreamWriter) -> None:
        call = request.call
        if call is not None and call.operation in self.stuck:
            await asyncio.Event().wait()
        refusal = self.refuse(call.operation, request.body) if self.refuse and call else None
        if refusal is not None and call is not None:
            call.fault = REFUSED
            status, body = refusal
            head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\n"
            await _send(writer, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        elif fault == REFUSE:
            await self._refuse()
        elif fault == RESET_BEFORE:
            _reset(writer)
        elif fault == RESET_AFTER:
            await self._forward(request)
            _reset(writer)
        elif fault == THROTTLED:
            await _send(writer, b"HTTP/1.1 429 Slower\r\nContent-Length: 0\r\n\r\n")
        elif fault == UNAVAILABLE:
            await _send(
                writer, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
            )
        elif fault in PAGES:
            await _send(writer, _page(PAGES[fault]))
        elif fault in PAGES_AFTER:
            await self._forward(request)
            await _send(writer, _page(PAGES_AFTER[fault]))
        elif fault == CUT:
            answer = await self._forward(request)
            await _send(writer, answer.head() + answer.body[: len(answer.body) // 2])
            writer.close()
        elif fault == DARK:
            await self._go_dark(request)
        else:
            if fault == DELAY:
                before = self._rng.random() * LONGEST_DELAY
                await asyncio.sleep(before)
            answer = await self._forward(request)
            await _send(writer, answer.head() + answer.body)

    async def _refuse(self) -> None:
        """Nobody listens for a while: whoever connects is refused."""
        await self._leave()
        await asyncio.sleep(REFUSE_SECONDS)
        await self._listen()

    async def _leave(self) -> None:
        self._server.close()
        self._abort_all()

    async def _go_dark(self, request: _Message) -> None:
        """Drop every packet that comes, in both directions, as a network does that went away.

        A filter that keeps nothing sits on the sockets, below TCP: nothing is acknowledged, no
        connection is refused, and nothing is sent. The request may have reached the pool. When
        it is over the old connections are unknown, as after a change of the network.
        """
        sockets = [self._server.sockets[0]]
        sockets += [writer.get_extra_info("socket") for writer in self._writers]
        for sock in sockets:
            drop_packets(sock)
        lost = self._rng.random() < 0.5
        began = time.monotonic()
        if not lost:
            await self._forward(request)
        await asyncio.sleep(began + DARK_SECONDS - time.monotonic())
        self._server.sockets[0].setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        self._abort_all()

    def _abort_all(self) -> None:
        for writer in self._writers:
            _reset(writer)

    async def _forward(self, request: _Message) -> _Message:
        """What the pool answers; the request runs to its end there whoever waits for it."""
        host, port = self._upstream
        reader, writer = await asyncio.open_connection(host, port)
        try:
            request.replace(b"host", b"%s:%d" % (host.encode(), port))
            if self.alter_request is not None and request.call is not None:
                request.body = self.alter_request(request.call, request.body)
                request.replace(b"content-length", b"%d" % len(request.body))
            writer.write(request.head() + request.body)
            answer = await _read(reader)
            assert answer is not None, "the pool closed the connection"
            if request.call is not None:
                request.call.received = len(answer.body)
            if self.alter is not None and request.call is not None:
                status, answer.body = self.alter(
                    request.call, int(answer.first.split()[1]), answer.body
                )
                answer.first = b"HTTP/1.1 %d X" % status
                answer.replace(b"content-length", b"%d" % len(answer.body))
            if self.rewrite is not None:
                answer.body = self.rewrite(answer.body)
                answer.replace(b"content-length", b"%d" % len(answer.body))
            if self.retry_after is not None and b" 429 " in answer.first:
                answer.replace(b"retry-after", b"%d" % self.retry_after)
            return answer
        finally:
            writer.close()


def _page(status: int) -> bytes:
    body = b"<html><body><h1>%d</h1>The gateway says no.</body></html>" % status
    head = b"HTTP/1.1 %d No\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def drop_packets(sock: Any) -> None:
    """Let a socket take no packet any more; its peer sees a network that is gone."""
    program = ctypes.create_string_buffer(_DROP)
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program))
    )


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _read(reader: asyncio.StreamReader, rate: float = math.inf) -> _Message | None:
    """The next message on a connection, its body at ``rate`` bytes a second; None at its end."""
    first = (await reader.readline()).strip()
    if not first:
        return None
    message = _Message(first, [])
    while line := (await reader.readline()).strip():
        name, _, value = line.partition(b":")
        message.headers.append((name, value.strip()))
    if message.header(b"transfer-encoding"):
        while size := int((await reader.readline()).strip(), 16):
            message.body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        message.headers = [h for h in message.headers if h[0].lower() != b"transfer-encoding"]
        message.replace(b"content-length", b"%d" % len(message.body))
    else:
        message.body = await _read_at(rate, reader, int(message.header(b"content-length") or 0))
    return message


async def _read_at(rate: float, reader: asyncio.StreamReader, size: int) -> bytes:
    if rate == math.inf:
        return await reader.readexactly(size)
    body = bytearray()
    while len(body) < size:
        block = await reader.readexactly(min(_BLOCK, size - len(body)))
        body += block
        await asyncio.sleep(len(block) / rate)
    return bytes(body)
