"""Notebooks executed as users execute them, and what came out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient

REMOTE, LOCAL = "azure-sessions-python", "azure-sessions-python-local"
PYTHON = "python3"
"""ipykernel: the ordinary local kernel, where the extension is loaded."""


def cells(notebook: Any) -> Iterator[tuple[str, list[Any]]]:
    """(source, outputs) of each code cell, but for the line that a slow start shows."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell.source, [one for one in cell.outputs if not is_start_line(one)]


def is_start_line(output: Any) -> bool:
    """Whether an output says how long the session took to start: a loaded machine shows it."""
    text = "".join(output.get("data", {}).get("text/plain", ""))
    return re.match(r"\[aca-kernel\] The session (is starting|started)", text) is not None


def outputs_of(notebook: Any, beginning: str) -> list[Any]:
    """The outputs of the one cell whose source begins so."""
    found = [outputs for source, outputs in cells(notebook) if source.startswith(beginning)]
    assert len(found) == 1
    return found[0]


def text_of(outputs: list[Any]) -> str:
    return "".join(o.text for o in outputs if o.output_type == "stream")


def plain(text: str) -> str:
    """The text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def execute(path: Path, kernel: str) -> Any:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=120, resources={"metadata": {"path": path.parent}}
    )
    return client.execute()


def notebook_of(*sources: str) -> Any:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])


def run_module(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def marked(mark: str) -> list[psutil.Process]:
    """The processes that were started, at whatever remove, by this test."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK_OF_THIS_TEST") == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
