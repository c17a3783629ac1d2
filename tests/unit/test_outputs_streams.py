"""Text keeps its colours and loses every other terminal control, split over messages or not."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.streams import StreamText, bare, plain

CONTROLS = re.compile("[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202d\u202e]")
LOOSE_ESCAPE = re.compile(r"\x1b(?!\[[0-9;:]{0,48}m)")


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b[38;5;196mred\x1b[m",
        "\x1b[38:2::255:0:0mred",
        " 10%|█         | 1/10\r 20%|██        | 2/10",
        "a\tb\n\x08\x08c\r\n",
        "שלום עולם, مرحبا \u200fx\u200e \u2067rtl\u2069",
        "👩🏽 ﷽ 漢字",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert plain(text) == text
    assert StreamText().clean(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x9cx", "x"),
        ("\x1b]0;no end\nx", "\nx"),
        ("\x1bPq#0;2\x1b\\x", "x"),
        ("\x1b_app\x1b\\x\x1b^pm\x1b\\y\x1bXsos\x1b\\z", "xyz"),
        ("\x1b[2J\x1b[H\x1b[1;1fx", "x"),
        ("\x1b[?1049hx\x1b[?25l", "x"),
        ("\x1b[31\x07mx", "mx"),
        ("\x1bcx\x1b7\x1b(0\x1b#8", "x"),
        ("\x9b31mx\x9d0;t\x07y\x90q\x9cz", "xyz"),
        ("a\x00b\x7fc\x85d\x0bf\x0cg", "abcdfg"),
        ("\x1b\x1b[31mx", "\x1b[31mx"),
        ("\x1b\x00[2Jx", "[2Jx"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("\x1b[31;1;" + "1;" * 100 + "mx", "x"),
        ("x\ud800y", "x\ufffdy"),
        ("x\x1b", "x"),
    ],
)
def test_other_controls_go(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


def test_a_name_has_no_colours() -> None:
    assert bare("\x1b[31mValue\x1b]0;x\x07Error\x1b[0m") == "ValueError"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m",
        "a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b",
        "a\x1b]0;title\x07b\x1b[2Jc",
        "a\x9d0;t\x9cb\x9b2Jc",
        "\x1b]0;no end\nx\x1b[1;",
    ],
)
def test_a_sequence_split_over_messages_is_one(text: str) -> None:
    whole = StreamText().clean(text)
    for cut in range(len(text)):
        stream = StreamText()
        assert stream.clean(text[:cut]) + stream.clean(text[cut:]) == whole
    single = StreamText()
    assert "".join(map(single.clean, text)) == whole


@given(st.lists(st.text(st.sampled_from("\x1b[]P_X\\;0123m\x07\x9b\x9c\x9d\nab\x00")), max_size=6))
def test_no_control_comes_through_any_mix(parts: list[str]) -> None:
    stream = StreamText()
    shown = "".join(map(stream.clean, parts))
    assert not CONTROLS.search(shown)
    assert not LOOSE_ESCAPE.search(shown)
    assert not LOOSE_ESCAPE.search(plain("".join(parts)))


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    json.dumps(plain(text)).encode("utf-8")
    plain(text).encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "\x1b" * 10**6,
        "\x1b]" * 10**6,
        "\x9d" * 10**6 + "\nx",
        "\x1b[" * 10**6,
        "\x1b[31mx\x1b[0m" * 10**5,
        "\x1b[" + "1;" * 10**6,
        "line of text\n" * 10**6,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.perf_counter()
    StreamText().clean(text)
    assert time.perf_counter() - start < 2
