"""Has every Python of a session without a sandbox take /mnt/data for the session's directory.

This folder is on the PYTHONPATH of such a session, so that Python imports this module when
it starts, and in whatever child process; the directory is in an environment variable. Runs
under Python 3.8 and later. A sitecustomize that Python would have found otherwise is run too.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys

TYPE_CHECKING = False  # every Python of the session would take its time for that import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VARIABLE = "SESSION_MNT_DATA"
_MNT_DATA = "/mnt/data"
_ONE_PATH = [
    "access",
    "chdir",
    "chflags",
    "chmod",
    "chown",
    "getxattr",
    "lchflags",
    "lchmod",
    "lchown",
    "listdir",
    "listxattr",
    "lstat",
    "mkdir",
    "mkfifo",
    "mknod",
    "open",
    "pathconf",
    "readlink",
    "remove",
    "removexattr",
    "rmdir",
    "scandir",
    "setxattr",
    "stat",
    "statvfs",
    "truncate",
    "unlink",
    "utime",
]
_TWO_PATHS = ["link", "rename", "replace", "symlink"]
_CWD = 9  # the place of cwd among the arguments of Popen


class _Mapped:
    """A function whose first ``paths`` arguments are mapped; no method where a class holds it.

    It equals the function, so that ``os.stat in os.supports_dir_fd`` goes on being true.
    """

    def __init__(self, function: Callable[..., Any], paths: int, data: str) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._paths = paths
        self._data = data

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        data, paths = self._data, self._paths
        args = tuple(mapped(a, data) if i < paths else a for i, a in enumerate(args))
        for name in ("path", "file", "src", "dst"):
            if name in kwargs:
                kwargs[name] = mapped(kwargs[name], data)
        return self._function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return other is self or other == self._function

    def __hash__(self) -> int:
        return hash(self._function)


def mapped(path: Any, data: str) -> Any:
    """Give the path in the directory ``data`` for one in /mnt/data, and any other as it is."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return path
    name = os.fspath(path)
    plain = os.fsdecode(name)
    if plain != _MNT_DATA and not plain.startswith(_MNT_DATA + "/"):
        return path
    real = data + plain[len(_MNT_DATA) :]
    return os.fsencode(real) if isinstance(name, bytes) else real


def map_mnt_data(data: str) -> None:
    """Have open(), the functions of os and Popen's cwd take /mnt/data for ``data``."""
    replaced = {}
    for count, names in ((1, _ONE_PATH), (2, _TWO_PATHS)):
        for name in names:
            if not hasattr(os, name):  # not every system has them all
                continue
            kind = _MappedScandir if name == "scandir" else _Mapped
            replaced[getattr(os, name)] = new = kind(getattr(os, name), count, data)
            setattr(os, name, new)
    replaced[io.open] = builtins.open = io.open = _Mapped(io.open, 1, data)
    _renew(replaced)
    start = subprocess.Popen.__init__

    @functools.wraps(start)
    def popen(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > _CWD:
            args = (*args[:_CWD], mapped(args[_CWD], data), *args[_CWD + 1 :])
        elif "cwd" in kwargs:
            kwargs["cwd"] = mapped(kwargs["cwd"], data)
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = popen  # type: ignore[method-assign]


class _Entry:
    """An entry of os.scandir in /mnt/data, whose path is the one that was asked for."""

    def __init__(self, entry: Any, folder: str) -> None:
        self._entry = entry
        self.path = os.path.join(folder, entry.name)  # noqa: PTH118

    def __repr__(self) -> str:
        return repr(self._entry)

    def __fspath__(self) -> Any:
        return self.path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)


class _Scandir:
    """What os.scandir gives for a folder in /mnt/data."""

    def __init__(self, entries: Any, folder: Any) -> None:
        self._entries = entries
        self._folder = folder

    def __iter__(self) -> _Scandir:
        return self

    def __next__(self) -> _Entry:
        return _Entry(next(self._entries), self._folder)

    def __enter__(self) -> _Scandir:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries.close()


class _MappedScandir(_Mapped):
    """os.scandir, with entries that tell paths in /mnt/data."""

    def __call__(self, path: Any = ".") -> Any:
        real = mapped(path, self._data)
        entries = self._function(real)
        return entries if real is path else _Scandir(entries, os.fspath(path))


def _renew(replaced: dict[Any, Any]) -> None:
    """Have pathlib and glob use the new functions, when something imported them earlier.

    Some of their classes keep the functions that they found then.
    """
    for module, owner in (("pathlib", "_NormalAccessor"), ("glob", "_StringGlobber")):
        keeper = getattr(sys.modules.get(module), owner, None)
        for name, kept in list(vars(keeper).items()) if keeper else ():
            function = kept.__func__ if isinstance(kept, staticmethod) else kept
            if callable(function) and function in replaced:
                setattr(keeper, name, replaced[function])


def chain() -> None:
    """Run the sitecustomize of somebody else that this one stands before, if there is one."""
    here = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120
    others = [path for path in sys.path if os.path.realpath(path) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if VARIABLE in os.environ:
    map_mnt_data(os.environ[VARIABLE])
chain()
