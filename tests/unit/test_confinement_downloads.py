"""Where downloads may land on this machine: tried against the real file system."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from aca_kernel.errors import TransferError
from aca_kernel.transfers import destination as destination_module
from aca_kernel.transfers.destination import Destination
from aca_kernel.transfers.local_files import OutsideRoot

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX links and modes")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "root"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "outside"
    made.mkdir()
    return made


def write(root: Path, name: str, directory: str = "", *, force: bool = False) -> Path:
    with (
        Destination(directory, root) as destination,
        destination.create(name, force=force) as partial,
    ):
        partial.stream.write(b"new")
        return partial.commit()


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_a_file_lands_whole_under_its_name(root: Path) -> None:
    assert write(root, "data.csv") == root / "data.csv"
    assert (root / "data.csv").read_bytes() == b"new"
    assert names(root) == ["data.csv"]


@posix
def test_a_file_gets_the_mode_that_new_files_have(root: Path) -> None:
    mask = os.umask(0o027)
    try:
        path = write(root, "data.csv")
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640


def test_folders_are_made(root: Path) -> None:
    assert write(root, "x", "a/b/c") == root / "a" / "b" / "c" / "x"


@pytest.mark.parametrize("directory", ["..", "../outside", "a/../../outside", "/"])
def test_folders_outside_the_root_are_refused(root: Path, outside: Path, directory: str) -> None:
    with pytest.raises(OutsideRoot, match="ACA_TRANSFER_ROOT"):
        Destination(directory, root)
    assert names(outside) == names(root) == []


def test_leave_opens_a_folder_outside(root: Path, outside: Path) -> None:
    with (
        Destination(outside, root, leave=[outside]) as destination,
        destination.create("x") as partial,
    ):
        partial.commit()
    assert names(outside) == ["x"]


@posix
def test_a_link_to_a_folder_outside_is_refused(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    for directory in ("link", "link/deeper"):
        with pytest.raises(OutsideRoot):
            Destination(directory, root)
    assert names(outside) == []


@posix
def test_a_folder_swapped_for_a_link_before_it_is_opened(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "sub").mkdir()
    real = os.mkdir

    def swapping(*arguments: object, **options: object) -> None:
        if not (root / "sub").is_symlink():
            (root / "sub").rename(root / "away")
            (root / "sub").symlink_to(outside)
        real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "mkdir", swapping)
    with pytest.raises(TransferError, match="a link is in the way"):
        Destination("sub/deeper", root)
    assert names(outside) == []


@posix
def test_a_folder_swapped_for_a_link_later_redirects_nothing(root: Path, outside: Path) -> None:
    with Destination("sub", root) as destination, destination.create("x") as partial:
        partial.stream.write(b"new")
        (root / "sub").rename(root / "away")
        (root / "sub").symlink_to(outside)
        partial.commit()
    assert names(outside) == []
    assert (root / "away" / "x").read_bytes() == b"new"


def test_a_file_as_folder_is_an_error(root: Path) -> None:
    (root / "file").touch()
    for directory in ("file", "file/deeper"):
        with pytest.raises(TransferError):
            Destination(directory, root)


def test_an_existing_file_needs_force(root: Path) -> None:
    (root / "data.csv").write_text("old")
    with pytest.raises(TransferError, match="--force"):
        write(root, "data.csv")
    assert (root / "data.csv").read_text() == "old"
    write(root, "data.csv", force=True)
    assert (root / "data.csv").read_text() == "new"
    assert names(root) == ["data.csv"]


@pytest.mark.parametrize("name", ["DATA.csv", "Data.CSV"])
def test_names_that_differ_only_in_case_are_the_same(root: Path, name: str) -> None:
    (root / "data.csv").write_text("old")
    with pytest.raises(TransferError, match="exists"):
        write(root, name)
    assert names(root) == ["data.csv"]


def test_names_that_differ_only_in_composition_are_the_same(root: Path) -> None:
    (root / "e\u0301.csv").write_text("old")
    with pytest.raises(TransferError, match="exists"):
        write(root, "\u00e9.csv")


@posix
def test_a_link_is_in_the_way_and_never_followed(root: Path, outside: Path) -> None:
    (outside / "target").write_text("old")
    for name, target in (("link", outside / "target"), ("dangling", outside / "none")):
        (root / name).symlink_to(target)
        with pytest.raises(TransferError, match="exists"):
            write(root, name)
        write(root, name, force=True)
        assert not (root / name).is_symlink()
    assert (outside / "target").read_text() == "old"
    assert names(outside) == ["target"]


def test_a_folder_is_never_replaced(root: Path) -> None:
    (root / "data").mkdir()
    with pytest.raises(TransferError, match="no file"):
        write(root, "data", force=True)


@posix
def test_a_device_or_a_pipe_is_never_replaced(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(TransferError, match="no file"):
        write(root, "pipe", force=True)


def test_a_file_that_appears_meanwhile_is_not_replaced(root: Path) -> None:
    with Destination("", root) as destination, destination.create("data.csv") as partial:
        partial.stream.write(b"new")
        (root / "data.csv").write_text("old")
        with pytest.raises(TransferError, match="appeared"):
            partial.commit()
    assert (root / "data.csv").read_text() == "old"
    assert names(root) == ["data.csv"]


@posix
def test_a_file_system_without_hard_links_is_no_worse(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refusing)
    assert write(root, "data.csv").read_bytes() == b"new"
    with Destination("", root) as destination, destination.create("other.csv") as partial:
        (root / "other.csv").write_text("old")
        with pytest.raises(TransferError):
            partial.commit()
    assert (root / "other.csv").read_text() == "old"
    assert names(root) == ["data.csv", "other.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_nothing_is_left_of_what_was_not_finished(root: Path, error: type[BaseException]) -> None:
    def stop() -> None:
        with Destination("", root) as destination, destination.create("data.csv") as partial:
            partial.stream.write(b"half")
            raise error

    with pytest.raises(error):
        stop()
    assert names(root) == []


@posix
def test_a_full_disk_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(root, "data.csv")
    assert names(root) == []


@posix
def test_the_half_file_is_private(root: Path) -> None:
    with Destination("", root) as destination, destination.create("data.csv"):
        (partial,) = root.iterdir()
        assert partial.stat().st_mode & 0o777 == 0o600


def test_hidden_names_need_force(root: Path) -> None:
    with pytest.raises(TransferError, match="--force"):
        write(root, ".bashrc")
    assert write(root, ".bashrc", force=True) == root / ".bashrc"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("/etc/passwd", "passwd"),
        ("../../x.csv", "x.csv"),
        ("..\\..\\x.csv", "x.csv"),
        ("C:\\Windows\\x.dll", "x.dll"),
        ("C:x.csv", "x.csv"),
        ("CON", "_CON"),
        ("aux.txt", "_aux.txt"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("a\x1b[31m.csv", "a_[31m.csv"),
        ("x.csv:stream", "x.csv_stream"),
        ("trailing. . ", "trailing"),
    ],
)
def test_a_hostile_name_lands_inside_under_a_safe_one(root: Path, name: str, base: str) -> None:
    assert write(root, name) == root / base
    assert names(root) == [base]


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "x/", "\\", "C:", " . "])
def test_a_name_that_is_none_is_refused(root: Path, name: str) -> None:
    with pytest.raises(TransferError):
        write(root, name, force=True)
    assert names(root) == []


@posix
def test_no_descriptor_is_left_open(root: Path, outside: Path) -> None:
    (root / "file").touch()
    before = len(list(Path("/dev/fd").iterdir()))
    for directory in ("", "a/b", "file/x", "../outside", "file"):
        with (
            contextlib.suppress(TransferError),
            Destination(directory, root) as destination,
            destination.create("x") as partial,
        ):
            partial.commit()
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_where_directories_cannot_be_held_open_nothing_is_replaced_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination_module, "HAS_DIR_FD", False)
    assert write(root, "x", "a/b") == root / "a" / "b" / "x"
    with pytest.raises(TransferError, match="exists"):
        write(root, "X", "a/b")
    write(root, "x", "a/b", force=True)
    with Destination("", root) as destination, destination.create("y") as partial:
        (root / "y").write_text("old")
        with pytest.raises(TransferError, match="appeared"):
            partial.commit()
    assert (root / "y").read_text() == "old"
    assert names(root) == ["a", "y"]
