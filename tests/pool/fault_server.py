"""A small HTTP server on raw sockets that fails as it is told to, and records what it got.

Each connection is served by a thread of its own. For every request the next fault of the
``script`` is played; when the script is empty, the last one is played again.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


class Wire:
    """One connection, as a fault sees it."""

    def __init__(self, sock: socket.socket, stopped: threading.Event) -> None:
        self.sock = sock
        self.stopped = stopped

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)


Fault = Callable[[Wire], bool]  # whether the connection stays open


def answer(status: int = 200, body: Any = b"", headers: dict[str, str] | None = None) -> Fault:
    """A whole answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(data)), **(headers or {})}

    def play(wire: Wire) -> bool:
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        wire.send(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data)
        return True

    return play


def raw(data: bytes) -> Fault:
    """Exactly these bytes, then the end of the connection."""

    def play(wire: Wire) -> bool:
        wire.send(data)
        return False

    return play


def cut() -> Fault:
    """An answer that ends in its second chunk."""
    return raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"val\r\n40\r\nue')


def close(wire: Wire) -> bool:
    """The end of the connection, with no answer."""
    return False


def reset(wire: Wire) -> bool:
    """A TCP reset, with no answer."""
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(wire: Wire) -> bool:
    """Silence, until the server is stopped."""
    wire.stopped.wait()
    return False


def drip(wire: Wire) -> bool:
    """An answer of a byte at a time that never ends."""
    with suppress(OSError):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not wire.stopped.wait(0.05):
            wire.send(b" ")
    return False


class FaultServer:
    """Serves on a free port of 127.0.0.1 while it is entered."""

    def __init__(
        self, *script: Fault, tls: ssl.SSLContext | None = None, keep_bodies: bool = True
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._script = list(script)
        self._tls = tls
        self._keep_bodies = keep_bodies
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._arrived = threading.Semaphore(0)
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._listeners[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._script = list(faults)

    def wait_for_request(self, timeout: float = 10) -> None:
        """Return when one more request has arrived since the last call."""
        assert self._arrived.acquire(timeout=timeout)

    def __enter__(self) -> FaultServer:
        self._start(self._accept, self._listeners[0])
        return self

    def listen_at(self, port: int) -> None:
        """Serve one more port."""
        listener = socket.create_server(("127.0.0.1", port))
        self._listeners.append(listener)
        self._start(self._accept, listener)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._sockets.add(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        plain = sock
        with suppress(OSError, ValueError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with sock.makefile("rb") as stream:
                while self._one(sock, stream):
                    pass
        sock.close()
        with self._lock:
            self._sockets.discard(plain)

    def _one(self, sock: socket.socket, stream: Any) -> bool:
        line = stream.readline().decode("latin-1")
        if not line:
            return False
        method, target, _ = line.split(" ", 2)
        headers = {}
        while (line := stream.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        left = int(headers.get("content-length", 0))
        body = bytearray()
        while left:
            block = stream.read(min(left, 65536))
            if not block:
                return False
            left -= len(block)
            if self._keep_bodies:
                body += block
        received = Received(method=method, target=target, headers=headers, body=bytes(body))
        with self._lock:
            self.received.append(received)
            fault = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self._arrived.release()
        return fault(Wire(sock, self._stopped))
