"""The half of the link that is sent into the session.

It lives in the session interpreter as a module of its own. There it answers exchange calls
outside IPython, starts an ordinary ipykernel as a child (the guest kernel), and reads that
kernel's channels all the time. Python 3.8 and later, with what every ipykernel brings.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from .captures import Captures
from .counts import count_request
from .guest_kernel import GuestKernel, take_file
from .protocol import (
    COMMS,
    INTERRUPT_FILE,
    OUTPUTS,
    WAKE,
    FrameError,
    Peer,
    fingerprint,
    pack,
    unpack,
)
from .requests import Requests
from .routed import Routed, RoutedCalls
from .spill import SpillingOutbox

LARGE = 1_000_000  # bytes of a part of a message that is large
FRESH = 0.05  # seconds that output may wait for more before it is sent
LOOK = 0.04  # seconds between two looks for an interrupt while an exchange waits
CONFIRM = 60.0  # seconds within which an exchange has to come; else the hook does not work here
DELIMITER = b"<IDS|MSG>"
QUESTIONS = ("complete_request", "inspect_request")  # those that need not wait for a cell


class Relay:
    """Owns the guest kernel and this end of the link: one thread, one poller."""

    def __init__(self, version: str, share: bool | None = None) -> None:
        self.version = version
        self.share = share
        """Whether plain calls run in the guest kernel; None: nobody has decided yet."""
        self.boot = secrets.token_hex(8)
        self.link = ""
        self.peer = Peer(SpillingOutbox())
        self.withdraw: Callable[[], object] = lambda: None
        """Undoes what `plain_calls.install` did."""
        self._passed: tuple[str, ...] = OUTPUTS
        self.confirmed = False
        """Whether an exchange has come through the hook."""
        self._greeted = time.monotonic()
        self.cells = 0
        self.lock = threading.Condition()
        self._commands: deque[dict[str, Any]] = deque()
        self._waiting: deque[dict[str, Any]] = deque()
        self._beside: deque[dict[str, Any]] = deque()  # questions that wait for a subshell
        self._oldest = 0.0  # when the oldest output that was not sent yet came in
        self._failures = 0
        self._interrupt_next = False
        self._interrupts: deque[Any] = deque(maxlen=8)  # those that have come
        self._requests = Requests()
        self._captures = Captures()
        self._routed = RoutedCalls()
        self._taken = 0  # messages that were for plain calls
        self.plain_call_ended = 0.0  # when; on the clock of time.monotonic
        self._held: list[dict[str, Any]] = []
        self._announced: deque[Any] = deque(maxlen=8)  # fingerprints of plain calls
        self._last_cell: dict[str, Any] = {}  # its header
        self._context = zmq.Context()
        self._wake, self._woken = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        address = f"inproc://wake-{self.boot}"
        self._woken.bind(address)
        self._wake.connect(address)
        self._kernel = GuestKernel(self._context, 1)
        self._restart_id: Any = None
        self._ended = False
        self._failure = ""
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
        self._kernel.end()
        # Whoever lets go of a context with an open socket waits for ever.
        self._context.destroy(linger=0)

    # -- exchanges, on the session interpreter's main thread

    def exchange(self, text: str) -> tuple[str, str]:
        """The answer frame to the request frame in ``text``, and the way that it should take."""
        try:
            head, data = unpack(text)
        except FrameError as error:
            return pack({"boot": self.boot, "error": "frame", "detail": str(error)}), "stdout"
        return self._exchange(head, data), str(head.get("way"))

    def _exchange(self, head: dict[str, Any], data: memoryview) -> str:
        with self.lock:
            if head.get("op") == "hello":
                return self._hello(head)
            if self._failure:
                return pack({"boot": self.boot, "error": "relay", "detail": self._failure[-2000:]})
            if head.get("boot") != self.boot or not self.alive:
                return pack({"boot": self.boot, "error": "boot"})
            if head.get("op") == "direct":
                self._announced.append(head.get("code"))
                return pack({"boot": self.boot})
            if head.get("link") != self.link:
                return pack({"boot": self.boot, "error": "link"})
            if head.get("op") == "share":
                self.share = bool(head.get("on"))
                return pack({"boot": self.boot, "share": self.share})
            if head.get("op") == "restart":
                if head.get("id") != self._restart_id:
                    self._restart_id = head.get("id")
                    number = self._kernel.number
                    self._do({"op": "restart"})
                    self.lock.wait_for(lambda: self._kernel.number > number, 5)
                return pack({"boot": self.boot, "kernel": self._kernel.number})
            lines = self.peer.receive(head, data)
            if head.get("skip") == self.peer.outbox.start:
                self.peer.outbox.skip_line()  # the service lets no answer pass that has it
            self._obey_all([message for line in lines for message in _parsed(line)], head)
            if not self.peer.silent and not self._oldest:
                self._oldest = time.monotonic() - FRESH
            return self._answer(head)

    def _hello(self, head: dict[str, Any]) -> str:
        self._greeted = time.monotonic()
        if head.get("link") != self.link:
            self.link = head["link"]
            self.peer = Peer(SpillingOutbox())
            self._held.clear()
            self._oldest = 0.0
        self._passed = OUTPUTS + COMMS if head.get("comms") is True else OUTPUTS
        if self.share is None and isinstance(head.get("share"), bool):
            self.share = head["share"]
        return pack(
            {
                "boot": self.boot,
                "version": self.version,
                "python": sys.version.split()[0],
                "cells": self.cells,
                "kernel": self._kernel.number,
                "share": bool(self.share),
                "busy": self.is_busy,
            },
            os.urandom(int(head.get("probe", 0))),
        )

    def _obey_all(self, messages: list[dict[str, Any]], head: dict[str, Any]) -> None:
        """Do what the messages of an exchange say, but run no cell that is not wanted any more.

        A cell that had to wait for a plain call may have been given up meanwhile: it is held
        until the next exchange, which says so. ``withdrawn`` in ``head`` names cells that are
        not to begin any more.
        """
        messages, self._held = self._held + messages, []
        stops = [i for i, message in enumerate(messages) if _stops_cells(message)]
        withdrawn = head.get("withdrawn") or ()
        kept = []
        for index, message in enumerate(messages):
            header = (message.get("message") or {}).get("header") or {}
            is_withdrawn = header.get("msg_id") in withdrawn
            if _is_cell(message) and (is_withdrawn or (stops and index < stops[-1])):
                self.peer.send({"event": "dropped", "msg_id": header["msg_id"]})
            elif not is_withdrawn:
                kept.append(message)
        has_waited = time.monotonic() - self.plain_call_ended < 1.0 and not self._requests.has_cell
        if has_waited and any(map(_is_cell, kept)):
            self.plain_call_ended = 0.0
            self._held = kept
            return
        for message in kept:
            self._do(message)

    def _answer(self, head: dict[str, Any]) -> str:
        began = now = time.monotonic()
        deadline = now + min(float(head.get("wait", 0)), 1.0)
        until = head.get("until") or ()
        while True:
            now = time.monotonic()
            finished = any(request not in self._requests for request in until)
            due = min(deadline, self._oldest + FRESH) if self._oldest else deadline
            if finished or now >= due or self._is_woken(until):
                break
            try:
                self.lock.wait(min(due - now, LOOK))
            except KeyboardInterrupt:
                break
        self._oldest = 0.0
        outbox = self.peer.outbox
        held = round(time.monotonic() - began, 4)
        answer = {"boot": self.boot, "end": outbox.end, "held": held}
        over = [request for request in until if request in self._requests.ended]
        if over:
            answer["over"] = over  # all that comes of these requests is in the outbox
        if not self._requests.has_cell and self._kernel.lives():
            answer["lives"] = True
        if head.get("bare") is True:
            return self.peer.bare_frame(answer)
        budget, as_is = int(head.get("budget", 3000)), head.get("as_is") is True
        return self.peer.frame(answer, budget, as_is=as_is)

    def _is_woken(self, until: Any) -> bool:
        """Whether a file ends the exchange that waits. One may also interrupt a request of it."""
        said = take_file(f"/mnt/data/{INTERRUPT_FILE}").split() if until else ()
        if len(said) == 2 and said[0] in until:
            self._do({"op": "interrupt", "kernel": self._kernel.number, "id": said[1]})
        return list(said) == [WAKE]

    def _do(self, message: dict[str, Any]) -> None:
        if _stops_cells(message):
            number = message.get("id")
            if not self._requests.has_cell or number in self._interrupts:
                return  # decided here: a cell that follows in the same exchange is not meant
            if number is not None:
                self._interrupts.append(number)
        if message.get("op") == "send" and message.get("channel") == "shell":
            header = message["message"]["header"]
            if message.get("kernel") != self._kernel.number:
                # It was meant for a kernel that is gone: its variables are not here.
                self.peer.send({"event": "stale", "msg_id": header["msg_id"]})
                return
            is_cell = header["msg_type"] == "execute_request"
            self._requests.add(header["msg_id"], is_cell=is_cell)
            if is_cell:
                self._begin_cell(header)
        self._commands.append(message)
        self._wake.send(b"")

    def _begin_cell(self, header: dict[str, Any]) -> None:
        self.cells += 1
        self._kernel.last_complaint()  # one of an earlier cell's
        self._last_cell = header
        calls, number = self._routed.settle()
        if number is not None:
            restore = count_request(number, forget=True)
            self._forward_later(self._kernel.own_request("execute_request", restore))
        if calls:
            self.peer.send({"event": "calls", "number": calls})

    # -- plain calls in the guest kernel, on the session interpreter's main thread; under the lock

    @property
    def failure(self) -> str:
        """Why nothing comes through any more; "" while all is well."""
        return self._failure or ("" if self.alive else "its thread has ended")

    @property
    def is_ready(self) -> bool:
        """Whether the guest kernel has started."""
        return self._kernel.ready

    @property
    def is_busy(self) -> bool:
        """Whether code runs in the guest kernel, or waits there."""
        return self._requests.has_cell

    def route(self, content: dict[str, Any]) -> Routed:
        """Have the guest kernel run an execute_request with this content."""
        message = self._kernel.session.msg("execute_request", content)
        message_id = message["header"]["msg_id"]
        routed = self._routed.add(message_id, content["store_history"])
        self._requests.add(message_id, is_cell=True)
        self._forward_later(message)
        return routed

    def is_announced(self, code: str) -> bool:
        """Whether the other end has asked for this plain call to be left alone; once."""
        if not self._announced:
            return False
        try:
            self._announced.remove(fingerprint(code))
        except ValueError:
            return False
        return True

    def interrupt(self) -> None:
        """Have the code stopped that runs in the guest kernel."""
        self._do({"op": "interrupt", "kernel": self._kernel.number})

    def leave(self) -> None:
        """Make the output of threads the last cell's again, after a plain call."""
        if self._last_cell:
            message = self._kernel.session.msg("kernel_info_request", {})
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
                self._failure = traceback.format_exc()
                self._forget(f"what reads its messages failed ({type(error).__name__})")
                self.lock.notify_all()
            raise

    def _relay(self) -> None:
        poller = self._poller()
        while not self._ended:
            is_hurried = (
                self._interrupt_next or not self._kernel.ready or self._requests.is_half_done
            )
            events = poller.poll(20 if is_hurried else 500)
            if not self.confirmed and time.monotonic() - self._greeted > CONFIRM:
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
                kernel = self._kernel
                for channel, socket in kernel.sockets.items():
                    self._drain(kernel, channel, socket)
                if kernel.process.poll() is not None:
                    self._died(kernel)
                    poller = self._poller()
                self._kernel.greet(time.monotonic())
                self._interrupt_next = self._interrupt_next and self._requests.has_cell
                if self._interrupt_next and self._requests.is_in_code(time.monotonic()):
                    self._strike()
                self._end_unanswered(time.monotonic())
                if self._state() != before:  # to be woken for nothing costs a warm cell its time
                    self.lock.notify_all()

    def _state(self) -> tuple[object, ...]:
        """What those who wait under the lock wait for."""
        kernel = self._kernel
        return (self._oldest, len(self._requests), kernel.number, kernel.ready, self._taken)

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
        elif op == "interrupt" and message.get("kernel") == self._kernel.number:
            question = message.get("request")
            if question is not None:
                if self._requests.begun(question):
                    self._strike()
                self._requests.forget_beside(question)
            elif self._requests.has_cell:
                self._interrupt_next = True  # as soon as its code runs: SIGINT would be lost
        elif op == "restart":
            self._forget("it was restarted")
            self._replace("restarted", 0)
            return True
        return False

    def _forget(self, why: str) -> None:
        """Give up on the requests that the guest kernel of now had got."""
        self._requests.clear()
        self._captures = Captures()
        self._routed.lose(why)
        self._last_cell = {}
        self._waiting.clear()
        self._beside.clear()
        self._interrupt_next = False

    def _forward(self, message: dict[str, Any]) -> None:
        channel = message["channel"].partition("-")[0]  # "shell-comm": nothing answers it
        header = message["message"]["header"]
        if header["msg_type"] in QUESTIONS and self._requests.has_cell:
            if self._kernel.wants_subshell():
                self._beside.append(message)
                return
            if self._kernel.subshell:
                header["subshell_id"] = self._kernel.subshell
                self._requests.goes_beside(header["msg_id"])
        self._kernel.session.send(self._kernel.sockets[channel], _with_buffers(message["message"]))
        self._requests.sent(message["message"]["header"]["msg_id"], time.monotonic())

    def _strike(self) -> None:
        """Send SIGINT to what the guest kernel runs."""
        self._interrupt_next = False
        self._requests.strike(self._kernel.interrupt())

    def _end_unanswered(self, now: float) -> None:
        """End the requests that the guest kernel will not answer, and find out which they are."""
        if not self._kernel.ready:
            return
        for message_id in self._requests.unanswered(now):
            why = self._kernel.last_complaint()
            if not self._routed.fail(message_id, why):
                self.peer.send({"event": "unanswered", "msg_id": message_id, "why": why})
                self._oldest = self._oldest or now
        if self._requests.wants_probe(now):
            self._requests.probe(self._kernel.probe())

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
        for channel, socket in self._kernel.sockets.items():
            self._drain(self._kernel, channel, socket)
        self._kernel.end()
        self.cells = 0
        # Only a new number makes earlier requests stale.
        self._kernel = GuestKernel(self._context, self._kernel.number + bool(event))
        if event:
            self._event(event, code, why)

    def _event(self, event: str, code: int, why: str) -> None:
        message = {"event": event, "code": code, "kernel": self._kernel.number}
        self.peer.send(dict(message, why=why) if why else message)
        self._oldest = self._oldest or time.monotonic()

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
                self._requests.answered(message_id, what, time.monotonic())
            if is_idle and not kernel.ready and kernel.can_ask:
                kernel.ready = True
                while self._waiting:
                    self._forward(self._waiting.popleft())
            return
        if channel == "iopub":
            self._requests.see(message_id, kind, is_busy=is_busy, now=time.monotonic())
        if end and not self._requests.take(message_id, end, time.monotonic()):
            return  # a second idle, say, which code in the cell can send, ends nothing
        if self._routed.take(message_id, channel, kind, [metadata, content, *buffers]):
            self._taken += 1
            return
        if channel == "iopub" and kind in COMMS and kind not in self._passed:
            self._captures.see(kind, content)  # else the front end has the widget itself
        if channel == "iopub" and kind not in self._passed and not is_idle:
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
            self._oldest = time.monotonic() - FRESH  # somebody is asked: nothing to wait for
        elif kind in self._passed:
            self._oldest = self._oldest or time.monotonic()


def _parsed(line: Any) -> list[dict[str, Any]]:
    """The message in a line, none when the other end has cut it off to take it back."""
    try:
        message = json.loads(str(line, "utf-8"))
    except ValueError:
        return []
    return [message] if isinstance(message, dict) else []


def _stops_cells(message: dict[str, Any]) -> bool:
    return message.get("op") == "interrupt" and "request" not in message


def _with_buffers(message: dict[str, Any]) -> dict[str, Any]:
    if not message.get("buffers"):
        return message
    import base64

    return dict(message, buffers=[base64.b64decode(part) for part in message["buffers"]])


def _is_cell(message: dict[str, Any]) -> bool:
    content: dict[str, Any] = message.get("message") or {}
    return (content.get("header") or {}).get("msg_type") == "execute_request"


def _base64(data: memoryview) -> str:
    import base64

    return base64.b64encode(data).decode("ascii")
