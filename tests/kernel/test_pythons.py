"""A real kernel in auto mode, and sessions of other Pythons and ipykernels: all are linked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import running_pools
from tests.pythons import NoInterpreter, interpreter

from .conftest import KernelStarter
from .driver import LINKED

PYTHONS = [("3.8", "5.5"), ("3.8", "6.9"), ("3.8", "6.29"), ("3.11", "7"), ("3.13", "7")]
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}]).returncode"


@pytest.fixture(params=PYTHONS, ids=lambda pair: "python{}-ipykernel{}".format(*pair))
def other(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A pool whose sessions run another interpreter."""
    try:
        path = interpreter(*request.param)
    except NoInterpreter as why:
        pytest.skip(str(why))
    with running_pools() as start:
        yield start("--python", str(path))


def test_cells_are_linked(other: Any, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(other, ACA_KERNEL_MODE="auto")
    first = kernel.run("6 * 7")
    assert first.result == "42"
    assert "Direct mode" not in first.displayed + first.stdout + first.stderr
    assert kernel.run("print('text')").stdout == "text\n"
    assert kernel.run("1 / 0").ename == "ZeroDivisionError"
    kernel.run("kept = 1")
    message = kernel.send("print('begun', flush=True)\nwhile True: pass")
    kernel.wait_for_message(message, lambda m: "begun" in str(m["content"].get("text")))
    kernel.interrupt()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert kernel.run("kept").result == "1"
    assert kernel.run("%session restart").status == "ok"
    assert kernel.run("kept").ename == "NameError"


def test_a_bare_session_and_its_children_have_the_files(start_kernel: KernelStarter) -> None:
    with running_pools() as start:
        kernel = start_kernel(start("--isolation", "none"), **LINKED)
        (kernel.cwd / "a.txt").write_text("text")
        assert kernel.run("%upload a.txt").status == "ok"
        assert kernel.run("open('/mnt/data/a.txt').read()").result == "'text'"
        assert (
            kernel.run(
                "import os, glob, pathlib, subprocess, sys\n"
                "os.chdir('/mnt/data')\n"
                "pathlib.Path('/mnt/data').is_dir(), glob.glob('/mnt/data/*'), os.listdir()"
            ).result
            == "(True, ['/mnt/data/a.txt'], ['a.txt'])"
        )
        child = CHILD.format("open('/mnt/data/a.txt').close()")
        assert kernel.run(child).result == "0"
        script = "import os; assert os.listdir() == ['a.txt']"
        code = CHILD.format(script).replace("])", "], cwd='/mnt/data')")
        assert kernel.run(code).result == "0"
