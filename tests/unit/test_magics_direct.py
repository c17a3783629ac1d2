"""%%direct against a real pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .magics_bench import Bench, RunningPool, open_bench


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


def test_the_body_runs_in_the_session_interpreter(bench: Bench) -> None:
    bench.python("there = 6")
    reply = bench.run("direct", body="print('hello')\nthere * 7")
    assert reply is not None
    assert reply.ok
    assert bench.text == "hello\n"
    assert [shown["text/plain"] for shown in bench.displays] == ["42"]


def test_a_failing_body_fails(bench: Bench) -> None:
    reply = bench.run("direct", body="1 / 0")
    assert reply is not None
    assert (reply.status, reply.ename) == ("error", "ZeroDivisionError")
    assert [output.msg_type for output in bench.outputs] == ["error"]


def test_an_empty_body_does_nothing(bench: Bench) -> None:
    assert bench.run("direct", body=" \n") is None
    assert bench.outputs == []
    assert not bench.session.life.may_exist
