"""%download against a real pool, whose session has files that mean harm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aca_kernel import pool
from aca_kernel.errors import TransferError
from aca_kernel.transfers.destination import Destination
from aca_kernel.transfers.local_files import OutsideRoot
from tests.localpool.conftest import lacking

from .magics_bench import Bench, RunningPool, open_bench


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


def make(bench: Bench, *names: str, content: str = "remote") -> None:
    """Make files in the session, folders on the way included."""
    bench.python(
        "import json, os\n"
        f"for name in json.loads({json.dumps(names)!r}):\n"
        "    path = os.path.join('/mnt/data', name)\n"
        "    os.makedirs(os.path.dirname(path), exist_ok=True)\n"
        f"    open(path, 'w').write({content!r})"
    )


def local(bench: Bench) -> list[str]:
    return sorted(
        str(path.relative_to(bench.root)) for path in bench.root.rglob("*") if path.is_file()
    )


def test_a_file_arrives_and_the_line_says_where(bench: Bench) -> None:
    make(bench, "result.csv")
    bench.run("download", "result.csv")
    assert bench.text == "/mnt/data/result.csv → result.csv  6 Bytes\n"
    assert bench.displays == []
    assert (bench.root / "result.csv").read_text() == "remote"


@pytest.mark.parametrize("name", ["with space.csv", "자료.csv", "100%.csv", "a#b&c;d.csv"])
def test_odd_names_arrive(bench: Bench, name: str) -> None:
    make(bench, name)
    bench.run("download", f"'/mnt/data/{name}'")
    assert local(bench) == [name]


def test_to_names_a_folder_that_is_made(bench: Bench) -> None:
    make(bench, "deep/result.csv")
    bench.run("download", "deep/result.csv --to out/today")
    assert local(bench) == [str(Path("out/today/result.csv"))]


def test_an_empty_file_arrives(bench: Bench) -> None:
    make(bench, "empty", content="")
    bench.run("download", "empty")
    assert (bench.root / "empty").read_bytes() == b""


def test_a_glob_fetches_what_it_matches(bench: Bench) -> None:
    make(bench, "a.csv", "b.csv", "c.txt", "deep/d.csv", ".hidden.csv")
    bench.run("download", "*.csv")
    assert local(bench) == ["a.csv", "b.csv"]
    bench.run("download", "**/d.csv")
    assert local(bench) == ["a.csv", "b.csv", "d.csv"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("missing.csv", "There is no file missing.csv"),
        ("a.csv missing.csv other.csv", "2 names stand for no file"),
        ("*.txt", "No file in the session matches"),
        ("../a.csv", "'..'"),
        ("/etc/passwd", "'/etc'"),
        ("'a\\b.csv'", "b.csv"),
        ("deep", "deep"),
        ("a.csv deep/a.csv", "would both become a.csv"),
        ("a.csv deep/A.CSV", "would both become A.CSV"),
        (".hidden", "--force"),
    ],
)
def test_one_bad_name_stops_all_before_anything_is_fetched(
    bench: Bench, arguments: str, what: str
) -> None:
    make(bench, "a.csv", "deep/a.csv", "deep/A.CSV", ".hidden")
    with pytest.raises(TransferError) as refused:
        bench.run("download", arguments)
    assert what in str(refused.value)
    assert local(bench) == []


def test_an_existing_file_needs_force(bench: Bench) -> None:
    make(bench, "a.csv", "b.csv")
    (bench.root / "B.csv").write_text("local")
    with pytest.raises(TransferError, match=r"B\.csv exists"):
        bench.run("download", "a.csv b.csv")
    assert local(bench) == ["B.csv"]
    (bench.root / "B.csv").rename(bench.root / "b.csv")
    bench.run("download", "a.csv b.csv --force")
    assert (bench.root / "b.csv").read_text() == "remote"


def test_a_folder_outside_needs_leave(bench: Bench) -> None:
    make(bench, "a.csv")
    outside = bench.root.with_name("outside")
    outside.mkdir()
    with pytest.raises(OutsideRoot, match="ACA_TRANSFER_ROOT"):
        bench.run("download", "a.csv --to ../outside")
    with pytest.raises(OutsideRoot):
        bench.run("download", "a.csv --to ../outside", answer="")
    assert list(outside.iterdir()) == []
    bench.run("download", f"a.csv --to '{outside}'", answer="yes")
    assert str(outside) in bench.questions[0]
    assert (outside / "a.csv").read_text() == "remote"


def test_hostile_names_of_a_listing_do_no_harm(bench: Bench) -> None:
    hostile = [
        "..\\up.csv",
        "C:\\x.csv",
        "a\x1b[2J.csv",
        "a\nb.csv",
        "<b>.csv",
        "CON.csv",
        "ok.csv",
    ]
    make(bench, *hostile)
    bench.run("download", "*.csv --to out")
    folder = bench.root / "out"
    assert sorted(path.name for path in folder.iterdir()) == ["_CON.csv", "ok.csv"]
    assert [path.name for path in bench.root.iterdir()] == ["out"]
    assert "\x1b" not in bench.text
    assert bench.text.count("left out") == 4


def test_no_room_on_the_disk_is_told_before_the_transfer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bench, "a.csv")
    monkeypatch.setattr(Destination, "free", lambda _: 5)
    with pytest.raises(TransferError, match="has room for 5 Bytes"):
        bench.run("download", "a.csv")
    assert local(bench) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, which is full when 8 MB have been written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        lacking("only root can mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_really_full_keeps_nothing_of_the_file(
    local_pool: RunningPool, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program fills it after the room was judged; what had arrived before stays."""
    real = pool.download

    def beside(client: Any, identifier: str, path: str, *rest: Any, **options: Any) -> int:
        if path == "b.bin":
            (small_disk / "filler").write_bytes(b"x" * 5_000_000)
        size: int = real(client, identifier, path, *rest, **options)
        return size

    monkeypatch.setattr(pool, "download", beside)
    with open_bench(local_pool, small_disk) as bench:
        make(bench, "a.bin", content="a")
        make(bench, "b.bin", content="x" * 6_000_000)
        with pytest.raises(TransferError, match="disk here is full"):
            bench.run("download", "a.bin b.bin")
        assert local(bench) == ["a.bin"]
        assert (bench.root / "a.bin").read_text() == "a"
        with pytest.raises(TransferError, match="has room for"):
            bench.run("download", "b.bin")
        assert local(bench) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_disk_that_fills_up_leaves_nothing(bench: Bench) -> None:
    import resource

    make(bench, "a.bin", content="x" * 3_000_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(TransferError, match="full"):
            bench.run("download", "a.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert local(bench) == []


def test_a_file_that_is_longer_than_announced_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bench, "a.csv", "b.csv")
    real = pool.download

    def growing(client: Any, identifier: str, path: str, *rest: Any, **options: Any) -> int:
        make(bench, "a.csv", content="much longer than before")
        size: int = real(client, identifier, path, *rest, **options)
        return size

    monkeypatch.setattr(pool, "download", growing)
    with pytest.raises(TransferError, match="1 of 2 files were not downloaded"):
        bench.run("download", "a.csv b.csv")
    assert local(bench) == ["b.csv"]
    assert "/mnt/data/b.csv → b.csv" in bench.text


def test_an_interrupted_download_leaves_no_half_file(bench: Bench) -> None:
    make(bench, "a.csv")
    bench.python("open('/mnt/data/wide.bin', 'wb').truncate(250 * 2**20)")
    bench.run_interrupted("download", "a.csv wide.bin")
    assert bench.displays[-1]["text/plain"] == "1 of 2 files had arrived; cancelled"
    assert [path.name for path in bench.root.iterdir()] == ["a.csv"]


def test_names_that_differ_only_in_case_are_not_both_fetched(bench: Bench) -> None:
    make(bench, "Same.csv", "same.csv", "SAME.csv")
    with pytest.raises(TransferError, match="would both become"):
        bench.run("download", "'*.csv'")
    assert local(bench) == []


def test_a_name_as_long_as_the_file_system_allows_arrives(bench: Bench) -> None:
    name = "n" * 251 + ".csv"
    make(bench, name)
    bench.run("download", name)
    assert local(bench) == [name]
    with pytest.raises(TransferError, match="longer than 255 bytes"):
        bench.run("download", "n" * 300)
