"""Restarts, crashes, and what a kernel's next process finds."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from tests.conftest import PoolStarter, RunningPool

from .conftest import KernelStarter
from .driver import Pool, ask_pool, sessions_of, wait_for


@contextlib.contextmanager
def frozen(pool: RunningPool) -> Iterator[None]:
    """A pool that takes connections but answers nothing: an outage."""
    pool.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        pool.process.send_signal(signal.SIGCONT)


def etag(pool: Pool, identifier: str) -> str:
    answer = ask_pool(pool, "GET", "session", identifier=identifier)
    return str(answer.json()["etag"]) if answer.ok else ""


def test_restart_gives_a_fresh_state(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("old = 1")
    assert kernel.identifier in sessions_of(local_pool)
    kernel.restart()
    assert kernel.identifier not in sessions_of(local_pool)
    assert kernel.markers == []
    ran = kernel.run("'old' in dir()")
    assert ran.result == "False"
    assert ran.kinds == ["execute_result"], "nothing is to be said about an ordinary restart"
    assert ran.reply["execution_count"] == 1


def test_restart_during_a_cell_gives_a_fresh_state(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.begun("old = 1\nimport time\ntime.sleep(100)", local_pool)
    kernel.restart()
    assert kernel.identifier not in sessions_of(local_pool)
    assert kernel.run("'old' in dir()").result == "False"


def test_restart_of_a_kernel_that_ran_nothing_is_harmless(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.restart()
    kernel.restart()
    assert kernel.identifier not in sessions_of(local_pool)
    assert kernel.run("6 * 7").result == "42"
    assert kernel.markers == []


def test_restart_during_an_outage_is_finished_by_the_next_process(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("old = 1")
    before = etag(pool, kernel.identifier)
    with frozen(pool):
        kernel.restart()
        assert len(kernel.markers) == 1
        assert not kernel.markers[0].startswith("kernel-")
    assert kernel.run("'old' in dir()").result == "False"
    assert etag(pool, kernel.identifier) != before
    assert kernel.markers == []
    kernel.run("new = 1")
    assert kernel.run("new").result == "1", "only the first cell finishes the restart"


def test_killed_kernel_finds_its_session_again_and_says_so(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("kept = 'still here'")
    kernel.kill(signal.SIGKILL)
    kernel.wait_for_end()
    assert kernel.identifier in sessions_of(local_pool)
    kernel.restart(now=True)
    ran = kernel.run("kept")
    assert ran.result == "'still here'"
    assert "Reattached" in ran.displayed
    assert kernel.identifier not in ran.displayed
    assert kernel.run("kept").kinds == ["execute_result"], "it is said once"
    kernel.shutdown()
    assert kernel.identifier not in sessions_of(local_pool)


def test_restart_after_a_crash_gives_a_fresh_state(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("old = 1")
    kernel.kill(signal.SIGKILL)
    kernel.wait_for_end()
    kernel.restart(now=True)
    kernel.restart()
    ran = kernel.run("'old' in dir()")
    assert ran.result == "False"
    assert "Reattached" not in ran.displayed


def test_final_shutdown_removes_the_marker(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("old = 1")
    with frozen(pool):
        kernel.restart()
        assert len(kernel.markers) == 1
        kernel.shutdown()
        assert kernel.markers == []
        pool.process.kill()


def test_attached_session_is_left_by_a_restart_for_the_own_one(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    one, two = start_kernel(local_pool), start_kernel(local_pool)
    one.run("whose = 'one'")
    two.run("whose = 'two'")
    assert two.run(f"%session attach {one.identifier}").status == "ok"
    assert two.run("whose").result == "'one'"
    two.shutdown()
    wait_for(lambda: two.identifier not in sessions_of(local_pool), "the own session's end")
    assert one.run("whose").result == "'one'", "an attached session is left running"
