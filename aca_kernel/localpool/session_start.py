"""What a session's process starts with, run as a script: it must not outlive the pool.

``session_start.py LIFELINE HOME ARGUMENTS``: LIFELINE is the file descriptor of a
pipe that the pool holds open: at its end this process ends too ("-" for none). HOME is
"-" in namespaces of the session's own, else the working directory to take. ARGUMENTS
are then run as by ``python``: ``-m MODULE ...`` or ``-c TEXT``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import runpy
import signal
import socket
import struct
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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


def mend_ipykernel() -> None:
    """Have a kernel of ipykernel 7.0 to 7.3 see all requests.

    It sends replies past the stream that reads requests from the same socket: a request that
    comes in that moment is not seen, and none after it.
    """
    from ipykernel.kernelapp import IPKernelApp

    init_kernel = IPKernelApp.init_kernel

    def mended(app: IPKernelApp) -> None:
        init_kernel(app)  # type: ignore[no-untyped-call]
        thread: Any = getattr(app, "shell_channel_thread", None)
        if hasattr(thread, "_shell_socket"):
            thread._shell_socket = app.kernel.shell_stream

    IPKernelApp.init_kernel = mended  # type: ignore[method-assign]


def main(arguments: list[str]) -> None:
    """Prepare the process and run the rest of ``arguments`` as python would."""
    lifeline, home, *rest = arguments
    if lifeline != "-":
        end_with(int(lifeline))
    if home == "-":
        loopback_up()
    else:
        killed_with_parent()
        os.chdir(home)
    how, what, *others = rest
    # The folder of this script would put the pool's modules before everybody else's.
    del sys.path[0]
    sys.argv = [what, *others]
    if what == "ipykernel_launcher":
        mend_ipykernel()
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # noqa: S102 (it is what -c does)


if __name__ == "__main__":
    main(sys.argv[1:])
