"""Names as values: shown, made safe, matched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.errors import TransferError
from aca_kernel.transfers.names import fold, glob_match, printable, safe_name, why_secret
from aca_kernel.transfers.remote import below_root


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data.csv", "data.csv"),
        ("자료 1.csv", "자료 1.csv"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\r", "a\\nb\\r"),
        ("gpj\u202exe.txt", "gpj\\u202exe.txt"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        (" x ", "' x '"),
    ],
)
def test_a_name_is_shown_harmlessly(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(), st.integers(min_value=10, max_value=300))
def test_what_is_shown_has_only_printable_letters(text: str, limit: int) -> None:
    assert printable(text, limit).isprintable()


def test_a_long_name_keeps_both_its_ends() -> None:
    shown = printable("a" * 300 + ".csv", 60)
    assert len(shown) == 60
    assert shown.endswith(".csv")


@given(st.text(st.characters()))
def test_a_safe_name_is_one_part_of_a_path_on_every_system(text: str) -> None:
    try:
        base = safe_name(text)
    except TransferError:
        return
    assert base not in ("", ".", "..")
    assert not set(base) & set('/\\<>:"|?*')
    assert base.isprintable()
    assert len(base.encode()) <= 255
    assert base[-1] not in ". "
    assert base.split(".")[0].rstrip().lower() not in ("con", "nul", "aux", "prn", "com1", "lpt9")
    assert safe_name(base) == base


@pytest.mark.parametrize(("length", "suffix"), [(300, ".csv"), (300, ""), (300, "." + "x" * 290)])
def test_a_long_name_is_cut_and_keeps_a_sane_suffix(length: int, suffix: str) -> None:
    base = safe_name("한" * length + suffix)
    assert 250 < len(base.encode()) <= 255
    assert base.endswith(suffix if len(suffix) < 10 else "한")


@pytest.mark.parametrize(("one", "other"), [("A.csv", "a.CSV"), ("é", "e\u0301"), ("ß", "SS")])
def test_names_that_a_file_system_may_confuse_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize("name", ["data.csv", "identity.csv", "keys.csv", "environment.yml"])
def test_harmless_names_are_no_secrets(name: str) -> None:
    assert why_secret([name]) == ""


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a.csv", "*.csv", True),
        ("a.csv", "?.csv", True),
        ("a.csv", "[ab].csv", True),
        ("d/a.csv", "*.csv", False),
        ("d/a.csv", "d/*.csv", True),
        ("d/e/a.csv", "d/*.csv", False),
        ("d/e/a.csv", "**/*.csv", True),
        ("a.csv", "**/*.csv", True),
        ("d/e/a.csv", "d/**", True),
        (".hidden", "*", False),
        (".hidden", ".*", True),
        ("d/.e/a.csv", "**/*.csv", False),
        ("d/.e/a.csv", "**/.e/**/*.csv", True),
        ("a.CSV", "*.csv", False),
    ],
)
def test_globs_match_as_in_a_shell(path: str, pattern: str, fits: bool) -> None:
    assert glob_match(path, pattern) is fits


def test_many_stars_cost_little() -> None:
    assert not glob_match("/".join("a" * 1000), "/".join(["**"] * 100 + ["b"]))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.csv", "a.csv"),
        ("/mnt/data/a.csv", "a.csv"),
        ("/mnt/data", ""),
        ("/mnt/data/d/", "d"),
        ("./d/", "d"),
        (".", ""),
        ("/etc/passwd", "/etc/passwd"),
        ("/mnt/database", "/mnt/database"),
    ],
)
def test_remote_paths_may_be_written_in_full(text: str, path: str) -> None:
    assert below_root(text) == path
