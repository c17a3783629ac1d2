"""What threads, tasks and child processes print after their cell has ended, as with ipykernel 7."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.faults.proxy import Proxy

from .driver import Kernel, wait_for

THREAD = r"""
import threading, time
go = threading.Event()
def talk():
    go.wait()
    for n in range(3):
        print(f"late {n}\n", end="")
        time.sleep(0.2)
thread = threading.Thread(target=talk)
thread.start()
threading.Timer(1.0, go.set).start()
"""

TASK = """
import asyncio
async def talk():
    await asyncio.sleep(1)
    print("late 2")
task = asyncio.create_task(talk())
"""

CHILD = """
import subprocess
child = subprocess.Popen(["sh", "-c", "sleep 1; echo late 2"])
"""


def says(text: str, message: dict[str, Any]) -> bool:
    return message["msg_type"] == "stream" and text in message["content"]["text"]


@pytest.mark.parametrize("code", [THREAD, TASK, CHILD], ids=["thread", "task", "child"])
def test_late_output_comes_under_its_cell_while_nothing_runs(
    counted: tuple[Kernel, Proxy], code: str
) -> None:
    kernel, _ = counted
    cell = kernel.send(code)
    assert kernel.finish(cell).stdout == ""
    kernel.wait_for_message(cell, lambda got: says("late 2", got))


def test_the_calls_end_with_the_thread(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    cell = kernel.send(THREAD)
    kernel.finish(cell)
    kernel.wait_for_message(cell, lambda got: says("late 2", got))
    before = -1

    def is_quiet() -> bool:
        nonlocal before
        before, last = proxy.count(), before
        return before == last

    wait_for(is_quiet, "the end of the calls", every=1.5)


def test_a_silent_thread_costs_a_call_a_second_at_most(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    kernel.run(
        "import threading; stop = threading.Event(); threading.Thread(target=stop.wait).start()"
    )
    before = proxy.count()
    wait_for(lambda: proxy.count() >= before + 5, "calls while the thread lives")
    begun = [call.began for call in proxy.calls if call.operation == "executions"][before:]
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    assert min(pauses) >= 0.95
    # The next cell waits for none of them, and the thread's end is the end of the calls.
    assert kernel.run("stop.set(); 6*7").result == "42"


def test_a_cell_that_leaves_nothing_running_is_one_call(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    code = (
        "import subprocess, threading, asyncio, sys\n"
        "subprocess.run(['true']); ended = subprocess.Popen(['true'])\n"
        "thread = threading.Thread(target=print); thread.start(); thread.join()\n"
        "await asyncio.sleep(0.01)"
    )
    assert kernel.run(code).status == "ok"
    assert kernel.run("ended.wait()").status == "ok"
    before = proxy.count()
    for _ in range(10):
        assert kernel.run("6*7").result == "42"
    assert proxy.count() - before == 10
