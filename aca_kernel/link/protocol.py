"""Both ends of the link as pure state: no sockets, no files, no clock.

Each direction is one stream of bytes that holds lines, and every line is one message in JSON.
A byte's number is its place in its stream, so an acknowledgement is a number, retransmission is
"everything from what was acknowledged on", and a message of any size crosses in as many
exchanges as it takes. An exchange carries a slice of each stream in a frame. It may be lost,
cut, repeated or overtaken by another: every line still arrives once, in order.

This file is also sent into the session, so it needs Python 3.8 and the standard library only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from typing import Any

__all__ = [
    "MARK",
    "STOP_FILE",
    "FrameError",
    "Inbox",
    "Outbox",
    "Peer",
    "fingerprint",
    "pack",
    "unpack",
]

MARK = "aca-kernel-link"
"""What a frame begins with, in a request and in an answer."""

STOP_FILE = "aca-kernel-stop"
"""The file in /mnt/data that ends the plain call which the guest kernel runs.

While such a call runs, nothing else gets through to the session interpreter.
"""

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Bytes that a frame may have when it is unpacked; more is refused (a decompression bomb)."""

MAX_LINE_BYTES = 256 * 1024 * 1024
"""Bytes of one message; a larger one is left out."""

_FRAME = re.compile(MARK + r" 1 ([0-9]{1,10}) ([0-9a-f]{8}) ([A-Za-z0-9+/=]*)")
_OVERHEAD = len(MARK) + 32


class FrameError(Exception):
    """A text holds no whole frame: it was cut or changed, or is something else."""


def pack(head: dict[str, Any], data: bytes = b"") -> str:
    """A frame as one line of ASCII: ``head``, a JSON object, and the bytes ``data``.

    It carries its length and checksum, and is compressed.
    """
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    body = len(text).to_bytes(4, "big") + text + data
    packed = base64.b64encode(zlib.compress(body, 1)).decode("ascii")
    return f"{MARK} 1 {len(packed)} {zlib.crc32(body):08x} {packed}"


def unpack(text: str) -> tuple[dict[str, Any], bytes]:
    """The ``(head, data)`` of the first frame in ``text``. Raises FrameError."""
    match = _FRAME.search(text)
    if match is None:
        raise FrameError("no frame")
    length = int(match.group(1))
    packed = match.group(3)[:length]  # what follows may be something else that was printed
    if len(packed) < length:
        raise FrameError("a cut frame")
    try:
        inflate = zlib.decompressobj()
        body = inflate.decompress(base64.b64decode(packed), MAX_FRAME_BYTES)
        if inflate.unconsumed_tail or not inflate.eof:
            raise FrameError("a frame that is too large")
        if zlib.crc32(body) != int(match.group(2), 16):
            raise FrameError("a changed frame")
        size = int.from_bytes(body[:4], "big")
        head = json.loads(body[4 : 4 + size].decode("ascii"))
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        raise FrameError("a broken frame") from None
    if not isinstance(head, dict):
        raise FrameError("a frame of another shape")
    return head, body[4 + size :]


def fingerprint(code: str) -> str:
    """What tells code from other code, whatever a service does to its white space."""
    text = "".join(code.split())
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Outbox:
    """The bytes that this end has sent or will send, and that are not acknowledged yet.

    ``start`` is the number of the first byte it holds, ``end`` that of the next one to come.
    """

    def __init__(self) -> None:
        self.start = 0
        self._held = bytearray()

    @property
    def end(self) -> int:
        """The number of the next byte."""
        return self.start + len(self._held)

    def append(self, line: bytes) -> None:
        """Add a message: JSON in UTF-8 without a line's end."""
        self._held += line
        self._held += b"\n"

    def slice(self, size: int) -> bytes:
        """At most ``size`` bytes, beginning with ``start``."""
        return bytes(self._held[:size])

    def acknowledge(self, number: int) -> None:
        """Forget the bytes before ``number``; a number that cannot be is ignored."""
        if self.start < number <= self.end:
            del self._held[: number - self.start]
            self.start = number


class Inbox:
    """The bytes that have arrived: each counts once, and only without a gap.

    ``left_out`` counts the messages that were larger than `MAX_LINE_BYTES`.
    """

    def __init__(self) -> None:
        self.received = 0
        self.left_out = 0
        self._rest = bytearray()
        self._is_too_large = False  # the message that is coming in

    def receive(self, start: int, data: bytes) -> list[bytes]:
        """The messages that ``data``, whose first byte has the number ``start``, completes."""
        skip = self.received - start
        if not 0 <= skip <= len(data):
            return []  # older than what is here, or beyond a gap
        fresh = data[skip:] if skip else data
        self.received += len(fresh)
        *lines, rest = fresh.split(b"\n")
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            if self._is_too_large:
                self.left_out += 1
                del lines[0]
            self._rest.clear()
            self._is_too_large = False
            kept = [line for line in lines if len(line) <= MAX_LINE_BYTES]
            self.left_out += len(lines) - len(kept)
            lines = kept
        self._rest += rest
        if self._is_too_large or len(self._rest) > MAX_LINE_BYTES:
            self._is_too_large = True
            self._rest.clear()
        return lines


class Peer:
    """One end of a link: what to send in the next exchange, and what has come in."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.outbox = Outbox() if outbox is None else outbox
        self.inbox = Inbox()

    def send(self, message: Any) -> None:
        """Queue a message, anything that JSON can carry."""
        self.outbox.append(json.dumps(message, ensure_ascii=True).encode("ascii"))

    @property
    def silent(self) -> bool:
        """Whether everything that was sent has been acknowledged."""
        return self.outbox.end == self.outbox.start

    def frame(self, head: dict[str, Any], budget: int) -> str:
        """The frame of the next exchange: ``head`` and as much of the outbox as fits.

        ``budget`` is the number of characters that a frame may have. At least one byte of the
        outbox goes along, so that a budget that is too small ends in a cut frame and not in
        silence.
        """
        head = dict(head, ack=self.inbox.received, start=self.outbox.start)
        room = budget - budget // 1000 - _OVERHEAD - 256 - 4 * len(json.dumps(head)) // 3
        size = max(room * 3 // 4, 1)  # what fits when nothing can be compressed
        text = pack(head, self.outbox.slice(size))
        held = self.outbox.end - self.outbox.start
        most = min(held, MAX_FRAME_BYTES // 4)
        while size < most and len(text) < budget // 2:
            # As much as fits if the rest is like the begin, and a little less.
            larger_size = min(most, size * max(2, budget * 4 // (5 * len(text))))
            larger = pack(head, self.outbox.slice(larger_size))
            if len(larger) > budget:
                break
            size, text = larger_size, larger
        return text

    def receive(self, head: dict[str, Any], data: bytes) -> list[bytes]:
        """The messages that an exchange has completed, each as JSON in bytes."""
        ack, start = head.get("ack"), head.get("start")
        if type(ack) is not int or type(start) is not int:
            raise FrameError("a frame without its numbers")
        if start < 0 or not 0 <= ack <= self.outbox.end:
            raise FrameError("a frame with numbers that cannot be")
        self.outbox.acknowledge(ack)
        return self.inbox.receive(start, data)
