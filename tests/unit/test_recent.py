"""The remembered sessions: the user's alone, bounded, and safe to write from several kernels."""

from __future__ import annotations

import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aca_kernel.sessions.recent_sessions import MOST, RecentSessions

POOL = "https://north.dynamicsessions.io/subscriptions/s/resourceGroups/g/sessionPools/p"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "aca-kernel"


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_what_is_remembered_is_the_users_alone(folder: Path) -> None:
    previous = os.umask(0)
    try:
        RecentSessions(folder).remember("identifier-1", POOL, "folder/a.ipynb")
    finally:
        os.umask(previous)
    path = only_file(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "identifier-1" not in path.name
    (session,) = RecentSessions(folder).all()
    assert (session.identifier, session.endpoint) == ("identifier-1", POOL)
    assert session.notebook == "folder/a.ipynb"
    assert "identifier-1" not in repr(session)


def test_nothing_is_made_by_looking(folder: Path) -> None:
    recent = RecentSessions(folder)
    assert recent.all() == []
    recent.forget("identifier-1", POOL)
    assert not folder.parent.exists()


def test_a_session_is_one_entry_and_can_be_forgotten(folder: Path) -> None:
    recent = RecentSessions(folder)
    for notebook in ("a", "b"):
        recent.remember("identifier-1", POOL, notebook)
    recent.remember("identifier-1", f"{POOL}-2", "c")
    assert sorted(session.notebook for session in recent.all()) == ["b", "c"]
    recent.forget("identifier-1", POOL)
    assert [session.notebook for session in recent.all()] == ["c"]


def test_the_latest_come_first_and_the_oldest_are_dropped(folder: Path) -> None:
    recent = RecentSessions(folder)
    for number in range(MOST + 5):
        recent.remember(f"identifier-{number}", POOL, str(number))
        for path in folder.iterdir():
            age(path, time.time() - path.stat().st_mtime + 60)
    recent.remember("identifier-0", POOL, "again")
    shown = [session.notebook for session in recent.all()]
    assert shown == ["again", *(str(n) for n in range(MOST + 4, 5, -1))]
    assert len(list(folder.iterdir())) == MOST


def test_what_is_older_than_a_week_is_dropped(folder: Path) -> None:
    recent = RecentSessions(folder)
    recent.remember("identifier-1", POOL, "")
    age(only_file(folder), 7 * 24 * 3600 + 60)
    (folder / "session-broken.tmp").write_text("left by a process that was killed")
    age(folder / "session-broken.tmp", 8 * 24 * 3600)
    assert recent.all() == []
    recent.remember("identifier-2", POOL, "")
    assert [s.identifier for s in recent.all()] == ["identifier-2"]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"identifier": "x", "endpoint": POOL, "notebook": ""}).encode(),
        json.dumps({"identifier": "a b c d", "endpoint": POOL, "notebook": ""}).encode(),
    ],
)
def test_a_file_that_nobody_here_wrote_is_left_out(folder: Path, content: bytes) -> None:
    recent = RecentSessions(folder)
    recent.remember("identifier-1", POOL, "")
    (folder / "session-other.json").write_bytes(content)
    assert [s.identifier for s in recent.all()] == ["identifier-1"]


def test_links_are_never_followed(folder: Path, tmp_path: Path) -> None:
    recent = RecentSessions(folder)
    recent.remember("identifier-1", POOL, "")
    path = only_file(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)
    assert recent.all() == []
    recent.remember("identifier-1", POOL, "new")
    assert not path.is_symlink()
    assert b"new" not in elsewhere.read_bytes()
    os.mkfifo(folder / "session-fifo.json")
    assert [s.notebook for s in recent.all()] == ["new"]


def test_a_folder_that_is_a_link_is_left_alone(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.parent.mkdir()
    folder.symlink_to(elsewhere, target_is_directory=True)
    recent = RecentSessions(folder)
    recent.remember("identifier-1", POOL, "")
    assert recent.all() == []
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_was_open_to_others_is_closed(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)
    RecentSessions(folder).remember("identifier-1", POOL, "")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_fails_nothing(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    recent = RecentSessions(folder)
    recent.remember("identifier-1", POOL, "")
    recent.forget("identifier-1", POOL)
    assert recent.all() == []


def test_several_kernels_may_write_at_once(folder: Path) -> None:
    def kernel(number: int) -> None:
        recent = RecentSessions(folder)
        for _ in range(30):
            recent.remember(f"identifier-{number}", POOL, str(number))
            assert f"identifier-{number}" in [s.identifier for s in recent.all()]
            recent.remember("shared-by-all", POOL, str(number))

    with ThreadPoolExecutor(8) as kernels:
        list(kernels.map(kernel, range(8)))
    assert len(RecentSessions(folder).all()) == 9
    assert [path for path in folder.iterdir() if path.suffix != ".json"] == []
