"""What `pip install .` brings: the wheel, built as pip builds it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_the_kernels_the_types_and_the_licence(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=250,
    )
    [wheel] = tmp_path.glob("*.whl")
    base = f"aca_kernel-{version('aca-kernel')}"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for directory in ("azure-sessions-python", "azure-sessions-python-local"):
            for source in (ROOT / "kernelspec" / directory).iterdir():
                name = f"{base}.data/data/share/jupyter/kernels/{directory}/{source.name}"
                assert archive.read(name) == source.read_bytes()
        assert "aca_kernel/py.typed" in names
        assert f"{base}.dist-info/licenses/LICENSE" in names
        assert (
            "aca-kernel = aca_kernel.commands.cli:main"
            in archive.read(f"{base}.dist-info/entry_points.txt").decode()
        )
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "aca_kernel").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]
