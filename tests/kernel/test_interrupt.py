"""Interrupts: by Jupyter's message, and by a raw SIGINT at any moment."""

from __future__ import annotations

import random
import signal
import socket
import time
from pathlib import Path

import pytest

from .conftest import KernelStarter
from .driver import LINKED, Kernel, Pool, ask_pool, sessions_of, wait_for


def has_file(pool: Pool, kernel: Kernel, name: str) -> bool:
    """Whether the kernel's session has that file; asking allocates no session."""
    if kernel.identifier not in sessions_of(pool):
        return False
    return name in ask_pool(pool, "GET", "files", identifier=kernel.identifier).text


def test_interrupted_cell_ends_at_once_and_says_that_the_code_goes_on(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    message = kernel.begun("kept = 1\nimport time\ntime.sleep(3)\nprint('late')", local_pool)
    began = time.monotonic()
    kernel.interrupt()
    ran = kernel.finish(message)
    assert time.monotonic() - began < 2
    assert ran.kinds == ["error"]
    assert ran.ename == "KeyboardInterrupt"
    assert "cannot stop running code" in ran.traceback
    assert "%session restart" in ran.traceback
    # The next cell waits for the code that goes on, and finds what it left.
    assert kernel.run("kept").result == "1"


def test_restart_magic_gives_a_fresh_session_after_an_interrupt(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    message = kernel.begun("old = 1\nimport time\ntime.sleep(100)", local_pool)
    kernel.interrupt()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    began = time.monotonic()
    ran = kernel.run("%session restart")
    assert ran.status == "ok", ran.traceback
    assert kernel.run("'old' in dir()").result == "False"
    assert time.monotonic() - began < 30


def test_interrupted_cell_aborts_the_queue(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    message = kernel.send("open('/mnt/data/begun', 'w').close()\nimport time\ntime.sleep(2)")
    waiting = [kernel.send("print('never')") for _ in range(6)]
    wait_for(lambda: has_file(local_pool, kernel, "begun"), "the cell's begin")
    kernel.interrupt()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert [kernel.finish(m).status for m in waiting] == ["aborted"] * 6


@pytest.mark.parametrize("seconds", [0.2, 1.5])  # in the first exchange, and in a later one
def test_interrupt_of_a_silent_cell_waits_for_no_exchange(
    local_pool: Pool, start_kernel: KernelStarter, seconds: float
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("import os, time")
    cell = kernel.send("time.sleep(60)")
    kernel.input_count(cell)
    time.sleep(seconds)  # the cell says nothing, so that there is no event
    began = time.monotonic()
    kernel.interrupt()
    assert kernel.finish(cell).ename == "KeyboardInterrupt"
    assert time.monotonic() - began < 0.6  # the guest keeps an exchange for a second
    wait_for(lambda: kernel.run("os.listdir('/mnt/data')").result == "[]", "a clean folder")


def test_one_interrupt_strikes_once(local_pool: Pool, start_kernel: KernelStarter) -> None:
    """It comes by a file and by the next exchange."""
    kernel = start_kernel(local_pool, **LINKED)
    cell = kernel.send(
        "import time\ntry:\n    print('begun', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(2)\n'kept'"
    )
    kernel.wait_for_message(cell, lambda m: m["msg_type"] == "stream")
    kernel.interrupt()
    assert kernel.finish(cell).result == "'kept'"


def test_interrupt_of_an_idle_kernel_does_nothing(kernel: Kernel) -> None:
    kernel.run("here = 1")
    kernel.interrupt()
    assert kernel.run("here").result == "1"


def test_second_interrupt_does_nothing_more(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    message = kernel.begun("import time\ntime.sleep(1.5)", local_pool)
    for _ in range(3):
        kernel.interrupt()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert kernel.run("6 * 7").result == "42"


def test_sigint_of_an_idle_kernel_does_nothing(kernel: Kernel) -> None:
    for _ in range(5):
        kernel.kill(signal.SIGINT)
    assert kernel.run("6 * 7").result == "42"


def test_sigint_ends_the_running_cell_as_the_message_does(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    message = kernel.begun("import time\ntime.sleep(3)", local_pool)
    began = time.monotonic()
    kernel.kill(signal.SIGINT)
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert time.monotonic() - began < 2


def test_sigint_at_any_moment_is_survived(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("import time")
    chance = random.Random(1)
    for number in range(40):
        message = kernel.send(f"time.sleep(0.02); {number}", stop_on_error=False)
        end = time.monotonic() + chance.random() * 0.08
        while time.monotonic() < end:
            pass
        kernel.kill(signal.SIGINT)
        ran = kernel.finish(message)
        if ran.status == "ok":
            assert ran.result == str(number)
        else:
            assert ran.ename == "KeyboardInterrupt"
    assert kernel.run("6 * 7").result == "42"
    assert kernel.manager.is_alive()


def test_interrupted_upload_ends_cleanly(
    local_pool: Pool, start_kernel: KernelStarter, tmp_path: Path
) -> None:
    big = tmp_path / "notebooks" / "big.bin"
    big.parent.mkdir()
    with big.open("wb") as file:
        file.truncate(120 * 2**20)
    kernel = start_kernel(local_pool, cwd=big.parent)
    kernel.run("here = 1")
    message = kernel.send("%upload big.bin big.bin --to a\nprint('never')")
    kernel.wait_for_message(message, lambda m: m["msg_type"] in ("display_data", "error"))
    began = time.monotonic()
    kernel.interrupt()
    ran = kernel.finish(message)
    assert time.monotonic() - began < 3
    assert ran.ename == "KeyboardInterrupt"
    assert ran.stdout == "" or "cancelled" in ran.stdout
    after = kernel.run("import os\nhere, os.path.exists('/mnt/data/a/big.bin')")
    assert after.result == "(1, False)"


def test_interrupt_before_the_session_is_there_ends_the_cell(start_kernel: KernelStarter) -> None:
    # A host that swallows what is sent to it: the first call never gets an answer.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        kernel = start_kernel(
            ACA_POOL_MANAGEMENT_ENDPOINT=f"http://127.0.0.1:{port}", ACA_ACCESS_TOKEN="t" * 20
        )
        message = kernel.send("1")
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1)
            began = time.monotonic()
            kernel.interrupt()
            ran = kernel.finish(message)
            assert time.monotonic() - began < 2
            assert ran.ename == "KeyboardInterrupt"
            assert kernel.shutdown() < 4.5
    wait_for(lambda: not kernel.manager.is_alive(), "the end of the kernel")


def test_interrupted_direct_cell_does_not_hold_up_the_restart_magic(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("old = 1")
    message = kernel.send(
        "%%direct\nopen('/mnt/data/begun', 'w').close()\nimport time\ntime.sleep(100)"
    )
    wait_for(lambda: has_file(local_pool, kernel, "begun"), "the cell's begin")
    kernel.interrupt()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert kernel.run("%session restart", timeout=30).status == "ok"
    assert kernel.run("'old' in dir()").result == "False"


def test_an_interrupted_direct_cell_says_that_its_code_runs_on(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("%%direct\n1")
    message = kernel.send(
        "%%direct\nopen('/mnt/data/begun', 'w').close()\nimport time\ntime.sleep(5)"
    )
    wait_for(lambda: has_file(local_pool, kernel, "begun"), "the cell's begin")
    kernel.interrupt()
    ran = kernel.finish(message)
    assert ran.ename == "KeyboardInterrupt"
    assert "the service cannot stop running code" in ran.traceback
    assert ran.kinds.count("error") == 1
    # The next one waits for it, instead of running beside it.
    assert kernel.run("%%direct\n'after'", timeout=30).result == "'after'"
