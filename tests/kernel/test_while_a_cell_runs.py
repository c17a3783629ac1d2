"""Completion and inspection answer while a cell runs, where the session's ipykernel can."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import KernelStarter
from .driver import LINKED, PATIENCE, Kernel, Pool

BUSY = """
import time
value_of_mine = {"a": 1}
print("begun", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end: time.sleep(0.01)
"""


@pytest.fixture
def busy(start_kernel: KernelStarter, local_pool: Pool) -> tuple[Kernel, str]:
    """Give a kernel with a cell that runs until it is interrupted, and the cell's message id."""
    kernel = start_kernel(local_pool, **LINKED)
    features = kernel.run("get_ipython().kernel.kernel_info.get('supported_features', [])").result
    if "kernel subshells" not in str(features):
        pytest.skip("the session's ipykernel has no subshells")
    cell = kernel.send(BUSY)
    kernel.wait_for_message(cell, lambda got: got["msg_type"] == "stream")
    return kernel, cell


def state(message: dict[str, Any]) -> str:
    return str(message["content"].get("execution_state"))


def is_interrupted(kernel: Kernel, cell: str) -> bool:
    kernel.interrupt()
    return kernel.finish(cell).ename == "KeyboardInterrupt"


def test_completion_and_inspection_answer_while_a_cell_runs(busy: tuple[Kernel, str]) -> None:
    kernel, cell = busy
    # The first answer may be late: the session makes its subshell for it.
    asked = {"code": "value_of_mi", "cursor_pos": 11}
    end = time.monotonic() + PATIENCE
    while kernel.ask("complete_request", asked)["matches"] != ["value_of_mine"]:
        assert time.monotonic() < end
    for _ in range(5):
        assert kernel.ask("complete_request", asked)["matches"] == ["value_of_mine"]
    found = kernel.ask(
        "inspect_request", {"code": "value_of_mine", "cursor_pos": 3, "detail_level": 0}
    )
    assert "dict" in found["data"]["text/plain"]
    assert is_interrupted(kernel, cell)
    assert kernel.run("6*7").result == "42"


def test_the_kernel_is_busy_again_after_a_question(busy: tuple[Kernel, str]) -> None:
    kernel, cell = busy
    question = kernel.request("complete_request", {"code": "impo", "cursor_pos": 4})
    kernel.answer_to(question)
    kernel.wait_for_message(question, lambda got: state(got) == "idle")
    busy_ones: list[str] = []

    def is_second(message: dict[str, Any]) -> bool:
        busy_ones.extend([message["msg_id"]] * (state(message) == "busy"))
        return len(set(busy_ones)) == 2

    kernel.wait_for_message(cell, is_second)
    assert is_interrupted(kernel, cell)


def test_a_question_that_never_ends_holds_no_cell_up(busy: tuple[Kernel, str]) -> None:
    kernel, cell = busy
    assert is_interrupted(kernel, cell)
    slow = (
        "import time\n"
        "class Slow:\n"
        "    def __dir__(self):\n"
        "        time.sleep(20)\n"
        "        return []\n"
        "slow = Slow()\nprint('begun', flush=True)\ntime.sleep(60)"
    )
    cell = kernel.send(slow)
    kernel.wait_for_message(cell, lambda got: got["msg_type"] == "stream")
    began = time.monotonic()
    assert kernel.ask("complete_request", {"code": "slow.", "cursor_pos": 5})["matches"] == []
    assert time.monotonic() - began < 5
    assert is_interrupted(kernel, cell)
    assert kernel.run("6*7").result == "42"
