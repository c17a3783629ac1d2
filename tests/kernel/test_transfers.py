"""How a long transfer looks in a real kernel: while it runs, at its end, when it is interrupted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .driver import DIRECT, Kernel, Pool, Ran, reach

BIG = 400_000_000
"""Bytes that take longer to move than a bar needs to appear; a file of holes here."""


@pytest.fixture
def kernel(local_pool: Pool, tmp_path: Path) -> Iterator[Kernel]:
    """Give a kernel whose notebook lies beside a big file."""
    kernel = Kernel(DIRECT | reach(local_pool), tmp_path).start()
    with (tmp_path / "big.bin").open("wb") as big:
        big.truncate(BIG)
    yield kernel
    kernel.close()


def shown(ran: Ran) -> list[str]:
    """The text of what was displayed, updates included, all of it one display."""
    contents = [*ran.of("display_data"), *ran.of("update_display_data")]
    assert len({content["transient"]["display_id"] for content in contents}) == 1
    assert all(content["data"]["text/html"] for content in contents)
    return [content["data"]["text/plain"] for content in contents]


def interrupted(kernel: Kernel, code: str) -> Ran:
    """Run a cell and interrupt it when its bar appears."""
    message = kernel.send(code)
    kernel.wait_for_message(message, lambda got: got["msg_type"] == "display_data")
    kernel.interrupt()
    return kernel.finish(message)


def test_a_bar_tells_bytes_rate_and_time_left_and_ends_as_one_line(kernel: Kernel) -> None:
    ran = kernel.run("%upload big.bin")
    assert ran.status == "ok"
    assert set(ran.kinds) == {"display_data", "update_display_data"}
    lines = shown(ran)
    running = r"big\.bin  \d+%  [\d.]+[kMG]?B of 400MB  ([\d.]+[kMG]?|\?)B/s  (\d\d:\d\d|\?) left"
    assert all(re.fullmatch(running, line) for line in lines[:-1])
    ended = r"big\.bin → /mnt/data/big\.bin  400\.0 MB in [\d.]+ s \([\d.]+[kMG]?B/s\)"
    assert re.fullmatch(ended, lines[-1])


def test_an_upload_that_is_interrupted_leaves_nothing_in_the_session(kernel: Kernel) -> None:
    (kernel.cwd / "a.csv").write_text("a")
    ran = interrupted(kernel, "%upload a.csv big.bin")
    assert ran.ename == "KeyboardInterrupt"
    assert shown(ran)[-1] == "1 of 2 files had arrived; cancelled"
    assert "a.csv → /mnt/data/a.csv" in ran.stdout
    assert kernel.run("import os; os.listdir('/mnt/data')").result == "['a.csv']"


def test_a_download_that_is_interrupted_leaves_nothing_here(kernel: Kernel) -> None:
    kernel.run(f"open('/mnt/data/large.bin', 'wb').truncate({BIG})")
    before = sorted(path.name for path in kernel.cwd.iterdir())
    ran = interrupted(kernel, "%download large.bin")
    assert ran.ename == "KeyboardInterrupt"
    assert shown(ran)[-1] == "0 of 1 files had arrived; cancelled"
    assert sorted(path.name for path in kernel.cwd.iterdir()) == before


def test_a_notebook_that_was_executed_has_one_line_of_it(
    local_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (DIRECT | reach(local_pool)).items():
        monkeypatch.setenv(name, value)
    with (tmp_path / "big.bin").open("wb") as big:
        big.truncate(BIG)
    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%upload big.bin")])
    client = NotebookClient(
        notebook, kernel_name="azure-sessions-python", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"].startswith("big.bin → /mnt/data/big.bin  400.0 MB in ")
    assert "%;" not in output.data["text/html"]  # no bar is left
