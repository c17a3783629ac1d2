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
from itertools import islice
from typing import Any

__all__ = [
    "COMMS",
    "INTERRUPT_FILE",
    "MARK",
    "OUTPUTS",
    "PARTS",
    "STOP_FILE",
    "WAKE",
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

PARTS = "_aca_kernel_parts"
"""The name in the session interpreter's ``sys`` that holds the parts of a bootstrap."""

STOP_FILE = "aca-kernel-stop"
"""The file in /mnt/data that ends the plain call which the guest kernel runs.

While such a call runs, nothing else gets through to the session interpreter.
"""

INTERRUPT_FILE = "aca-kernel-interrupt"
"""The file in /mnt/data that interrupts a cell: it has the request's id, and the interrupt's.

An exchange that waits for output keeps others from the session interpreter; a file gets there.
"""

WAKE = "wake"
"""What that file says when the exchange shall only end, because another one has more to bring."""

OUTPUTS = (
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "clear_output",
)
"""The iopub messages that cross the link, beside a status."""

COMMS = ("comm_open", "comm_msg", "comm_close")
"""Those that cross besides when this end trusts the session: what widgets say."""

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Bytes that a frame may have when it is unpacked; more is refused (a decompression bomb)."""

MAX_LINE_BYTES = 256 * 1024 * 1024
"""Bytes of one message; a larger one is left out."""

MAX_LINES = 100_000
"""Messages that one exchange may complete; an honest guest's are too long for more."""

_FRAME = re.compile(MARK + r" ([12]) ([0-9]{1,10}) ([0-9a-f]{8}) ")
_LINE_END = re.compile(rb"\n")
_OVERHEAD = len(MARK) + 32

_LONG = 100_000  # bytes from which on it is worth while to look whether compression pays
_SAMPLE = 30_000
_PAYS = 0.7  # above, the compressed bytes in base64 are about as long as the text


class FrameError(Exception):
    """A text holds no whole frame: it was cut or changed, or is something else."""


def pack(head: dict[str, Any], data: bytes = b"") -> str:
    """A frame as one line of ASCII: ``head``, a JSON object, and the bytes ``data``.

    It carries its length and checksum, and is compressed.
    """
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    deflate = zlib.compressobj(1)
    body = deflate.compress(len(text).to_bytes(4, "big") + text)
    body += deflate.compress(data) + deflate.flush()
    return _framed(1, base64.b64encode(body))


def pack_as_is(head: dict[str, Any], data: bytes) -> str:
    """A frame like that of `pack`, with ``data``, which is ASCII, as it is: no time to pack it.

    It has the line ends of ``data``, and is not for what changes or cuts those.
    """
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    return _framed(2, b"%08x%s%s." % (len(text), text, data))  # a line's end is never the last


def _framed(form: int, body: bytes) -> str:
    return f"{MARK} {form} {len(body)} {zlib.crc32(body):08x} {body.decode('ascii')}"


def unpack(text: str) -> tuple[dict[str, Any], memoryview]:
    """The ``(head, data)`` of the first frame in ``text``; ``data`` is a view of bytes.

    Raises FrameError.
    """
    match = _FRAME.search(text)
    if match is None:
        raise FrameError("no frame")
    form, length, checksum = match.groups()
    # What follows may be something else that was printed.
    packed = text[match.end() : match.end() + int(length)]
    if len(packed) < int(length):
        raise FrameError("a cut frame")
    try:
        body = packed.encode("ascii")
        if zlib.crc32(body) != int(checksum, 16):
            raise FrameError("a changed frame")
        if form == "1":
            body = _inflated(base64.b64decode(body))
            size, begin, end = int.from_bytes(body[:4], "big"), 4, len(body)
        else:
            size, begin, end = int(body[:8], 16), 8, len(body) - 1
        head = json.loads(body[begin : begin + size].decode("ascii"))
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        raise FrameError("a broken frame") from None
    if not isinstance(head, dict):
        raise FrameError("a frame of another shape")
    return head, memoryview(body)[begin + size : end]


def _inflated(packed: bytes) -> bytes:
    inflate = zlib.decompressobj()
    body = inflate.decompress(packed, MAX_FRAME_BYTES)
    if inflate.unconsumed_tail or not inflate.eof:
        raise FrameError("a frame that is too large")
    return body


def _is_dense(data: bytes) -> bool:
    """Whether ``data`` is long ASCII that compression makes hardly shorter, such as base64."""
    if len(data) < _LONG or not data.isascii():
        return False
    middle = len(data) // 2
    sample = data[:_SAMPLE] + data[middle : middle + _SAMPLE]
    return len(zlib.compress(sample, 1)) > _PAYS * len(sample)


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

    def append(self, *parts: bytes) -> None:
        """Add a message: JSON in UTF-8 without a line's end, in any number of parts."""
        for part in parts:
            self._held += part
        self._held += b"\n"

    def take_back(self, number: int) -> None:
        """Forget the bytes from ``number`` on, none of which may have reached the other end."""
        del self._held[max(0, number - self.start) :]

    def skip_line(self) -> None:
        """Give up the message that ``start`` stands in: the other end cannot get it."""
        while self.end > self.start:
            found = self._held.find(b"\n")
            self.acknowledge(self.start + (len(self._held) if found < 0 else found + 1))
            if found >= 0:
                return

    def slice(self, size: int) -> bytes:
        """At most ``size`` bytes, beginning with ``start``."""
        with memoryview(self._held) as held:
            return bytes(held[:size])

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
        self._rest: list[memoryview] = []  # what has come of the next message
        self._size = 0  # its bytes

    def receive(self, start: int, data: bytes | memoryview) -> list[memoryview]:
        """The messages that ``data``, whose first byte has the number ``start``, completes.

        They are views: memory for a large message is dear, and copied as rarely as can be.
        Raises FrameError when they are more than `MAX_LINES`: nothing has been received then.
        """
        skip = self.received - start
        if not 0 <= skip <= len(data):
            return []  # older than what is here, or beyond a gap
        fresh = memoryview(data)[skip:]
        ends = [end.start() for end in islice(_LINE_END.finditer(fresh), MAX_LINES + 1)]
        if len(ends) > MAX_LINES:
            raise FrameError("a flood of messages")
        self.received += len(fresh)
        messages = []
        begin = 0
        for end in ends:
            self._add(fresh[begin:end])
            begin = end + 1
            if self._size > MAX_LINE_BYTES:
                self.left_out += 1
            else:
                whole = self._rest[0] if len(self._rest) == 1 else b"".join(self._rest)
                messages.append(memoryview(whole))
            self._rest, self._size = [], 0
        rest = fresh[begin:]
        # A view keeps the whole frame alive: of one that is mostly something else, a copy is kept.
        self._add(rest if 2 * len(rest) > memoryview(rest.obj).nbytes else memoryview(bytes(rest)))
        return messages

    def jump(self, number: int) -> None:
        """Go on at ``number``: the message that stood before it will not come."""
        if number > self.received:
            self.received = number
            self._rest, self._size = [], 0
            self.left_out += 1

    def _add(self, part: memoryview) -> None:
        self._size += len(part)
        if self._size > MAX_LINE_BYTES:
            self._rest = []
        elif part:
            self._rest.append(part)


class Peer:
    """One end of a link: what to send in the next exchange, and what has come in."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.outbox = Outbox() if outbox is None else outbox
        self.inbox = Inbox()
        self.framed = 0
        """The number behind the last byte of the outbox that the last frame holds."""

    def send(self, message: Any) -> None:
        """Queue a message, anything that JSON can carry."""
        self.outbox.append(json.dumps(message, ensure_ascii=True).encode("ascii"))

    @property
    def silent(self) -> bool:
        """Whether everything that was sent has been acknowledged."""
        return self.outbox.end == self.outbox.start

    def frame(self, head: dict[str, Any], budget: int, *, as_is: bool = False) -> str:
        """The frame of the next exchange: ``head`` and as much of the outbox as fits.

        ``budget`` is the number of characters that a frame may have. At least one byte of the
        outbox goes along, so that a budget that is too small ends in a cut frame and not in
        silence. ``as_is`` allows `pack_as_is` where compression does not pay.
        """
        head = dict(head, ack=self.inbox.received, start=self.outbox.start)
        room = budget - budget // 1000 - _OVERHEAD - 256 - 4 * len(json.dumps(head)) // 3
        if as_is and _is_dense(data := self.outbox.slice(min(room, MAX_FRAME_BYTES // 2))):
            self.framed = self.outbox.start + len(data)
            return pack_as_is(head, data)
        size = max(room * 3 // 4, 1)  # what fits when nothing can be compressed
        text = pack(head, self.outbox.slice(size))
        held = self.outbox.end - self.outbox.start
        most = min(held, MAX_FRAME_BYTES // 2)
        while size < most and len(text) < budget // 2:
            # As much as fits if the rest is like the begin, and a little less.
            larger_size = min(most, size * max(2, budget * 4 // (5 * len(text))))
            larger = pack(head, self.outbox.slice(larger_size))
            if len(larger) > budget:
                break
            size, text = larger_size, larger
        self.framed = min(self.outbox.start + size, self.outbox.end)
        return text

    def bare_frame(self, head: dict[str, Any]) -> str:
        """A frame with nothing of the outbox, for a service that lets none of it pass."""
        return pack(dict(head, ack=self.inbox.received, start=self.outbox.start))

    def receive(self, head: dict[str, Any], data: bytes | memoryview) -> list[memoryview]:
        """The messages that an exchange has completed, each as JSON in UTF-8."""
        ack, start = head.get("ack"), head.get("start")
        if type(ack) is not int or type(start) is not int:
            raise FrameError("a frame without its numbers")
        if start < 0 or not 0 <= ack <= self.outbox.end:
            raise FrameError("a frame with numbers that cannot be")
        self.outbox.acknowledge(ack)
        return self.inbox.receive(start, data)
