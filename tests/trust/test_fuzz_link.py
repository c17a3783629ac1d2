"""Whatever a session answers, nothing happens here: no exception, no file, no other request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aca_kernel.errors import AcaKernelError
from aca_kernel.guest.protocol import OUTPUTS
from aca_kernel.interpreters.linked import LinkedInterpreter
from aca_kernel.messages import CellRequest
from aca_kernel.outputs.policy import OutputPolicy
from aca_kernel.pool.answers import Execution, parse_execution
from tests.kept import Kept
from tests.kernel.conftest import KernelStarter
from tests.kernel.driver import LINKED, Kernel

from .hostile import OURS, HostilePool, HostileSession, Turn
from .lies import deep, turns

SENT = {
    "complete_request",
    "execute_request",
    "history_request",
    "input_reply",
    "inspect_request",
    "kernel_info_request",
}
"""The messages that a kernel may send to a guest."""


class Calls:
    """What the link needs of a PoolClient: execute calls, carried to a hostile session."""

    def __init__(self, session: HostileSession) -> None:
        self.session = session

    def execute(self, identifier: str, code: str, **options: Any) -> Execution:
        body = json.loads(json.dumps(self.session.answer(code)), parse_int=_as_the_client_does)
        return parse_execution(body, {})

    def supports(self, operation: str) -> bool:
        return False


def _as_the_client_does(digits: str) -> int | str:
    return int(digits) if len(digits) < 4000 else digits


def check_sent(messages: list[dict[str, Any]]) -> None:
    """Only requests of ours went to the guest, whatever it had said."""
    for message in messages:
        assert message["op"] in ("send", "interrupt")
        if message["op"] == "send":
            assert message["channel"] in ("shell", "stdin")
            assert message["message"]["header"]["msg_type"] in SENT


def check_shown(kept: Kept) -> None:
    """Only outputs were shown, and what is the kernel's own word is one that can be shown."""
    policy = OutputPolicy("isolated")
    for output in kept.outputs:
        is_own = output in kept.own
        assert output.msg_type in OUTPUTS
        judged = [(output.msg_type, dict(output.content))]
        if not is_own:
            judged = policy.message(output.msg_type, output.content, output.metadata)
        for kind, content in judged:
            assert kind in OUTPUTS
            check_harmless(json.dumps(content), 5000 if is_own else 10**8)


def check_harmless(text: str, longest: int = 5000) -> None:
    assert len(text) <= longest
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]", text)


async def answered(prompt: str, hidden: bool) -> str:
    check_harmless(prompt.replace("\x1b", ""), 20_000)
    return "an answer"


async def run_cell(interpreter: LinkedInterpreter) -> tuple[Kept, Any]:
    """Run one cell; its outputs, and its reply or the error that a user would read."""
    kept = Kept()
    request = CellRequest(code="6 * 7", allow_stdin=True, execution_count=1, ask=answered)
    try:
        return kept, await asyncio.wait_for(interpreter.execute(request, kept), 30)
    except AcaKernelError as error:
        return kept, error


def check_ended(ended: Any) -> None:
    """The end of a cell is a reply that the policy can judge, or an error in clear words."""
    if isinstance(ended, AcaKernelError):
        check_harmless(str(ended))
        return
    policy = OutputPolicy("isolated")
    json.dumps(policy.error(ended.ename, ended.evalue, ended.traceback))
    json.dumps([policy.payload(ended.payload), policy.user_expressions(ended.user_expressions)])
    assert not [item for item in policy.payload(ended.payload) if item["source"] == "ask_exit"]


def message(kind: Any, content: Any, channel: str = "iopub") -> dict[str, Any]:
    return {
        "channel": channel,
        "header": {"msg_type": kind},
        "parent_header": {"msg_id": OURS},
        "content": content,
    }


def nested(levels: int) -> Any:
    return json.loads(deep(levels, "[", "]"))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(turns, max_size=3), st.lists(turns, min_size=1, max_size=3))
@example([], [Turn(lines=(message([], {}), message({}, {})))])
@example([], [Turn(lines=(message("execute_reply", {"ename": nested(300)}, "shell"),))])
@example([], [Turn(lines=({"event": "died", "kernel": 2, "code": "\x1b]0;x\x07" * 9999},))])
@example([], [Turn(lines=({"event": "died", "kernel": 10**4000, "code": nested(150)},))])
@example([], [Turn(lines=(message("input_request", {"prompt": "\x1b]0;x\x07" * 9999}, "stdin"),))])
@example([Turn(head={"cells": float("inf")})], [Turn(head={"ack": 10**4000})])
@example([Turn(head={"boot": "b" * 10_000_000})], [Turn(head={"start": -1})])
@example([], [Turn(body={"status": "Failed", "result": {"stderr": "\x1b]0;x\x07" * 999}})])
@example([], [Turn(body={"status": "Succeeded", "result": {"executionResult": nested(300)}})])
@example([], [Turn(head={"error": "link"}), Turn(head={"error": "relay"})])
def test_whatever_a_guest_says_no_exception_escapes(first: list[Turn], then: list[Turn]) -> None:
    session = HostileSession()
    session.script.extend(first)

    async def cells() -> None:
        interpreter = LinkedInterpreter(
            Calls(session),  # type: ignore[arg-type]
            "fuzzed-session",
            outage_tolerance=0.02,
        )
        for lies in (None, then, ()):
            if lies is not None:
                session.script.extend(lies)
            outputs, ended = await run_cell(interpreter)
            check_shown(outputs)
            check_ended(ended)
        for _ in range(2):  # the honest end: an error may tell what the lies have cost
            session.script.clear()
            outputs, ended = await run_cell(interpreter)
        assert not isinstance(ended, Exception), ended
        assert ended.ok, ended
        interpreter.close()

    asyncio.run(cells())
    assert not session.unknown
    check_sent(session.received)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(turns, min_size=1, max_size=2), st.integers(0, 8))
def test_whatever_a_guest_says_to_an_editor_it_can_be_used(lies: list[Turn], cursor: int) -> None:
    session = HostileSession()

    async def ask() -> None:
        interpreter = LinkedInterpreter(
            Calls(session),  # type: ignore[arg-type]
            "fuzzed-session",
            outage_tolerance=0.02,
        )
        await run_cell(interpreter)
        for question in ("complete", "inspect", "history"):
            session.script.extend(lies)
            arguments: tuple[Any, ...] = ("a\n%x b\nc", cursor)
            if question == "inspect":
                arguments = (*arguments, 0)
            if question == "history":
                arguments = ({"hist_access_type": "tail"},)
            try:
                reply = await asyncio.wait_for(getattr(interpreter, question)(*arguments), 30)
            except AcaKernelError as error:
                check_harmless(str(error))
            else:
                check_harmless(json.dumps(reply), 10**7)
        interpreter.close()

    asyncio.run(ask())
    check_sent(session.received)


# -- a real kernel process


@pytest.fixture(scope="module")
def hostile_pool() -> Iterator[HostilePool]:
    with HostilePool() as pool:
        yield pool


@pytest.fixture
def hostile_kernel(
    hostile_pool: HostilePool, start_kernel: KernelStarter, tmp_path: Path
) -> Kernel:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return start_kernel(hostile_pool, cwd=folder, **LINKED, ACA_OUTAGE_TOLERANCE="0.05")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(lies=st.lists(turns, min_size=1, max_size=4))
def test_whatever_a_guest_says_the_kernel_answers_on(
    hostile_kernel: Kernel, hostile_pool: HostilePool, lies: list[Turn]
) -> None:
    kernel, pool = hostile_kernel, hostile_pool
    before = {entry for entry in kernel.cwd.parent.rglob("*") if entry != kernel.log}
    pool.tell(lies)
    for _ in range(2):
        identifier = kernel.send("6 * 7")
        ran = kernel.finish(identifier)
        assert ran.reply["status"] in ("ok", "error")
        assert ran.reply.get("ename") != "InternalError", kernel.log.read_text()
        assert {output["msg_type"] for output in ran.outputs} <= set(OUTPUTS)
        sources = {item["source"] for item in ran.reply.get("payload", ())}
        assert sources <= {"page", "set_next_input"}
    assert kernel.ask("kernel_info_request", {})["status"] == "ok"
    assert kernel.ask("kernel_info_request", {}, "control")["status"] == "ok"
    pool.say_no_more()
    kernel.run("1")  # may tell that the session was replaced
    assert kernel.run("6 * 7").result == "42"
    assert {entry for entry in kernel.cwd.parent.rglob("*") if entry != kernel.log} == before
    assert not pool.unknown
    assert set(pool.calls) <= {("POST", "executions"), ("GET", "session"), ("GET", "files")}
    check_sent(pool.received)
    left = kernel._iopub.items()  # what is late stands under the earlier cell that it names
    others = [got["msg_type"] for name, rest in left if name not in kernel.sent for got in rest]
    assert set(others) <= {"status"}, "every output has a cell of ours as its parent"
