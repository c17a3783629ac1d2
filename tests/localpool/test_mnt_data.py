"""/mnt/data where there is no sandbox: in the session's Python and in all that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PoolStarter
from tests.kernel.conftest import KernelStarter, _own_jupyter_folders, start_kernel
from tests.kernel.driver import LINKED
from tests.pythons import NoInterpreter, interpreter

from .conftest import CallerMaker

__all__ = ["_own_jupyter_folders", "start_kernel"]

WAYS = """
import glob, os, pathlib, shutil, subprocess, sys
data = pathlib.Path("/mnt/data")
(data / "a.txt").write_text("text")
assert os.path.isdir("/mnt/data") and data.is_dir() and os.path.exists(b"/mnt/data/a.txt")
assert glob.glob("/mnt/data/*.txt") == ["/mnt/data/a.txt"]
assert [str(path) for path in data.glob("*.txt")] == ["/mnt/data/a.txt"]
assert [str(path) for path in data.iterdir()] == ["/mnt/data/a.txt"]
os.makedirs("/mnt/data/sub/below")
shutil.copytree("/mnt/data/sub", "/mnt/data/copied")
os.rename("/mnt/data/a.txt", "/mnt/data/sub/a.txt")
shutil.copy2(data / "sub" / "a.txt", "/mnt/data")
assert sorted(folder for folder, _, _ in os.walk("/mnt/data")) == [
    "/mnt/data", "/mnt/data/copied", "/mnt/data/copied/below", "/mnt/data/sub",
    "/mnt/data/sub/below"]
shutil.rmtree("/mnt/data/copied")
shutil.rmtree(data / "sub")
ls = subprocess.run(["ls"], cwd="/mnt/data", stdout=subprocess.PIPE, check=True)
assert ls.stdout == b"a.txt\\n", ls
os.chdir("/mnt/data")
assert os.listdir() == os.listdir("/mnt/data") == ["a.txt"]
print(open("/mnt/data/a.txt").read(), len(os.environ["PYTHONPATH"].split(os.pathsep)))
"""
CHILD = f"""
import subprocess, sys
code = {WAYS!r}
child = subprocess.run([sys.executable, "-c", code], stdout=-1, stderr=-1, universal_newlines=True)
print(child.stdout, child.stderr, end="")
"""


@pytest.mark.parametrize(("python", "ipykernel"), [("3.8", "6.9"), ("3.11", "6.29"), ("3.13", "7")])
def test_python_and_its_children_take_it_for_the_sessions(
    caller: CallerMaker, start_pool: PoolStarter, python: str, ipykernel: str
) -> None:
    try:
        path = interpreter(python, ipykernel, *(("matplotlib",) if python == "3.13" else ()))
    except NoInterpreter as why:
        pytest.skip(str(why))
    session = caller(pool=start_pool("--isolation", "none", "--python", str(path)))
    for code in (WAYS, CHILD, CHILD.replace("[sys.executable,", "['python',")):
        ran = session.run(code)
        assert (ran["stdout"].strip(), ran["stderr"]) == ("text 1", "")
    assert session.call("GET", "files/a.txt/content").content == b"text"
    assert not Path("/mnt/data/a.txt").exists()


def test_another_sitecustomize_is_run_as_well(
    caller: CallerMaker, start_pool: PoolStarter, tmp_path: Path
) -> None:
    session = caller(pool=start_pool("--isolation", "none"))
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.theirs = open('/mnt/data/a').read()"
    )
    session.upload("a", b"both")
    ran = session.run(
        "import os, subprocess, sys\n"
        f"os.environ['PYTHONPATH'] += os.pathsep + {str(tmp_path)!r}\n"
        "ask = 'import sys, sitecustomize as s; print(sys.theirs, s.__file__)'\n"
        "print(subprocess.run([sys.executable, '-c', ask], stdout=-1, text=True).stdout)"
    )
    assert ran["stdout"].split() == ["both", str(tmp_path / "sitecustomize.py")]


def test_a_linked_kernel_finds_what_was_uploaded(
    start_pool: PoolStarter, start_kernel: KernelStarter, tmp_path: Path
) -> None:
    pool = start_pool("--isolation", "none")
    kernel = start_kernel(pool, cwd=tmp_path, **LINKED)
    (tmp_path / "a.txt").write_text("uploaded")
    assert kernel.run("%upload a.txt").reply["status"] == "ok"
    assert kernel.run("print(open('/mnt/data/a.txt').read())").stdout == "uploaded\n"
    assert kernel.run("import os; print(os.listdir())").stdout == "['a.txt']\n"
