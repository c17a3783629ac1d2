"""Virtual environments for sessions: another Python, another ipykernel; made once and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

KEPT = Path(__file__).parents[1] / "output" / "pythons"
_LOOK = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"
_making = threading.Lock()


class NoInterpreter(Exception):
    """This machine does not have it, and can't make it."""


def interpreter(python: str, ipykernel: str) -> Path:
    """Give an interpreter of that version with that ipykernel; NoInterpreter without."""
    folder = KEPT / f"python{python}-ipykernel{ipykernel}"
    inside = folder / "bin" / "python"
    with _making:
        if (folder / "made").exists():
            return inside
        found = _find(python)
        if found is None:
            raise NoInterpreter(f"There is no Python {python} here.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(inside), "-m", "pip", "install", "--quiet", f"ipykernel=={ipykernel}"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoInterpreter(f"ipykernel {ipykernel} can't be installed: {done.stderr[-300:]}")
        (folder / "made").touch()
    return inside


def _find(version: str) -> str | None:
    """A CPython of that version that runs: of the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    own = [sys.executable] if sys.version_info[:2] == tuple(map(int, version.split("."))) else []
    path = shutil.which(f"python{version}")
    named = [path] if path else []
    named += [str(p) for p in sorted(root.glob(f"versions/{version}.*/bin/python"))] + own
    for python in named:
        done = subprocess.run([python, "-c", _LOOK], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == version:
            return python
    return None
