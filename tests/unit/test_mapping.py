"""An answer of the execute API as notebook messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aca_kernel.interpreters.mapping import map_execution, result_text, service_failure
from aca_kernel.jupyter.surrogates import replace_surrogates, tolerant
from aca_kernel.messages import CellRequest
from aca_kernel.pool import Execution


def execution(*, succeeded: bool = True, **parts: Any) -> Execution:
    filled: dict[str, Any] = {"stdout": "", "stderr": "", "result": ""} | parts
    return Execution(
        succeeded=succeeded,
        status="",
        duration_ms=None,
        session_guid="",
        new_allocation=None,
        **filled,
    )


CELL = CellRequest(code="x", execution_count=7)


def test_streams_come_before_the_result_and_stdout_first() -> None:
    outputs, reply = map_execution(execution(stdout="o", stderr="e", result=42), CELL, limit=100)
    assert [o.content.get("name", o.msg_type) for o in outputs] == [
        "stdout",
        "stderr",
        "execute_result",
    ]
    assert outputs[2].content["execution_count"] == 7
    assert reply.content() == {"status": "ok", "user_expressions": {}, "payload": []}


@pytest.mark.parametrize(("length", "is_cut"), [(99, False), (100, True)])
def test_stream_as_long_as_the_limit_has_a_notice(length: int, is_cut: bool) -> None:
    for name in ("stdout", "stderr"):
        parts: dict[str, Any] = {name: "x" * length}
        given = execution(**parts)
        outputs, _ = map_execution(given, CELL, limit=100)
        assert [o.msg_type for o in outputs] == ["stream", "display_data"][: 1 + is_cut]
        if is_cut:
            assert "100 characters" in outputs[1].content["data"]["text/plain"]


def test_code_before_a_magic_shows_no_result() -> None:
    request = CellRequest(code="x", shows_result=False)
    assert map_execution(execution(result=42), request, limit=100)[0] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        (0, "0"),
        (1.5, "1.5"),
        (True, "True"),
        ([1, "a"], "[1, 'a']"),
        ({"a": None}, "{'a': None}"),
        ("nan", "nan"),
    ],
)
def test_result_is_shown_as_python_would(value: object, text: str | None) -> None:
    assert result_text(value) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Request timed out waiting for code execution to complete", "stopped waiting"),
        ("request timed out after 120 seconds", "stopped waiting"),
        ("Execution aborted", "aborted this cell"),
        ("Kernel restarted", "died and was started again"),
        ("something \x1b[2J\x07else", "something [2Jelse"),
        ("", "it gave no reason"),
        ("x" * 10**6, "xxx"),
    ],
)
def test_failure_of_the_service_says_what_is_left_and_what_to_do(text: str, words: str) -> None:
    outputs, reply = map_execution(
        execution(succeeded=False, stdout="o", stderr=text), CELL, limit=10**7
    )
    assert [o.msg_type for o in outputs] == ["stream", "error"]
    assert reply.ename == "ExecutionFailed"
    assert words in "\n".join(reply.traceback)
    failure = service_failure(text)
    assert failure.left
    assert failure.remedy
    assert len(str(failure)) < 3000


def test_message_with_half_a_character_is_still_packed() -> None:
    def pack(message: Any) -> bytes:
        return json.dumps(message, ensure_ascii=False).encode()

    packed = tolerant(pack)
    assert packed({"a": "한"}) == '{"a": "한"}'.encode()
    assert packed({"a": "x\ud800y"}) == '{"a": "x\ufffdy"}'.encode()


def test_halves_that_belong_together_are_joined() -> None:
    assert replace_surrogates("\ud83d\ude00 \ud83d \ude00") == "😀 \ufffd \ufffd"
    assert replace_surrogates("plain 한국어 😀") == "plain 한국어 😀"


@pytest.mark.parametrize("levels", [10, 500, 2000, 100_000])
def test_a_result_that_is_nested_deeply_is_shown_somehow(levels: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    text = result_text(value)
    assert text is not None
    assert text.startswith("[[[") or "too deeply" in text
    while isinstance(value, list):  # taken apart step by step: its end would be recursive, too
        value = value[0]
