"""Session identifiers, and the marker of an unfinished restart."""

from __future__ import annotations

import fnmatch
import os
import stat
from pathlib import Path

import pytest

from aca_kernel.pool import check_identifier
from aca_kernel.sessions.identity import IDENTIFIER_PREFIX, RestartMarker, derive_identifier

FILE = Path("/run/kernel-1.json")


def test_identifier_is_the_same_for_the_same_kernel() -> None:
    assert derive_identifier(FILE, b"key") == derive_identifier(FILE, b"key")
    moved = Path("/elsewhere") / FILE.name
    assert derive_identifier(moved, b"key") == derive_identifier(FILE, b"key")


def test_identifier_differs_by_key_and_by_file_name() -> None:
    found = {
        derive_identifier(file, key)
        for file in (FILE, Path("/run/kernel-2.json"))
        for key in (b"key", b"yek")
    }
    assert len(found) == 4


@pytest.mark.parametrize(("file", "key"), [(None, b"key"), (FILE, b""), (None, b"")])
def test_identifier_is_random_where_it_cannot_be_derived(file: Path | None, key: bytes) -> None:
    assert derive_identifier(file, key) != derive_identifier(file, key)


@pytest.mark.parametrize(("file", "key"), [(FILE, b"key"), (None, b"")])
def test_identifier_is_one_that_the_service_accepts(file: Path | None, key: bytes) -> None:
    identifier = derive_identifier(file, key)
    assert check_identifier(identifier) == identifier
    assert identifier.startswith(IDENTIFIER_PREFIX)
    assert len(identifier.removeprefix(IDENTIFIER_PREFIX)) * 4 >= 128


def test_marker_is_found_by_the_next_process_until_it_is_cleared(tmp_path: Path) -> None:
    file = tmp_path / "kernel-1.json"
    first, second = RestartMarker(file), RestartMarker(file)
    assert not first.is_set()
    first.set()
    assert second.is_set()
    assert not RestartMarker(tmp_path / "kernel-2.json").is_set()
    (marker,) = tmp_path.iterdir()
    assert not fnmatch.fnmatch(marker.name, "kernel-*.json")
    assert stat.S_IMODE(marker.stat().st_mode) == 0o600
    second.clear()
    second.clear()
    assert not first.is_set()
    assert list(tmp_path.iterdir()) == []


def test_marker_without_a_place_to_be_is_none() -> None:
    for marker in (RestartMarker(None), RestartMarker(Path("/no/such/folder/kernel-1.json"))):
        marker.set()
        assert not marker.is_set()
        marker.clear()


@pytest.mark.skipif(os.name == "nt", reason="needs a path below a file")
def test_marker_survives_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    marker = RestartMarker(tmp_path / "file" / "kernel-1.json")
    marker.set()
    marker.clear()
    assert not marker.is_set()
