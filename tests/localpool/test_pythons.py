"""Sessions of the local pool under other Pythons and other ipykernels than the pool's own."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PoolStarter, RunningPool, running_pools
from tests.pythons import NoInterpreter, find_python, interpreter

from .conftest import Caller, CallerMaker

PYTHONS = [("3.8", "5.5"), ("3.8", "6.9"), ("3.8", "6.29"), ("3.11", "7"), ("3.13", "7")]


@pytest.fixture(
    scope="module", params=PYTHONS, ids=lambda pair: "python{}-ipykernel{}".format(*pair)
)
def other(request: pytest.FixtureRequest) -> Iterator[tuple[RunningPool, str, str]]:
    """A pool whose sessions run another interpreter, its Python and its ipykernel."""
    python, ipykernel = request.param
    plots = ("matplotlib",) if python == "3.13" else ()
    try:
        path = interpreter(python, ipykernel, *plots)
    except NoInterpreter as why:
        pytest.skip(str(why))
    with running_pools() as start:
        yield start("--python", str(path)), python, ipykernel


@pytest.fixture
def session(other: tuple[RunningPool, str, str], caller: CallerMaker) -> Iterator[Caller]:
    one = caller(pool=other[0])
    yield one
    one.delete()


def test_cells_run_in_that_interpreter(
    session: Caller, other: tuple[RunningPool, str, str]
) -> None:
    _, python, ipykernel = other
    ran = session.run(
        "import sys, ipykernel; '%d.%d' % sys.version_info[:2], ipykernel.__version__"
    )
    assert str(ran["value"]).startswith(f"('{python}', '{ipykernel}.")
    assert session.run("x = 6")["value"] == ""
    assert session.run("x * 7")["value"] == 42
    told = session.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (told["stdout"], told["stderr"], told["status"]) == ("out\n", "err\n", "Succeeded")
    pool = session.call("GET", "metadata").json()
    assert pool["runtimes"][0]["version"].startswith(f"{python}.")
    assert pool["jupyterKernel"]["version"].startswith(f"{ipykernel}.")


def test_errors_are_told(session: Caller) -> None:
    failed = session.run("def f():\n    return 1 / 0\nf()")
    assert failed["status"] == "Failed"
    assert failed["stderr"].startswith("division by zero---")
    assert failed["stderr"].rstrip().endswith("ZeroDivisionError: division by zero")


def test_code_is_interrupted_after_its_time(
    session: Caller, other: tuple[RunningPool, str, str]
) -> None:
    session.run("kept = 1")
    late = session.run("print('begun', flush=True)\nwhile True: pass", timeoutInSeconds=1)
    assert late["stderr"] == "Request timed out waiting for code execution to complete"
    for _ in range(100):
        after = session.run("kept + 1")
        if after["stderr"] != "Execution aborted":
            break
        time.sleep(0.1)
    if other[2] == "5.5":  # which knows no interrupt_request: its interpreter is replaced
        assert "NameError" in after["stderr"]
    else:
        assert after["value"] == 2


def test_files_and_children_are_the_sessions(session: Caller, other: Any) -> None:
    assert session.upload("a.txt", b"text").status_code == 200
    assert session.run("print(open('/mnt/data/a.txt').read())")["stdout"] == "text\n"
    child = session.run(
        "import subprocess, sys\n"
        "ask = 'import sys, ipykernel; print(*sys.version_info[:2])'\n"
        "print(subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True).stdout)"
    )
    assert child["stdout"].split() == other[1].split(".")


def test_a_figure_is_the_result(session: Caller) -> None:
    if session.run("import matplotlib")["status"] == "Failed":
        return  # only some of the environments have it
    figure = session.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")["value"]
    assert base64.b64decode(figure["base64_data"]).startswith(b"\x89PNG")


def refused(*flags: str) -> str:
    """What a pool says that does not start."""
    command = [sys.executable, "-m", "aca_kernel.commands.pool", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_interpreter_without_ipykernel_is_refused_with_what_to_do(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "e")], check=True)
    python = tmp_path / "e" / "bin" / "python"
    said = refused("--python", str(python))
    assert "No module named 'ipykernel'" in said
    assert f"{python} -m pip install ipykernel" in said


def test_what_is_no_python_of_the_right_age_is_refused(tmp_path: Path) -> None:
    assert "There is no program" in refused("--python", str(tmp_path / "python"))
    assert "Sessions cannot run the Python /bin/true: it says nothing" in refused(
        "--python", "/bin/true"
    )
    if old := find_python("3.7"):
        assert "Python 3.8 or later" in refused("--python", old)


def test_nothing_of_the_pools_environment_gets_in(
    start_pool: PoolStarter, caller: CallerMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_POOL", "1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere/at/all")
    session = caller(pool=start_pool("--python", sys.executable))
    seen = session.run("import os, sys; print(sorted(os.environ), sys.path)")["stdout"]
    assert "SECRET" not in seen
    assert "/nowhere" not in seen
