"""What widgets say crosses where the session is trusted, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import KernelStarter
from .driver import LINKED, PATIENCE, Kernel, Pool, reach

COMM = """
from comm import create_comm
comm = create_comm(target_name="here", data={"state": {"msg_id": "x"}}, metadata={"version": "2"},
                   buffers=[b"open"])
def got(message):
    data = message["content"]["data"]
    comm.send({"got": data["say"]}, buffers=[bytes(part) for part in message["buffers"]])
    if data["say"] == "print":
        print("printed")
comm.on_msg(got)
comm.comm_id
"""


@pytest.fixture(scope="module")
def trusted(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environment = reach(local_pool) | {**LINKED, "ACA_OUTPUT_POLICY": "trusted"}
    shared = Kernel(environment, tmp_path_factory.mktemp("trusted")).start()
    yield shared
    shared.close()


def say(kernel: Kernel, comm: str, data: dict[str, Any]) -> str:
    """Send a message to a comm, as the front end's widget manager does; its id."""
    session = kernel.client.session
    message = session.msg("comm_msg", {"comm_id": comm, "data": data})
    session.send(kernel.client.shell_channel.socket, message, buffers=[b"front"])
    return str(message["header"]["msg_id"])


def is_comm(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "comm_msg")


def is_idle(message: dict[str, Any]) -> bool:
    return bool(message["content"].get("execution_state") == "idle")


def test_what_a_widget_says_reaches_the_front_end(trusted: Kernel) -> None:
    message = trusted.send(COMM)
    ran = trusted.finish(message)
    (opened,) = [one for one in ran.outputs if one["msg_type"] == "comm_open"]
    assert opened["content"]["target_name"] == "here"
    assert opened["metadata"] == {"version": "2"}
    assert [bytes(part) for part in opened["buffers"]] == [b"open"]
    # What captures outputs by their request names the request that the front end knows.
    assert opened["content"]["data"]["state"]["msg_id"] == message


def test_what_the_front_end_says_reaches_the_widget_between_cells(trusted: Kernel) -> None:
    comm = str(trusted.run(COMM).result).strip("'")
    sent = say(trusted, comm, {"say": "print"})
    answer = trusted.wait_for_message(sent, is_comm)
    assert answer["content"] == {"comm_id": comm, "data": {"got": "print"}}
    assert [bytes(part) for part in answer["buffers"]] == [b"front"]
    printed = trusted.wait_for_message(sent, lambda m: m["msg_type"] == "stream")
    assert printed["content"]["text"] == "printed\n"
    trusted.wait_for_message(sent, is_idle)
    assert trusted.run("6 * 7").result == "42"


def test_what_the_front_end_says_while_a_cell_runs_arrives(trusted: Kernel) -> None:
    comm = str(trusted.run(COMM).result).strip("'")
    began = time.monotonic()
    cell = trusted.send("import asyncio\nawait asyncio.sleep(1)\nprint('end')")
    trusted.wait_for_message(cell, lambda m: m["msg_type"] == "execute_input")
    sent = say(trusted, comm, {"say": "hello"})
    ran = trusted.finish(cell)
    assert ran.stdout == "end\n"
    assert trusted.run("6 * 7").result == "42"
    assert time.monotonic() - began < PATIENCE / 2
    answers = [m for m in (*ran.outputs, *trusted.so_far(sent)) if is_comm(m)]
    assert [m["content"]["data"] for m in answers] == [{"got": "hello"}]


def test_the_front_end_finds_the_widgets_again(trusted: Kernel) -> None:
    comm = str(trusted.run(COMM).result).strip("'")
    found = trusted.ask("comm_info_request", {"target_name": "here"})
    assert found["status"] == "ok"
    assert found["comms"][comm] == {"target_name": "here"}


def test_a_message_to_a_widget_that_is_gone_harms_nothing(trusted: Kernel) -> None:
    sent = say(trusted, "none", {"say": "x"})
    trusted.wait_for_message(sent, is_idle)
    assert trusted.run("6 * 7").result == "42"


@pytest.mark.parametrize("policy", ["isolated", "text"])
def test_nothing_crosses_from_a_session_that_is_not_trusted(
    start_kernel: KernelStarter, local_pool: Pool, policy: str
) -> None:
    kernel = start_kernel(local_pool, ACA_OUTPUT_POLICY=policy, **LINKED)
    ran = kernel.run(COMM)
    assert not [kind for kind in ran.kinds if kind.startswith("comm")]
    sent = say(kernel, str(ran.result).strip("'"), {"say": "print"})
    kernel.wait_for_message(sent, is_idle)
    assert kernel.run("6 * 7").outputs[0]["msg_type"] == "execute_result"
    assert [m for m in kernel.so_far(sent) if m["msg_type"] != "status"] == []
    assert kernel.ask("comm_info_request", {})["comms"] == {}
