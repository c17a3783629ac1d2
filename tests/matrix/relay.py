"""A proxy in front of a local pool that makes of it the service that a variant describes."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlsplit

RESET, CUT, SILENT = "reset", "cut", "silent"

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it came; ``number`` counts from 1."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)
    began: float

    @property
    def operation(self) -> str:
        """What it asks for: execute, poll, list, upload, metadata, download, delete, session."""
        parts = self.path.strip("/").split("/")
        if parts[-1] in ("executions", "execute"):
            return "execute"
        if "executions" in parts or "operations" in parts:
            return "poll"
        if "files" in parts:
            if parts[-1] in ("files", "upload"):
                return "upload" if self.method == "POST" else "list"
            if self.method == "DELETE":
                return "delete"
            return "download" if "content" in (parts[-1], parts[-2]) else "metadata"
        if parts[-1] == "session":
            return "forget" if self.method == "DELETE" else "session"
        return parts[-1]

    @property
    def fields(self) -> dict[str, Any]:
        """The body of an execute call; {} where there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        return str(self.fields.get("code", ""))

    @property
    def is_exchange(self) -> bool:
        """Whether it is a call of the link's, after its bootstrap."""
        return re.match(r"#aca-kernel-link (?!own\b)", self.code) is not None

    def with_fields(self, **changed: Any) -> Call:
        """Give it with fields of its JSON changed; None takes one away."""
        fields = {**self.fields, **changed}
        kept = {key: value for key, value in fields.items() if value is not None}
        return replace(self, body=json.dumps(kept).encode())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back. ``end`` resets the connection, cuts the body or never answers."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    end: str = ""
    chunked: bool = False

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def saying(self, value: Any) -> Answer:
        """Give it with another JSON body."""
        return replace(self, body=json.dumps(value).encode())

    def header(self, name: str, *value: str) -> Answer:
        """Give it with another value of a header, or without it."""
        kept = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        return replace(self, headers=(*kept, *((name, one) for one in value)))


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Answer:
    """An answer in the service's envelope; an empty body without ``code``."""
    said = {"error": {"code": code, "message": message}} if code else None
    body = json.dumps(said).encode() if said else b""
    pairs = (("Content-Type", "application/json"),) if said else ()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status=status, headers=(*pairs, *named), body=body)


@dataclass(kw_only=True)
class Rules:
    """What a variant does with calls; made anew for each run, so that it may count."""

    before: Callable[[Call], Answer | Call | None] = lambda call: None
    """An answer in the pool's place, another request, or None to pass it on."""
    after: Callable[[Call, Answer], Answer] = lambda call, answer: answer


@dataclass
class Relay:
    """Stands in for ``pool``'s endpoint while it is entered."""

    pool: str
    rules: Rules = field(default_factory=Rules)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.pool)
        self.upstream = parts.netloc
        self._path = parts.path
        self.over = threading.Event()
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._path}"

    def note(self, call: Call) -> Call:
        """Number a call and keep it."""
        with self._lock:
            numbered = replace(call, number=len(self.calls) + 1)
            self.calls.append(numbered)
        return numbered

    def serve(self, call: Call) -> Answer:
        """Give what the variant answers to a call."""
        asked = self.rules.before(call)
        if isinstance(asked, Answer):
            return asked
        call = asked or call
        return self.rules.after(call, self._forward(call))

    def _forward(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self.upstream, timeout=300)
        try:
            query = "&".join(f"{k}={quote(v, safe='')}" for k, v in call.query.items())
            headers = {k: v for k, v in call.headers.items() if k.lower() not in _HOP}
            headers["Host"] = self.upstream
            headers.pop("host", None)
            connection.request(call.method, f"{call.path}?{query}", call.body, headers)
            answer = connection.getresponse()
            pairs = tuple(p for p in answer.getheaders() if p[0].lower() not in _HOP)
            return Answer(status=answer.status, headers=pairs, body=answer.read())
        finally:
            connection.close()

    def __enter__(self) -> Relay:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.relay = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join(20)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 50
    relay: Relay

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: that a kernel has gone is no fault."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Say nothing."""

    def _any(self) -> None:
        relay = cast(_Server, self.server).relay
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(
            number=0,
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=dict(self.headers.items()),
            body=body,
            began=time.monotonic(),
        )
        self._send(relay.serve(relay.note(call)), relay)

    do_GET = _any  # noqa: N815 (http.server finds it by this name)
    do_POST = _any  # noqa: N815
    do_DELETE = _any  # noqa: N815

    def _send(self, answer: Answer, relay: Relay) -> None:
        if answer.end == SILENT:
            relay.over.wait(300)
        if answer.end in (SILENT, RESET):
            self.close_connection = True
            with suppress(OSError):
                pack = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack)
            # The handler's own files keep the socket open, so it is closed below them.
            with suppress(OSError):
                self.connection.close()
                socket.close(self.connection.detach())
            return
        self.send_response_only(answer.status, "Said")
        for name, value in answer.headers:
            self.send_header(name, value)
            if name.lower() == "connection" and value.lower() == "close":
                self.close_connection = True
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.end == CUT:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        elif answer.chunked:
            for start in range(0, len(answer.body), 1000):
                block = answer.body[start : start + 1000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.write(b"0\r\n\r\n")
        elif answer.status != 204:
            self.wfile.write(answer.body)
        self.wfile.flush()
