"""What Tab completes after a magic of ours, and where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS, magic_at
from aca_kernel.magics.base import split_arguments
from aca_kernel.magics.completion import Name, Place, find_place, merged
from aca_kernel.magics.listing import local_names

ALL = [f"%{name}" for name in LINE_MAGICS]
NAMES = [
    Name(text=name.rstrip("/"), is_folder=name.endswith("/"))
    for name in ("a.csv", "my file.csv", "my dir/", ".hidden", "it's.csv")
]


def at(cell: str) -> tuple[str, int]:
    """The cell's text, and where its cursor ``|`` is."""
    return cell.replace("|", "", 1), cell.index("|")


def place(cell: str) -> Place | None:
    return find_place(*at(cell), LINE_MAGICS, CELL_MAGICS)


def reply(cell: str, names: list[Name] | None = None) -> dict[str, Any]:
    found = place(cell)
    assert found is not None
    listed = (NAMES if names is None else names) if found.values else []
    return found.reply(listed)


def matches(cell: str) -> list[str]:
    found: list[str] = reply(cell)["matches"]
    return found


def completed(cell: str, number: int = 0) -> str:
    """The cell after a match was chosen."""
    content, (text, _) = reply(cell), at(cell)
    chosen: str = content["matches"][number]
    return text[: content["cursor_start"]] + chosen + text[content["cursor_end"] :]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("%|", [*ALL, "%%direct"]),
        ("%%|", ["%%direct"]),
        ("\n %%di|", None),
        ("\n\n%%di|", ["%%direct"]),
        ("%up|", ["%upload"]),
        ("% up|", ["%upload"]),
        ("x = 1\n%|\ny", ALL),
        ("x = 1\n%%|", None),
        ("%nothing|", []),
    ],
)
def test_names_are_completed(cell: str, found: list[str] | None) -> None:
    assert (matches(cell) if place(cell) else None) == found


@pytest.mark.parametrize(
    "cell",
    [
        "x = '''\n%up|\n'''",
        "f(\n%up|",
        "if x:\n    %up|",
        "%%bash\n%up|",
        "%%direct\n%up|",
        "%timeit x|",
        "%uploaded x|",
        "up|",
        "!%up|",
    ],
)
def test_where_no_magic_would_be_obeyed_the_session_is_asked(cell: str) -> None:
    assert place(cell) is None


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("%upload |", "local file"),
        ("%upload a.csv b|", "local file"),
        ("%upload a.csv --to |", "session folder"),
        ("%upload a.csv --to x -r |", "local file"),
        ("%upload a.csv \\\n  b|", "local file"),
        ("%upload a.csv --as |", None),
        ("%download |", "session file"),
        ("%download a.csv --to |", "local folder"),
        ("%files |", "session folder"),
        ("%files deep |", None),
        ("%files --delete |", "session file"),
        ("%files --delete a b|", "session file"),
        ("%session attach |", None),
        ("%session restart |", None),
    ],
)
def test_what_a_word_names(cell: str, values: str | None) -> None:
    found = place(cell)
    assert found is not None
    assert found.values == values


def test_names_to_delete_are_those_of_the_folder() -> None:
    found = place("%files deep/er --delete a|")
    assert found is not None
    assert (found.base, found.folder, found.stem) == ("deep/er", "", "a")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("%session |", ["info", "restart", "new", "stop", "list", "attach", "keep-alive"]),
        ("%session st|", ["stop"]),
        ("%session info --s|", ["--show-identifier"]),
        ("%upload --f|", ["--force"]),
        ("%upload a -|", ["-h", "--help", "--to", "--as", "-r", "--recursive", "--force"]),
        ("%files --d|", ["--delete"]),
        ("%%direct -|", ["-h", "--help"]),
    ],
)
def test_options_and_actions_are_completed(cell: str, found: list[str]) -> None:
    assert [match for match in matches(cell) if match in found] == found


@pytest.mark.parametrize(
    ("cell", "after"),
    [
        ("%upload a|", "%upload a.csv"),
        ("%upload my|", '%upload "my dir/"'),
        ("%upload 'my|", "%upload 'my dir/'"),
        ('%upload "my |"', '%upload "my dir/"'),
        ('%upload "my |" b', '%upload "my dir/" b'),
        ("%upload my\\ |", '%upload "my dir/"'),
        ('%upload "sub dir/"m|', '%upload "sub dir/my dir/"'),
        ("%upload it|", '%upload "it\'s.csv"'),
        ("%upload 'it|", "%upload 'it'\"'\"'s.csv'"),
        ("%upload ~/a|", "%upload ~/a.csv"),
        ("%upload .|", "%upload .hidden"),
        ("x = 1\n%upload x a|\ny", "x = 1\n%upload x a.csv\ny"),
    ],
)
def test_a_name_is_completed_as_one_word(cell: str, after: str) -> None:
    assert completed(cell) == after
    line = next(line for line in after.splitlines() if line.startswith("%upload"))
    assert split_arguments(line)


def test_hidden_names_and_files_where_a_folder_is_due_are_left_out() -> None:
    assert ".hidden" not in matches("%upload |")
    assert matches("%download a --to |") == ['"my dir/"']


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a\\b", "a'\"\\ b", "$x `y`"])
@pytest.mark.parametrize("typed", ["", "'", '"'])
def test_any_name_comes_back_as_it_is(name: str, typed: str) -> None:
    content = reply(f"%upload {typed}|", [Name(text=name, is_folder=False)])
    assert split_arguments(content["matches"][0]) == [name]


def test_a_name_does_not_become_an_option() -> None:
    assert reply("%upload |", [Name(text="-r", is_folder=False)])["matches"] == ["./-r"]


def test_of_very_many_names_some_are_shown() -> None:
    many = [Name(text=f"{number}", is_folder=False) for number in range(5000)]
    content = reply("%upload |", many)
    assert len(content["matches"]) == 500
    assert len(content["metadata"]["_jupyter_types_experimental"]) == 500


@pytest.mark.parametrize(
    ("theirs", "further"),
    [
        ({"matches": ["%timeit", "%upload"], "cursor_start": 0, "cursor_end": 1}, ["%timeit"]),
        ({"matches": ["timeit", 5], "cursor_start": 1, "cursor_end": 1}, ["%timeit"]),
        ({"matches": ["x"], "cursor_start": 0, "cursor_end": 9}, []),
        ({"matches": ["x"], "cursor_start": -5, "cursor_end": 1}, []),
        ({"matches": None}, []),
        ({}, []),
    ],
)
def test_the_sessions_magics_come_behind_ours(theirs: dict[str, Any], further: list[str]) -> None:
    own = reply("%|")
    both = merged(own, theirs, "%")
    assert both["matches"] == [*own["matches"], *further]
    assert [each["text"] for each in both["metadata"]["_jupyter_types_experimental"]] == [
        *own["matches"],
        *further,
    ]
    assert (both["cursor_start"], both["cursor_end"]) == (0, 1)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("%upload a.csv|", "%upload"),
        ("%up|load", "%upload"),
        ("x\n%files?|", "%files"),
        ("%%direct|\nx", "%%direct"),
        ("%direct|", None),
        ("%%upload|", None),
        ("'''\n%upload|", None),
        ("upload|", None),
    ],
)
def test_the_magic_of_a_line_is_known(cell: str, name: str | None) -> None:
    assert magic_at(*at(cell)) == name


def test_local_names_are_those_below_the_root(tmp_path: Path, monkeypatch: Any) -> None:
    root = (tmp_path / "root").resolve()
    (root / "folder").mkdir(parents=True)
    (root / "a.csv").touch()
    (root / "bad\x1b[2J\n.csv").touch()
    (tmp_path / "outside.csv").touch()
    (root / "away").symlink_to(tmp_path)
    names = {(name.text, name.is_folder) for name in local_names("", root)}
    assert names == {("a.csv", False), ("folder", True), ("away", True)}
    for folder in ("../", "/", "away/", "~/", "missing/", "a.csv/", "\0/"):
        assert local_names(folder, root) == []
    assert local_names(f"{root}/", root)
    monkeypatch.setenv("HOME", str(root))
    assert local_names("~/", root)
    assert os.fspath(root)
