"""A local pool whose disk is full says so."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PoolStarter, RunningPool

from .conftest import Caller, lacking

SMALL_DISK = 'mount -t tmpfs -o size=4m tmpfs "$1" && export TMPDIR="$1" && shift && exec "$@"'


def can_mount() -> bool:
    """Whether a test can have a small disk of its own."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def cramped_pool(start_pool: PoolStarter) -> Iterator[RunningPool]:
    """Start a pool whose disk has 4 MB."""
    if not can_mount():
        lacking("a mount namespace is needed")
    small = tempfile.mkdtemp(prefix="aca-test-")  # the path of a pool's directory is short
    prefix = ("unshare", "--mount", "sh", "-c", SMALL_DISK, "sh", small)
    yield start_pool("--ready-sessions", "0", prefix=prefix)
    Path(small).rmdir()


@pytest.fixture
def cramped(start_pool: PoolStarter) -> Iterator[Caller]:
    """Give one session of such a pool."""
    with cramped_pool(start_pool) as pool:
        yield Caller(pool)


@pytest.mark.parametrize("version", ["2024-02-02-preview", "2025-10-02-preview"])
def test_upload_that_finds_no_room(cramped: Caller, version: str) -> None:
    cramped.version = version
    assert cramped.upload("small", b"x" * 100_000).ok
    answer = cramped.upload("large", b"x" * 8_000_000)
    assert answer.status_code == 507
    error = answer.json()["error"]
    assert "full" in error["message"]
    assert "small" in cramped.call("GET", "files").text
    assert "large" not in cramped.call("GET", "files").text
    assert cramped.upload("small again", b"x" * 100_000).ok


FILL = """
file = open('/mnt/data/fill', 'wb', buffering=0)
try:
    while True:
        file.write(bytes(10_000))
except OSError:
    file.close()
"""


def test_session_that_finds_no_room_starts_when_there_is_some(cramped: Caller) -> None:
    cramped.run(FILL)
    other = Caller(cramped.pool)
    answer = other.execute("6 * 7")
    assert answer.status_code == 507
    assert "full" in answer.json()["error"]["message"]
    assert cramped.run("1")["value"] == 1
    cramped.run("import os; os.remove('/mnt/data/fill')")
    assert other.run("6 * 7")["value"] == 42
