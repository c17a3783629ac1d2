"""Sessions that run another Python with another ipykernel, by the API and by a real kernel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningPool, running_pools
from tests.kernel.driver import Kernel, ask_pool, reach
from tests.pythons import NoInterpreter, interpreter

PAIRS = [("3.8", "5.5.6"), ("3.8", "6.9.2"), ("3.11", "6.29.5"), ("3.13", "7.1.0")]


@pytest.fixture(
    scope="module", params=PAIRS, ids=lambda pair: f"python{pair[0]}-ipykernel{pair[1]}"
)
def other(request: pytest.FixtureRequest) -> Iterator[tuple[RunningPool, str, str]]:
    """Give a pool whose sessions run the pair, and its two versions."""
    python, ipykernel = request.param
    try:
        path = interpreter(python, ipykernel)
    except NoInterpreter as missing:
        pytest.skip(str(missing))
    with running_pools() as start:
        yield start("--python", str(path)), python, ipykernel


def test_the_api_answers_as_with_the_pools_own_python(other: tuple[RunningPool, str, str]) -> None:
    pool, python, ipykernel = other

    def run(code: str) -> dict[str, object]:
        body = {"code": code, "codeInputType": "Inline", "executionType": "Synchronous"}
        answer = ask_pool(pool, "POST", "executions", json=body, identifier="other-python")
        answer.raise_for_status()
        found: dict[str, object] = answer.json()["result"]
        return found

    said = run("import sys, ipykernel; '%d.%d' % sys.version_info[:2], ipykernel.__version__")
    assert said["executionResult"] == f"('{python}', '{ipykernel}')"
    assert run("print(6 * 7)")["stdout"] == "42\n"
    assert run("6 * 7")["executionResult"] == 42
    assert "ZeroDivisionError" in str(run("1 / 0")["stderr"])


def test_a_notebook_is_linked_to_it(other: tuple[RunningPool, str, str], tmp_path: Path) -> None:
    pool, _, ipykernel = other
    kernel = Kernel({**reach(pool), "ACA_KERNEL_MODE": "auto"}, tmp_path).start()
    try:
        first = kernel.run("import ipykernel; ipykernel.__version__")
        assert first.result == repr(ipykernel)
        assert "Direct mode" not in first.displayed
        assert kernel.run("print('out')").stdout == "out\n"
        assert kernel.run("1 / 0").ename == "ZeroDivisionError"
        kernel.run("kept = 1")
        message = kernel.begun("while True: pass", pool)
        kernel.interrupt()
        assert kernel.finish(message).ename == "KeyboardInterrupt"
        assert kernel.run("kept").result == "1"
        kernel.run("%session restart")
        assert kernel.run("'kept' in dir()").result == "False"
    finally:
        kernel.close()


@pytest.mark.parametrize(
    ("python", "words"),
    [("/nowhere/python", "There is no program"), ("/bin/true", "Sessions cannot run the Python")],
)
def test_a_python_that_cannot_run_sessions_is_refused(python: str, words: str) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "aca_kernel.localpool", "--python", python],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_children_of_a_session_without_isolation_have_its_files(
    start_pool: Callable[..., RunningPool], tmp_path: Path
) -> None:
    pool = start_pool("--isolation", "none")
    (tmp_path / "a.txt").write_text("here")
    environment = {**reach(pool), "ACA_KERNEL_MODE": "linked"}
    kernel = Kernel(environment, tmp_path / "kernel", cwd=tmp_path).start()
    try:
        assert kernel.run("%upload a.txt").status == "ok"
        assert kernel.run("open('/mnt/data/a.txt').read()").result == "'here'"
        assert kernel.run("import os; os.listdir('.')").result == "['a.txt']"
        show = 'print(open("/mnt/data/a.txt").read())'
        child = f"import subprocess, sys; subprocess.check_output([sys.executable, '-c', {show!r}])"
        assert kernel.run(child).result == "b'here\\n'"
    finally:
        kernel.close()
