"""Exchanges, as the session interpreter's main thread answers them.

Sent into the session: Python 3.8 and later, with what every ipykernel brings.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .guest_kernel import take_file
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
from .spill import SpillingOutbox

if TYPE_CHECKING:
    from .relay import Relay

FRESH = 0.05  # seconds that output may wait for more before it is sent
LOOK = 0.04  # seconds between two looks for a file while an exchange waits


class Exchanges:
    """Answers the exchanges of one link with what a relay has, and tells it what they bring."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._link = ""
        self._held: list[dict[str, Any]] = []
        self._announced: deque[Any] = deque(maxlen=8)  # fingerprints of plain calls
        self._restart_id: Any = None

    def answer(self, text: str) -> tuple[str, str]:
        """The answer frame to the request frame in ``text``, and the way that it should take."""
        relay = self._relay
        try:
            head, data = unpack(text)
        except FrameError as error:
            return pack({"boot": relay.boot, "error": "frame", "detail": str(error)}), "stdout"
        return self._exchange(head, data), str(head.get("way"))

    def _exchange(self, head: dict[str, Any], data: memoryview) -> str:
        relay = self._relay
        with relay.lock:
            if head.get("op") == "hello":
                return self._hello(head)
            if relay.crash:
                return pack({"boot": relay.boot, "error": "relay", "detail": relay.crash[-2000:]})
            if head.get("boot") != relay.boot or not relay.alive:
                return pack({"boot": relay.boot, "error": "boot"})
            if head.get("op") == "direct":
                self._announced.append(head.get("code"))
                return pack({"boot": relay.boot})
            if head.get("link") != self._link:
                return pack({"boot": relay.boot, "error": "link"})
            if head.get("op") == "share":
                relay.share = bool(head.get("on"))
                return pack({"boot": relay.boot, "share": relay.share})
            if head.get("op") == "restart":
                if head.get("id") != self._restart_id:
                    self._restart_id = head.get("id")
                    number = relay.kernel.number
                    relay.do({"op": "restart"})
                    relay.lock.wait_for(lambda: relay.kernel.number > number, 5)
                return pack({"boot": relay.boot, "kernel": relay.kernel.number})
            lines = relay.peer.receive(head, data)
            if head.get("skip") == relay.peer.outbox.start:
                relay.peer.outbox.skip_line()  # the service lets no answer pass that has it
            self._obey_all([message for line in lines for message in _parsed(line)], head)
            if not relay.peer.silent and not relay.oldest:
                relay.oldest = time.monotonic() - FRESH
            return self._waited(head)

    def _hello(self, head: dict[str, Any]) -> str:
        relay = self._relay
        relay.greeted = time.monotonic()
        if head.get("link") != self._link:
            self._link = head["link"]
            relay.peer = Peer(SpillingOutbox())
            self._held.clear()
            relay.oldest = 0.0
        relay.passed = OUTPUTS + COMMS if head.get("comms") is True else OUTPUTS
        if relay.share is None and isinstance(head.get("share"), bool):
            relay.share = head["share"]
        return pack(
            {
                "boot": relay.boot,
                "version": relay.version,
                "python": sys.version.split()[0],
                "cells": relay.cells,
                "kernel": relay.kernel.number,
                "share": bool(relay.share),
                "busy": relay.is_busy,
            },
            os.urandom(int(head.get("probe", 0))),
        )

    def _obey_all(self, messages: list[dict[str, Any]], head: dict[str, Any]) -> None:
        """Do what the messages of an exchange say, but run no cell that is not wanted any more.

        A cell that had to wait for a plain call may have been given up meanwhile: it is held
        until the next exchange, which says so. ``withdrawn`` in ``head`` names cells that are
        not to begin any more.
        """
        relay = self._relay
        messages, self._held = self._held + messages, []
        stops = [i for i, message in enumerate(messages) if stops_cells(message)]
        withdrawn = head.get("withdrawn") or ()
        kept = []
        for index, message in enumerate(messages):
            header = (message.get("message") or {}).get("header") or {}
            is_withdrawn = header.get("msg_id") in withdrawn
            if _is_cell(message) and (is_withdrawn or (stops and index < stops[-1])):
                relay.peer.send({"event": "dropped", "msg_id": header["msg_id"]})
            elif not is_withdrawn:
                kept.append(message)
        has_waited = time.monotonic() - relay.plain_call_ended < 1.0 and not relay.requests.has_cell
        if has_waited and any(map(_is_cell, kept)):
            relay.plain_call_ended = 0.0
            self._held = kept
            return
        for message in kept:
            relay.do(message)

    def _waited(self, head: dict[str, Any]) -> str:
        relay = self._relay
        began = now = time.monotonic()
        deadline = now + min(float(head.get("wait", 0)), 1.0)
        until = head.get("until") or ()
        while True:
            now = time.monotonic()
            finished = any(request not in relay.requests for request in until)
            due = min(deadline, relay.oldest + FRESH) if relay.oldest else deadline
            if finished or now >= due or self._is_woken(until):
                break
            try:
                relay.lock.wait(min(due - now, LOOK))
            except KeyboardInterrupt:
                break
        relay.oldest = 0.0
        outbox = relay.peer.outbox
        held = round(time.monotonic() - began, 4)
        answer = {"boot": relay.boot, "end": outbox.end, "held": held}
        over = [request for request in until if request in relay.requests.ended]
        if over:
            answer["over"] = over  # all that comes of these requests is in the outbox
        if not relay.requests.has_cell and relay.kernel.lives():
            answer["lives"] = True
        if head.get("bare") is True:
            return relay.peer.bare_frame(answer)
        budget, as_is = int(head.get("budget", 3000)), head.get("as_is") is True
        return relay.peer.frame(answer, budget, as_is=as_is)

    def _is_woken(self, until: Any) -> bool:
        """Whether a file ends the exchange that waits. One may also interrupt a request of it."""
        relay = self._relay
        said = take_file(f"/mnt/data/{INTERRUPT_FILE}").split() if until else ()
        if len(said) == 2 and said[0] in until:
            relay.do({"op": "interrupt", "kernel": relay.kernel.number, "id": said[1]})
        return list(said) == [WAKE]

    def is_announced(self, code: str) -> bool:
        """Whether the other end has asked for this plain call to be left alone; once."""
        if not self._announced:
            return False
        try:
            self._announced.remove(fingerprint(code))
        except ValueError:
            return False
        return True


def stops_cells(message: dict[str, Any]) -> bool:
    """Whether a message interrupts the cell that runs, and those that came before it."""
    return message.get("op") == "interrupt" and "request" not in message


def _parsed(line: Any) -> list[dict[str, Any]]:
    """The message in a line, none when the other end has cut it off to take it back."""
    try:
        message = json.loads(str(line, "utf-8"))
    except ValueError:
        return []
    return [message] if isinstance(message, dict) else []


def _is_cell(message: dict[str, Any]) -> bool:
    content: dict[str, Any] = message.get("message") or {}
    return (content.get("header") or {}).get("msg_type") == "execute_request"
