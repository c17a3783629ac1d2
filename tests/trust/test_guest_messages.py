"""What a guest's messages may bring about here: sizes, floods, completions, questions, words."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psutil
import pytest

from aca_kernel.errors import AcaKernelError, ExecutionFailed
from aca_kernel.interpreters.linked import LinkedInterpreter
from aca_kernel.messages import Output
from aca_kernel.outputs.replies import completions, history_lines, prompt_of

from .hostile import OURS, HostileSession, Turn
from .test_fuzz_link import Calls, run_cell


def message(kind: str, content: Any, channel: str = "iopub") -> dict[str, Any]:
    return {
        "channel": channel,
        "header": {"msg_type": kind},
        "parent_header": {"msg_id": OURS},
        "content": content,
    }


def display(text: str) -> dict[str, Any]:
    return message("display_data", {"data": {"text/plain": text}, "metadata": {}})


def run_with(
    *turns: Turn, tolerance: float = 0.05, own: list[Output] | None = None
) -> tuple[list[Output], Any]:
    """What a cell shows and how it ends when its session says ``turns``.

    ``own`` gets what of it are the kernel's own words.
    """
    told = own if own is not None else []
    session = HostileSession()

    async def run() -> tuple[list[Output], Any]:
        interpreter = LinkedInterpreter(
            Calls(session),  # type: ignore[arg-type]
            "hostile-session",
            outage_tolerance=tolerance,
        )
        await interpreter.start()
        session.script.extend(turns)
        try:
            kept, ended = await run_cell(interpreter)
            told.extend(kept.own)
            return kept.outputs, ended
        finally:
            interpreter.close()

    return asyncio.run(run())


def shown(outputs: list[Output]) -> list[str]:
    return [output.content["data"]["text/plain"] for output in outputs]


@pytest.fixture
def small_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aca_kernel.guest.protocol.MAX_LINE_BYTES", 100_000)


@pytest.mark.usefixtures("small_messages")
def test_a_message_that_is_too_large_is_said_in_the_cell() -> None:
    lines = (display("before"), display("x" * 1_000_000), display("after"))
    outputs, reply = run_with(Turn(lines=lines))
    said, before, after, *_ = shown(outputs)
    assert (before, after) == ("before", "after")
    assert "left out: it was larger than 256 MB" in said
    assert reply.ok


@pytest.mark.usefixtures("small_messages")
def test_a_reply_that_is_too_large_ends_the_cell_all_the_same() -> None:
    reply = {"status": "error", "ename": "E", "evalue": "x" * 1_000_000, "traceback": []}
    idle = message("status", {"execution_state": "idle"})
    turn = Turn(lines=(message("execute_reply", reply, "shell"), idle), alone=True, over=True)
    outputs, ended = run_with(turn)
    assert isinstance(ended, ExecutionFailed)
    assert "its reply was too large" in str(ended)
    assert "left out" in shown(outputs)[0]


def test_a_flood_of_tiny_messages_costs_little() -> None:
    process = psutil.Process()
    before, began = process.memory_info().rss, time.monotonic()
    outputs, ended = run_with(Turn(lines=(b"{}\n" * 20_000_000,), alone=True), tolerance=5)
    assert isinstance(ended, AcaKernelError)
    assert "flood" in str(ended) + "".join(shown(outputs))
    assert process.memory_info().rss - before < 500_000_000
    assert time.monotonic() - began < 30


def test_words_of_a_session_in_a_notice_are_one_harmless_line() -> None:
    failed = {"status": "Failed", "result": {"stderr": "first\n\x1b]0;title\x07<b>last</b>" * 99}}
    outputs, _ = run_with(*[Turn(body=failed)] * 5, tolerance=2)
    said = next(text for text in shown(outputs) if "Trying again" in text)
    assert 'but said: "' in said
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) < 500
    html = next(o.content["data"]["text/html"] for o in outputs)
    assert "<b>" not in html


@pytest.mark.parametrize("code", [None, "\x1b]0;x\x07", 10**100, [1], 1.5, True, 4000])
def test_a_death_is_told_without_the_sessions_words(code: Any) -> None:
    _, ended = run_with(Turn(lines=({"event": "died", "kernel": 2, "code": code},), alone=True))
    assert "it ended for a reason that it did not tell" in str(ended)


CODE = "first = 1\nseco\nthird"
CURSOR = CODE.index("seco") + 4


def completed(matches: list[Any], start: Any = CURSOR - 4, end: Any = CURSOR, **more: Any) -> Any:
    content = {"matches": matches, "cursor_start": start, "cursor_end": end, **more}
    return completions(content, CODE, CURSOR)


def test_completions_reach_the_front_end() -> None:
    kinds = {
        "_jupyter_types_experimental": [
            {
                "start": CURSOR - 4,
                "end": CURSOR,
                "text": "second",
                "type": "function",
                "signature": "(a, b)",
            },
            {"start": 0, "end": CURSOR, "text": "second", "type": "module"},
            {"start": CURSOR - 4, "end": CURSOR, "text": "os.remove", "type": "function"},
            "noise",
        ]
    }
    reply = completed(["second", "%%second", "a file.txt"], metadata=kinds | {"other": 1})
    assert reply == {
        "status": "ok",
        "matches": ["second", "%%second", "a file.txt"],
        "cursor_start": CURSOR - 4,
        "cursor_end": CURSOR,
        "metadata": {
            "_jupyter_types_experimental": kinds["_jupyter_types_experimental"][:1],
        },
    }


@pytest.mark.parametrize(
    "match",
    [
        "x\n%upload ~/.ssh/id_rsa",
        "x\r%upload secret",
        "x\u2028%upload secret",
        "%upload secret",
        "y = %upload secret",
        "\x1b]0;title\x07",
        "",
        "x" * 1001,
        7,
        None,
        ["x"],
    ],
)
def test_a_completion_that_would_do_more_is_dropped(match: Any) -> None:
    assert completed([match])["matches"] == []


def test_a_completion_of_a_magics_line_brings_no_further_argument() -> None:
    content = {"matches": ["load", "load /etc/passwd"], "cursor_start": 3, "cursor_end": 5}
    assert completions(content, "%uplo", 5)["matches"] == ["load"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, CURSOR),
        (CURSOR - 4, len(CODE)),
        (CURSOR, CURSOR - 1),
        (-1, CURSOR),
        (None, "x"),
        (1.0, 2),
    ],
)
def test_a_completion_stays_on_its_line(start: Any, end: Any) -> None:
    reply = completed(["second"], start, end)
    assert (reply["matches"], reply["cursor_start"], reply["cursor_end"]) == ([], CURSOR, CURSOR)


def test_history_is_lines_alone() -> None:
    good = [[1, 2, "x = 1"], [1, 3, ["x", "1"]], [1, 4, ["x", None]]]
    bad = [[1, 2], "x", [1, 2, {}], [None, 2, "x"], [1, 2, ["a", "b", "c"]], [True, 2, "x"]]
    assert history_lines({"history": [*good, *bad], "more": 1}) == {"status": "ok", "history": good}
    assert history_lines({"history": 7}) == {"status": "ok", "history": []}
    assert history_lines({"history": [[1, 2, "\x1b]0;x\x07y"]]})["history"] == [[1, 2, "y"]]


def test_a_question_cannot_act_on_a_terminal() -> None:
    assert prompt_of({"prompt": "\x1b]0;x\x07\x1b[2JName: ", "password": 1}) == ("Name: ", False)
    assert prompt_of({"prompt": ["x"], "password": True}) == ("", True)
    assert len(prompt_of({"prompt": "x" * 10**6})[0]) == 10_000


def test_a_flood_of_events_is_one_notice() -> None:
    calls, dropped = {"event": "calls", "number": 3}, {"event": "dropped", "msg_id": OURS}
    own: list[Output] = []
    outputs, reply = run_with(Turn(lines=(*[calls] * 50, *[dropped] * 50), alone=True), own=own)
    assert [output.msg_type for output in outputs] == ["display_data", "error"]
    assert own == outputs
    assert "3 calls of other clients" in shown(outputs[:1])[0]
    assert reply.ename == "KeyboardInterrupt"
