"""The guest under the oldest Python that it is made for, in a real ipykernel of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from aca_kernel.link.answers import NoGuest
from aca_kernel.link.client import Link
from aca_kernel.pool import PoolClient
from aca_kernel.pool.answers import Execution
from tests.kernel.driver import PATIENCE

from .conftest import Driver

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LIBRARIES = "ipykernel==6.29.5"


def _find_python() -> str | None:
    """A CPython 3.8 that runs: of $PYTHON38, of the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = [os.environ.get("PYTHON38"), shutil.which("python3.8")]
    look = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 8))"
    for python in [*named, *map(str, sorted(root.glob("versions/3.8.*/bin/python")))]:
        if python and subprocess.run([python, "-c", look], capture_output=True).returncode == 0:
            return python
    return None


@pytest.fixture(scope="module")
def python38(request: pytest.FixtureRequest) -> str:
    """Give a 3.8 with an ipykernel of its time; it is made once and kept in pytest's cache."""
    python = _find_python()
    if python is None:
        pytest.skip("there is no Python 3.8 here")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("python38")
    inside = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(inside), "-m", "pip", "install", "--quiet", LIBRARIES]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"its libraries cannot be installed: {done.stderr[-300:]}")
        (folder / "made").touch()
    return str(inside)


class KernelAsPool:
    """Execute calls carried by a kernel's own shell channel: what a pool does, without HTTP."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.counts: list[int] = []

    def execute(self, identifier: str, code: str, **options: Any) -> Execution:
        shown: dict[str, Any] = {"stdout": "", "stderr": "", "result": ""}

        def note(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                shown[content["name"]] += content["text"]
            elif message["msg_type"] == "execute_result":
                shown["result"] = content["data"]["text/plain"]
            elif message["msg_type"] == "error":
                text = "".join(f"{line}\n" for line in content["traceback"])
                shown["stderr"] += content["evalue"] + _COLOUR.sub("", text)  # as services do

        reply = self.client.execute_interactive(
            code, allow_stdin=False, output_hook=note, timeout=PATIENCE
        )["content"]
        self.counts.append(reply["execution_count"])
        return Execution(
            succeeded=reply["status"] == "ok",
            status=reply["status"],
            duration_ms=None,
            session_guid="",
            new_allocation=None,
            **shown,
        )


@pytest.fixture
def kernel(python38: str, tmp_path: Path) -> Iterator[KernelAsPool]:
    folder = tmp_path / "kernels" / "python38"
    folder.mkdir(parents=True)
    argv = [python38, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "3.8", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    manager = KernelManager(
        kernel_name="python38",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(folder.parent)]),
        connection_file=str(tmp_path / "kernel-38.json"),
    )
    manager.start_kernel(
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, cwd=str(tmp_path)
    )
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield KernelAsPool(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


class Driver38(Driver):
    """A Driver whose calls a kernel carries."""

    def __init__(self, kernel: KernelAsPool) -> None:
        self.client = cast(PoolClient, kernel)
        self.identifier = "session"
        self.link = Link(self.client, self.identifier, _call)
        self.kernel = 0
        self.exchanges = 0


async def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)  # the client's sockets belong to this thread


def test_guest_runs_under_python_3_8(kernel: KernelAsPool) -> None:
    driver = Driver38(kernel)
    assert driver.hello().python.startswith("3.8.")
    assert driver.value("import sys; print(sys.version_info[:2])") == "(3, 8)"
    ran = driver.run("for i in range(40_000): print(f'{i:060}')\n'é🎉'")
    assert ran.stdout == "".join(f"{i:060}\n" for i in range(40_000))
    assert ran.messages[-1]["content"]["data"]["text/plain"] == "'é🎉'"
    assert driver.run("1 / 0").reply["ename"] == "ZeroDivisionError"
    # The exchanges went by the session interpreter's own count.
    assert len(kernel.counts) >= 3
    assert set(kernel.counts[1:]) == {kernel.counts[0] + 1}
    assert driver.plain("print(sys.version_info[0]) if 'sys' in dir() else print('clean')") == (
        "clean"
    )


def test_guest_under_python_3_8_is_interrupted_restarted_and_told_dead(
    kernel: KernelAsPool,
) -> None:
    driver = Driver38(kernel)
    driver.hello()
    driver.value("x = 1")
    message = driver.send("print('begun', flush=True)\nwhile True: pass")
    while "begun" not in str(driver.exchange(message)):
        pass
    driver.link.peer.send({"op": "interrupt", "msg_id": message, "kernel": driver.kernel})
    assert driver.finish(message).reply["ename"] == "KeyboardInterrupt"
    assert driver.value("print(x)") == "1"
    driver.send("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert driver.event() == {"event": "died", "code": -11, "kernel": 2}
    assert driver.link.restart_call()() == 3
    driver.kernel = 3
    assert driver.event()["event"] == "restarted"
    assert driver.run("x").reply["ename"] == "NameError"


def test_plain_calls_under_python_3_8_run_in_the_guest_kernel(kernel: KernelAsPool) -> None:
    driver = Driver38(kernel)
    driver.hello()
    driver.value("shared = 'notebook'")
    assert asyncio.run(driver.link.share(True)) is True
    assert driver.plain("print(shared)\ntheirs = 6 * 7") == "notebook"
    assert kernel.execute("session", "theirs").result == "42"
    failed = kernel.execute("session", "import sys\nprint('e', file=sys.stderr)\ntheirs / 0")
    assert failed.stderr.startswith("e\ndivision by zero---")
    assert driver.value("print(theirs)") == "42"
    message = driver.send("import time; print('begun', flush=True); time.sleep(4)")
    while "begun" not in str(driver.exchange(message)):
        pass
    assert "SessionBusy" in kernel.execute("session", "theirs").stderr
    assert driver.finish(message).reply["status"] == "ok"
    assert asyncio.run(driver.link.share(False)) is False
    assert "NameError" in kernel.execute("session", "theirs").stderr


def test_session_of_python_3_8_without_jupyter_client_says_so(kernel: KernelAsPool) -> None:
    driver = Driver38(kernel)
    driver.plain(
        "import sys; sys.modules.update({'jupyter_client': None, 'jupyter_client.connect': None})"
    )
    with pytest.raises(NoGuest, match="ModuleNotFoundError"):
        driver.hello()


def test_guest_under_python_3_8_ends_with_its_session(kernel: KernelAsPool) -> None:
    driver = Driver38(kernel)
    driver.hello()
    pid = int(driver.value("import os; print(os.getpid())"))
    parent = psutil.Process(pid).parent()
    assert parent is not None
    parent.kill()
    gone, _ = psutil.wait_procs([psutil.Process(pid)], timeout=10)
    assert gone
