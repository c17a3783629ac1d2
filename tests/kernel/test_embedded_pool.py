"""The kernel "Azure Sessions Python (local)": a pool of its own, for as long as it needs one."""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from aca_kernel.sessions.embedded_pool import PAUSE

from .conftest import KernelStarter
from .driver import DIRECT, LINKED, LOCAL, Kernel, everything, wait_for


def kept(kernel: Kernel) -> list[Path]:
    return list(kernel.connection_file.parent.glob("aca-local-pool-*"))


def pool_of(kernel: Kernel) -> dict[str, Any]:
    """What the kernel has left beside its connection file about its pool."""
    (file,) = kept(kernel)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answers(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_pool_starts_with_the_first_cell_and_ends_with_the_kernel(
    start_kernel: KernelStarter,
) -> None:
    kernel = start_kernel(name=LOCAL)
    assert kept(kernel) == []
    ran = kernel.run("open('/mnt/data/f', 'w').close()\n6 * 7")
    assert ran.result == "42"
    pool = pool_of(kernel)
    assert is_running(pool["pid"])
    assert pool["token"] not in everything(ran)
    assert kernel.shutdown() < 5
    wait_for(lambda: not is_running(pool["pid"]), "the pool's end")
    assert kept(kernel) == []


def test_pool_survives_a_restart_and_gives_a_fresh_state(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL)
    kernel.run("old = 1")
    pool = pool_of(kernel)
    kernel.restart()
    assert kernel.run("'old' in dir()").result == "False"
    assert pool_of(kernel) == pool


def test_pool_and_state_survive_a_crash_of_the_kernel(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL)
    kernel.run("kept = 1; open('/mnt/data/file', 'w').write('x')")
    pool = pool_of(kernel)
    kernel.kill(signal.SIGKILL)
    kernel.wait_for_end()
    kernel.restart(now=True)
    ran = kernel.run("kept, open('/mnt/data/file').read()")
    assert ran.result == "(1, 'x')"
    assert "Reattached" in ran.displayed
    assert pool_of(kernel) == pool


def test_pool_that_ended_is_told_and_replaced(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL)
    kernel.run("old = 1")
    pool = pool_of(kernel)
    pid = pool["pid"]
    psutil.Process(pid).kill()
    # A session that it was just starting may hold its port for a moment longer.
    wait_for(lambda: not answers(pool["endpoint"]), "the pool's end")
    ran = kernel.run("'next'")
    assert ran.ename == "SessionLost"
    assert kernel.run("'old' in dir()").result == "False"
    assert pool_of(kernel)["pid"] != pid


@pytest.mark.parametrize("mode", [DIRECT, LINKED], ids=["direct", "linked"])
@pytest.mark.parametrize("code", ["'next'", "%files"])
def test_pool_that_ended_while_nothing_ran_is_told_at_once(
    start_kernel: KernelStarter, mode: dict[str, str], code: str
) -> None:
    kernel = start_kernel(name=LOCAL, **mode)
    kernel.run("old = 1")
    began = time.monotonic()
    pool = pool_of(kernel)
    psutil.Process(pool["pid"]).kill()
    wait_for(lambda: not answers(pool["endpoint"]), "the pool's end")
    wait_for(lambda: time.monotonic() - began > PAUSE, "the end of the pause")
    ran = kernel.run(code)
    assert ran.ename == "SessionLost"
    assert ran.seconds < 1
    assert kernel.run("'old' in dir()").result == "False"


def test_pool_that_ended_before_a_new_session_is_replaced(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL, **LINKED)
    kernel.run("old = 1")
    pool = pool_of(kernel)
    assert kernel.run("%session stop").status == "ok"  # so that the next cell starts one
    psutil.Process(pool["pid"]).kill()
    wait_for(lambda: not answers(pool["endpoint"]), "the pool's end")
    assert kernel.run("%files").ename == "SessionLost"
    assert kernel.run("6 * 7").result == "42"
    assert pool_of(kernel)["pid"] != pool["pid"]


def test_sigterm_ends_the_pool_too(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL)
    kernel.run("1")
    pid = pool_of(kernel)["pid"]
    kernel.kill(signal.SIGTERM)
    kernel.wait_for_end()
    wait_for(lambda: not is_running(pid), "the pool's end")


def test_interrupt_does_not_reach_the_pool(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(name=LOCAL)
    kernel.run("kept = 1")
    kernel.interrupt()
    kernel.kill(signal.SIGINT)
    assert kernel.run("kept").result == "1"
