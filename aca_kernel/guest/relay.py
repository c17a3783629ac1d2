"""The half of the link that is sent into the session.

It lives in the session interpreter as a module of its own. There it answers exchange calls
outside IPython, starts an ordinary ipykernel as a child (the guest kernel), and reads that
kernel's channels all the time. Python 3.8 and later, with what every ipykernel brings.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from .captures import Captures
from .counts import count_request
from .exchanges import FRESH, Exchanges, stops_cells
from .guest_kernel import GuestKernel
from .protocol import COMMS, OUTPUTS, Peer
from .requests import Requests
from .routed import Routed, RoutedCalls
from .spill import SpillingOutbox

LARGE = 1_000_000  # bytes of a part of a message that is large
CONFIRM = 60.0  # seconds within which an exchange has to come; else the hook does not work here
DELIMITER = b"<IDS|MSG>"
QUESTIONS = ("complete_request", "inspect_request")  # those that need not wait for a cell


class Relay:
    """Owns the guest kernel and this end of the link: one thread, one poller."""

    def __init__(self, version: str, share: bool | None = None) -> None:
        self.version = version
        self.exchanges = Exchanges(self)
        self.share = share
        """Whether plain calls run in the guest kernel; None: nobody has decided yet."""
        self.boot = secrets.token_hex(8)
        self.peer = Peer(SpillingOutbox())
        self.withdraw: Callable[[], object] = lambda: None
        """Undoes what `plain_calls.install` did."""
        self.passed: tuple[str, ...] = OUTPUTS
        self.confirmed = False
        """Whether an exchange has come through the hook."""
        self.greeted = time.monotonic()
        self.cells = 0
        self.lock = threading.Condition()
        self._commands: deque[dict[str, Any]] = deque()
        self._waiting: deque[dict[str, Any]] = deque()
        self._beside: deque[dict[str, Any]] = deque()  # questions that wait for a subshell
        self.oldest = 0.0  # when the oldest output that was not sent yet came in
        self._failures = 0
        self._interrupt_next = False
        self._interrupts: deque[Any] = deque(maxlen=8)  # those that have come
        self.requests = Requests()
        self._captures = Captures()
        self._routed = RoutedCalls()
        self._taken = 0  # messages that were for plain calls
        self.plain_call_ended = 0.0  # when; on the clock of time.monotonic
        self._last_cell: dict[str, Any] = {}  # its header
        self._context = zmq.Context()
        self._wake, self._woken = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        address = f"inproc://wake-{self.boot}"
        self._woken.bind(address)
        self._wake.connect(address)
        self.kernel = GuestKernel(self._context, 1)
        self._ended = False
        self.crash = ""
        """The traceback of its thread, when that has failed."""
        self._thread = threading.Thread(target=self._run, name="aca-kernel-link", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the relay's thread runs; without it nothing comes through."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Stop the thread and kill the guest kernel."""
        with self.lock:
            self._ended = True
            self._wake.send(b"")
            self._forget("it was taken away")
            self.lock.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self.kernel.end()
        # Whoever lets go of a context with an open socket waits for ever.
        self._context.destroy(linger=0)

    # -- what exchanges bring, on the session interpreter's main thread; under the lock

    def do(self, message: dict[str, Any]) -> None:
        """Carry out one message of the other end, or have the thread do so."""
        if stops_cells(message):
            number = message.get("id")
            if not self.requests.has_cell or number in self._interrupts:
                return  # decided here: a cell that follows in the same exchange is not meant
            if number is not None:
                self._interrupts.append(number)
        if message.get("op") == "send" and message.get("channel") == "shell":
            header = message["message"]["header"]
            if message.get("kernel") != self.kernel.number:
                # It was meant for a kernel that is gone: its variables are not here.
                self.peer.send({"event": "stale", "msg_id": header["msg_id"]})
                return
            is_cell = header["msg_type"] == "execute_request"
            self.requests.add(header["msg_id"], is_cell=is_cell)
            if is_cell:
                self._begin_cell(header)
        self._commands.append(message)
        self._wake.send(b"")

    def _begin_cell(self, header: dict[str, Any]) -> None:
        self.cells += 1
        self.kernel.last_complaint()  # one of an earlier cell's
        self._last_cell = header
        calls, number = self._routed.settle()
        if number is not None:
            restore = count_request(number, forget=True)
            self._forward_later(self.kernel.own_request("execute_request", restore))
        if calls:
            self.peer.send({"event": "calls", "number": calls})

    # -- plain calls in the guest kernel, on the session interpreter's main thread; under the lock

    @property
    def failure(self) -> str:
        """Why nothing comes through any more; "" while all is well."""
        return self.crash or ("" if self.alive else "its thread has ended")

    @property
    def is_ready(self) -> bool:
        """Whether the guest kernel has started."""
        return self.kernel.ready

    @property
    def is_busy(self) -> bool:
        """Whether code runs in the guest kernel, or waits there."""
        return self.requests.has_cell

    def route(self, content: dict[str, Any]) -> Routed:
        """Have the guest kernel run an execute_request with this content."""
        message = self.kernel.session.msg("execute_request", content)
        message_id = message["header"]["msg_id"]
        routed = self._routed.add(message_id, content["store_history"])
        self.requests.add(message_id, is_cell=True)
        self._forward_later(message)
        return routed

    def interrupt(self) -> None:
        """Have the code stopped that runs in the guest kernel."""
        self.do({"op": "interrupt", "kernel": self.kernel.number})

    def leave(self) -> None:
        """Make the output of threads the last cell's again, after a plain call."""
        if self._last_cell:
            message = self.kernel.session.msg("kernel_info_request", {})
            message["header"] = self._last_cell
            self._forward_later(message)

    def _forward_later(self, message: dict[str, Any]) -> None:
        self._commands.append({"op": "send", "channel": "shell", "message": message})
        self._wake.send(b"")

    # -- the guest kernel, on the relay's own thread

    def _run(self) -> None:
        try:
            self._relay()
        except BaseException as error:
            with self.lock:
                self.crash = traceback.format_exc()
                self._forget(f"what reads its messages failed ({type(error).__name__})")
                self.lock.notify_all()
            raise

    def _relay(self) -> None:
        poller = self._poller()
        while not self._ended:
            is_hurried = self._interrupt_next or not self.kernel.ready or self.requests.is_half_done
            events = poller.poll(20 if is_hurried else 500)
            if not self.confirmed and time.monotonic() - self.greeted > CONFIRM:
                self.withdraw()
                return
            with self.lock:
                before = self._state()
                for socket, _ in events:
                    if socket is self._woken:
                        socket.recv()
                while self._commands:
                    if self._obey(self._commands.popleft()):
                        poller = self._poller()
                kernel = self.kernel
                for channel, socket in kernel.sockets.items():
                    self._drain(kernel, channel, socket)
                if kernel.process.poll() is not None:
                    self._died(kernel)
                    poller = self._poller()
                self.kernel.greet(time.monotonic())
                self._interrupt_next = self._interrupt_next and self.requests.has_cell
                if self._interrupt_next and self.requests.is_in_code(time.monotonic()):
                    self._strike()
                self._end_unanswered(time.monotonic())
                if self._state() != before:  # to be woken for nothing costs a warm cell its time
                    self.lock.notify_all()

    def _state(self) -> tuple[object, ...]:
        """What those who wait under the lock wait for."""
        kernel = self.kernel
        return (self.oldest, len(self.requests), kernel.number, kernel.ready, self._taken)

    def _poller(self) -> Any:
        poller = zmq.Poller()
        for socket in (self._woken, *self.kernel.sockets.values()):
            poller.register(socket, zmq.POLLIN)
        return poller

    def _obey(self, message: dict[str, Any]) -> bool:
        """Carry out one message from the other end; True when the guest kernel is a new one."""
        op = message.get("op")
        if op == "send":
            if self.kernel.ready:
                self._forward(message)
            else:
                self._waiting.append(message)
        elif op == "interrupt" and message.get("kernel") == self.kernel.number:
            question = message.get("request")
            if question is not None:
                if self.requests.begun(question):
                    self._strike()
                self.requests.forget_beside(question)
            elif self.requests.has_cell:
                self._interrupt_next = True  # as soon as its code runs: SIGINT would be lost
        elif op == "restart":
            self._forget("it was restarted")
            self._replace("restarted", 0)
            return True
        return False

    def _forget(self, why: str) -> None:
        """Give up on the requests that the guest kernel of now had got."""
        self.requests.clear()
        self._captures = Captures()
        self._routed.lose(why)
        self._last_cell = {}
        self._waiting.clear()
        self._beside.clear()
        self._interrupt_next = False

    def _forward(self, message: dict[str, Any]) -> None:
        channel = message["channel"].partition("-")[0]  # "shell-comm": nothing answers it
        header = message["message"]["header"]
        if header["msg_type"] in QUESTIONS and self.requests.has_cell:
            if self.kernel.wants_subshell():
                self._beside.append(message)
                return
            if self.kernel.subshell:
                header["subshell_id"] = self.kernel.subshell
                self.requests.goes_beside(header["msg_id"])
        self.kernel.session.send(self.kernel.sockets[channel], _with_buffers(message["message"]))
        self.requests.sent(message["message"]["header"]["msg_id"], time.monotonic())

    def _strike(self) -> None:
        """Send SIGINT to what the guest kernel runs."""
        self._interrupt_next = False
        self.requests.strike(self.kernel.interrupt())

    def _end_unanswered(self, now: float) -> None:
        """End the requests that the guest kernel will not answer, and find out which they are."""
        if not self.kernel.ready:
            return
        for message_id in self.requests.unanswered(now):
            why = self.kernel.last_complaint()
            if not self._routed.fail(message_id, why):
                self.peer.send({"event": "unanswered", "msg_id": message_id, "why": why})
                self.oldest = self.oldest or now
        if self.requests.wants_probe(now):
            self.requests.probe(self.kernel.probe())

    def _died(self, kernel: GuestKernel) -> None:
        code = kernel.process.returncode
        self._failures = 0 if kernel.ready else self._failures + 1
        why = kernel.last_words() if self._failures else ""
        if self._failures in (1, 2):
            self._replace("", code)  # nothing has run yet: what waits goes to the next one
            return
        if self._failures:
            self.lock.wait(1)  # it cannot start: no hurry to try again
        self._forget(f"it died (exit status {code})")
        self._replace("failed" if self._failures else "died", code, why)

    def _replace(self, event: str, code: int, why: str = "") -> None:
        for channel, socket in self.kernel.sockets.items():
            self._drain(self.kernel, channel, socket)
        self.kernel.end()
        self.cells = 0
        # Only a new number makes earlier requests stale.
        self.kernel = GuestKernel(self._context, self.kernel.number + bool(event))
        if event:
            self._event(event, code, why)

    def _event(self, event: str, code: int, why: str) -> None:
        message = {"event": event, "code": code, "kernel": self.kernel.number}
        self.peer.send(dict(message, why=why) if why else message)
        self.oldest = self.oldest or time.monotonic()

    def _drain(self, kernel: GuestKernel, channel: str, socket: Any) -> None:
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            # What is large is not copied.
            parts = [one.bytes if len(one) < LARGE else one.buffer for one in frames]
            self._pass_on(kernel, channel, parts)

    def _pass_on(self, kernel: GuestKernel, channel: str, frames: list[Any]) -> None:
        try:
            header, parent, metadata, content, *buffers = frames[frames.index(DELIMITER) + 2 :]
            parent_header, own_header = json.loads(parent), json.loads(header)
        except (TypeError, ValueError):
            return
        message_id, kind = parent_header.get("msg_id"), own_header.get("msg_type")
        is_idle = kind == "status" and b'"idle"' in content
        is_busy = kind == "status" and b'"busy"' in content
        end = "reply" if channel == "shell" else "idle" if channel == "iopub" and is_idle else ""
        if kernel.is_ours(parent_header) and channel == "iopub" and kind in OUTPUTS:
            # A thread printed it: its output belongs to whatever the main thread handled last.
            parent_header, parent = self._last_cell, json.dumps(self._last_cell).encode()
            message_id = parent_header.get("msg_id")
        if kernel.is_ours(parent_header):
            if channel in ("shell", "control") and kernel.learn(kind, content):
                while self._beside:
                    self._forward(self._beside.popleft())
            what = end or ("busy" if channel == "iopub" and is_busy else "")
            if what:
                self.requests.answered(message_id, what, time.monotonic())
            if is_idle and not kernel.ready and kernel.can_ask:
                kernel.ready = True
                while self._waiting:
                    self._forward(self._waiting.popleft())
            return
        if channel == "iopub":
            self.requests.see(message_id, kind, is_busy=is_busy, now=time.monotonic())
        if end and not self.requests.take(message_id, end, time.monotonic()):
            return  # a second idle, say, which code in the cell can send, ends nothing
        if self._routed.take(message_id, channel, kind, [metadata, content, *buffers]):
            self._taken += 1
            return
        if channel == "iopub" and kind in COMMS and kind not in self.passed:
            self._captures.see(kind, content)  # else the front end has the widget itself
        if channel == "iopub" and kind not in self.passed and not is_idle:
            return
        widget = self._captures.widget_of(message_id) if kind in OUTPUTS else ""
        encoded = json.dumps([_base64(part) for part in buffers]).encode() if buffers else b"[]"
        self.peer.outbox.append(
            b'{"channel":"%s","widget":%s,"header":%s,"parent_header":%s,"metadata":%s,"content":'
            % (channel.encode(), json.dumps(widget).encode(), header, parent, metadata),
            content,
            b',"buffers":%s}' % encoded,
        )
        if kind == "input_request":
            self.oldest = time.monotonic() - FRESH  # somebody is asked: nothing to wait for
        elif kind in self.passed:
            self.oldest = self.oldest or time.monotonic()


def _with_buffers(message: dict[str, Any]) -> dict[str, Any]:
    if not message.get("buffers"):
        return message
    import base64

    return dict(message, buffers=[base64.b64decode(part) for part in message["buffers"]])


def _base64(data: memoryview) -> str:
    import base64

    return base64.b64encode(data).decode("ascii")
