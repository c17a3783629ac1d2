"""Notebooks without a person: nbclient, nbconvert and papermill, with the real kernel."""

from __future__ import annotations

import base64
import io
import uuid
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

from .conftest import Pool, sessions
from .running import (
    LOCAL,
    REMOTE,
    cells,
    execute,
    marked,
    notebook_of,
    outputs_of,
    plain,
    run_module,
    text_of,
)


def test_quickstart_shows_what_it_says(notebooks: Path, pool: Pool) -> None:
    done = execute(notebooks / "quickstart.ipynb", REMOTE)
    assert outputs_of(done, "6 * 7")[0].data == {"text/plain": "42"}
    assert "/mnt/data" in text_of(outputs_of(done, "import os"))
    assert "400 points, sin goes from -0.841 to 0.841" in text_of(outputs_of(done, "import numpy"))
    [plot] = outputs_of(done, "import matplotlib")
    assert plot.output_type == "display_data"
    with Image.open(io.BytesIO(base64.b64decode(plot.data["image/png"]))) as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) > 200
    assert "mean" in outputs_of(done, "import pandas")[0].data["text/plain"]
    [error] = outputs_of(done, "values = ")
    assert (error.ename, error.evalue) == ("IndexError", "list index out of range")
    assert "values[points]" in "\n".join(error.traceback)
    assert text_of(outputs_of(done, 'print("still')) == "still here: [10, 20, 30]\n"
    assert all(outputs for source, outputs in cells(done) if source.startswith("%"))
    assert sessions(pool) == 0


def test_files_go_there_and_come_back(notebooks: Path, pool: Pool) -> None:
    done = execute(notebooks / "files.ipynb", REMOTE)
    assert "/mnt/data/sales.csv" in str(outputs_of(done, "%upload"))
    assert text_of(outputs_of(done, "monthly.round")) == "total revenue: 49,363.50\n"
    home = notebooks / "output"
    assert (home / "by_region.csv").read_text().split() == [
        "region,revenue",
        "West,18471.25",
        "North,16634.5",
        "South,14257.75",
    ]
    assert len((home / "monthly revenue.csv").read_text().splitlines()) == 13
    assert (home / "summary.json").exists()
    assert text_of(outputs_of(done, "import json")).endswith("done\n")
    [listing] = [out for source, out in cells(done) if source == "%files"][-1:]
    assert "by_region.csv" in str(listing)
    assert "sales.csv" not in str(listing)
    assert sessions(pool) == 0


@pytest.mark.parametrize("name", ["quickstart", "files"])
def test_the_local_kernel_runs_a_notebook_and_leaves_no_process(
    notebooks: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_THIS_TEST", mark)
    done = execute(notebooks / f"{name}.ipynb", LOCAL)
    assert all(outputs for source, outputs in cells(done) if source.startswith("%"))
    psutil.wait_procs(marked(mark), timeout=20)
    assert marked(mark) == []


def test_k3_nbconvert_makes_a_page_of_every_notebook_in_a_folder(
    notebooks: Path, pool: Pool
) -> None:
    result = run_module(
        *("nbconvert", "--to", "html", "--execute", "quickstart.ipynb", "files.ipynb"),
        f"--ExecutePreprocessor.kernel_name={REMOTE}",
        cwd=notebooks,
    )
    assert result.returncode == 0, result.stderr
    page = (notebooks / "quickstart.html").read_text()
    assert "data:image/png;base64," in page
    assert "IndexError" in page
    assert "49,363.50" in (notebooks / "files.html").read_text()
    assert sessions(pool) == 0


def test_k3_papermill_puts_its_parameters_in(notebooks: Path, pool: Pool) -> None:
    result = run_module(
        *("papermill", "files.ipynb", "done.ipynb", "-k", REMOTE, "-p", "discount", "0.5"),
        cwd=notebooks,
    )
    assert result.returncode == 0, result.stderr
    done = nbformat.read(notebooks / "done.ipynb", as_version=4)
    assert text_of(outputs_of(done, "monthly.round")) == "total revenue: 24,681.75\n"
    assert sessions(pool) == 0


def test_k3_a_failing_cell_fails_the_run_with_its_traceback(tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "failing.ipynb"
    nbformat.write(notebook_of("x = 7", "def f():\n    return x / 0\n\nf()", "print('no')"), path)
    with pytest.raises(CellExecutionError) as caught:
        execute(path, REMOTE)
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")
    assert "return x / 0" in caught.value.traceback
    assert sessions(pool) == 0

    result = run_module(
        *("nbconvert", "--to", "html", "--execute", path.name),
        f"--ExecutePreprocessor.kernel_name={REMOTE}",
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert "ZeroDivisionError: division by zero" in plain(result.stderr)

    result = run_module("papermill", path.name, "done.ipynb", "-k", REMOTE, cwd=tmp_path)
    assert result.returncode == 1
    assert "ZeroDivisionError: division by zero" in plain(result.stderr)
    done = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    [error] = [o for _, outputs in cells(done) for o in outputs if o.output_type == "error"]
    assert error.ename == "ZeroDivisionError"
    assert "print" not in [source for source, outputs in cells(done) if outputs]
    assert sessions(pool) == 0


def test_without_an_endpoint_the_first_cell_explains_and_nothing_runs_here(
    tmp_path: Path,
) -> None:
    path = tmp_path / "no endpoint.ipynb"
    trace = tmp_path / "trace"
    nbformat.write(notebook_of(f"open({str(trace)!r}, 'w').close()"), path)
    with pytest.raises(CellExecutionError) as caught:
        execute(path, REMOTE)
    assert caught.value.ename == "ConfigurationError"
    assert "ACA_POOL_MANAGEMENT_ENDPOINT" in caught.value.traceback
    assert not trace.exists()
