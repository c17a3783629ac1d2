"""An Azure Sessions Python kernel in a process of its own, driven as a front end drives it."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Companion", "Ended"]

START_SECONDS = 60.0
"""Seconds that the process may take to answer."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at whether the process still runs, while a cell does."""


class Ended(Exception):
    """The kernel's process is no more, or never answered."""


class Companion:
    """The process, and its sockets. Belongs to one thread; start and cells block it.

    From ``key`` and the file's name the kernel derives its session's identifier, which so needs
    no place in the process's environment.
    """

    def __init__(self, connection_file: Path, key: bytes) -> None:
        # Sockets that no other user of the machine can connect to. A unix socket's path is short.
        self._folder = None if os.name == "nt" else tempfile.mkdtemp(prefix="aca-kernel-")
        place = {"transport": "ipc", "ip": f"{self._folder}/s"} if self._folder else {}
        self._manager = KernelManager(
            connection_file=str(connection_file), session=Session(key=key), **place
        )
        # This package in this Python, whatever kernels are registered on the machine.
        self._manager._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "aca_kernel", "-f", "{connection_file}"],
            interrupt_mode="message",
            env={"PYTHONSAFEPATH": "1"},
        )
        self._sockets: dict[str, Any] = {}
        try:
            self._manager.start_kernel(
                env=dict(os.environ),
                # Its log goes where this kernel's own goes, not into the notebook.
                stderr=getattr(sys.stderr, "_original_stdstream_copy", None),
            )
            self._session = self._manager.session
            identity = self._session.bsession  # questions come to whoever sent the cell
            self._sockets = {
                "iopub": self._manager.connect_iopub(),
                "shell": self._manager.connect_shell(identity),
                "stdin": self._manager.connect_stdin(identity),
                "control": self._manager.connect_control(),
            }
            self._poller = zmq.Poller()
            for channel in ("iopub", "shell", "stdin"):
                self._poller.register(self._sockets[channel], zmq.POLLIN)
            self._wait_for_welcome()
        except BaseException:
            self.close(now=True)
            raise

    def _wait_for_welcome(self) -> None:
        """Wait until the subscription to iopub holds: from then on no output is missed."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            for _, message in self._received():
                if message["msg_type"] == "iopub_welcome":
                    return
        raise Ended

    def _received(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(channel, message) of what has come within `LOOK_SECONDS`; Ended when nothing will."""
        ready = dict(self._poller.poll(int(LOOK_SECONDS * 1000)))
        if not ready and not self._manager.is_alive():
            raise Ended
        for channel, socket in self._sockets.items():
            if socket in ready:
                yield channel, self._session.recv(socket)[1]

    def run(
        self, text: str, shell: InteractiveShell, *, store_history: bool, silent: bool
    ) -> Mapping[str, Any]:
        """Run ``text`` as a cell and show in ``shell`` what it shows; the reply's content.

        An interrupt of this process interrupts the cell. Raises Ended.
        """
        request = self._session.send(
            self._sockets["shell"],
            "execute_request",
            {
                "code": text,
                "silent": silent,
                "store_history": store_history,
                "user_expressions": {},
                "allow_stdin": _can_ask(shell),
                "stop_on_error": True,
            },
        )
        identifier = request["header"]["msg_id"]
        reply: Mapping[str, Any] | None = None
        is_idle = False
        with _interrupts_go_to(self._interrupt) as local_interrupts:
            while reply is None or not is_idle:
                for channel, message in self._received():
                    if message["parent_header"].get("msg_id") != identifier:
                        continue
                    content = message["content"]
                    if channel == "shell":
                        reply = content
                    elif channel == "stdin":
                        with local_interrupts():
                            self._answer(content)
                    elif message["msg_type"] == "status":
                        is_idle = content["execution_state"] == "idle"
                    else:
                        _show(message["msg_type"], content, shell)
        for payload in reply.get("payload", ()):
            if payload.get("source") == "page":
                from IPython.core import page

                # A terminal's pager takes text alone, and a session may have sent none.
                page.page({"text/plain": "", **payload["data"]})
        return reply

    def _interrupt(self) -> None:
        self._session.send(self._sockets["control"], "interrupt_request", {})

    def _answer(self, question: Mapping[str, Any]) -> None:
        """Ask the user what the cell asks; who interrupts the question interrupts the cell."""
        ask = getpass.getpass if question["password"] else input
        try:
            value = ask(question["prompt"])
        except (KeyboardInterrupt, EOFError):
            self._interrupt()
        else:
            self._session.send(self._sockets["stdin"], "input_reply", {"value": value})

    def close(self, *, now: bool = False) -> None:
        """End the process, with the time it takes to let its session go unless ``now``."""
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=now)
        for socket in self._sockets.values():
            socket.close(linger=0)
        self._manager.cleanup_resources()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _can_ask(shell: InteractiveShell) -> bool:
    """Whether somebody is there to answer: a notebook that runs without a person has none."""
    kernel = getattr(shell, "kernel", None)
    return kernel is None or bool(kernel._allow_stdin)


@contextlib.contextmanager
def _interrupts_go_to(
    interrupt: Callable[[], None],
) -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """SIGINT calls ``interrupt`` instead of raising KeyboardInterrupt in the midst of a message.

    Gives a context in which it raises again.
    """

    @contextlib.contextmanager
    def handled_by(handler: Any) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # no interrupt comes here
            return
        before = signal.signal(signal.SIGINT, handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    with handled_by(lambda number, frame: interrupt()):
        yield lambda: handled_by(signal.default_int_handler)


def _show(msg_type: str, content: Mapping[str, Any], shell: InteractiveShell) -> None:
    """Show one output, which the kernel's output policy let through, as the local cell's own."""
    if msg_type == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        stream.write(content["text"])
        stream.flush()
    elif msg_type in ("display_data", "execute_result", "update_display_data"):
        shell.display_pub.publish(
            data=content["data"],
            metadata=content["metadata"],
            transient=content.get("transient", {}),
            update=msg_type == "update_display_data",
        )
    elif msg_type == "clear_output":
        shell.display_pub.clear_output(wait=content["wait"])
