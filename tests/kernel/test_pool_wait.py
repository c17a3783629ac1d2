"""A full pool: the cell waits for a session, says so, and nothing runs twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from aca_kernel.interpreters.poolwait import pause_before
from tests.conftest import PoolStarter
from tests.faults.proxy import Proxy

from .conftest import KernelStarter
from .driver import Kernel, Pool, Ran, sessions_of, wait_for

MODES = ["direct", "linked", "auto"]


@pytest.fixture
def full(start_pool: PoolStarter, start_kernel: KernelStarter) -> tuple[Pool, Kernel]:
    """Give a pool of one session, and the kernel that has it."""
    pool = start_pool("--max-sessions", "1", "--ready-sessions", "0")
    kernel = start_kernel(pool)
    assert kernel.run("1").status == "ok"
    return pool, kernel


def waits(kernel: Kernel, message: str) -> str:
    """Wait until the cell says that it waits; what it says."""
    shown = kernel.wait_for_message(message, lambda m: m["msg_type"] == "display_data")
    return str(shown["content"]["data"]["text/plain"])


def status_line(ran: Ran) -> str:
    """What the one display of the wait says in the end."""
    shown = [o["content"] for o in ran.outputs if "display_data" in o["msg_type"]]
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert len(ran.of("display_data")) == 1
    return str(shown[-1]["data"]["text/plain"])


@pytest.mark.parametrize("mode", MODES)
def test_a_cell_runs_once_when_a_session_becomes_free(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter, mode: str
) -> None:
    pool, first = full
    second = start_kernel(pool, ACA_KERNEL_MODE=mode)
    code = "with open('/mnt/data/runs', 'a') as f: f.write('x')\nopen('/mnt/data/runs').read()"
    message = second.send(code)
    line = waits(second, message)
    for words in ("pool is full", " s so far", "120 s at most", "Interrupt"):
        assert words in line
    first.shutdown()
    ran = second.finish(message)
    assert ran.result == "'x'"
    assert "a session became free after" in status_line(ran)
    assert second.run("1").kinds == ["execute_result"]


@pytest.mark.parametrize("mode", MODES)
def test_a_magic_waits_too(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter, mode: str, tmp_path: Path
) -> None:
    pool, first = full
    (tmp_path / "data.csv").write_text("a\n1\n")
    second = start_kernel(pool, cwd=tmp_path, ACA_KERNEL_MODE=mode)
    message = second.send("%upload data.csv\nopen('/mnt/data/data.csv').read()")
    assert "pool is full" in waits(second, message)
    first.shutdown()
    assert second.finish(message).result == r"'a\n1\n'"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", ["1", "%files"])
def test_after_the_limit_the_pool_is_said_to_be_full(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter, mode: str, code: str
) -> None:
    pool, _ = full
    second = start_kernel(pool, ACA_KERNEL_MODE=mode, ACA_POOL_WAIT="2")
    ran = second.run(code)
    assert ran.ename == "PoolFull"
    assert "HTTP 429" in ran.traceback
    assert "no session became free" in status_line(ran)
    assert 2 <= ran.seconds < 15


def test_without_a_wait_it_is_said_at_once(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter
) -> None:
    pool, _ = full
    ran = start_kernel(pool, ACA_POOL_WAIT="0").run("1")
    assert ran.kinds == ["error"]
    assert ran.ename == "PoolFull"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", ["1", "%files"])
def test_an_interrupt_ends_the_wait_and_the_next_cell_works(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter, mode: str, code: str
) -> None:
    pool, first = full
    second = start_kernel(pool, ACA_KERNEL_MODE=mode)
    message = second.send(code)
    waits(second, message)
    second.interrupt()
    ran = second.finish(message, timeout=2)
    assert ran.ename == "KeyboardInterrupt"
    assert "the wait was stopped" in status_line(ran)
    first.shutdown()
    assert second.run("6 * 7").result == "42"


def test_who_only_asks_for_help_does_not_wait(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter
) -> None:
    pool, _ = full
    second = start_kernel(pool)
    for code in ("%session", "%session list", "%upload -h"):
        assert second.run(code).status == "ok"


def test_a_shutdown_ends_the_wait(full: tuple[Pool, Kernel], start_kernel: KernelStarter) -> None:
    pool, first = full
    second = start_kernel(pool)
    waits(second, second.send("1"))
    assert second.shutdown() < 10
    first.shutdown()
    wait_for(lambda: not sessions_of(pool), "the end of both sessions")


def test_after_a_restart_during_the_wait_the_next_cell_waits_again(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter
) -> None:
    pool, first = full
    second = start_kernel(pool, ACA_KERNEL_MODE="auto")
    waits(second, second.send("1"))
    second.restart()
    message = second.send("6 * 7")
    waits(second, message)
    first.shutdown()
    assert second.finish(message).result == "42"


def test_a_pool_that_asks_for_more_patience_than_there_is_gets_none(
    full: tuple[Pool, Kernel], start_kernel: KernelStarter
) -> None:
    pool, _ = full
    with Proxy(pool.endpoint, retry_after=1000) as proxy:
        second = start_kernel(pool, ACA_POOL_MANAGEMENT_ENDPOINT=proxy.endpoint)
        ran = second.run("1")
        assert ran.ename == "PoolFull"
        assert "display_data" not in ran.kinds  # nothing was waited for
        assert proxy.count() == 1
        second.close()


@pytest.mark.parametrize(
    ("attempt", "retry_after", "left", "pause"),
    [
        (0, None, 120, 1),
        (1, None, 120, 2),
        (3, None, 120, 8),
        (4, None, 120, 10),
        (5000, None, 120, 10),
        (3, None, 0.5, 0.5),
        (0, None, 0, None),
        (0, 7, 120, 7),
        (4, 7, 120, 7),
        (0, 0, 120, 1),  # a pool that says "at once" is not asked without a pause
        (0, 7, 5, None),
    ],
)
def test_the_pool_itself_says_how_long_to_wait(
    attempt: int, retry_after: float | None, left: float, pause: float | None
) -> None:
    assert pause_before(attempt, retry_after, left) == pause


def test_sharing_waits_too(full: tuple[Pool, Kernel], start_kernel: KernelStarter) -> None:
    pool, first = full
    second = start_kernel(pool, ACA_KERNEL_MODE="linked")
    message = second.send("%session share")
    waits(second, message)
    first.shutdown()
    assert "Shared:" in second.finish(message).stdout
