"""Kernels as a front end starts and drives them, ours and plain ipykernel."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import zmq
from jupyter_client.manager import KernelManager

__all__ = ["OURS", "PLAIN", "Kernel", "Ran", "kernel"]

OURS, PLAIN = "azure-sessions-python", "python3"
PATIENCE = 300.0


@dataclass
class Ran:
    """A cell that has ended well: seconds from request to idle, messages as they came in.

    ``at`` is the time of each message's arrival, in seconds since the epoch.
    """

    seconds: float = 0.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


class Kernel:
    """One kernel process and a client of it."""

    def __init__(
        self, name: str, environment: Mapping[str, str], folder: Path, cwd: Path | None
    ) -> None:
        context = zmq.Context()
        context.setsockopt(zmq.RECONNECT_IVL, 5)  # else a start is measured in steps of 100 ms
        self.manager = KernelManager(
            kernel_name=name,
            connection_file=str(folder / "kernel-bench.json"),
            context=context,
        )
        self.log = folder / "kernel.log"
        self._cwd = cwd or folder
        self._environment = dict(os.environ) | dict(environment)
        self.client: Any = None

    def start(self) -> float:
        """Start the process; seconds until it has answered kernel_info."""
        began = time.perf_counter()
        with self.log.open("wb") as log:
            self.manager.start_kernel(
                cwd=str(self._cwd), env=self._environment, stdout=log, stderr=log
            )
        self.client = self.manager.client()
        self.client.start_channels(hb=False, stdin=False)
        self._reply(self.client.kernel_info())
        took = time.perf_counter() - began
        while not self._is_heard():
            self._reply(self.client.kernel_info())
        return took

    def _is_heard(self) -> bool:
        """Whether iopub messages arrive; a subscription takes a moment, and front ends wait."""
        try:
            self.client.get_iopub_msg(timeout=0.02)
        except Empty:
            return False
        return True

    @property
    def process(self) -> psutil.Process:
        """The kernel's own process."""
        provisioner: Any = self.manager.provisioner
        return psutil.Process(provisioner.process.pid)

    def run(self, code: str, **request: Any) -> Ran:
        """Run a cell to its end. Raises RuntimeError when it fails."""
        ran = Ran()
        began = time.perf_counter()
        sent = self.client.execute(code, allow_stdin=False, **request)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != sent:
                continue
            ran.at.append(time.time())
            ran.messages.append(message)
            if message["content"].get("execution_state") == "idle":
                break
        reply = self._reply(sent)
        ran.seconds = time.perf_counter() - began
        if reply["status"] != "ok":
            raise RuntimeError(f"a cell failed: {reply}")
        return ran

    def complete(self, code: str) -> tuple[float, list[str]]:
        """Seconds of a completion at the end of ``code``, and what it found."""
        began = time.perf_counter()
        reply = self._reply(self.client.complete(code))
        return time.perf_counter() - began, list(reply["matches"])

    def _reply(self, sent: str) -> dict[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == sent:
                content: dict[str, Any] = message["content"]
                return content

    def close(self) -> None:
        """Shut it down."""
        if self.client is not None:
            self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


@contextlib.contextmanager
def kernel(
    name: str, environment: Mapping[str, str] | None = None, *, cwd: Path | None = None
) -> Iterator[Kernel]:
    """Give a kernel that is not started yet; it is shut down at the end."""
    with tempfile.TemporaryDirectory() as folder:
        made = Kernel(name, environment or {}, Path(folder), cwd)
        try:
            yield made
        finally:
            made.close()
