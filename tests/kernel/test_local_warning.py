"""The local kernel on a machine without a sandbox says so in the notebook."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import KernelStarter
from .driver import LOCAL


def test_the_first_cell_warns_when_code_runs_with_the_users_own_rights(
    start_kernel: KernelStarter, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("python3", "env", "sh"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent)])
    kernel = start_kernel(name=LOCAL, PATH=path)
    ran = kernel.run("6 * 7")
    assert ran.result == "42"
    assert "your own rights" in ran.displayed
    assert kernel.run("6 * 7").displayed == ""


def test_a_sandboxed_local_kernel_warns_of_nothing(start_kernel: KernelStarter) -> None:
    if shutil.which("bwrap") is None and "CI" not in os.environ:
        pytest.skip("bubblewrap is not installed")
    assert start_kernel(name=LOCAL).run("6 * 7").displayed == ""
