"""A session that is not what it seems: it speaks the link's protocol, and lies in it.

`HostileSession` answers execute calls as the guest does, and before that plays one `Turn` of its
script. `HostilePool` serves it over HTTP, with the service's answers around it.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import threading
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aca_kernel.guest.protocol import MARK, Peer, pack, unpack
from aca_kernel.pool.staging import OWN_CALL

OURS, OLD = "@the running cell", "@an earlier cell"
"""What stands in a turn for the message id of a cell."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One lie: a text in place of a frame, a changed head, or messages before the honest ones.

    ``text`` is the whole stdout of the call; ``body`` the whole JSON answer; ``head`` overrides
    fields of an honest head; ``lines`` are messages, or bytes that stand for one. ``alone``
    leaves the honest reply out, ``over`` says that no more comes of what is asked for.
    """

    text: str | None = None
    body: Any = None
    head: Message = field(default_factory=dict)
    lines: tuple[Any, ...] = ()
    alone: bool = False
    over: bool = False


class HostileSession:
    """One session with a guest that lies. ``received`` has what the kernel sent to it."""

    def __init__(self) -> None:
        self.script: deque[Turn] = deque()
        self.received: list[Message] = []
        self.unknown: list[str] = []
        self._parts: dict[int, str] = {}
        self._boots = 0
        self._link = ""
        self._count = 0
        self._cells = ["", ""]
        self.reboot()

    def reboot(self) -> None:
        """Forget all, as a session does that the service has replaced."""
        self._boots += 1
        self._boot = f"boot-{self._boots}"
        self._peer = Peer()

    def answer(self, code: str) -> Any:
        """The JSON body that answers an execute call."""
        head, data = self._read(code)
        turn = self.script.popleft() if self.script else Turn()
        stdout = self._exchange(head, data, turn) if head is not None else ""
        if turn.body is not None:
            return turn.body
        if turn.text is not None:
            stdout = turn.text
        result = {"stdout": stdout, "stderr": "", "executionResult": ""}
        return {"identifier": "x", "status": "Succeeded", "result": result}

    def _read(self, code: str) -> tuple[Message | None, bytes | memoryview]:
        """The request frame of a call; what is none is noted in ``unknown``."""
        if code.startswith(f"#{MARK} 1 "):
            return unpack(code)
        code = code.removeprefix(OWN_CALL)
        part = re.fullmatch(r".*\['[0-9a-f]+', (\d+)\] = ('[^']*')", code)
        if part is not None:
            if part[1] == "0":
                self._parts.clear()
            self._parts[int(part[1])] = ast.literal_eval(part[2])
            return {"op": "leave"}, b""
        whole = re.search(r"b64decode\(('[^']*')\)", code)
        packed = ast.literal_eval(whole[1]) if whole is not None else ""
        if '"".join(' in code:
            packed = "".join(self._parts[number] for number in sorted(self._parts))
        if packed:
            source = zlib.decompress(base64.b64decode(packed)).decode()
            hello = re.search(r"exchanges\.answer\(('[^']*')\)", source)
            if hello is not None:
                return unpack(ast.literal_eval(hello[1]))
            look = re.search(r"'(aca-kernel:[0-9a-f]+:)' \+ json", source)
            if look is not None:
                return {"op": "look", "mark": look[1]}, b""
            if "relay.withdraw()" in source:
                return {"op": "leave"}, b""
        self.unknown.append(code[:200])
        return None, b""

    def _exchange(self, head: Message, data: bytes | memoryview, turn: Turn) -> str:
        if head.get("op") == "hello":
            if head["link"] != self._link:
                self._link = head["link"]
                self._peer = Peer()
            about = {"boot": self._boot, "python": "3.11.0", "cells": self._count, "kernel": 1}
            return pack({**about, **turn.head}, b"\0" * head.get("probe", 0))
        if head.get("op") == "look":
            return str(head["mark"]) + json.dumps({"boot": self._boot})
        if head.get("op") == "leave":
            return ""
        if head.get("op") == "restart":
            return pack({"boot": self._boot, "kernel": 2, **turn.head})
        if head.get("boot") != self._boot:
            return pack({"boot": self._boot, "error": "boot", **turn.head})
        for line in self._peer.receive(head, data):
            message = json.loads(str(line, "utf-8"))
            self.received.append(message)
            if message.get("op") == "send" and message["channel"] == "shell":
                self._note(message["message"])
                self._lie(turn)
                if not turn.alone:
                    self._reply(message["message"])
                turn = Turn(head=turn.head, over=turn.over)
        self._lie(turn)
        frame, rest = unpack(self._peer.frame({"boot": self._boot}, 200_000_000))
        over = {"over": head.get("until")} if turn.over else {}
        return pack({**frame, "end": self._peer.outbox.end, **over, **turn.head}, bytes(rest))

    def _note(self, request: Message) -> None:
        if request["header"]["msg_type"] == "execute_request" and not request["content"]["silent"]:
            self._cells = [self._cells[1], request["header"]["msg_id"]]

    def _lie(self, turn: Turn) -> None:
        for line in turn.lines:
            if isinstance(line, bytes):
                self._peer.outbox.append(line)
            else:
                self._peer.send(self._addressed(line))

    def _addressed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._addressed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._addressed(item) for item in value]
        if value == OURS and isinstance(value, str):
            return self._cells[1]
        return self._cells[0] if value == OLD and isinstance(value, str) else value

    def _reply(self, request: Message) -> None:
        header, content = request["header"], request["content"]
        kind = header["msg_type"].removesuffix("_request")
        reply: Message = {"status": "ok"}
        if kind == "execute":
            silent = content["silent"]
            self._count += not silent
            reply |= {"execution_count": self._count, "payload": [], "user_expressions": {}}
            if not silent:
                data = {"data": {"text/plain": "42"}, "metadata": {}, "execution_count": 1}
                self._say("iopub", "execute_result", header, data)
        self._say("shell", f"{kind}_reply", header, reply)
        self._say("iopub", "status", header, {"execution_state": "idle"})

    def _say(self, channel: str, kind: str, parent: Message, content: Message) -> None:
        self._peer.send(
            {
                "channel": channel,
                "header": {"msg_type": kind, "msg_id": "m"},
                "parent_header": {"msg_id": parent["msg_id"]},
                "metadata": {},
                "content": content,
                "buffers": [],
            }
        )


class HostilePool:
    """A pool on this machine whose every session is hostile. ``calls`` has what was asked."""

    def __init__(self) -> None:
        self.sessions: dict[str, HostileSession] = {}
        self.calls: list[tuple[str, str]] = []
        self.script: deque[Turn] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.token = "hostile-pools-token-0123456789"
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/pool"

    def __enter__(self) -> HostilePool:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def tell(self, turns: Iterable[Turn]) -> None:
        """Have these lies told next, whichever session is called."""
        with self._lock:
            self.script.extend(turns)

    def say_no_more(self) -> None:
        """Be honest from now on, in a session that has been replaced."""
        with self._lock:
            self.script.clear()
            for session in self.sessions.values():
                session.reboot()

    @property
    def received(self) -> list[Message]:
        """The messages that came to all sessions."""
        return [message for session in self.sessions.values() for message in session.received]

    @property
    def unknown(self) -> list[str]:
        """The code of calls that are none of the link's."""
        return [code for session in self.sessions.values() for code in session.unknown]

    def _answer(self, method: str, path: str, identifier: str, body: Any) -> tuple[int, Any]:
        route = path.rpartition("/")[2]
        with self._lock:
            self.calls.append((method, route))
            if route != "executions":
                return (204, None) if method == "DELETE" else (404, {"error": {"code": "No"}})
            session = self.sessions.setdefault(identifier, HostileSession())
            if self.script and not session.script:
                session.script.append(self.script.popleft())
            return 200, session.answer(body["code"])

    def _handler(pool) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length) or b"null")
                target = urlsplit(self.path)
                identifier = parse_qs(target.query).get("identifier", [""])[0]
                status, answer = pool._answer(self.command, target.path, identifier, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                data = b"" if answer is None else data
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

            def log_message(self, *args: Any) -> None:
                """Keep the test's output clean."""

        return Handler
