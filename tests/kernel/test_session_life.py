"""A session's life as the notebook sees it: kept awake, cooled down, deleted, died."""

from __future__ import annotations

import time

import pytest

from tests.conftest import PoolStarter

from .conftest import KernelStarter
from .driver import Pool, ask_pool, delete_session, sessions_of, wait_for


def test_session_deleted_by_others_is_told_and_the_next_cell_works(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("old = 1")
    delete_session(local_pool, kernel.identifier)
    ran = kernel.run("'ran'")
    assert ran.ename == "SessionLost"
    assert "gone" in ran.traceback
    ran = kernel.run("'old' in dir()")
    assert ran.result == "False"
    assert ran.kinds == ["execute_result"]


def test_the_panel_of_a_session_that_is_gone_allocates_none(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("1")
    delete_session(local_pool, kernel.identifier)
    assert "gone: the next cell begins with an empty one" in kernel.run("%session").displayed
    assert kernel.identifier not in sessions_of(local_pool)


@pytest.mark.parametrize("version", ["2024-02-02-preview", "2024-10-02-preview"])
def test_deleted_session_is_told_whatever_the_version(
    local_pool: Pool, start_kernel: KernelStarter, version: str
) -> None:
    kernel = start_kernel(local_pool, ACA_API_VERSION=version)
    kernel.run("old = 1")
    delete_session(local_pool, kernel.identifier)
    assert kernel.run("'ran'").ename == "SessionLost"
    assert kernel.run("'old' in dir()").result == "False"
    # These versions cannot delete a session; it is left to cool down.
    kernel.shutdown()


def test_magic_tells_that_the_session_was_lost(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, ACA_API_VERSION="2024-10-02-preview")
    kernel.run("old = 1")
    delete_session(local_pool, kernel.identifier)
    rans = [kernel.run("%files"), kernel.run("'next'")]
    assert "SessionLost" in [ran.reply.get("ename") for ran in rans]


def test_cooled_down_session_is_told(start_pool: PoolStarter, start_kernel: KernelStarter) -> None:
    pool = start_pool("--cooldown-period", "1", "--ready-sessions", "0")
    kernel = start_kernel(pool, ACA_KEEP_ALIVE="0")
    kernel.run("old = 1")
    wait_for(lambda: kernel.identifier not in sessions_of(pool), "the session to cool down")
    ran = kernel.run("'next'")
    assert ran.ename == "SessionLost"
    assert kernel.run("'old' in dir()").result == "False"


def test_session_is_kept_alive_for_as_long_as_asked_and_no_longer(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--cooldown-period", "2", "--ready-sessions", "0")
    kernel = start_kernel(pool, ACA_KEEP_ALIVE="5")
    kernel.run("kept = 1")
    ended = time.monotonic()
    wait_for(lambda: kernel.identifier not in sessions_of(pool), "the session to cool down")
    assert 5 < time.monotonic() - ended < 15
    assert kernel.run("kept").ename == "SessionLost"


def test_magic_alone_keeps_its_session_alive_too(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--cooldown-period", "2", "--ready-sessions", "0")
    kernel = start_kernel(pool, ACA_KEEP_ALIVE="5")
    kernel.run("%files")
    ended = time.monotonic()
    wait_for(lambda: kernel.identifier not in sessions_of(pool), "the session to cool down")
    assert time.monotonic() - ended > 4


def test_idle_notebook_makes_no_call_without_keep_alive(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--cooldown-period", "2", "--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("%session keep-alive off")
    kernel.run("1")
    first = ask_pool(pool, "GET", "listSessions").json()["sessions"][0]["lastAccessedAt"]
    seen = {first}

    def is_gone() -> bool:
        entries = ask_pool(pool, "GET", "listSessions").json()["sessions"]
        seen.update(entry["lastAccessedAt"] for entry in entries)
        return not entries

    wait_for(is_gone, "the session to cool down")
    assert seen == {first}


def test_dead_interpreter_is_told_and_the_next_cell_works(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("old = 1\nopen('/mnt/data/file', 'w').close()")
    ran = kernel.run("import os; os._exit(1)")
    assert ran.ename == "ExecutionFailed"
    assert "Variables are gone" in ran.traceback
    ran = kernel.run("import os; 'old' in dir(), os.path.exists('file'), os.getcwd()")
    assert ran.result == "(False, True, '/mnt/data')", ran.reply


def test_cell_above_the_service_limit_is_told(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--max-execution-time", "2", "--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("kept = 1")
    ran = kernel.run("import time; time.sleep(100)")
    assert ran.ename == "ExecutionFailed"
    assert "stopped waiting" in ran.traceback

    def is_back() -> bool:
        ran = kernel.run("kept", stop_on_error=False)
        assert ran.result == "1" or "aborted" in ran.traceback
        return ran.status == "ok"

    wait_for(is_back, "the interpreter to recover")


def test_timeout_of_the_user_ends_the_cell(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool, ACA_EXECUTION_TIMEOUT="1")
    ran = kernel.run("import time; time.sleep(100)")
    assert ran.ename == "ExecutionFailed"
    assert ran.seconds < 20
