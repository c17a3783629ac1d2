"""The end of a kernel: nothing that costs money is left behind, and it takes no time."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import PoolStarter

from .conftest import KernelStarter
from .driver import Pool, sessions_of

BUDGET = 2.5
"""Seconds after which Jupyter sends SIGTERM."""


def test_shutdown_leaves_no_session(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("1")
    assert kernel.identifier in sessions_of(local_pool)
    assert kernel.shutdown() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_shutdown_during_a_cell_leaves_no_session(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.begun("import time\ntime.sleep(100)", local_pool)
    assert kernel.shutdown() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_sigterm_alone_leaves_no_session(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("1")
    kernel.kill(signal.SIGTERM)
    assert kernel.wait_for_end() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_sigterm_during_a_cell_leaves_no_session(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.begun("import time\ntime.sleep(100)", local_pool)
    waiting = kernel.send("2", stop_on_error=False)
    assert waiting
    kernel.kill(signal.SIGTERM)
    assert kernel.wait_for_end() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


@pytest.mark.parametrize("magic", ["%upload data.csv", "%files", "%%direct\nx = 1"])
def test_session_that_only_a_magic_used_is_not_left_behind(
    local_pool: Pool, start_kernel: KernelStarter, tmp_path: Path, magic: str
) -> None:
    (tmp_path / "data.csv").write_text("a,b\n")
    kernel = start_kernel(local_pool, cwd=tmp_path)
    assert kernel.run(magic).status == "ok"
    assert kernel.identifier in sessions_of(local_pool)
    kernel.shutdown()
    assert kernel.identifier not in sessions_of(local_pool)


def test_given_session_is_left_running(local_pool: Pool, start_kernel: KernelStarter) -> None:
    given = "a-session-that-was-given-to-the-kernel"
    kernel = start_kernel(local_pool, ACA_SESSION_ID=given)
    kernel.run("kept = 1")
    kernel.shutdown()
    assert given in sessions_of(local_pool)
    assert kernel.identifier not in sessions_of(local_pool)
    other = start_kernel(local_pool, ACA_SESSION_ID=given)
    assert other.run("kept").result == "1"


def test_shutdown_does_not_wait_for_a_pool_that_is_gone(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("1")
    pool.process.send_signal(signal.SIGSTOP)
    try:
        assert kernel.shutdown() < 5
    finally:
        pool.process.kill()


def test_shutdown_right_after_the_start_is_quick(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    began = time.monotonic()
    kernel.shutdown()
    assert time.monotonic() - began < BUDGET
