"""Cells into segments: what is a magic of ours, and what belongs to the session."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.magics import cells
from aca_kernel.magics.cells import Code, LineMagic, Segment

LINE = ("upload", "download", "files", "session")
CELL = ("direct",)


def split(text: str) -> list[Segment]:
    return cells.split(text, LINE, CELL)


def brief(text: str) -> list[str]:
    """Each segment in few words: code as it is, a magic as ``[name arguments]``."""
    return [
        s.text if isinstance(s, Code) else f"[{s.name}{' ' + s.arguments if s.arguments else ''}]"
        for s in split(text)
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\r\n "])
def test_nothing_to_run_gives_no_segment(text: str) -> None:
    assert split(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "# only a comment",
        "def f():\n    return 5\n\nf()\n",
        "%timeit upload",
        "%%time\n%upload a",
        "%%writefile x\n%upload a\n",
        "  %%bash\n%upload a",
        "\n\n%%bash\n%upload a",
        "!upload x",
        "!echo it's",
        "upload x",
        "x = %upload a",
        "if True:\n    %upload a",
        "  %upload a",
        "%uploads a",
        "%upload_all a",
        '%upload"a"',
        "%upload'a'",
        "%upload/etc/passwd",
        "%upload\\a",
        "%upload-a",
        "%session\u200battach",
        "%%upload a",
        "%direct",
        "text = '''\n%upload a\n'''",
        'text = f"""\n%upload a\n"""',
        "text = '\\\n%upload a'",
        "(1\n%upload\n)",
        "a = 1 + \\\n%upload a",
        "# %upload a",
        "'%upload a'",
        "한국어 = '%upload'",
    ],
)
def test_what_is_the_sessions_stays_one_piece(text: str) -> None:
    assert split(text) == [Code(text=text, last=True)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("%upload a", ["[upload a]"]),
        ("%upload a\n", ["[upload a]"]),
        ("\n%upload a  b \n\n", ["[upload a  b]"]),
        ("% upload a", ["[upload a]"]),
        ("%files", ["[files]"]),
        ("x = 1\n%upload a\ny = 2", ["x = 1\n", "[upload a]", "y = 2"]),
        ("x = 1\r\n%upload a\r\ny = 2", ["x = 1\r\n", "[upload a]", "y = 2"]),
        ("%upload a\n%files\nz", ["[upload a]", "[files]", "z"]),
        ("%upload a \\\n  b\nx", ["[upload a    b]", "x"]),
        ("!echo it's\n%upload a", ["!echo it's\n", "[upload a]"]),
        ("!echo it's\nx = 'a'\n%upload a", ["!echo it's\nx = 'a'\n", "[upload a]"]),
        ("%time it's\n%upload a\n!it's\nz", ["%time it's\n", "[upload a]", "!it's\nz"]),
        ("x?\n%upload a", ["x?\n", "[upload a]"]),
        ("y = !echo it's\n%upload a", ["y = !echo it's\n", "[upload a]"]),
        ("y = %time it's\n%upload a", ["y = %time it's\n", "[upload a]"]),
        ("if x:\n    !it's\n%upload a", ["if x:\n    !it's\n", "[upload a]"]),
        ("'''\n%files\n'''\n%files", ["'''\n%files\n'''\n", "[files]"]),
        (
            "'''\n%files\n'''\n%files\n'''\n%files\n'''",
            [
                "'''\n%files\n'''\n",
                "[files]",
                "'''\n%files\n'''",
            ],
        ),
        ("x = 5 \\\n  % 3\n%files", ["x = 5 \\\n  % 3\n", "[files]"]),
        ("(5\n% 3)\n%files", ["(5\n% 3)\n", "[files]"]),
        ("파일 = 1\n%upload 파일.csv", ["파일 = 1\n", "[upload 파일.csv]"]),
    ],
)
def test_magics_are_taken_out_in_order(text: str, pieces: list[str]) -> None:
    assert brief(text) == pieces


def test_only_the_code_at_the_end_is_last() -> None:
    first, _, second = split("1\n%files\n2\n")
    assert isinstance(first, Code)
    assert isinstance(second, Code)
    assert (first.last, second.last) == (False, True)
    only, _ = split("1\n%files\n\n")
    assert isinstance(only, Code)
    assert not only.last


@pytest.mark.parametrize("text", ["%upload?", "%upload??", "%upload ?", "\n%upload?\n"])
def test_question_mark_asks_for_help(text: str) -> None:
    assert split(text) == [LineMagic(name="upload", arguments="", help=True)]


@pytest.mark.parametrize(
    "text",
    [
        "%%direct\nx = 1\n%upload a",
        "\n\n%%direct\nx = 1\n%upload a",
        "  \n%%direct\nx = 1\n%upload a",
        "%%direct\r\nx = 1\n%upload a",
    ],
)
def test_cell_magic_takes_all_lines_below(text: str) -> None:
    assert split(text) == [
        LineMagic(name="direct", arguments="", cell=True, body="x = 1\n%upload a")
    ]


def test_cell_magic_has_arguments_and_help() -> None:
    assert split("%%direct -h \nx") == [
        LineMagic(name="direct", arguments="-h", cell=True, body="x")
    ]
    assert split("%%direct?") == [LineMagic(name="direct", arguments="", cell=True, help=True)]


def test_code_that_python_cannot_read_is_still_split() -> None:
    assert "".join(brief("def f(:\n%files\n)")).startswith("def f(:\n")
    assert brief("x = 'unclosed\n%files") == ["x = 'unclosed\n", "[files]"]


LINES = st.sampled_from(
    [
        "x = 1",
        "%upload a b",
        "%files",
        "% session info",
        "%timeit x",
        "!echo it's",
        "!ls \\",
        "y = !ls",
        "x?",
        "'''",
        '"""',
        "(",
        ")",
        "[1,",
        "]",
        "if x:",
        "    pass",
        "    %files",
        "    !it's",
        "# it's",
        "a = 1 + \\",
        "",
        "  ",
        "é = 'ü'",
        "@",
        "\\",
        "'",
    ]
)


@given(lines=st.lists(LINES, max_size=14), end=st.sampled_from(["\n", "\r\n"]))
def test_no_line_of_code_is_lost_doubled_or_moved(lines: list[str], end: str) -> None:
    text = end.join(lines)
    at = 0
    for segment in split(text):
        if isinstance(segment, Code):
            start = text.index(segment.text, at)
            assert not text[at:start].strip()
            at = start + len(segment.text)
        else:
            line = re.compile(r"\s*(%[^\n]*)").match(text, at)
            assert line is not None
            assert segment.name in line[1]
            assert line[1].strip().endswith(segment.arguments)
            at = line.end()
    assert not text[at:].strip()


@given(st.text(max_size=200))
def test_any_text_at_all_is_survived(text: str) -> None:
    split(text)
    split("%files\n" + text)
    split(text + "\n%files")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 200_000,
        "x = '" + "a" * 5_000_000 + "'",
        "%files\n" + "x = '" + "a" * 5_000_000 + "'",
        "x = 1\n" * 20_000 + "%files\n" + "x = 1\n" * 20_000,
        "'''" + "%files\n" * 20_000 + "'''",
    ],
    ids=["lines", "string", "magic and string", "magic between lines", "magics in a string"],
)
def test_big_cell_is_split_quickly(text: str) -> None:
    began = time.monotonic()
    assert split(text)
    assert time.monotonic() - began < 20


def test_many_magics_are_split_quickly() -> None:
    began = time.monotonic()
    assert len(split("%files\nx = 1\n" * 1000)) == 2000
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%files\n\r\x80", ["[files]", "\r\x80"]),
        ("x = 'unclosed\n%files", ["x = 'unclosed\n", "[files]"]),
        (
            "x = 'one\n%files\ny = 'two\n%upload a",
            ["x = 'one\n", "[files]", "y = 'two\n", "[upload a]"],
        ),
        ("x = '''open\n%files", ["x = '''open\n%files"]),
        ("x = (1,\n%files", ["x = (1,\n%files"]),
        ("é = 'ü'\n%files", ["é = 'ü'\n", "[files]"]),
    ],
)
def test_what_a_tokenizer_stumbles_over_hides_no_magic(text: str, expected: list[str]) -> None:
    """Python 3.12's does so at other places than the ones before it."""
    assert brief(text) == expected
