"""What a kernel answers to the kinds, made comparable, and how two of them differ."""

from __future__ import annotations

import json
import re
import time
from queue import Empty
from typing import Any

from tests.kernel.driver import Kernel

from .kinds import Kind

__all__ = ["Answer", "answer", "difference"]

Answer = list[tuple[str, dict[str, Any]]]
"""Message types with what they say, streams put together; the reply is the last one."""

PATIENCE = 20.0
LATE = 0.25
"""Seconds without a message after which an idle kernel owes no reply."""

_ANY = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xADDRESS"),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "CELL"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"(?<![\w-])/\S*/(?=nothing\.txt)"), "/"),
    (re.compile(r"session-[0-9a-f]{16}-"), ""),
    (re.compile(r"Thread-\d+"), "Thread-N"),
    (re.compile(r'(File |in )"?/\S+/(site-packages|lib/python3\.\d+)/'), r"\1/"),
)


def answer(kernel: Kernel, kind: Kind) -> Answer:
    """Send a request, answer its questions, and give what came of it."""
    client = kernel.client
    content = dict(kind.content)
    if kind.request == "execute_request":
        content = {
            "code": kind.code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **content,
        }
    message = kernel.request(kind.request, content)
    answers = list(kind.answers)
    said: Answer = []
    questions: Answer = []  # they come by another channel, so that their place is not known
    reply: dict[str, Any] | None = None
    idle_at: float | None = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        got = _next(client.get_iopub_msg)
        if got is not None and got["parent_header"].get("msg_id") == message:
            kind_of, body = got["msg_type"], got["content"]
            if kind_of == "status":
                idle_at = time.monotonic() if body["execution_state"] == "idle" else None
            elif kind_of == "stream" and said and _is_same_stream(said[-1], body):
                said[-1][1]["text"] += body["text"]
            else:
                said.append((kind_of, dict(body)))
        asked = _next(client.get_stdin_msg) if answers else None
        if asked is not None:
            questions.append(("input_request", dict(asked["content"])))
            client.input(answers.pop(0))
        if reply is None:
            found = _next(client.get_shell_msg)
            if found is not None and found["parent_header"].get("msg_id") == message:
                reply = found["content"]
        if idle_at is not None and (reply is not None or time.monotonic() - idle_at > LATE):
            break
    if reply is not None and isinstance(reply.get("matches"), list):
        reply = {**reply, "matches": sorted(reply["matches"]), "metadata": {}}
    said.append(("reply", dict(reply) if reply is not None else {"status": "none"}))
    said += questions
    return [(kind_of, _plain(_without_nothing(body))) for kind_of, body in said]


def _without_nothing(body: dict[str, Any]) -> dict[str, Any]:
    """Fields that are empty mean the same when they are absent; engine_info is ipyparallel's."""
    return {k: v for k, v in body.items() if v not in ({}, [], None) and k != "engine_info"}


def _next(get: Any) -> dict[str, Any] | None:
    try:
        got: dict[str, Any] = get(timeout=0.01)
    except Empty:
        return None
    return got


def _is_same_stream(last: tuple[str, dict[str, Any]], body: dict[str, Any]) -> bool:
    return last[0] == "stream" and last[1]["name"] == body["name"]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, word in _ANY:
            value = pattern.sub(word, value)
        return value
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def difference(local: Answer, ours: Answer) -> str:
    """The first place where two answers differ, in a line; "" where they are the same."""
    for number in range(max(len(local), len(ours))):
        left = local[number] if number < len(local) else None
        right = ours[number] if number < len(ours) else None
        if left == right:
            continue
        if left is None or right is None or left[0] != right[0]:
            return f"{_short(left)} / {_short(right)}"
        keys = sorted(left[1].keys() | right[1].keys())
        differing = [key for key in keys if left[1].get(key) != right[1].get(key)]
        return "; ".join(
            f"{left[0]} {key}: {_short(left[1].get(key))} / {_short(right[1].get(key))}"
            for key in differing
        )
    return ""


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        value = value[0] if value[0] != "reply" else f"reply {value[1].get('status')}"
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) < 160 else f"{text[:80]}...{text[-60:]}")
