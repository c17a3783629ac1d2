"""The guest kernel: an ipykernel in a child process of the session interpreter.

Sent into the session: Python 3.8 and later, with what every ipykernel brings.
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
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from .living import is_alive

LAUNCH = """
import codecs, linecache, os, select, sys, time
linecache.cache.pop("<string>", None)  # Python 3.13 would show this text in a cell's tracebacks
sys.path[:] = [path for path in sys.path if path != ""]
sys.modules["debugpy"] = None  # no debugger comes through the link; it would take its time
from ipykernel import kernelapp
try:
    import ipykernel.debugger
except ImportError:
    pass
del sys.modules["debugpy"]
from ipykernel.iostream import OutStream
flush_all, send_all = OutStream.flush, OutStream._flush
def send(self):
    self._is_sending = True  # before the text is taken, so that there is always a sign of it
    try:
        send_all(self)
    finally:
        self._is_sending = False
def watch(self):  # as ipykernel's, but that what it has taken and not shown yet can be seen
    if self._fid is None:
        return
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    poll = select.poll()
    poll.register(self._fid, select.POLLIN)
    try:
        while True:
            poll.poll()
            self._is_taking = True
            data = os.read(self._fid, 8192)
            if not data or not self._should_watch:
                break
            self.write(decode(data))
            self._is_taking = False
    except Exception:
        self._exc = sys.exc_info()
    self._is_taking = False
def drain(self):  # output of file descriptors that was written before now belongs to this cell
    if getattr(self, "_fid", None) is None or os.getpid() != own_pid:
        return
    poll = select.poll()
    poll.register(self._fid, select.POLLIN)
    end = time.monotonic() + 0.2
    if end < getattr(self, "_is_flooded", 0):
        return
    while poll.poll(0) or getattr(self, "_is_taking", False):
        if time.monotonic() > end:
            self._is_flooded = end + 1  # by a child in the background: no flush waits for that
            return
        time.sleep(0.0002)
own_pid = os.getpid()
def flush(self):
    drain(self)
    try:
        is_needed = any(text.tell() for text in list(self._buffers.values()))
    except (AttributeError, ValueError):  # an older ipykernel; or its thread is just sending them
        is_needed = True
    if is_needed or getattr(self, "_is_sending", False):
        flush_all(self)
OutStream._flush, OutStream.flush = send, flush
if hasattr(OutStream, "_watch_pipe_fd"):
    OutStream._watch_pipe_fd = watch
nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)  # ipykernel echoes there what it captures
os.close(nowhere)
import logging
class Complaints(logging.Handler):  # why a request gets no answer, for the relay
    def emit(self, record):
        error = (record.exc_info or (None, None))[1]
        if error is not None:
            try:
                text = "%s: %s" % (type(error).__name__, str(error)[:300])
                with open(complaints, "w", encoding="utf-8", errors="replace") as file:
                    file.write(text)
            except Exception:
                pass
import asyncio, threading, weakref
own_threads, watched, noted = set(), weakref.WeakSet(), ""
def note_what_lives(_=None):  # threads and tasks that cells have started, for the relay to see
    global noted
    try:
        living = [
            str(thread.native_id)
            for thread in threading.enumerate()
            if thread not in own_threads
            and not isinstance(thread, threading._DummyThread)
            and not type(thread).__module__.startswith(("ipykernel.", "IPython.", "tqdm."))
        ]
        for task in asyncio.all_tasks(app.kernel.io_loop.asyncio_loop):
            file = getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
            if not any(part in file for part in ("/ipykernel/", "/IPython/", "/tornado/", "/zmq/")):
                living.append("task")
                if task not in watched:
                    watched.add(task)
                    task.add_done_callback(note_what_lives)
        text = " ".join(living[:1000])
        if text != noted:
            noted = text
            with open(os.path.join(folder, "lives"), "w") as file:
                file.write(text)
    except Exception:
        pass
def finish_metadata(parent, metadata, reply_content):
    note_what_lives()
    return finish(parent, metadata, reply_content)
app = kernelapp.IPKernelApp.instance()
app.initialize()
folder = os.path.dirname(app.abs_connection_file)
finish, app.kernel.finish_metadata = app.kernel.finish_metadata, finish_metadata
own_threads.update(threading.enumerate())
complaints = os.path.join(folder, "complaint")
app.log.addHandler(Complaints())
thread = getattr(app, "shell_channel_thread", None)
if hasattr(thread, "_shell_socket"):
    # ipykernel 7 before 7.4 sends replies past the stream that reads requests from this socket: a
    # request that comes in that moment is not seen, and none after it.
    thread._shell_socket = app.kernel.shell_stream
# Both threads make their socket to the one that sends now, while descriptors are left.
sending = sys.stdout.pub_thread
sending.schedule(lambda: sending._event_pipe)
flush_all(sys.stdout)
app.start()
"""
"""What ipykernel_launcher does, but for the debugger, and for waits for a thread with no output.

ipykernel flushes six times a cell, most often with nothing to send, and waits for its thread
each time: a sixth of a warm cell.
"""


def take_file(path: str) -> str:
    """The first 1,000 bytes of a file, as text, which is then deleted; "" when there is none."""
    try:
        # Code in the session may have put anything there, what blocks its reader too.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            said = os.read(file, 1000).decode("utf-8", "replace")
        finally:
            os.close(file)
        Path(path).unlink()
    except OSError:
        return ""
    return said


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
        errors = os.open(self.folder + "/errors", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            self.process = self._start(path, env, errors)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        finally:
            os.close(errors)
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
            socket.reconnect_ivl = 5  # ms; the kernel makes its sockets in a moment, a cell waits
            if kind == zmq.SUB:
                socket.subscribe(b"")
            else:
                socket.identity = b"aca-kernel-link"  # stdin is routed by the shell's identity
            if channel == "stdin":
                self._asking = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            socket.connect(f"ipc://{info['ip']}-{ports[channel + '_port']}")
            self.sockets[channel] = socket
        self.ready = False
        self.subshell = ""
        """The subshell that answers questions while a cell runs; "" while there is none."""
        self._has_subshells = False
        self._is_asked_for_subshell = False
        self._own: set[str] = set()
        self._greeted = 0.0

    def _start(self, path: str, env: dict[str, str], errors: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                LAUNCH,
                "-f",
                path,
                f"--HistoryManager.hist_file={self.folder}/history.sqlite",
                "--HistoryManager.db_cache_size=100",  # a file that nobody reads later; no hurry
                # Its first completion in a new sandbox takes seconds of the kernel's own thread.
                "--IPCompleter.use_jedi=False",
                "--IPythonKernel._execute_sleep=0",  # nobody's iopub is overtaken by a reply here
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # ipykernel echoes what it captures
            stderr=errors,
            cwd="/mnt/data" if Path("/mnt/data").is_dir() else None,
            env=env,
            start_new_session=True,
        )

    def greet(self, now: float) -> None:
        """Ask for kernel_info until its idle is seen: then no later iopub message is missed."""
        if not self.ready and now - self._greeted > 0.1:
            self._greeted = now
            self.session.send(self.sockets["shell"], self.own_request("kernel_info_request", {}))

    def own_request(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """A request whose answers are nobody else's: `is_ours` knows them."""
        message: dict[str, Any] = self.session.msg(kind, content)
        self._own.add(message["header"]["msg_id"])
        return message

    def is_ours(self, parent: dict[str, Any]) -> bool:
        """Whether a message answers an `own_request`."""
        return parent.get("msg_id") in self._own

    def learn(self, kind: Any, content: Any) -> bool:
        """Take in an answer to an own request; True when it settles whether there is a subshell."""
        if kind == "kernel_info_reply":
            self._has_subshells = self._has_subshells or b'"kernel subshells"' in bytes(content)
            return False
        if kind != "create_subshell_reply":
            return False
        name = json.loads(str(content, "utf-8", "replace")).get("subshell_id")
        self.subshell = name if isinstance(name, str) else ""
        self._has_subshells = bool(self.subshell)
        return True

    def wants_subshell(self) -> bool:
        """Whether a question has to wait for a subshell, which is asked for when it is needed."""
        if not self._has_subshells or self.subshell:
            return False
        if not self._is_asked_for_subshell:
            self._is_asked_for_subshell = True
            request = self.own_request("create_subshell_request", {})
            self.session.send(self.sockets["control"], request)
        return True

    def lives(self) -> bool:
        """Whether a thread, task or child process of a cell that has ended may still print."""
        return is_alive(self.process.pid, f"{self.folder}/lives")

    @property
    def can_ask(self) -> bool:
        """Whether the kernel's questions come here: those before the connection would be lost."""
        return bool(self._asking.poll(0))

    def interrupt(self) -> str:
        """SIGINT to the kernel and what it started; then a request that wakes its event loop.

        That request's message id.
        """
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGINT)
        return self.probe()

    def probe(self) -> str:
        """Send a request behind all others; its message id."""
        request = self.own_request("kernel_info_request", {})
        self.session.send(self.sockets["shell"], request)
        message_id: str = request["header"]["msg_id"]
        return message_id

    def last_words(self) -> str:
        """The last line that the process wrote to stderr while it started; "" without one."""
        path = Path(self.folder, "errors")
        try:
            with path.open("rb") as errors:
                errors.seek(max(0, path.stat().st_size - 2000))
                lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:300] if lines else ""

    def last_complaint(self) -> str:
        """What the kernel logged last of an error in its handlers; "" for nothing, once."""
        return " ".join(take_file(f"{self.folder}/complaint").split())

    def end(self) -> None:
        """Kill the process and what it started, and leave nothing behind."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.sockets["stdin"].disable_monitor()
        self._asking.close(0)
        for socket in self.sockets.values():
            socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
