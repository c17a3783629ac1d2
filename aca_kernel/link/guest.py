"""The half of the link that is sent into the session.

It lives in the session interpreter as a module of its own. There it answers exchange calls
outside IPython, starts an ordinary ipykernel as a child (the guest kernel), and reads that
kernel's channels all the time. Python 3.8 and later, with what every ipykernel brings.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from .protocol import FrameError, Outbox, Peer, pack, unpack

MEMORY = 64 * 1024 * 1024  # bytes of output that are held in memory; the rest goes to a file
FRESH = 0.05  # seconds that output may wait for more before it is sent
DELIMITER = b"<IDS|MSG>"
WARM_UP = "import os; os.nice(19); import jedi; jedi.Interpreter('a', [{}]).complete()"
OUTPUTS = (
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "clear_output",
)


class SpillingOutbox(Outbox):
    """An Outbox that keeps what is above `MEMORY` in a file without a name."""

    def __init__(self) -> None:
        super().__init__()
        self._file: Any = None
        self._read = 0  # where the first byte in the file that is not in memory stands
        self._written = 0
        self._after = bytearray()  # what follows the file, when the disk is full

    @property
    def end(self) -> int:
        """The number of the next byte."""
        return super().end + self._written - self._read + len(self._after)

    def append(self, line: bytes) -> None:
        """Add a message."""
        if self._file is None and len(self._held) < MEMORY:
            super().append(line)
            return
        line += b"\n"
        if not self._after and self._spill(line):
            return
        self._after += line

    def _spill(self, line: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it stays open
            self._file.seek(self._written)
            if self._file.write(line) < len(line):
                return False
        except OSError:
            return False
        self._written += len(line)
        return True

    def acknowledge(self, number: int) -> None:
        """Forget the bytes before ``number``, and take what follows from the file."""
        super().acknowledge(min(number, self.start + len(self._held)))
        if len(self._held) > MEMORY // 2:
            return
        if self._file is not None:
            self._file.seek(self._read)
            more = self._file.read(min(MEMORY // 2, self._written - self._read))
            self._read += len(more)
            self._held += more
            if self._read < self._written:
                return
            self._file.close()
            self._file = None
            self._read = self._written = 0
        self._held += self._after
        self._after.clear()


class GuestKernel:
    """An ipykernel in a child process, and raw sockets to its four channels."""

    def __init__(self, context: Any, number: int) -> None:
        self.number = number
        self.folder = tempfile.mkdtemp(prefix="k")  # a unix socket's path must be short
        path, info = write_connection_file(
            f"{self.folder}/c.json",
            ip=f"{self.folder}/s",
            transport="ipc",
            key=secrets.token_hex(16).encode(),
        )
        env = dict(
            os.environ,
            JPY_PARENT_PID=str(os.getpid()),
            PYDEVD_DISABLE_FILE_VALIDATION="1",  # or its warning shows in the first cell
        )
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                path,
                "--HistoryManager.hist_file=" + self.folder + "/history.sqlite",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # ipykernel echoes what it captures
            stderr=subprocess.DEVNULL,
            cwd="/mnt/data" if Path("/mnt/data").is_dir() else None,
            env=env,
            start_new_session=True,
        )
        key = info["key"] if isinstance(info["key"], bytes) else info["key"].encode()
        self.session = Session(key=key)
        self.sockets: dict[str, Any] = {}
        ports = dict(info)
        for channel, kind in (
            ("iopub", zmq.SUB),
            ("shell", zmq.DEALER),
            ("control", zmq.DEALER),
            ("stdin", zmq.DEALER),
        ):
            socket = context.socket(kind)
            socket.linger = 0
            socket.rcvhwm = 0  # a full queue would lose messages
            if kind == zmq.SUB:
                socket.subscribe(b"")
            else:
                socket.identity = b"aca-kernel-link"  # stdin is routed by the shell's identity
            if channel == "stdin":
                self._asking = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            socket.connect(f"ipc://{info['ip']}-{ports[channel + '_port']}")
            self.sockets[channel] = socket
        self.ready = False
        self._greetings: set[str] = set()
        self._greeted = 0.0

    def greet(self, now: float) -> None:
        """Ask for kernel_info until its idle is seen: then no later iopub message is missed."""
        if not self.ready and now - self._greeted > 0.1:
            self._greeted = now
            message = self.session.msg("kernel_info_request", {})
            self._greetings.add(message["header"]["msg_id"])
            self.session.send(self.sockets["shell"], message)

    def is_ours(self, parent: dict[str, Any]) -> bool:
        """Whether a message answers a greeting."""
        return parent.get("msg_id") in self._greetings

    @property
    def can_ask(self) -> bool:
        """Whether the kernel's questions come here: those before the connection would be lost."""
        return bool(self._asking.poll(0))

    def interrupt(self) -> None:
        """SIGINT to the kernel and what it started; then a request that wakes its event loop."""
        try:
            os.killpg(self.process.pid, signal.SIGINT)
        except OSError:
            return
        message = self.session.msg("kernel_info_request", {})
        self._greetings.add(message["header"]["msg_id"])
        self.session.send(self.sockets["shell"], message)

    def end(self) -> None:
        """Kill the process and what it started, and leave nothing behind."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.sockets["stdin"].disable_monitor()
        for socket in self.sockets.values():
            socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Relay:
    """Owns the guest kernel and this end of the link: one thread, one poller."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.boot = secrets.token_hex(8)
        self.link = ""
        self.peer = Peer(SpillingOutbox())
        self.cells = 0
        self._lock = threading.Condition()
        self._commands: deque[dict[str, Any]] = deque()
        self._waiting: deque[dict[str, Any]] = deque()
        self._oldest = 0.0  # when the oldest output that was not sent yet came in
        self._failures = 0
        self._interrupt_next = False
        self._begun: set[str] = set()  # execute requests whose code has begun
        self._open: dict[str, int] = {}  # requests and how many of reply and idle are to come
        self._context = zmq.Context()
        self._wake, self._woken = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        address = f"inproc://wake-{self.boot}"
        self._woken.bind(address)
        self._wake.connect(address)
        self._kernel = GuestKernel(self._context, 1)
        self._restart_id: Any = None
        self._ended = False
        self._failure = ""
        self._warmed = False
        self._thread = threading.Thread(target=self._run, name="aca-kernel-link", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the relay's thread runs; without it nothing comes through."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Stop the thread and kill the guest kernel."""
        with self._lock:
            self._ended = True
            self._wake.send(b"")
        self._thread.join()
        self._kernel.end()

    # -- exchanges, on the session interpreter's main thread

    def exchange(self, text: str) -> tuple[str, str]:
        """The answer frame to the request frame in ``text``, and the way that it should take."""
        try:
            head, data = unpack(text)
        except FrameError as error:
            return pack({"boot": self.boot, "error": "frame", "detail": str(error)}), "stdout"
        return self._exchange(head, data), str(head.get("way"))

    def _exchange(self, head: dict[str, Any], data: bytes) -> str:
        with self._lock:
            if head.get("op") == "hello":
                return self._hello(head)
            if self._failure:
                return pack({"boot": self.boot, "error": "relay", "detail": self._failure[-2000:]})
            if head.get("boot") != self.boot or not self.alive:
                return pack({"boot": self.boot, "error": "boot"})
            if head.get("link") != self.link:
                return pack({"boot": self.boot, "error": "link"})
            if head.get("op") == "restart":
                if head.get("id") != self._restart_id:
                    self._restart_id = head.get("id")
                    number = self._kernel.number
                    self._do({"op": "restart"})
                    self._lock.wait_for(lambda: self._kernel.number > number, 5)
                return pack({"boot": self.boot, "kernel": self._kernel.number})
            for line in self.peer.receive(head, data):
                self._do(json.loads(line.decode("utf-8")))
            if not self.peer.silent and not self._oldest:
                self._oldest = time.monotonic() - FRESH
            return self._answer(head)

    def _hello(self, head: dict[str, Any]) -> str:
        if head.get("link") != self.link:
            self.link = head["link"]
            self.peer = Peer(SpillingOutbox())
            self._oldest = 0.0
        return pack(
            {
                "boot": self.boot,
                "version": self.version,
                "python": sys.version.split()[0],
                "cells": self.cells,
                "kernel": self._kernel.number,
            },
            os.urandom(int(head.get("probe", 0))),
        )

    def _answer(self, head: dict[str, Any]) -> str:
        now = time.monotonic()
        deadline = now + min(float(head.get("wait", 0)), 1.0)
        until = head.get("until")
        while True:
            now = time.monotonic()
            finished = until is not None and until not in self._open
            due = min(deadline, self._oldest + FRESH) if self._oldest else deadline
            if finished or now >= due:
                break
            try:
                self._lock.wait(due - now)
            except KeyboardInterrupt:
                break
        self._oldest = 0.0
        outbox = self.peer.outbox
        return self.peer.frame(
            {"boot": self.boot, "end": outbox.end}, int(head.get("budget", 3000))
        )

    def _do(self, message: dict[str, Any]) -> None:
        if message.get("op") == "send" and message.get("channel") == "shell":
            header = message["message"]["header"]
            if message.get("kernel") != self._kernel.number:
                # It was meant for a kernel that is gone: its variables are not here.
                self.peer.send({"event": "stale", "msg_id": header["msg_id"]})
                return
            self._open[header["msg_id"]] = 2
            if header["msg_type"] == "execute_request":
                self.cells += 1
                if message["message"]["content"].get("allow_stdin") and not self._warmed:
                    self._warmed = True  # somebody sits there, who may soon press Tab
                    threading.Thread(target=warm_completion, daemon=True).start()
        self._commands.append(message)
        self._wake.send(b"")

    # -- the guest kernel, on the relay's own thread

    def _run(self) -> None:
        try:
            self._relay()
        except BaseException:
            self._failure = traceback.format_exc()
            raise

    def _relay(self) -> None:
        poller = self._poller()
        while not self._ended:
            events = poller.poll(20 if not self._kernel.ready else 500)
            with self._lock:
                for socket, _ in events:
                    if socket is self._woken:
                        socket.recv()
                while self._commands:
                    if self._obey(self._commands.popleft()):
                        poller = self._poller()
                kernel = self._kernel
                for channel, socket in kernel.sockets.items():
                    self._drain(kernel, channel, socket)
                if kernel.process.poll() is not None:
                    self._died(kernel)
                    poller = self._poller()
                kernel.greet(time.monotonic())
                self._lock.notify_all()

    def _poller(self) -> Any:
        poller = zmq.Poller()
        for socket in (self._woken, *self._kernel.sockets.values()):
            poller.register(socket, zmq.POLLIN)
        return poller

    def _obey(self, message: dict[str, Any]) -> bool:
        """Carry out one message from the other end; True when the guest kernel is a new one."""
        op = message.get("op")
        if op == "send":
            if self._kernel.ready:
                self._forward(message)
            else:
                self._waiting.append(message)
        elif op == "interrupt" and self._open and message.get("kernel") == self._kernel.number:
            if self._begun & self._open.keys():
                self._kernel.interrupt()
            else:
                self._interrupt_next = True  # the request has not begun: SIGINT would be lost
        elif op == "restart":
            self._forget()
            self._replace("restarted", 0)
            return True
        return False

    def _forget(self) -> None:
        """Give up on the requests that the guest kernel of now had got."""
        self._open.clear()
        self._begun.clear()
        self._waiting.clear()
        self._interrupt_next = False

    def _forward(self, message: dict[str, Any]) -> None:
        self._kernel.session.send(self._kernel.sockets[message["channel"]], message["message"])

    def _died(self, kernel: GuestKernel) -> None:
        code = kernel.process.returncode
        self._failures = 0 if kernel.ready else self._failures + 1
        if self._failures in (1, 2):
            self._replace("", code)  # nothing has run yet: what waits goes to the next one
            return
        if self._failures:
            self._lock.wait(1)  # it cannot start: no hurry to try again
        self._forget()
        self._replace("failed" if self._failures else "died", code)

    def _replace(self, event: str, code: int) -> None:
        for channel, socket in self._kernel.sockets.items():
            self._drain(self._kernel, channel, socket)
        self._kernel.end()
        self.cells = 0
        # Only a new number makes earlier requests stale.
        self._kernel = GuestKernel(self._context, self._kernel.number + bool(event))
        if event:
            self._event(event, code)

    def _event(self, event: str, code: int) -> None:
        self.peer.send({"event": event, "code": code, "kernel": self._kernel.number})
        self._oldest = self._oldest or time.monotonic()

    def _drain(self, kernel: GuestKernel, channel: str, socket: Any) -> None:
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._pass_on(kernel, channel, frames)

    def _pass_on(self, kernel: GuestKernel, channel: str, frames: list[bytes]) -> None:
        try:
            header, parent, metadata, content, *buffers = frames[frames.index(DELIMITER) + 2 :]
            parent_header, own_header = json.loads(parent), json.loads(header)
        except ValueError:
            return
        message_id, kind = parent_header.get("msg_id"), own_header.get("msg_type")
        is_idle = kind == "status" and b'"idle"' in content
        if kernel.is_ours(parent_header):
            if is_idle and not kernel.ready and kernel.can_ask:
                kernel.ready = True
                while self._waiting:
                    self._forward(self._waiting.popleft())
            return
        if kind == "execute_input" and message_id in self._open:
            self._begun.add(message_id)
            if self._interrupt_next:
                self._interrupt_next = False
                kernel.interrupt()
        if channel == "iopub" and kind not in OUTPUTS and not is_idle:
            return
        if message_id in self._open and (channel == "shell" or (channel == "iopub" and is_idle)):
            self._open[message_id] -= 1
            if self._open[message_id] == 0:
                del self._open[message_id]
                self._begun.discard(message_id)
        encoded = json.dumps([_base64(part) for part in buffers]).encode() if buffers else b"[]"
        line = b'{"channel":"%s","header":%s,"parent_header":%s,"metadata":%s,"content":%s,'
        line += b'"buffers":%s}'
        self.peer.outbox.append(
            line % (channel.encode(), header, parent, metadata, content, encoded)
        )
        if kind == "input_request":
            self._oldest = time.monotonic() - FRESH  # somebody is asked: nothing to wait for
        elif kind in OUTPUTS:
            self._oldest = self._oldest or time.monotonic()


def warm_completion() -> None:
    """Have jedi parse what it needs into its cache on disk, in a process that yields to all others.

    A new session has no such cache: its first completion would keep the guest kernel busy for
    seconds, and come too late to be shown.
    """
    with suppress(OSError):
        subprocess.run(
            [sys.executable, "-c", WARM_UP],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",  # the first place that Python imports from, and not for a user's files
            check=False,
        )


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode("ascii")


def publish(shell: Any, answer: str, way: str) -> None:
    """Give an answer as what the running call printed, or as its result."""
    content: dict[str, Any] = {"name": "stdout", "text": answer}
    kind = "stream"
    if way == "result":
        kind = "execute_result"
        content = {"execution_count": 0, "data": {"text/plain": answer}, "metadata": {}}
    shell.kernel.send_response(shell.kernel.iopub_socket, kind, content)


def install(shell: Any, mark: str, version: str) -> Relay:
    """Start the relay and have exchange calls answered outside IPython, where they leak."""
    relay = Relay(version)
    kernel = shell.kernel
    original = kernel.do_execute

    async def do_execute(code: str, *args: Any, **kwargs: Any) -> Any:
        if not code.startswith("#" + mark):
            return await original(code, *args, **kwargs)
        publish(shell, *relay.exchange(code))
        return {
            "status": "ok",
            "execution_count": shell.execution_count,
            "payload": [],
            "user_expressions": {},
        }

    kernel.do_execute = do_execute
    return relay


def remove(shell: Any, relay: Relay) -> None:
    """Undo `install`."""
    shell.kernel.__dict__.pop("do_execute", None)
    relay.end()
