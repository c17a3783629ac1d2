"""Calls that the service refuses while a cell is on its way: it runs once, and is told so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aca_kernel.guest.protocol import FrameError, unpack
from tests.faults.proxy import RESET_AFTER, Call, Proxy
from tests.kernel.driver import DIRECT, LINKED, Kernel, Pool

Refusal = tuple[int, bytes] | None
COUNT = "n = globals().get('n', 0) + 1"


class Refusing:
    """What a proxy refuses: ``status`` for as many calls as ``left`` says."""

    def __init__(self, operation: str = "executions") -> None:
        self.operation = operation
        self.status = 400
        self.left = 0
        self.refused = 0

    def __call__(self, operation: str, body: bytes) -> Refusal:
        if operation != self.operation or self.left <= 0:
            return None
        self.left -= 1
        self.refused += 1
        return self.status, b'{"error": {"code": "Said", "message": "No."}}'


@contextmanager
def running(pool: Pool, proxy: Proxy, folder: Path, **more: str) -> Iterator[Kernel]:
    environment = {
        "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
        "ACA_ACCESS_TOKEN": pool.token,
        **more,
    }
    kernel = Kernel(environment, folder).start()
    try:
        yield kernel
    finally:
        kernel.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 423, 302])
def test_a_cell_that_runs_is_followed_whatever_a_call_is_refused_with(
    local_pool: Pool, tmp_path: Path, status: int
) -> None:
    refusing = Refusing()
    refusing.status = status
    with (
        Proxy(local_pool.endpoint, refuse=refusing) as proxy,
        running(local_pool, proxy, tmp_path, **LINKED) as kernel,
    ):
        kernel.run("import time")
        message = kernel.begun(f"{COUNT}; time.sleep(2); n", local_pool)
        refusing.left = 3
        ran = kernel.finish(message)
        assert refusing.refused >= 3
        assert (ran.status, ran.result) == ("ok", "1")
        assert kernel.run("n").result == "1"


def test_a_cell_that_no_call_brought_there_is_taken_back(local_pool: Pool, tmp_path: Path) -> None:
    refusing = Refusing()
    with (
        Proxy(local_pool.endpoint, refuse=refusing) as proxy,
        running(local_pool, proxy, tmp_path, **LINKED) as kernel,
    ):
        kernel.run("n = 0")
        refusing.left = 10**6
        ran = kernel.run(COUNT)
        assert ran.ename == "BadRequest"
        assert "Nothing of this cell was run." in ran.traceback
        assert "No." in ran.traceback
        refusing.left = 0
        assert kernel.run("n").result == "0"
        assert kernel.run(f"{COUNT}; n").result == "1"


def test_a_cell_that_may_be_there_is_said_to_be_and_never_runs_twice(
    local_pool: Pool, tmp_path: Path
) -> None:
    is_over = False

    def refuse(operation: str, body: bytes) -> Refusal:
        was_lost = any(call.fault == RESET_AFTER for call in proxy.calls[:-1])
        is_refused = was_lost and not is_over and operation == "executions"
        return (400, b'{"error": {"code": "Said"}}') if is_refused else None

    with (
        Proxy(local_pool.endpoint, refuse=refuse) as proxy,
        running(local_pool, proxy, tmp_path, ACA_OUTAGE_TOLERANCE="2", **LINKED) as kernel,
    ):
        kernel.run("n = 0")
        proxy.play([RESET_AFTER])  # the call that has the cell is carried out, its answer lost
        lost = kernel.send(f"{COUNT}; print('shown', n)")
        ran = kernel.finish(lost)
        assert ran.status == "error"
        assert "Whether this cell's code is run is not known" in ran.traceback
        is_over = True
        assert kernel.run("n").result == "1"
        assert [one["content"]["text"] for one in kernel.so_far(lost)] == ["shown 1\n"]


def answers_above(limit: int, status: int) -> Callable[[Call, int, bytes], tuple[int, bytes]]:
    """Change answers of more than ``limit`` bytes into a refusal."""

    def alter(_: Call, answered: int, body: bytes) -> tuple[int, bytes]:
        return (status, b"{}") if len(body) > limit else (answered, body)

    return alter


@pytest.mark.parametrize("status", [500, 400])
def test_an_answer_that_is_too_large_comes_in_parts(
    local_pool: Pool, tmp_path: Path, status: int
) -> None:
    with (
        Proxy(local_pool.endpoint, alter=answers_above(20_000, status)) as proxy,
        running(local_pool, proxy, tmp_path, **LINKED) as kernel,
    ):
        ran = kernel.run("import os\ntext = os.urandom(100_000).hex()\nprint(text)")
        assert ran.status == "ok", ran.traceback
        assert len(ran.stdout) == 200_001
        assert kernel.run("1 + 1").result == "2"


def test_what_cannot_come_even_so_is_left_out_and_said(local_pool: Pool, tmp_path: Path) -> None:
    def alter(_: Call, answered: int, body: bytes) -> tuple[int, bytes]:
        """Refuse every answer that has a part of one message, however small it is."""
        try:
            _head, data = unpack(json.loads(body)["result"]["stdout"])
        except (FrameError, KeyError, TypeError, ValueError):
            return answered, body
        return (500, b"{}") if b"POISON" in bytes(data) else (answered, body)

    with (
        Proxy(local_pool.endpoint, alter=alter) as proxy,
        running(local_pool, proxy, tmp_path, **LINKED) as kernel,
    ):
        ran = kernel.run("print('before', flush=True)\nprint('POI' + 'SON', flush=True)\n1 + 1")
        assert ran.status == "ok", ran.traceback
        assert ran.stdout == "before\n"
        assert ran.result == "2"
        assert "left out" in ran.displayed
        assert kernel.run("1 + 1").result == "2"


def test_a_session_that_takes_one_call_at_a_time_is_waited_for(
    local_pool: Pool, tmp_path: Path
) -> None:
    refusing = Refusing()
    refusing.status = 409
    with (
        Proxy(local_pool.endpoint, refuse=refusing) as proxy,
        running(local_pool, proxy, tmp_path, **DIRECT) as kernel,
    ):
        kernel.run("n = 0")
        refusing.left = 8
        ran = kernel.run(f"{COUNT}; n")
        assert ran.result == "1"
        assert "Code of an earlier cell may still run there" in ran.displayed
        assert "for the session." in ran.displayed


def test_a_restart_that_the_service_does_not_do_is_done_another_way(
    local_pool: Pool, tmp_path: Path
) -> None:
    refusing = Refusing("session")
    refusing.status, refusing.left = 404, 10**6
    with (
        Proxy(local_pool.endpoint, refuse=refusing) as proxy,
        running(local_pool, proxy, tmp_path, **DIRECT) as kernel,
    ):
        kernel.run("old = 1\nopen('/mnt/data/kept', 'w').close()")
        assert kernel.run("%session restart").status == "ok"
        assert kernel.run("'old' in dir()").result == "False"
        kernel.run("old = 1")
        kernel.restart()
        ran = kernel.run("'old' in dir()")
        assert ran.result == "False"
        assert "Reattached" not in ran.displayed
        assert kernel.run("import os; os.listdir('/mnt/data')").result == "['kept']"
        refusing.left = 0


def test_an_optional_call_that_is_never_answered_holds_no_cell_up(
    local_pool: Pool, tmp_path: Path
) -> None:
    with Proxy(local_pool.endpoint, stuck=("session",)) as proxy:
        for mode in (DIRECT, LINKED):
            with running(local_pool, proxy, tmp_path / mode["ACA_KERNEL_MODE"], **mode) as kernel:
                began = time.monotonic()
                assert kernel.run("6 * 7").result == "42"
                assert time.monotonic() - began < 20
