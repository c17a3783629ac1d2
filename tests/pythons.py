"""Virtual environments for sessions: another Python, another ipykernel; made once and kept.

They outlive a run of the tests, in the user's cache directory.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["NoInterpreter", "find_python", "interpreter"]

# What a session's ipykernel needs of its own time. ipykernel 5.5 with a later traitlets or
# jupyter_client works by chance: these are the versions that it was released beside.
_OF_ITS_TIME = {
    "5.5": ("ipython<8", "jupyter_client<7", "traitlets<6", "tornado<6.2", "pyzmq<26"),
    "6.9": ("jupyter_client<8", "pyzmq<26"),
}
# Found at import: a test may have set another home.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_KEPT = _CACHE / "aca-kernel-tests"
_LOOK = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"


class NoInterpreter(Exception):
    """This machine does not have that Python."""


def find_python(version: str) -> str | None:
    """Find a CPython of that version, such as "3.8": this one, of the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    own = sys.executable if version == "{}.{}".format(*sys.version_info) else None
    named = [os.environ.get(f"PYTHON{version.replace('.', '')}"), own]
    named.append(shutil.which(f"python{version}"))
    for python in [*named, *map(str, sorted(root.glob(f"versions/{version}.*/bin/python")))]:
        if python is None:
            continue
        done = subprocess.run([python, "-c", _LOOK], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == version:
            return python
    return None


def interpreter(python: str, ipykernel: str, *packages: str) -> Path:
    """Give a Python of that version, with that ipykernel ("6.29", "7") and ``packages``.

    NoInterpreter when the machine has no such Python. It is made by pip on first use.
    """
    _KEPT.mkdir(parents=True, exist_ok=True)
    folder = _KEPT / "-".join([f"python{python}", f"ipykernel{ipykernel}", *packages])
    inside = folder / "bin" / "python"
    with (_KEPT / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other runs of the tests want it too
        if (folder / "made").exists():
            return inside
        found = find_python(python)
        if found is None:
            raise NoInterpreter(f"there is no Python {python} here")
        subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
        wanted = [f"ipykernel=={ipykernel}.*", *_OF_ITS_TIME.get(ipykernel, ()), *packages]
        pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", *wanted], check=True)
        (folder / "made").touch()
    return inside
