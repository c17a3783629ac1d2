"""What Tab gives in a notebook where a magic of ours stands, and Shift-Tab."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS

from .conftest import KernelStarter
from .driver import LINKED, Kernel, Pool, reach, sessions_of, wait_for

MAGICS = [*(f"%{name}" for name in LINE_MAGICS), *(f"%%{name}" for name in CELL_MAGICS)]


@pytest.fixture(scope="module")
def linked(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give one kernel in linked mode, whose session has some files."""
    kernel = Kernel(LINKED | reach(local_pool), tmp_path_factory.mktemp("linked")).start()
    for name in ("sales 2024.csv", "sum.csv", ".hidden.csv"):
        (kernel.cwd / name).touch()
    (kernel.cwd / "sub").mkdir()
    (kernel.cwd / "sub" / "deep.csv").touch()
    ran = kernel.run(
        "import os; os.makedirs('/mnt/data/results')\n"
        "for name in 'there.csv', 'two words.csv', 'bad\\x1b[2J.csv', 'results/one.csv':\n"
        "    open(f'/mnt/data/{name}', 'w').close()"
    )
    assert ran.status == "ok"
    yield kernel
    kernel.close()


def complete(kernel: Kernel, cell: str) -> dict[str, Any]:
    """The complete_reply at the ``|`` of a cell."""
    content = {"code": cell.replace("|", "", 1), "cursor_pos": cell.index("|")}
    return kernel.ask("complete_request", content)


@pytest.mark.parametrize(
    ("cell", "matches"),
    [
        ("%upload s|", ['"sales 2024.csv"', "sub/", "sum.csv"]),
        ("%upload sub/|", ["sub/deep.csv"]),
        ("%upload .h|", [".hidden.csv"]),
        ("%upload ../|", []),
        ("%download t|", ["there.csv", '"two words.csv"']),
        ("%download /mnt/data/results/|", ["/mnt/data/results/one.csv"]),
        ("%download b|", []),
        ("%download x --to s|", ["sub/"]),
        ("%files --delete th|", ["there.csv"]),
        ("%files results --delete |", ["one.csv"]),
        ("%upload sum.csv --to r|", ["results/"]),
        ("%session re|", ["restart"]),
        ("print(1)\n%upload sum.csv --fo|", ["--force"]),
        ("%up|", ["%upload"]),
    ],
)
def test_names_and_words_of_our_magics_are_completed(
    linked: Kernel, cell: str, matches: list[str]
) -> None:
    began = time.monotonic()
    assert complete(linked, cell)["matches"] == matches
    assert time.monotonic() - began < 1  # JupyterLab waits no longer


def test_our_magics_stand_beside_the_sessions(linked: Kernel) -> None:
    # The session's first answer may be late: it loads what completes there.
    wait_for(lambda: "%timeit" in complete(linked, "%|")["matches"], "the session's magics")
    found = complete(linked, "%|")
    assert set(MAGICS) < set(found["matches"])
    assert "%timeit" in found["matches"]
    assert (found["cursor_start"], found["cursor_end"]) == (0, 1)


def test_where_ours_do_not_act_the_session_answers(linked: Kernel) -> None:
    linked.run("upload_of_mine = 1")
    wait_for(lambda: complete(linked, "upload_of|")["matches"] == ["upload_of_mine"], "its name")
    assert "%upload" not in complete(linked, "text = '''\n%up|")["matches"]


def test_a_session_is_not_allocated_for_the_names_of_its_files(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    (kernel.cwd / "here.csv").touch()
    assert complete(kernel, "%download |")["matches"] == []
    assert complete(kernel, "%upload h|")["matches"] == ["here.csv"]
    assert complete(kernel, "%|")["matches"] == MAGICS
    assert kernel.identifier not in sessions_of(local_pool)


def test_without_a_pool_what_is_known_here_is_completed(start_kernel: KernelStarter) -> None:
    kernel = start_kernel(ACA_KERNEL_MODE="linked")
    assert complete(kernel, "%|")["matches"] == MAGICS
    assert complete(kernel, "%upload --fo|")["matches"] == ["--force"]


def test_names_of_a_pool_that_does_not_answer_do_not_come_late(
    start_pool: Any, start_kernel: KernelStarter
) -> None:
    pool = start_pool()
    kernel = start_kernel(pool)
    kernel.run("1")
    pool.stop()
    began = time.monotonic()
    assert complete(kernel, "%download |")["matches"] == []
    assert time.monotonic() - began < 1
    assert complete(kernel, "%up|")["matches"] == ["%upload"]


@pytest.mark.parametrize("name", MAGICS)
@pytest.mark.parametrize("asks", ["?", "??", " ?", " -h", " --help"])
def test_every_magic_shows_its_help(kernel: Kernel, name: str, asks: str) -> None:
    ran = kernel.run(f"{name}{asks}")
    assert (ran.status, ran.kinds) == ("ok", ["stdout"])
    assert ran.stdout.startswith(f"usage: {name} ")


@pytest.mark.parametrize("name", MAGICS)
@pytest.mark.parametrize("arguments", ["--nonsense", "x --nonsense", '"x'])
def test_a_wrong_argument_shows_the_usage_and_no_traceback(
    kernel: Kernel, name: str, arguments: str
) -> None:
    ran = kernel.run(f"{name} {arguments}")
    assert ran.ename == "UsageError"
    assert "File " not in ran.traceback
    assert f"usage: {name}" in ran.traceback


@pytest.mark.parametrize("name", MAGICS)
@pytest.mark.parametrize("place", [1, -1])
def test_inspection_shows_the_help(kernel: Kernel, name: str, place: int) -> None:
    code = f"{name} some.csv\n1"
    content = {"code": code, "cursor_pos": place % code.index("\n"), "detail_level": 0}
    reply = kernel.ask("inspect_request", content)
    assert reply["found"]
    assert reply["data"]["text/plain"].startswith(f"usage: {name}")


def test_a_name_in_a_string_is_no_magic(kernel: Kernel) -> None:
    content = {"code": "'''\n%upload a\n'''", "cursor_pos": 8, "detail_level": 0}
    assert not kernel.ask("inspect_request", content)["found"]
