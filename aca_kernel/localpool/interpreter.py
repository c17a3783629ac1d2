"""The Python that runs in sessions: this one, or another with packages of its own."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ipykernel

from ..errors import LocalPoolError

__all__ = ["OWN", "Interpreter", "interpreter_at"]

_SECONDS = 60
_OLDEST = 3, 8

_ASK = """
import json, os, platform, sys
try:
    from importlib import metadata
except ImportError:  # before 3.8, which is refused anyway
    metadata = None
import ipykernel
print(json.dumps({
    "executable": sys.executable,
    "prefixes": [sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(
        os.path.realpath(sys.executable)))],
    "version": platform.python_version(),
    "packages": {one.metadata["Name"]: one.version for one in metadata.distributions()}
    if metadata else {},
}))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python: its executable, the folder whose ``bin`` has its programs, and all its folders."""

    executable: str
    prefix: str
    prefixes: tuple[str, ...]
    version: str
    packages: Mapping[str, str]
    """What is installed in it: versions by name."""
    packages_elsewhere: str = ""
    """Where ipykernel was installed, when this Python does not find it there by itself."""

    def folders(self) -> list[Path]:
        """List the folders that it consists of, as named and as resolved, but for /usr.

        LocalPoolError when one of them holds the whole home directory.
        """
        named = [Path(prefix) for prefix in self.prefixes]
        named += [Path(self.packages_elsewhere)] if self.packages_elsewhere else []
        folders: list[Path] = []
        for folder in (form for path in named for form in (path, path.resolve())):
            if folder in Path.home().parents or folder == Path.home():
                raise LocalPoolError(
                    f"This Python is installed in {folder}, which holds your whole home directory.",
                    left="No code was run.",
                    remedy="Use a virtual environment of its own directory.",
                )
            if not folder.is_relative_to("/usr") and folder not in folders:
                folders.append(folder)
        return folders


def _own() -> Interpreter:
    packages = str(Path(ipykernel.__file__).parent.parent)
    return Interpreter(
        executable=sys.executable,
        prefix=sys.prefix,
        prefixes=(
            sys.base_prefix,
            sys.prefix,
            str(Path(sys.executable).resolve().parent.parent),
        ),
        version=platform.python_version(),
        packages={p.metadata["Name"]: p.version for p in importlib.metadata.distributions()},
        packages_elsewhere=packages if packages == site.getusersitepackages() else "",
    )


OWN = _own()
"""The Python that runs the pool."""


def interpreter_at(path: str) -> Interpreter:
    """Give the Python at ``path``, or of that name on PATH; "" for `OWN`.

    It is run once, to learn where it is installed. LocalPoolError when it cannot run sessions.
    """
    if not path:
        return OWN
    found = shutil.which(str(Path(path).expanduser()))
    if found is None:
        raise LocalPoolError(
            f"There is no program {path}, which --python names.",
            left="Nothing was started.",
            remedy="Give the path of a Python executable, such as venv/bin/python.",
        )
    executable = str(Path(found).absolute())  # not resolved: that leads out of an environment
    try:
        done = subprocess.run(
            [executable, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        told = json.loads(done.stdout) if not done.returncode else {}
        version = str(told["version"])
        old = tuple(map(int, version.split(".")[:2])) < _OLDEST
        prefixes = tuple(map(str, told["prefixes"]))
        packages = {str(name): str(one) for name, one in told["packages"].items()}
    except (
        AttributeError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
        subprocess.TimeoutExpired,
    ) as error:
        said = done.stderr.strip().splitlines()[-1:] if "done" in locals() else [str(error)]
        raise LocalPoolError(
            f"Sessions cannot run the Python {path}: {''.join(said) or 'it says nothing'}.",
            left="Nothing was started.",
            remedy=f"It needs Python 3.8 or later and ipykernel: {path} -m pip install ipykernel",
        ) from None
    if old:
        raise LocalPoolError(
            f"Sessions need Python 3.8 or later, and {path} is {version}.",
            left="Nothing was started.",
            remedy="Give the path of a later one to --python.",
        )
    return Interpreter(
        executable=executable,
        prefix=prefixes[0],
        prefixes=prefixes,
        version=version,
        packages=packages,
    )
