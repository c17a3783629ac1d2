"""aca-kernel sessions: list, delete and prune against a real local pool."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest

from aca_kernel.commands.sessions import PruneApp, labels
from aca_kernel.pool import PoolClient, SessionInfo, TokenSource, parse_endpoint

from .conftest import Pool, Run, reach

OURS_1 = "aca-kernel-" + "1f" * 20
OURS_2 = "aca-kernel-" + "2e" * 20
OTHER = "an-agents-session-0123456789"


@pytest.fixture
def pool(start_pool: Callable[..., Pool]) -> Pool:
    return start_pool("--ready-sessions", "0")


@pytest.fixture
def client(pool: Pool) -> Iterator[PoolClient]:
    with PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token)) as client:
        for identifier in (OURS_1, OURS_2, OTHER):
            list(client.list_files(identifier))
        yield client


def alive(client: PoolClient) -> set[str]:
    return {session.identifier for session in client.list_sessions()}


def test_the_list_shows_each_session_and_no_identifier_in_full(
    aca_kernel: Run, pool: Pool, client: PoolClient
) -> None:
    result = aca_kernel("sessions", "list", **reach(pool))
    assert result.returncode == 0, result.stderr
    header, _, *rows = result.stdout.splitlines()
    assert header.split() == ["identifier", "created", "idle", "since", "expires"]
    assert len(rows) == 3
    shown = {row.split()[0] for row in rows}
    assert len(shown) == 3
    assert all(label.endswith("…") for label in shown)
    for identifier in (OURS_1, OURS_2, OTHER):
        assert identifier not in result.stdout
        assert identifier[: len(identifier) // 2 + 1] not in result.stdout


def test_the_list_is_shown_where_the_locale_has_no_letters(
    aca_kernel: Run, pool: Pool, client: PoolClient
) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = aca_kernel("sessions", "list", **environment, **reach(pool))
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 5


def test_an_empty_pool_says_so(aca_kernel: Run, pool: Pool) -> None:
    result = aca_kernel("sessions", "list", **reach(pool))
    assert (result.returncode, result.stdout) == (0, "The pool has no sessions.\n")


@pytest.mark.parametrize("word", [OTHER, "an-agent", "an-agents…"])
def test_one_session_is_deleted(aca_kernel: Run, pool: Pool, client: PoolClient, word: str) -> None:
    result = aca_kernel("sessions", "delete", word, **reach(pool))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Deleted the session an-agents")
    assert OTHER not in result.stdout
    assert alive(client) == {OURS_1, OURS_2}


@pytest.mark.parametrize(
    ("word", "said"),
    [("aca-kernel", "2 sessions begin with"), ("nobodys", "no session 'nobodys'"), ("…", "no")],
)
def test_nothing_is_deleted_unless_one_session_is_meant(
    aca_kernel: Run, pool: Pool, client: PoolClient, word: str, said: str
) -> None:
    result = aca_kernel("sessions", "delete", word, **reach(pool))
    assert result.returncode == 1
    assert said in result.stderr
    assert alive(client) == {OURS_1, OURS_2, OTHER}


def test_prune_leaves_sessions_that_are_in_use(
    aca_kernel: Run, pool: Pool, client: PoolClient
) -> None:
    result = aca_kernel("sessions", "prune", **reach(pool))
    assert (result.returncode, result.stdout) == (0, "Nothing to prune among 3 sessions.\n")
    assert alive(client) == {OURS_1, OURS_2, OTHER}


def test_prune_deletes_idle_sessions_of_our_kernels_alone(
    aca_kernel: Run, pool: Pool, client: PoolClient
) -> None:
    result = aca_kernel("sessions", "prune", "--idle", "0", "--yes", **reach(pool))
    assert result.returncode == 0, result.stderr
    assert "Pruned 2 of 3 sessions." in result.stdout
    assert alive(client) == {OTHER}
    result = aca_kernel("sessions", "prune", "--idle", "0", "--all", "-y", **reach(pool))
    assert "Pruned 1 of 1 session." in result.stdout
    assert alive(client) == set()


def test_prune_deletes_nothing_when_nobody_can_be_asked(
    aca_kernel: Run, pool: Pool, client: PoolClient
) -> None:
    result = aca_kernel("sessions", "prune", "--idle", "0", **reach(pool))
    assert result.returncode == 2
    assert "add --yes" in result.stderr
    assert alive(client) == {OURS_1, OURS_2, OTHER}


@pytest.mark.parametrize(("answer", "left"), [("n\n", 3), ("y\n", 1)])
def test_prune_asks_on_a_terminal(
    environment: dict[str, str], pool: Pool, client: PoolClient, answer: str, left: int
) -> None:
    terminal, line = pty.openpty()
    os.write(terminal, answer.encode())
    result = subprocess.run(
        [sys.executable, "-m", "aca_kernel.commands.cli", "sessions", "prune", "--idle", "0"],
        env=environment | reach(pool),
        stdin=line,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(terminal)
    os.close(line)
    assert "Delete 2 sessions? [y/N]" in result.stdout
    assert len(alive(client)) == left


def test_the_pool_of_another_kernel_cannot_be_meant_by_local(aca_kernel: Run) -> None:
    result = aca_kernel("sessions", "list", "--endpoint", "local")
    assert result.returncode == 1
    assert "aca-kernel pool" in result.stderr


def test_an_api_version_without_sessions_says_so(aca_kernel: Run, pool: Pool) -> None:
    result = aca_kernel("sessions", "list", "--api-version", "2024-02-02-preview", **reach(pool))
    assert result.returncode == 1
    assert "2024-02-02-preview" in result.stderr


def session(identifier: str, idle: float, cooldown: float | None) -> SessionInfo:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    used = now - timedelta(seconds=idle)
    return SessionInfo(
        identifier=identifier,
        created=used,
        last_accessed=used,
        expires=None if cooldown is None else used + timedelta(seconds=cooldown),
        etag="",
    )


@pytest.mark.parametrize(
    ("idle", "cooldown", "expected"),
    [(149, 300, False), (151, 300, True), (1000, None, False)],
)
def test_half_a_cooldown_without_a_call_counts_as_left_behind(
    idle: float, cooldown: float | None, expected: bool
) -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert PruneApp()._is_left_behind(session(OURS_1, idle, cooldown), now) is expected


def test_labels_tell_sessions_apart_and_stay_below_half() -> None:
    sessions = [session(name, 0, 300) for name in (OURS_1, OURS_2, "aaaa", "aaab")]
    first, second, *short = labels(sessions)
    assert first != second
    assert OURS_1.startswith(first.removesuffix("…"))
    assert all(len(label.removesuffix("…")) <= 2 for label in short)
