"""What a magic's line means, and what a wrong one says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aca_kernel.errors import UsageError
from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS, Magic, magic_help
from aca_kernel.magics.base import HelpRequested, split_arguments

ALL = {**LINE_MAGICS, **CELL_MAGICS}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("a.csv  b.csv", ["a.csv", "b.csv"]),
        ('"with space.csv"', ["with space.csv"]),
        ("'with space.csv' --to d", ["with space.csv", "--to", "d"]),
        ("a#b.csv c;d 100%.csv", ["a#b.csv", "c;d", "100%.csv"]),
        ("*.csv 'it'\"'\"'s'", ["*.csv", "it's"]),
        ("자료.csv", ["자료.csv"]),
    ],
)
def test_a_line_splits_into_words(line: str, words: list[str]) -> None:
    assert split_arguments(line) == words


def test_a_backslash_escapes_a_space_but_not_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert split_arguments(r"with\ space.csv") == ["with space.csv"]
    monkeypatch.setattr(os, "name", "nt")
    assert split_arguments(r"C:\data\x.csv 'D:\my data\'") == [r"C:\data\x.csv", "D:\\my data\\"]


def test_a_quote_that_is_never_closed_is_explained() -> None:
    with pytest.raises(UsageError, match="double quotes"):
        split_arguments("'a.csv")


@pytest.mark.parametrize("name", ALL)
def test_every_magic_has_help(name: str) -> None:
    magic = ALL[name]
    shown = magic_help(name)
    assert shown.startswith(f"usage: {magic.name}")
    assert magic.summary in shown
    assert magic_help(magic.name) == shown
    with pytest.raises(HelpRequested) as help_:
        magic.parser().parse_args(["--help"])
    assert help_.value.what == shown


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("upload", ""),
        ("upload", "--to d"),
        ("upload", "a --nonsense"),
        ("upload", "a --forc"),
        ("download", ""),
        ("download", "a --to"),
        ("files", "a b"),
        ("files", "--delete"),
        ("session", "nonsense"),
        ("session", "keep-alive"),
        ("session", "keep-alive soon"),
        ("session", "keep-alive -1"),
        ("session", "keep-alive nan"),
        ("session", "keep-alive inf"),
        ("direct", "x"),
    ],
)
def test_a_wrong_argument_shows_the_usage(name: str, line: str) -> None:
    magic: Magic = ALL[name]
    with pytest.raises(UsageError) as wrong:
        magic.parser().parse_args(line.split())
    assert wrong.value.what.startswith(magic.name)
    assert wrong.value.remedy.startswith(f"usage: {magic.name}")


@pytest.mark.parametrize(
    "line", ["0123456789abcdef", "attach x1234 0123456789abcdef", "share 0123456789abcdef"]
)
def test_an_identifier_in_the_wrong_place_is_not_repeated(line: str) -> None:
    with pytest.raises(UsageError) as wrong:
        LINE_MAGICS["session"].parser().parse_args(line.split())
    assert "0123456789abcdef" not in str(wrong.value)


@pytest.mark.parametrize(
    ("line", "seconds"), [("keep-alive 90", 90.0), ("keep-alive off", 0.0), ("keep-alive 0", 0.0)]
)
def test_keep_alive_takes_seconds_or_off(line: str, seconds: float) -> None:
    assert LINE_MAGICS["session"].parser().parse_args(line.split()).seconds == seconds


def test_help_of_an_unknown_magic_is_an_error() -> None:
    with pytest.raises(UsageError, match="no magic"):
        magic_help("%nonsense")


def test_importing_the_magics_is_light() -> None:
    code = (
        "import sys, aca_kernel.magics;"
        "print([m for m in ('tqdm', 'tabulate', 'humanize', 'PIL', 'azure') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
