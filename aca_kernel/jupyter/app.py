"""The kernel's process: ipykernel's application without the parts that run code here."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipykernel.displayhook import ZMQDisplayHook
from ipykernel.kernelapp import IPKernelApp, kernel_aliases, kernel_flags
from tornado.ioloop import IOLoop
from traitlets import Dict, Type, Unicode

from ..config.files import ReadFiles, read_files, take_files
from ..config.redaction import DiscreetApplication
from ..errors import ConfigurationError
from .kernel import AzureSessionsKernel

__all__ = ["AzureSessionsKernelApp"]

LAST_WORDS_SECONDS = 2.0
"""Seconds that a thread has at the process's end to send what it still has to say."""

PARENT_LOOK_SECONDS = 1.0
"""Seconds between two looks at whether the process that started the kernel is still there."""

LEAVE_SECONDS = 10.0
"""Seconds after which a kernel without a parent ends even if it could not do so in order."""


class ParentWatch(threading.Thread):
    """Has the kernel leave when its parent, the process ``parent``, is no more.

    ipykernel's own ends the process at once, and the session would live on and be billed.
    """

    def __init__(self, parent: int, leave: Callable[[], None]) -> None:
        super().__init__(name="aca-kernel-parent", daemon=True)
        self._parent = parent
        self._leave = leave

    def run(self) -> None:
        """Look at the parent until it is gone."""
        # A launcher may stand between Jupyter and this process; then only init's arms tell.
        is_child = os.getppid() == self._parent
        while os.getppid() == self._parent if is_child else os.getppid() != 1:
            time.sleep(PARENT_LOOK_SECONDS)
        self._leave()
        time.sleep(LEAVE_SECONDS)
        os._exit(1)


_FLAGS = ("debug", "quiet", "show-config", "show-config-json")
_OWN = ("Application", "IPKernelApp")


class AzureSessionsKernelApp(DiscreetApplication, IPKernelApp):
    """Starts the kernel that a connection file asks for.

    Configuration comes from ``aca_kernel_config`` in Jupyter's directories, never from the
    notebook's; there is no IPython profile, no startup file, no extension.
    """

    name = Unicode("aca-kernel")
    description = Unicode("The kernel as Jupyter starts it. What people use: aca-kernel --help")
    kernel_class = Type(
        "aca_kernel.jupyter.kernel.AzureSessionsKernel", klass="ipykernel.kernelbase.Kernel"
    ).tag(config=True)
    classes = [AzureSessionsKernel]  # type: ignore[assignment]  # noqa: RUF012
    subcommands: dict[str, Any] = {}  # noqa: RUF012
    # No profile, no IPython shell: traitlets finds no help for a class that is not there.
    aliases = Dict({k: v for k, v in kernel_aliases.items() if v.partition(".")[0] in _OWN})
    flags = Dict({name: kernel_flags[name] for name in _FLAGS if name in kernel_flags})
    files: ReadFiles | None = None
    """The configuration files, when they have been read already."""
    config_problem: ConfigurationError | None = None
    """Why the configuration could not be read, for the first cell to tell."""
    _watch: ParentWatch | None = None
    _is_orphan = False

    def init_profile_dir(self) -> None:
        """Use no IPython profile."""
        self.profile_dir = None

    def init_config_files(self) -> None:
        """Write no configuration files."""

    def load_config_file(self, suppress_errors: Any = None) -> None:  # type: ignore[override]
        """Read ``aca_kernel_config.py`` and ``.json`` from Jupyter's configuration directories.

        One that cannot be read is a problem that the first cell tells: without it the kernel
        might run with another endpoint or output policy than the user has set.
        """
        try:
            take_files(self, self.files or read_files())
        except ConfigurationError as error:
            self.config_problem = error

    def initialize(self, argv: Any = None) -> None:
        """Prepare everything, up to a kernel that can be started."""
        super().initialize(argv)  # type: ignore[no-untyped-call]
        # traitlets leaves the sieving to its handler: each debug line of a cell would be made.
        self.log.setLevel(self.log_level)

    def init_poller(self) -> None:
        """Watch the parent, except on Windows, where ipykernel does."""
        if sys.platform == "win32":
            super().init_poller()  # type: ignore[no-untyped-call]
        elif self.parent_handle > 1:
            self._watch = ParentWatch(self.parent_handle, self._leave_as_orphan)

    def _leave_as_orphan(self) -> None:
        self._is_orphan = True
        self.kernel.leave()

    def close(self) -> None:
        """Close the sockets, and remove the files that a parent would remove if there were one."""
        super().close()  # type: ignore[no-untyped-call]
        if self._is_orphan:
            self.cleanup_connection_file()  # type: ignore[no-untyped-call]
            if self.transport == "ipc":
                with contextlib.suppress(OSError):  # others' files may be there
                    Path(self.ip).parent.rmdir()

    def init_path(self) -> None:
        """Leave sys.path alone: modules beside a notebook must not be imported here."""

    def init_pdb(self) -> None:
        """Patch no debugger: nothing is debugged here."""

    def init_control(self, context: Any) -> None:
        """Serve the control channel, and shell messages one at a time: no subshells."""
        super().init_control(context)  # type: ignore[no-untyped-call]
        self.shell_channel_thread = None

    def start(self) -> None:
        """Answer requests until the kernel is told to end, and send all that it still says.

        ipykernel stops iopub as soon as this returns, when the control thread may still have to
        say there that it is idle: a traceback, or an assertion of libzmq.
        """
        if self._watch is not None:  # from when the loop runs: a parent that is gone by now counts
            IOLoop.current().add_callback(self._watch.start)
        try:
            super().start()  # type: ignore[no-untyped-call]
        finally:
            if self.control_thread is not None and self.control_thread.is_alive():
                self.control_thread.stop()
                self.control_thread.join(LAST_WORDS_SECONDS)
            if self.iopub_thread is not None and self.iopub_thread.thread.is_alive():
                is_sent = threading.Event()
                self.iopub_thread.schedule(is_sent.set)
                is_sent.wait(LAST_WORDS_SECONDS)

    def init_io(self) -> None:
        """Keep this process's own stdout and stderr out of notebooks."""
        self.displayhook = ZMQDisplayHook(self.session, self.iopub_socket)
