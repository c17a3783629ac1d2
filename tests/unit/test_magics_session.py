"""%session against a real pool."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from aca_kernel.errors import ConfigurationError
from aca_kernel.pool import shorten

from .magics_bench import Bench, RunningPool, open_bench


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


def everything(bench: Bench) -> str:
    return bench.text + "".join("".join(shown.values()) for shown in bench.displays)


def sessions(bench: Bench) -> list[str]:
    return [info.identifier for info in bench.client.list_sessions()]


def test_a_session_that_has_not_started_is_shown_and_not_allocated(bench: Bench) -> None:
    for line in ("", "info"):
        bench.run("session", line)
        (shown,) = bench.displays
        assert "not started" in shown["text/plain"]
        assert "2025-10-02-preview" in shown["text/plain"]
        assert "50 minutes after the last cell" in shown["text/plain"]
        assert shorten(bench.session.identifier) in shown["text/plain"]
        assert bench.session.identifier not in everything(bench)
    assert bench.session.identifier not in sessions(bench)


@pytest.mark.parametrize("line", ["--show-identifier", "info --show-identifier"])
def test_the_identifier_is_shown_in_full_on_request(bench: Bench, line: str) -> None:
    bench.run("session", line)
    assert bench.session.identifier in bench.displays[0]["text/plain"]


def test_the_pools_sessions_are_listed_shortened(bench: Bench) -> None:
    bench.run("files")
    bench.run("session", "list")
    (shown,) = bench.displays
    (own,) = [line for line in shown["text/plain"].splitlines() if "this notebook's" in line]
    assert own.startswith(shorten(bench.session.identifier))
    assert bench.session.identifier not in everything(bench)


def test_stop_deletes_the_session(bench: Bench) -> None:
    bench.run("files")
    assert bench.session.identifier in sessions(bench)
    bench.run("session", "stop")
    assert "deleted" in bench.text
    assert bench.session.identifier not in sessions(bench)


def test_restart_says_what_is_left(bench: Bench) -> None:
    bench.run("session", "restart")
    assert "the next cell starts an empty one" in bench.text


def test_new_changes_the_session(bench: Bench) -> None:
    before = bench.session.identifier
    bench.run("session", "new")
    assert bench.session.identifier != before
    assert shorten(bench.session.identifier) in bench.text


@pytest.mark.parametrize("answer", ["y", "Yes", None])
def test_attach_warns_and_asks_where_it_can(bench: Bench, answer: str | None) -> None:
    other = secrets.token_hex(16)
    bench.run("session", f"attach {other}", answer=answer)
    assert bench.session.identifier == other
    assert "shares variables and files" in bench.text
    assert len(bench.questions) == 1
    assert other not in everything(bench) + bench.questions[0]


@pytest.mark.parametrize("answer", ["n", ""])
def test_attach_takes_no_for_an_answer(bench: Bench, answer: str) -> None:
    before = bench.session.identifier
    bench.run("session", f"attach {secrets.token_hex(16)}", answer=answer)
    assert bench.session.identifier == before
    assert "Not attached" in bench.text


@pytest.mark.parametrize("identifier", ["abc", "x" * 129, "'with space'", "한국어한국어"])
def test_attach_refuses_what_is_no_identifier(bench: Bench, identifier: str) -> None:
    before = bench.session.identifier
    with pytest.raises(ConfigurationError):
        bench.run("session", f"attach {identifier}", answer="y")
    assert bench.session.identifier == before
    assert bench.questions == []


def test_keep_alive_is_set(bench: Bench) -> None:
    bench.run("session", "keep-alive 90")
    assert bench.session.keep_alive == 90
    assert "1 minute and 30 seconds" in bench.text
    bench.run("session", "keep-alive off")
    assert bench.session.keep_alive == 0
    bench.run("session")
    assert "off" in bench.displays[0]["text/plain"]


@pytest.mark.parametrize("name", ["upload", "download", "files", "session", "direct"])
def test_help_is_output_and_no_error(bench: Bench, name: str) -> None:
    assert bench.run(name, "-h") is None
    assert bench.text.startswith("usage: ")
    assert not bench.session.life.may_exist
