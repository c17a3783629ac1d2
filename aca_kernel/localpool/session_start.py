"""What a session's process starts with, run as a script: it must not outlive the pool.

``session_start.py LIFELINE DATA HOME ARGUMENTS``: LIFELINE is the file descriptor of a
pipe that the pool holds open: at its end this process ends too ("-" for none). DATA is
"-" where there is a true /mnt/data, else the directory that Python's file functions
take for it, with HOME as working directory. ARGUMENTS are then run as by ``python``:
``-m MODULE ...`` or ``-c TEXT``.
"""

from __future__ import annotations

import builtins
import ctypes
import fcntl
import functools
import io
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

_MNT_DATA = "/mnt/data"
_ONE_PATH = [
    "access",
    "chdir",
    "chmod",
    "chown",
    "listdir",
    "lstat",
    "mkdir",
    "open",
    "readlink",
    "remove",
    "rmdir",
    "scandir",
    "stat",
    "statvfs",
    "truncate",
    "unlink",
    "utime",
]
_TWO_PATHS = ["link", "rename", "replace", "symlink"]
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS = 0x8914
_IFF_UP_AND_RUNNING = 0x1 | 0x40


def loopback_up() -> None:
    """Switch on the loopback interface of a new network namespace, where that is allowed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_AND_RUNNING))
        except OSError:
            return


def end_with(lifeline: int) -> None:
    """End this process when the other end of the pipe ``lifeline`` is closed.

    A signal on the parent's death, which the sandbox asks for as well, comes too late or
    never when the parent dies while the sandbox is still being set up.
    """
    os.set_inheritable(lifeline, False)

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def killed_with_parent() -> None:
    """Have this process killed when its parent dies, where the system can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def map_mnt_data(data: str) -> None:
    """Have open() and the functions of os take /mnt/data for the directory ``data``."""

    def mapped(path: Any) -> Any:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return path
        name = os.fspath(path)
        plain = os.fsdecode(name)
        if plain != _MNT_DATA and not plain.startswith(_MNT_DATA + "/"):
            return path
        real = data + plain[len(_MNT_DATA) :]
        return os.fsencode(real) if isinstance(name, bytes) else real

    def wrapped(function: Callable[..., Any], paths: int) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            args = tuple(mapped(a) if i < paths else a for i, a in enumerate(args))
            for name in ("path", "file", "src", "dst"):
                if name in kwargs:
                    kwargs[name] = mapped(kwargs[name])
            return function(*args, **kwargs)

        return call

    builtins.open = io.open = wrapped(io.open, 1)
    for name in _ONE_PATH:
        setattr(os, name, wrapped(getattr(os, name), 1))
    for name in _TWO_PATHS:
        setattr(os, name, wrapped(getattr(os, name), 2))
    start = subprocess.Popen.__init__

    @functools.wraps(start)
    def popen(self: Any, *args: Any, **kwargs: Any) -> None:
        if "cwd" in kwargs:
            kwargs["cwd"] = mapped(kwargs["cwd"])
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = popen  # type: ignore[method-assign]


def main(arguments: list[str]) -> None:
    """Prepare the process and run the rest of ``arguments`` as python would."""
    lifeline, data, home, *rest = arguments
    if lifeline != "-":
        end_with(int(lifeline))
    if data == "-":
        loopback_up()
    else:
        killed_with_parent()
        os.chdir(home)
        map_mnt_data(data)
    how, what, *others = rest
    # The folder of this script would put the pool's modules before everybody else's.
    del sys.path[0]
    sys.argv = [what, *others]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # noqa: S102 (it is what -c does)


if __name__ == "__main__":
    main(sys.argv[1:])
