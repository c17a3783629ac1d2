"""What a notebook looks like when the network between the kernel and the pool misbehaves."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aca_kernel.errors import AnswerLost
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from tests.kernel.driver import Kernel, Pool, wait_for

from .proxy import DARK, PASS, Proxy, drop_packets

TESTS = Path(__file__).parents[1]


def test_notebook_survives_four_seeds_of_faults_with_every_cell_run_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faults.run", "--seeds", "4"],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^ +\d+ +[\d.]+ +\d+ +(\d+) +\d+  (.*)$", done.stdout, re.MULTILINE)
    assert len(rows) == 4
    for repeats, faults in rows:
        assert int(repeats) == 19, done.stdout
        assert "dark 1" in faults


@pytest.fixture
def counted(local_pool: Pool) -> Iterator[Proxy]:
    with Proxy(local_pool.endpoint) as proxy:
        yield proxy


@pytest.fixture
def kernel(local_pool: Pool, counted: Proxy, tmp_path: Path) -> Iterator[Kernel]:
    """Give a kernel in linked mode whose calls are counted, its session begun."""
    kernel = Kernel(
        {
            "ACA_POOL_MANAGEMENT_ENDPOINT": counted.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
            "ACA_KERNEL_MODE": "linked",
        },
        tmp_path,
    ).start()
    try:
        assert kernel.run("1").result == "1"
        yield kernel
    finally:
        kernel.close()


def test_quick_cell_is_one_call(kernel: Kernel, counted: Proxy) -> None:
    for code, shown in (("6 * 7", "42"), ("print('x')", None), ("x = 1", None), ("1 / 0", None)):
        calls = []
        for _ in range(3):  # on a busy machine its output may come long before its end
            before = len(counted.calls)
            assert kernel.run(code).result == shown
            calls.append(len(counted.calls) - before)
        assert min(calls) == 1


def test_silent_cell_of_five_seconds_is_a_call_a_second(kernel: Kernel, counted: Proxy) -> None:
    before = len(counted.calls)
    ran = kernel.run("import time; time.sleep(5)")
    assert ran.status == "ok"
    assert 5 <= len(counted.calls) - before <= 7


def test_idle_notebook_makes_no_call(kernel: Kernel, counted: Proxy) -> None:
    before = len(counted.calls)
    time.sleep(5)  # nothing is what has to happen
    assert len(counted.calls) == before


def test_nothing_is_called_before_the_first_cell(
    local_pool: Pool, counted: Proxy, tmp_path: Path
) -> None:
    kernel = Kernel(
        {
            "ACA_POOL_MANAGEMENT_ENDPOINT": counted.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
            "ACA_KERNEL_MODE": "linked",
        },
        tmp_path,
    ).start()
    try:
        assert kernel.ask("kernel_info_request", {})["status"] == "ok"
        assert counted.calls == []
    finally:
        kernel.close()


def test_keep_alive_is_all_that_an_idle_notebook_calls(start_pool: object, tmp_path: Path) -> None:
    pool: Pool = start_pool("--cooldown-period", "4")  # type: ignore[operator]
    with Proxy(pool.endpoint) as proxy:
        kernel = Kernel(
            {
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
                "ACA_ACCESS_TOKEN": pool.token,
                "ACA_KERNEL_MODE": "linked",
                "ACA_KEEP_ALIVE": "30",
            },
            tmp_path,
        ).start()
        try:
            kernel.run("x = 1")
            executions = proxy.count()
            wait_for(lambda: proxy.count("files") >= 4, "four calls that keep it alive")
            assert proxy.count() == executions
            assert kernel.run("x").result == "1"
        finally:
            kernel.close()


DARK_AFTER = [PASS] * 5 + [DARK]


@pytest.fixture
def darkened(local_pool: Pool, tmp_path: Path) -> Iterator[Kernel]:
    """Give a kernel whose network goes dark for 20 s in the third second of its second cell."""
    with Proxy(local_pool.endpoint, DARK_AFTER) as proxy:
        kernel = Kernel(
            {
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
                "ACA_ACCESS_TOKEN": local_pool.token,
                "ACA_KERNEL_MODE": "linked",
            },
            tmp_path,
        ).start()
        try:
            assert kernel.run("import time").status == "ok"
            yield kernel
            assert proxy.faults()[DARK] == 1
        finally:
            kernel.close()


def _tells_of_silence(message: dict[str, Any]) -> bool:
    return "not answered" in str(message["content"].get("data"))


def test_k9_network_that_goes_dark_is_told_and_the_cell_goes_on(darkened: Kernel) -> None:
    began = time.monotonic()
    message = darkened.send("for i in range(10): print(i, flush=True); time.sleep(1)")
    darkened.wait_for_message(message, _tells_of_silence)
    assert time.monotonic() - began < 15  # the darkness itself lasts longer
    ran = darkened.finish(message)
    assert ran.status == "ok"
    assert ran.stdout == "".join(f"{i}\n" for i in range(10))
    assert "answers again" in ran.displayed


def test_interrupt_in_the_dark_gets_its_reply(darkened: Kernel) -> None:
    message = darkened.send("time.sleep(60)")
    darkened.wait_for_message(message, _tells_of_silence)
    began = time.monotonic()
    darkened.interrupt()
    ran = darkened.finish(message)
    assert time.monotonic() - began < 10
    assert ran.status == "error"
    assert "could not be reached" in ran.traceback
    # The interrupt is delivered when the network is back, and the next cell runs.
    began = time.monotonic()
    assert darkened.run("6 * 7").result == "42"
    assert time.monotonic() - began < 50


def test_network_that_vanished_is_noticed_within_half_a_minute(local_pool: Pool) -> None:
    with Proxy(local_pool.endpoint) as proxy:
        client = PoolClient(parse_endpoint(proxy.endpoint), TokenSource(token=local_pool.token))
        errors: list[float] = []

        def call() -> None:
            began = time.monotonic()
            with pytest.raises(AnswerLost):
                client.execute("of-the-vanished-network", "import time; time.sleep(100)")
            errors.append(time.monotonic() - began)

        thread = threading.Thread(target=call)
        thread.start()
        wait_for(lambda: proxy.calls, "the call at the proxy")
        for writer in proxy._writers:
            drop_packets(writer.get_extra_info("socket"))
        thread.join(60)
        assert errors
        assert 10 < errors[0] < 40
        client.close()
