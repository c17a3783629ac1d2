"""Which files of the session an output shows, and how they get into it. All of it is hostile."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.outputs.policy import OutputPolicy
from aca_kernel.outputs.sessionfiles import Inlined, names_in

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8"
    "ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


@pytest.mark.parametrize(
    "source",
    [
        *("http://x/a.png", "//x/a.png", "/etc/passwd", "../a.png", "a/../../b.png", "data:x"),
        *("file:///mnt/data/a.png", "javascript:1", "#a", "?a", "", ".", "/mnt/data/../x.png"),
        *("%2e%2e/a.png", "/mnt/data/", "blob:x", "x" * 2000 + ".png", "x"),
    ],
)
def test_what_is_no_file_of_the_session_is_not_asked_for(source: str) -> None:
    assert names_in({"text/html": f"<img src='{source}'>"}) == []
    assert names_in({"text/markdown": f"![]({source})"}) == []


@pytest.mark.parametrize(
    ("markup", "names"),
    [
        ("<img alt=x src='./a%20b.png?v=1#x'>", ["a b.png"]),
        ('<VIDEO SRC="d/v.mp4">', ["d/v.mp4"]),
        ("<script>document.write('<img src=a.png>')</script>", []),
        ("<!-- <img src=a.png> --><style>/* <img src=a.png> */</style>", []),
        ("<script src='lib/a.js'></script><link rel=stylesheet href=a.css>", ["lib/a.js", "a.css"]),
        ("<link rel=icon href=a.png><a href=b.png>b</a><div src=c.png>", []),
        ("<img src=a.png>" * 100, ["a.png"]),
    ],
)
def test_the_files_that_html_shows(markup: str, names: list[str]) -> None:
    assert names_in({"text/html": markup}) == names


def test_no_more_than_twenty_files_are_asked_for() -> None:
    markup = "".join(f"<img src={number}.png>" for number in range(1000))
    assert len(names_in({"text/html": markup})) == 20
    shown = Inlined({"text/html": markup}, {})
    assert "0.png" not in shown.data["text/html"]
    assert set(shown.missing.values()) == {"it is one file too many"}


def test_code_stays_as_it_was_written() -> None:
    code = "<script>if (a<b) w('<img src=\"x.png\">')</script>"
    shown = Inlined({"text/html": f"{code}<img src=x.png>"}, {"x.png": PNG})
    assert shown.data["text/html"].startswith(code)


def test_a_file_cannot_end_the_script_or_style_that_it_becomes() -> None:
    evil = b"x</script></STYLE ><img src=a onerror=alert(1)>"
    markup = "<script src=a.js></script><link rel=stylesheet href=a.css>"
    shown = Inlined({"text/html": markup}, {"a.js": evil, "a.css": evil}).data["text/html"]
    script, style = shown.split("</script><style>")
    assert "</script" not in script
    assert "</STYLE" not in style[: -len("</style>")]


def test_what_is_put_in_afterwards_is_a_pictures_data_alone() -> None:
    data = {"text/markdown": "![a](a.png) ![b](b.png) ![c](c.svg) `![a](a.png)`"}
    svg = b"<svg><script>1</script></svg>"
    inlined = Inlined(data, {"a.png": PNG, "b.png": b'"><script>1</script>', "c.svg": svg})
    content = {"data": inlined.data}
    ((_, message),) = OutputPolicy("isolated").message(
        "display_data", content, {}, inlined.pictures
    )
    shown = inlined.filled(message["data"])["text/html"]
    assert shown.count('src="data:image/png;base64,iVBOR') == 1
    assert shown.count('src="data:image/svg+xml;base64,') == 1
    assert "<script" not in shown
    assert "<code>![a](a.png)</code>" in shown
    assert inlined.missing == {"b.png": "its content is no png"}


@pytest.mark.parametrize(
    "unit",
    ["<script ", "<script>", "<img ", "<img src=", "<!--", "<style>", "![](", "<iframe src=a>"],
)
def test_time_is_bounded(unit: str) -> None:
    start = time.process_time()
    names_in({"text/html": unit * (2_000_000 // len(unit))})
    names_in({"text/markdown": unit * (50_000 // len(unit))})
    assert time.process_time() - start < 6


@given(
    st.lists(
        st.sampled_from(
            [
                "<img ",
                "<iframe ",
                "src=",
                "href=",
                "'",
                '"',
                "a.png",
                "p.html",
                ">",
                "<",
                "/",
                " ",
                "<script ",
                "</script>",
                "<link rel=stylesheet ",
                "<video ",
                "</iframe>",
                "![](a.png)",
            ]
        ),
        max_size=30,
    )
)
def test_no_output_of_any_shape_fails(pieces: list[str]) -> None:
    text = "".join(pieces)
    for mime in ("text/html", "text/markdown"):
        data = {mime: text}
        names = names_in(data)
        assert set(names) <= {name for name in names if not name.startswith(("/", ".."))}
        files = {"a.png": PNG, "p.html": text.encode()}
        inlined = Inlined(data, files, for_page=len(pieces) % 2 == 0)
        content = {"data": inlined.data}
        for _, shown in OutputPolicy("isolated").message(
            "display_data", content, {}, inlined.pictures
        ):
            inlined.filled(shown["data"])
