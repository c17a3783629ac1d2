"""Hypothesis' strategies for what a hostile guest may say."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from aca_kernel.guest.protocol import MARK, pack

from .hostile import OLD, OURS, Turn

texts = st.text(max_size=40) | st.sampled_from(
    [
        "",
        OURS,
        OLD,
        "{0.__class__} %s %(x)s {identifier}",
        "../../../etc/passwd",
        "\x1b]0;title\x07\x1b[2J\x9b2J",
        "\ud800",
        "%upload ~/.ssh/id_rsa",
        "9" * 5000,
    ]
)
numbers = st.integers() | st.sampled_from([-1, 0, 1, 2**31, 2**63, 10**4000, -(10**4000)])
scalars = st.none() | st.booleans() | numbers | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def deep(levels: int, opening: str, closing: str) -> bytes:
    return (opening * levels + "1" + closing * levels).encode()


def _nested(levels: int) -> Any:
    value: Any = "the innermost"
    for _ in range(levels):
        value = [value]
    return value


anything = values | st.sampled_from([150, 300]).map(_nested)

KINDS = (
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "clear_output",
    "status",
    "execute_reply",
    "execute_input",
    "input_request",
    "shutdown_reply",
    "comm_open",
    "comm_msg",
    "complete_reply",
    "debug_event",
    "kernel_info_reply",
)
FIELDS = (
    "name",
    "text",
    "data",
    "metadata",
    "transient",
    "execution_count",
    "execution_state",
    "ename",
    "evalue",
    "traceback",
    "status",
    "payload",
    "user_expressions",
    "wait",
    "prompt",
    "password",
    "matches",
    "history",
)
contents = st.dictionaries(st.sampled_from(FIELDS) | texts, anything, max_size=4) | st.sampled_from(
    [
        {"name": "stdout", "text": "said"},
        {"data": {"text/plain": "shown"}, "metadata": {}},
        {"data": {"text/html": "<script>1</script>"}, "transient": {"display_id": OURS}},
        {"status": "ok", "payload": [{"source": "ask_exit"}], "user_expressions": {}},
        {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]},
        {"execution_state": "idle"},
    ]
)
parents = st.sampled_from([{"msg_id": OURS}] * 3 + [{"msg_id": OLD}]) | anything
messages = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["iopub", "shell", "stdin", "control", "hb"]) | anything,
        "header": st.fixed_dictionaries({"msg_type": st.sampled_from(KINDS) | anything}) | anything,
        "parent_header": parents,
        "content": contents | anything,
    },
    optional={"metadata": anything, "buffers": anything, "event": anything, "op": anything},
)
events = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["stale", "died", "failed", "restarted", "calls", "dropped"])
        | anything
    },
    optional={
        "kernel": anything,
        "code": anything,
        "number": anything,
        "msg_id": st.just(OURS) | anything,
    },
)
lines = (
    messages
    | events
    | anything
    | st.binary(max_size=60).filter(lambda data: b"\n" not in data)
    | st.sampled_from(
        [
            deep(100_000, "[", "]"),
            deep(3000, '{"a":', "}"),
            deep(400, '{"event":[', "]}"),
            b'{"channel":"iopub"' + b" " * 100_000,
            b"\xff\xfe{\x00}\x00",
            b'{"event":"died","kernel":1' + b"0" * 5000 + b"}",
        ]
    )
)
heads = st.dictionaries(
    st.sampled_from(
        ["ack", "start", "end", "error", "boot", "kernel", "cells", "python", "link", "way"]
    ),
    anything | st.sampled_from(["link", "boot", "relay", "frame"]),
    min_size=1,
    max_size=4,
)
frames = (
    texts
    | st.builds(lambda head, data: pack(head, data), heads, st.binary(max_size=100))
    | st.sampled_from(
        [
            MARK,
            f"{MARK} 1 9999999999 00000000 AAAA",
            f"{MARK} 1 4 00000000 AAAA",
            pack({"boot": "boot-1"})[:-5],
            pack({"boot": "boot-1", "ack": 0, "start": 0}, b"\n" * 150_000),
            pack({}, b"x" * 1000) * 3,
            f"{MARK} 1 0 00000000 ",
        ]
    )
)
results = st.fixed_dictionaries(
    {"stdout": anything, "stderr": anything, "executionResult": anything}
)
bodies = (
    st.fixed_dictionaries(
        {"status": st.sampled_from(["Succeeded", "Failed"]) | anything, "result": results}
    )
    | anything
)
turns = (
    st.builds(Turn, lines=st.lists(lines, min_size=1, max_size=6).map(tuple))
    | st.builds(Turn, head=heads)
    | st.builds(Turn, text=frames)
    | st.builds(Turn, body=bodies.filter(lambda body: body is not None))
)
