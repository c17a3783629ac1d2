"""The link's protocol: two ends joined by a channel that fails in every way it can."""

from __future__ import annotations

import ast
import base64
import io
import json
import random
import tracemalloc
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aca_kernel.guest import protocol, spill
from aca_kernel.guest.protocol import MARK, FrameError, Inbox, Outbox, Peer, pack, unpack

SLOW = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


# -- the channel


@dataclass
class Channel:
    """Execute calls between two peers, the requests in order as a service runs them.

    Both directions are played from one seed. What is late (a request that was repeated while
    its first copy still waited, an answer that came back after a newer one) is delivered some
    exchanges later.
    """

    here: Peer
    there: Peer
    rng: random.Random
    good: bool = False
    late_requests: list[str] = field(default_factory=list)
    late_answers: list[str] = field(default_factory=list)
    arrived_here: list[Any] = field(default_factory=list)
    arrived_there: list[Any] = field(default_factory=list)

    def exchange(self, budget: int) -> None:
        """One exchange, and what of the earlier ones comes with it."""
        request = self.here.frame({"link": "x", "budget": budget}, self._budget(budget))
        for text in self._played(request, self.late_requests):
            answer = self._serve(text, budget)
            for back in self._played(answer, self.late_answers):
                self._receive(self.here, self.arrived_here, back)

    def _budget(self, budget: int) -> int:
        return budget if self.good or self.rng.random() < 0.8 else self.rng.randrange(-10, 3000)

    def _serve(self, text: str, budget: int) -> str:
        if not self._receive(self.there, self.arrived_there, text):
            return pack({"error": "frame"})
        return self.there.frame({"boot": "y"}, self._budget(budget))

    def _receive(self, peer: Peer, arrived: list[Any], text: str) -> bool:
        try:
            head, data = unpack(text)
        except FrameError:
            return False
        if "error" not in head:
            arrived += [json.loads(str(line, "utf-8")) for line in peer.receive(head, data)]
        return True

    def _played(self, text: str, late: list[str]) -> list[str]:
        """What of ``text`` and of what is late comes out of the channel now."""
        if self.good:
            return [text]
        kind = self.rng.choice(["whole"] * 4 + ["drop", "repeat", "late", "both", "cut", "change"])
        out = []
        if late and self.rng.random() < 0.4:
            out.append(late.pop(self.rng.randrange(len(late))))
        if kind in ("late", "both"):
            late.append(text)
        if kind == "cut":
            out.append(text[: self.rng.randrange(len(text))])
        elif kind == "change":
            place = self.rng.randrange(len(text))
            out.append(text[:place] + self.rng.choice("A/z0") + text[place + 1 :])
        elif kind in ("whole", "repeat", "both"):
            out += [text] * (2 if kind == "repeat" else 1)
        self.rng.shuffle(out)
        return out


def converse(
    here: Peer, there: Peer, to_there: list[Any], to_here: list[Any], seed: int
) -> Channel:
    """Send all of both lists through a bad channel, then a good one until both are silent."""
    channel = Channel(here, there, random.Random(seed))
    for budget, peer, messages in _script(here, there, to_there, to_here, channel.rng):
        if messages:
            peer.send(messages.pop(0))
        channel.exchange(budget)
    channel.good = True
    for exchanges in range(100):
        if here.silent and there.silent:
            break
        channel.exchange(3_000_000)
        assert exchanges < 99
    assert here.silent
    assert there.silent
    return channel


def _script(
    here: Peer, there: Peer, to_there: list[Any], to_here: list[Any], rng: random.Random
) -> Any:
    to_there, to_here = list(to_there), list(to_here)
    while to_there or to_here:
        peer, messages = rng.choice([(here, to_there), (there, to_here)])
        yield rng.choice([300, 450, 600, 4000, 100_000, 2_000_000]), peer, messages
    for _ in range(rng.randrange(5)):
        yield rng.choice([300, 4000]), here, []


@SLOW
@given(
    to_there=st.lists(json_values, max_size=12),
    to_here=st.lists(json_values, max_size=12),
    seed=st.integers(0, 2**32),
)
def test_every_message_arrives_once_and_in_order(
    to_there: list[Any], to_here: list[Any], seed: int
) -> None:
    channel = converse(Peer(), Peer(), to_there, to_here, seed)
    assert channel.arrived_there == to_there
    assert channel.arrived_here == to_here


@settings(SLOW, max_examples=25)
@given(
    sizes=st.lists(st.integers(0, 3_000_000), max_size=4),
    characters=st.sampled_from(["a", "é🎉\u2028", "\x00\n\\", ""]),
    seed=st.integers(0, 2**32),
)
def test_messages_of_megabytes_arrive_once_and_in_order(
    sizes: list[int], characters: str, seed: int
) -> None:
    rng = random.Random(seed)
    texts = [
        (characters * size)[:size] if characters else base64.b64encode(rng.randbytes(size)).decode()
        for size in sizes
    ]
    channel = converse(Peer(), Peer(), texts, texts[::-1], seed)
    assert channel.arrived_there == texts
    assert channel.arrived_here == texts[::-1]


def test_message_crosses_however_small_the_budget_is() -> None:
    here, there = Peer(), Peer()
    here.send("x" * 50)
    for budget in (-5, 0, 1, 100, 300, 400, 450, 500, 550, 600):
        head, data = unpack(here.frame({}, budget))
        assert data
        there.receive(head, data)
    assert there.inbox.received >= 10


def test_exchange_without_messages_is_short() -> None:
    assert len(Peer().frame({"link": "0" * 16, "boot": "0" * 16}, 250_000)) < 300


@SLOW
@given(st.integers(700, 3_000_000), st.sampled_from(["random", "same"]), st.integers(0, 99))
def test_frame_keeps_to_its_budget_and_uses_it(budget: int, kind: str, seed: int) -> None:
    peer = Peer()
    size = 3_000_000
    peer.outbox.append(random.Random(seed).randbytes(size) if kind == "random" else b"x" * size)
    frame = peer.frame({"boot": "0" * 16, "end": peer.outbox.end}, budget)
    assert len(frame) <= budget
    _, data = unpack(frame)
    if kind == "random":
        assert len(frame) > budget * 0.9 - 700
    elif budget > 20_000:
        assert len(data) > size / 3  # what compresses well takes few exchanges


# -- frames


def _unpacked(text: str) -> tuple[dict[str, Any], bytes]:
    head, data = unpack(text)
    return head, bytes(data)


@SLOW
@given(head=st.dictionaries(st.text(), json_values, max_size=5), data=st.binary(max_size=5000))
def test_frame_comes_back_as_it_went(head: dict[str, Any], data: bytes) -> None:
    text = pack(head, data)
    assert text.isascii()
    assert "\n" not in text
    assert _unpacked(text) == (head, data)


@SLOW
@given(data=st.binary(max_size=300), part=st.floats(0, 1, exclude_max=True))
def test_cut_frame_is_told_apart(data: bytes, part: float) -> None:
    text = pack({"boot": "b"}, data)
    with pytest.raises(FrameError):
        unpack(text[: int(len(text) * part)])


@SLOW
@given(data=st.binary(max_size=300), place=st.integers(0, 10_000), by=st.integers(1, 94))
def test_changed_character_is_told_apart(data: bytes, place: int, by: int) -> None:
    text = pack({"boot": "b"}, data)
    place %= len(text)
    changed = chr(33 + (ord(text[place]) - 33 + by) % 95)
    if changed == text[place]:
        return
    broken = text[:place] + changed + text[place + 1 :]
    with pytest.raises(FrameError):
        unpack(broken)


@SLOW
@given(
    before=st.text().filter(lambda text: MARK not in text),
    after=st.text(),
    data=st.binary(max_size=100),
)
def test_frame_is_found_in_what_else_the_session_printed(
    before: str, after: str, data: bytes
) -> None:
    assert _unpacked(before + pack({"boot": "b"}, data) + after) == ({"boot": "b"}, data)


@SLOW
@given(
    head=st.dictionaries(st.text(), json_values, max_size=5),
    data=st.text(alphabet=st.characters(max_codepoint=127), max_size=300).map(str.encode),
    before=st.text().filter(lambda text: MARK not in text),
    after=st.text(),
)
def test_frame_as_is_comes_back_as_it_went(
    head: dict[str, Any], data: bytes, before: str, after: str
) -> None:
    assert _unpacked(before + protocol.pack_as_is(head, data) + after) == (head, data)


@SLOW
@given(
    data=st.text(alphabet="ab\r\n ", max_size=50).map(str.encode),
    how=st.sampled_from([str.strip, lambda text: text.replace("\n", "\r\n"), lambda t: t[:-1]]),
)
def test_frame_as_is_whose_line_ends_were_changed_is_told_apart(data: bytes, how: Any) -> None:
    text = protocol.pack_as_is({"boot": "b"}, data)
    changed = how(text)
    if changed != text:
        with pytest.raises(FrameError):
            unpack(changed)


@pytest.mark.parametrize(
    ("data", "as_is", "form"),
    [
        (base64.b64encode(random.Random(1).randbytes(300_000)), True, "2"),
        (base64.b64encode(random.Random(1).randbytes(300_000)), False, "1"),  # nobody allows it
        (b"the same again " * 30_000, True, "1"),  # compression pays
        (random.Random(1).randbytes(300_000).replace(b"\n", b""), True, "1"),  # no ASCII
        (base64.b64encode(random.Random(1).randbytes(30_000)), True, "1"),  # short
    ],
)
def test_what_compression_does_not_shorten_crosses_as_it_is(
    data: bytes, as_is: bool, form: str
) -> None:
    peer = Peer()
    peer.outbox.append(data)
    frame = peer.frame({"boot": "b"}, 350_000, as_is=as_is)
    assert frame.startswith(f"{MARK} {form} ")
    assert 340_000 < len(frame) <= 350_000 or len(data) < 100_000 or form == "1"
    assert (data + b"\n").startswith(_unpacked(frame)[1])


@pytest.mark.parametrize("after", ["\n", "abc", "'", "==", " more", "\n" + pack({"other": 1})])
def test_frame_is_found_before_what_was_printed_right_after_it(after: str) -> None:
    assert _unpacked(pack({"boot": "b"}, b"data") + after) == ({"boot": "b"}, b"data")


def _frame_of(body: bytes, packed: bytes | None = None) -> str:
    """A frame around any body, as a hostile session can make it."""
    data = base64.b64encode(zlib.compress(body, 9) if packed is None else packed).decode()
    return f"{MARK} 1 {len(data)} {zlib.crc32(data.encode()):08x} {data}"


def test_decompression_bomb_is_refused() -> None:
    body = b"\0\0\0\x02{}" + bytes(protocol.MAX_FRAME_BYTES)
    text = _frame_of(body)
    assert len(text) < 120_000
    with pytest.raises(FrameError, match="too large"):
        unpack(text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        b"\0\0\0\0",
        b"\0\0\0\x04null",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02\xc3\xa9",
        b"\0\0\0\x03NaN",
        (200_000).to_bytes(4, "big") + b"[" * 200_000,
        (200_006).to_bytes(4, "big") + b'{"a":' + b"[" * 200_001,
        (100_006).to_bytes(4, "big") + b'{"a":' + b"9" * 100_000 + b"}",
    ],
)
def test_frame_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(_frame_of(body))


@pytest.mark.parametrize("packed", [b"", b"x", b"x\x9c", zlib.compress(b"\0\0\0\x02{}")[:-3]])
def test_frame_that_does_not_decompress_is_refused(packed: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(_frame_of(b"\0\0\0\x02{}", packed))


@SLOW
@given(st.text(alphabet="aclinker-1 0259af=+/\u0661\u00b2é", max_size=200))
def test_any_text_is_a_frame_or_a_frame_error(text: str) -> None:
    for form in (1, 2):
        for candidate in (text, f"{MARK} {form} {text}", f"{MARK} {form} 4 00000000 {text}"):
            with pytest.raises(FrameError):
                unpack(candidate)


@pytest.mark.parametrize(
    "body",
    [
        "",
        ".",
        "0000000",
        "zzzzzzzz{}.",
        "00000002[].",
        "00000004null.",
        "ffffffff{}.",
        "-0000002{}.",
    ],
)
def test_frame_as_is_of_another_shape_is_refused(body: str) -> None:
    with pytest.raises(FrameError):
        unpack(f"{MARK} 2 {len(body)} {zlib.crc32(body.encode()):08x} {body}")


# -- a hostile peer

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-5, 30),
    st.booleans(),
    st.none(),
    st.text(),
    st.floats(),
)


@SLOW
@given(
    frames=st.lists(
        st.tuples(
            st.fixed_dictionaries({}, optional={"ack": numbers, "start": numbers, "x": numbers}),
            st.binary(max_size=20),
        ),
        max_size=10,
    )
)
def test_malformed_numbers_harm_nobody(frames: list[tuple[dict[str, Any], bytes]]) -> None:
    peer = Peer()
    peer.send("to be kept")
    queued = peer.outbox.slice(1000)
    for head, data in frames:
        before = peer.inbox.received
        try:
            peer.receive(head, data)
        except FrameError:
            assert peer.inbox.received == before
        assert before <= peer.inbox.received <= before + len(data)
        # What was acknowledged is gone, all else is there, in its place.
        assert peer.outbox.start + len(peer.outbox.slice(1000)) == peer.outbox.end == len(queued)
        assert queued[peer.outbox.start :] == peer.outbox.slice(1000)
    unpack(peer.frame({}, 1000))


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"ack": 0},
        {"start": 0},
        {"ack": "0", "start": 0},
        {"ack": 0, "start": 0.0},
        {"ack": True, "start": 0},
        {"ack": 0, "start": False},
        {"ack": 0, "start": -1},
        {"ack": -1, "start": 0},
        {"ack": 10**30, "start": 0},
    ],
)
def test_numbers_that_cannot_be_are_refused_and_take_no_data(head: dict[str, Any]) -> None:
    peer = Peer()
    peer.send(1)
    with pytest.raises(FrameError):
        peer.receive(head, b"null\n")
    assert peer.inbox.received == 0
    assert peer.outbox.slice(10) == b"1\n"


def test_bytes_beyond_a_gap_are_left_for_later() -> None:
    inbox = Inbox()
    assert inbox.receive(3, b"4\n") == []
    assert inbox.receive(0, b"123") == []
    assert inbox.receive(2, b"34\n5") == [b"1234"]
    assert inbox.receive(0, b"1234\n5\n") == [b"5"]
    assert inbox.received == 7


def test_flood_of_messages_is_refused_and_nothing_of_it_received() -> None:
    inbox = Inbox()
    with pytest.raises(FrameError, match="flood"):
        inbox.receive(0, b"\n" * (protocol.MAX_LINES + 1))
    assert inbox.received == 0
    assert len(inbox.receive(0, b"\n" * protocol.MAX_LINES)) == protocol.MAX_LINES


def test_message_too_large_is_left_out_and_the_next_one_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_LINE_BYTES", 1000)
    inbox = Inbox()
    start = 0
    for _ in range(50):
        assert inbox.receive(start, b"x" * 100) == []
        start += 100
        assert sum(map(len, inbox._rest)) <= 1100
    assert inbox.receive(start, b"x\n[1]\n[2]") == [b"[1]"]
    assert inbox.receive(start + 9, b"\n") == [b"[2]"]


def test_message_in_small_parts_keeps_no_large_frame_alive() -> None:
    peer = Peer()
    tracemalloc.start()
    try:
        for start in range(20):
            head = {"ack": 0, "start": start, "more": "x" * 1_000_000}
            peer.receive(*unpack(pack(head, b"x")))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 3_000_000
    assert peer.receive({"ack": 0, "start": 20}, b"\n") == [b"x" * 20]


def test_outbox_keeps_what_is_not_acknowledged() -> None:
    outbox = Outbox()
    outbox.append(b"12345")
    outbox.acknowledge(3)
    outbox.acknowledge(2)
    outbox.acknowledge(99)
    assert (outbox.start, outbox.end, outbox.slice(99)) == (3, 6, b"45\n")


# -- what goes into the session


GUEST = Path(protocol.__file__).parent


@pytest.mark.parametrize("file", sorted(GUEST.glob("*.py")), ids=lambda file: file.name)
def test_what_goes_into_a_session_is_python_3_8(file: Path) -> None:
    ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))


# -- output that nobody fetches


@SLOW
@given(
    lines=st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=40),
    seed=st.integers(0, 2**32),
    disk=st.sampled_from([0, 100, 10_000]),
)
def test_output_above_the_memory_limit_waits_in_a_file(
    lines: list[bytes], seed: int, disk: int
) -> None:
    rng = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "MEMORY", 64)
        patch.setattr("tempfile.TemporaryFile", lambda **_: SmallDisk(disk))
        outbox, inbox = spill.SpillingOutbox(), Inbox()
        arrived = []
        pending = list(lines)
        while pending or outbox.end > outbox.start:
            if pending and rng.random() < 0.7:
                outbox.append(pending.pop(0))
            else:
                arrived += inbox.receive(outbox.start, outbox.slice(rng.randrange(1, 100)))
                outbox.acknowledge(inbox.received)
            assert disk < 10_000 or len(outbox._held) <= 64 + 61 + 32
    assert arrived == lines
    assert outbox._file is None


class SmallDisk(io.BytesIO):
    """A file on a disk that gets full, as the kernel tells it: a short write, then an error."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def write(self, data: Any) -> int:
        room = self.size - self.tell()
        if room <= 0:
            raise OSError(28, "No space left on device")
        return super().write(data[:room])
