"""The file magics with every api-version of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from aca_kernel.errors import TransferError, VersionLacks
from aca_kernel.pool import API_VERSIONS

from .magics_bench import RunningPool, open_bench


@pytest.mark.parametrize("version", API_VERSIONS)
def test_files_go_and_come_with_every_version(
    local_pool: RunningPool, tmp_path: Path, version: str
) -> None:
    with open_bench(local_pool, tmp_path, version) as bench:
        (bench.root / "a.csv").write_text("a")
        bench.run("upload", "a.csv")
        bench.run("upload", "a.csv --to deep")
        assert sorted(bench.remote()) == ["a.csv", "deep/a.csv"]
        bench.run("files")
        assert "a.csv" in bench.displays[0]["text/plain"]
        bench.run("download", "a.csv --to exact")
        bench.run("download", "*.csv --to globbed")
        assert (bench.root / "exact" / "a.csv").read_text() == "a"
        assert (bench.root / "globbed" / "a.csv").read_text() == "a"
        with pytest.raises(TransferError, match=r"There is no file none\.csv"):
            bench.run("download", "none.csv")


def test_what_a_version_lacks_is_told(local_pool: RunningPool, tmp_path: Path) -> None:
    with open_bench(local_pool, tmp_path, API_VERSIONS[0]) as bench:
        (bench.root / "a.csv").write_text("a")
        bench.run("upload", "a.csv --to deep")
        for name, line in (("files", "deep"), ("files", "--delete a.csv"), ("session", "list")):
            with pytest.raises(VersionLacks, match=API_VERSIONS[0]):
                bench.run(name, line)
