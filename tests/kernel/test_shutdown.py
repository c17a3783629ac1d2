"""The end of a kernel: nothing that costs money is left behind, and it takes no time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.connect import write_connection_file

from tests.conftest import PoolStarter

from .conftest import KernelStarter
from .driver import AZURE, DIRECT, LINKED, LOCAL, Kernel, Pool, reach, sessions_of, wait_for

BUDGET = 2.5
"""Seconds after which Jupyter sends SIGTERM."""


def test_shutdown_leaves_no_session(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("1")
    assert kernel.identifier in sessions_of(local_pool)
    assert kernel.shutdown() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_shutdown_during_a_cell_leaves_no_session(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.begun("import time\ntime.sleep(100)", local_pool)
    assert kernel.shutdown() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_alone_leaves_no_session(
    local_pool: Pool, start_kernel: KernelStarter, number: int
) -> None:
    kernel = start_kernel(local_pool)
    kernel.run("1")
    kernel.kill(number)
    assert kernel.wait_for_end() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_sigterm_during_a_cell_leaves_no_session(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    kernel.begun("import time\ntime.sleep(100)", local_pool)
    waiting = kernel.send("2", stop_on_error=False)
    assert waiting
    kernel.kill(signal.SIGTERM)
    assert kernel.wait_for_end() < BUDGET
    assert kernel.identifier not in sessions_of(local_pool)


def test_sighup_that_was_to_be_ignored_ends_nothing(local_pool: Pool, tmp_path: Path) -> None:
    kernel = Kernel(DIRECT | reach(local_pool), tmp_path / "kernel")
    spec = kernel.manager.kernel_spec
    assert spec is not None
    spec.argv = ["nohup", sys.executable, *spec.argv[1:]]
    try:
        kernel.start()
        kernel.run("kept = 1")
        kernel.kill(signal.SIGHUP)
        assert kernel.run("kept").result == "1"
    finally:
        kernel.close()


NOTEBOOK = nbformat.v4.new_notebook(
    cells=[nbformat.v4.new_code_cell("import time; time.sleep(600)")]
)


@contextlib.contextmanager
def executing(
    kernel_name: str, folder: Path, environment: dict[str, str]
) -> Iterator[psutil.Process]:
    """Start nbconvert, which runs a cell that does not end; nothing of it outlives the test."""
    nbformat.write(NOTEBOOK, folder / "notebook.ipynb")
    command = ["-m", "nbconvert", "--execute", "--to", "notebook", "notebook.ipynb"]
    parent = psutil.Popen(
        [sys.executable, *command, f"--ExecutePreprocessor.kernel_name={kernel_name}"],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield parent
    finally:
        parent.kill()
        parent.wait()


def test_killed_parent_leaves_no_session(start_pool: PoolStarter, tmp_path: Path) -> None:
    pool = start_pool("--ready-sessions", "0")
    with executing(AZURE, tmp_path, LINKED | reach(pool)) as parent:
        wait_for(lambda: sessions_of(pool), "the session")
        family = [parent, *parent.children(recursive=True)]
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert not sessions_of(pool)


def test_killed_parent_leaves_no_local_pool(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    with executing(LOCAL, tmp_path, LINKED | {"TMPDIR": str(runtime)}) as parent:
        wait_for(lambda: list(runtime.glob("aca-local-pool-*.json")), "the local pool")
        family = [parent, *parent.children(recursive=True)]
        assert any("aca_kernel.commands.pool" in one.cmdline() for one in family)
    assert psutil.wait_procs(family, timeout=15)[1] == []
    assert list(runtime.iterdir()) == []


def test_kernel_whose_parent_is_gone_before_it_has_started_ends(tmp_path: Path) -> None:
    file, _ = write_connection_file(str(tmp_path / "c.json"))
    script = f'JPY_PARENT_PID=$$ "{sys.executable}" -m aca_kernel -f "{file}" >log 2>&1 & echo $!'
    parent = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    )
    (pid,) = parent.stdout.split()
    kernel = psutil.Process(int(pid))
    try:
        assert psutil.wait_procs([kernel], timeout=20)[1] == []
    finally:
        if kernel.is_running():
            kernel.kill()
    assert not Path(file).exists()


@pytest.mark.parametrize("magic", ["%upload data.csv", "%files", "%%direct\nx = 1"])
def test_session_that_only_a_magic_used_is_not_left_behind(
    local_pool: Pool, start_kernel: KernelStarter, tmp_path: Path, magic: str
) -> None:
    (tmp_path / "data.csv").write_text("a,b\n")
    kernel = start_kernel(local_pool, cwd=tmp_path)
    assert kernel.run(magic).status == "ok"
    assert kernel.identifier in sessions_of(local_pool)
    kernel.shutdown()
    assert kernel.identifier not in sessions_of(local_pool)


def test_given_session_is_left_running(local_pool: Pool, start_kernel: KernelStarter) -> None:
    given = "a-session-that-was-given-to-the-kernel"
    kernel = start_kernel(local_pool, ACA_SESSION_ID=given)
    kernel.run("kept = 1")
    kernel.shutdown()
    assert given in sessions_of(local_pool)
    assert kernel.identifier not in sessions_of(local_pool)
    other = start_kernel(local_pool, ACA_SESSION_ID=given)
    assert other.run("kept").result == "1"


def test_shutdown_does_not_wait_for_a_pool_that_is_gone(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("1")
    pool.process.send_signal(signal.SIGSTOP)
    try:
        assert kernel.shutdown() < 5
    finally:
        pool.process.kill()


def test_shutdown_right_after_the_start_is_quick(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    began = time.monotonic()
    kernel.shutdown()
    assert time.monotonic() - began < BUDGET


SLOW_CONTROL = """
import io, sys, threading, time

class SlowForControl(io.StringIO):  # ipykernel flushes it between a handler and its idle
    def flush(self):
        if threading.current_thread().name == "Control":
            time.sleep(0.3)

sys.stdout = SlowForControl()
from aca_kernel.jupyter.app import AzureSessionsKernelApp
AzureSessionsKernelApp.launch_instance()
"""


@pytest.mark.parametrize("mode", [DIRECT, LINKED], ids=["direct", "linked"])
def test_the_last_idle_is_sent_before_the_sockets_close(
    local_pool: Pool, tmp_path: Path, mode: dict[str, str]
) -> None:
    kernel = Kernel(mode | reach(local_pool), tmp_path / "kernel")
    spec = kernel.manager.kernel_spec
    assert spec is not None
    spec.argv = [sys.executable, "-c", SLOW_CONTROL, "-f", "{connection_file}"]
    try:
        kernel.start()
        kernel.run("1")
        request = kernel.client.session.msg("shutdown_request", {"restart": False})
        kernel.client.control_channel.send(request)
        kernel.wait_for_message(
            request["header"]["msg_id"],
            lambda m: m["content"].get("execution_state") == "idle",
            timeout=10,
        )
        kernel.wait_for_end()
    finally:
        kernel.close()
    assert "Traceback" not in kernel.log.read_text()
    assert "Assertion" not in kernel.log.read_text()


@pytest.mark.parametrize("first", ["request", "signal"])
def test_request_and_signal_at_the_same_time_release_once(
    start_pool: PoolStarter, start_kernel: KernelStarter, first: str
) -> None:
    pool = start_pool("--ready-sessions", "0")
    kernel = start_kernel(pool)
    kernel.run("1")
    pool.process.send_signal(signal.SIGSTOP)  # so that the release takes as long as it may
    try:
        if first == "signal":
            kernel.kill(signal.SIGTERM)
        kernel.client.control_channel.send(
            kernel.client.session.msg("shutdown_request", {"restart": False})
        )
        kernel.client.control_channel.send(kernel.client.session.msg("kernel_info_request", {}))
        if first == "request":
            kernel.kill(signal.SIGTERM)
        assert kernel.wait_for_end() < 4
    finally:
        pool.process.kill()
    written = kernel.log.read_text()
    assert "Traceback" not in written
    assert "destroyed" not in written
