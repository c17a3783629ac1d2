"""Files there and back while the network fails, and by services that differ."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel, Pool

from .proxy import Proxy

TESTS = Path(__file__).parents[1]


def test_transfers_survive_three_seeds_of_faults_with_every_byte_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.transfers", "--seeds", "3"],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^ +\d+ +[\d.]+ +\d+ +(\d+) +\d+  (.*)$", done.stdout, re.MULTILINE)
    assert len(rows) == 3
    for faults, _ in rows:
        assert int(faults) > 20, done.stdout


@pytest.mark.parametrize("code", ["%upload small.csv", "%files", "%files --delete small.csv"])
def test_an_interrupt_ends_a_transfer_that_waits_for_the_service(
    local_pool: Pool, tmp_path: Path, code: str
) -> None:
    (tmp_path / "small.csv").write_text("a")
    with Proxy(local_pool.endpoint) as proxy:
        variables = {
            "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
            "ACA_KEEP_ALIVE": "0",
        }
        kernel = Kernel(variables, tmp_path)
        try:
            kernel.start()
            assert kernel.run("1").status == "ok"
            proxy.play(["503 page"] * 1000)
            message = kernel.send(code)
            kernel.wait_for_message(message, lambda got: "Trying again" in str(got["content"]))
            began = time.monotonic()
            kernel.interrupt()
            ran = kernel.finish(message)
            assert ran.ename == "KeyboardInterrupt"
            assert time.monotonic() - began < 3
            proxy.play([])
            assert kernel.run("6*7").result == "42"
        finally:
            kernel.close()
