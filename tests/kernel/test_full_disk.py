"""A disk that is full where the kernel's local pool has its file."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from tests.conftest import PoolStarter
from tests.localpool.conftest import lacking
from tests.localpool.test_full_disk import can_mount, cramped_pool

from .conftest import KernelStarter
from .driver import LINKED, LOCAL, Kernel, everything

WITH_FULL = """
file="$(base64 "$2")" && mount -t tmpfs -o size=32k tmpfs "$1" || exit 1
echo "$file" | base64 -d > "$2"
cat /dev/zero > "$1/zeros" 2> /dev/null
shift 2; exec "$@"
"""


def test_pool_that_has_no_room_is_not_started(tmp_path: Path) -> None:
    if not can_mount():
        lacking("a mount namespace is needed")
    folder = tmp_path / "kernel"
    kernel = Kernel(LINKED, folder, name=LOCAL)
    spec = kernel.manager.kernel_spec
    assert spec is not None
    full = ["unshare", "--mount", "sh", "-c", WITH_FULL, "sh", str(folder), "{connection_file}"]
    spec.argv = [*full, sys.executable, *spec.argv[1:]]
    try:
        kernel.start()
        ran = kernel.run("1")
        assert ran.ename == "LocalPoolError"
        assert "room" in ran.traceback
        assert "full" in ran.traceback or "No space" in ran.traceback
        assert "Traceback" not in ran.traceback
        assert len(ran.traceback.splitlines()) < 6
        assert psutil.Process(kernel.pid).children(recursive=True) == []
        left = [one.name for one in Path(f"/proc/{kernel.pid}/root{folder}").iterdir()]
        assert not [name for name in left if name.startswith("aca-local-pool-")]
    finally:
        kernel.close()


def test_upload_that_finds_no_room_says_so_at_once(
    start_pool: PoolStarter, start_kernel: KernelStarter, tmp_path: Path
) -> None:
    (tmp_path / "large.bin").write_bytes(b"x" * 8_000_000)
    with cramped_pool(start_pool) as pool:
        kernel = start_kernel(pool, cwd=tmp_path, **LINKED)
        assert kernel.run("1").result == "1"
        ran = kernel.run("%upload large.bin")
        assert "no room" in ran.traceback
        assert "disk is full" in ran.traceback
        assert "Nothing was changed." in ran.traceback
        assert "network" not in everything(ran)
        assert ran.seconds < 5
        assert kernel.run("2").result == "2"
        kernel.shutdown()
