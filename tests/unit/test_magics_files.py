"""%files against a real pool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from aca_kernel.errors import TransferError
from aca_kernel.transfers.display import age_text, duration_text, table

from .magics_bench import Bench, RunningPool, open_bench


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


def test_no_files_says_so(bench: Bench) -> None:
    bench.run("files")
    assert bench.text == "/mnt/data is empty.\n"


def test_files_are_a_table(bench: Bench) -> None:
    bench.python(
        "import os; os.makedirs('/mnt/data/deep/er')\n"
        "open('/mnt/data/a.csv', 'w').write('x' * 12345)\n"
        "open('/mnt/data/deep/b.csv', 'w').write('x')"
    )
    bench.run("files")
    (shown,) = bench.displays
    lines = shown["text/plain"].splitlines()
    assert lines[0].split() == ["Name", "Size", "Bytes", "Modified"]
    assert lines[2].split()[0] == "deep/"
    assert lines[3].startswith("a.csv")
    assert "12.3 kB" in lines[3]
    assert "12,345" in lines[3]
    assert "<table>" in shown["text/html"]
    bench.run("files", "/mnt/data/deep/")
    assert "b.csv" in bench.displays[0]["text/plain"]
    assert "deep/b.csv" not in bench.displays[0]["text/plain"]
    bench.run("files", "-r")
    assert "deep/b.csv" in bench.displays[0]["text/plain"]


def test_hostile_names_are_shown_as_text(bench: Bench) -> None:
    bench.python(
        "for name in '<img src=x onerror=alert(1)>', 'a\\x1b[2J', 'gpj\\u202eexe', '1e5':\n"
        "    open('/mnt/data/' + name, 'w').close()"
    )
    bench.run("files")
    (shown,) = bench.displays
    assert "<img" not in shown["text/html"]
    assert "\x1b" not in shown["text/plain"] + shown["text/html"]
    assert "\u202e" not in shown["text/plain"] + shown["text/html"]
    assert "\n1e5 " in shown["text/plain"]


@pytest.mark.parametrize("directory", ["..", "/etc", "a.b", "a//b"])
def test_a_folder_that_cannot_be_is_an_error(bench: Bench, directory: str) -> None:
    with pytest.raises(TransferError):
        bench.run("files", directory)


def test_a_folder_that_is_missing_says_so(bench: Bench) -> None:
    with pytest.raises(TransferError, match="no folder /mnt/data/missing"):
        bench.run("files", "missing")


def test_delete_removes_and_says_what(bench: Bench) -> None:
    bench.python(
        "import os; os.makedirs('/mnt/data/deep')\n"
        "for name in 'a.csv', 'b.csv', 'c.txt', 'deep/d.csv':\n"
        "    open('/mnt/data/' + name, 'w').close()"
    )
    bench.run("files", "--delete *.csv /mnt/data/deep/d.csv")
    assert bench.text.splitlines() == [
        "deleted /mnt/data/a.csv",
        "deleted /mnt/data/b.csv",
        "deleted /mnt/data/deep/d.csv",
    ]
    assert bench.remote() == ["c.txt"]


def test_a_missing_name_is_an_error_after_the_others_are_deleted(bench: Bench) -> None:
    bench.python("for name in 'a.csv', 'b.csv': open('/mnt/data/' + name, 'w').close()")
    with pytest.raises(TransferError) as failed:
        bench.run("files", "--delete a.csv missing.csv ../x b.csv")
    assert failed.value.what.startswith("2 of 4 names were not deleted:")
    assert "missing.csv" in failed.value.what
    assert bench.text.count("deleted /mnt/data/") == 2
    assert bench.remote() == []


def test_a_table_shows_cells_as_they_are() -> None:
    data = table([["<b>", "007", "1e5", "True"]], ["<i>", "n", "x", "y"]).content["data"]
    assert "<b>" not in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert data["text/plain"].splitlines()[-1].split() == ["<b>", "007", "1e5", "True"]


def test_ages_and_durations_are_for_people() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert age_text(None, now) == ""
    assert age_text(now - timedelta(minutes=3), now) == "3 minutes ago"
    assert age_text(now + timedelta(minutes=3), now) == "3 minutes from now"
    assert age_text(datetime(1, 1, 1, tzinfo=timezone.utc), now) == "2,026 years ago"
    assert age_text(datetime(2025, 12, 31, 23, 59), now) == "a minute ago"
    assert duration_text(3000) == "50 minutes"
    assert duration_text(90.4) == "1 minute and 30 seconds"
