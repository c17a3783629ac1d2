"""A proxy before a local pool that changes what passes: a pool that answers otherwise."""

from __future__ import annotations

import http.client
import http.server
import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, as it goes to the pool."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The last parts of its path: executions, session, files/NAME."""
        return urlsplit(self.target).path.partition("/sessionPools/local/")[2]

    @property
    def identifier(self) -> str:
        return parse_qs(urlsplit(self.target).query).get("identifier", [""])[0]

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON body of an execute call; {} for other calls."""
        if self.method != "POST" or self.operation != "executions":
            return {}
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def with_fields(self, **fields: Any) -> Asked:
        return replace(self, body=json.dumps({**self.fields, **fields}).encode())


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer, as it goes to the client."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    def with_result(self, **fields: Any) -> Answered:
        """The answer of an execute call with other fields in its result; None takes one away."""
        value = self.fields
        result = {**value["result"], **fields}
        value["result"] = {key: item for key, item in result.items() if item is not ABSENT}
        return replace(self, body=json.dumps(value).encode())


ABSENT = object()


def refused(status: int, code: str = "", message: str = "") -> Answered:
    body = json.dumps({"error": {"code": code, "message": message}}).encode() if code else b""
    return Answered(status=status, body=body, headers={"Content-Type": "application/json"})


Forward = Callable[[Asked], Answered]
Change = Callable[[Asked, Forward], Answered | None]
"""Gives the answer to a request; None for none at all: the connection is closed."""


def unchanged(asked: Asked, forward: Forward) -> Answered:
    return forward(asked)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Changing:
    """Forwards to ``pool`` while it is entered, as ``change`` says; ``asked`` is all it got."""

    def __init__(self, pool: str, change: Change = unchanged) -> None:
        parts = urlsplit(pool)
        self._upstream = parts.netloc
        self.asked: list[Asked] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer in one piece: else its second waits for an acknowledgement

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    method=self.command,
                    target=self.path,
                    headers=dict(self.headers),
                    body=self.rfile.read(length),
                )
                outer.asked.append(asked)
                answer = change(asked, outer.forward)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def do_POST(self) -> None:
                self.do_GET()

            def do_DELETE(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}{parts.path}"

    def forward(self, asked: Asked) -> Answered:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        headers = {
            k: v for k, v in asked.headers.items() if k.lower() not in ("host", "connection")
        }
        headers["Content-Length"] = str(len(asked.body))
        try:
            connection.request(asked.method, asked.target, body=asked.body, headers=headers)
            response = connection.getresponse()
            return Answered(
                status=response.status, body=response.read(), headers=dict(response.getheaders())
            )
        finally:
            connection.close()

    def __enter__(self) -> Changing:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
