"""``python -m tests.faults.starts --runs 300``: a loaded machine, and no message is lost.

Each run starts a kernel, runs one cell and stops the kernel, several at a time, so that the
machine has more to do than it can; with ``--notebook``, nbconvert runs that notebook instead.
A cell that is slow ends, one whose reply was lost does not: what is there then is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty

import psutil

from aca_kernel.guest.protocol import MARK
from tests.conftest import RunningPool, running_pools
from tests.kernel.driver import AZURE, LINKED, LOCAL, Kernel, reach

LOST = 120.0
"""Seconds after which a message is lost, and not late."""

_STATE = f"""#{MARK} look
relay = get_ipython().kernel.do_execute.relay
print({{name: repr(value)[:600] for name, value in vars(relay).items()}})
print({{name: repr(value)[:600] for name, value in vars(relay._kernel).items()}})
print({{name: vars(one) for name, one in relay._requests._open.items()}})
print({{name: socket.events for name, socket in relay._kernel.sockets.items()}})
"""


@dataclass(frozen=True)
class Started:
    """One run: its seconds, those of the stop, and what was wrong, "" for nothing."""

    seconds: float
    stop: float = 0.0
    wrong: str = ""


def run_kernel(pool: RunningPool, number: int, folder: Path) -> Started:
    """Start a kernel, run a cell, stop it: in a pool of its own, and in one that all share."""
    is_local = number % 2 == 0
    environment = LINKED if is_local else LINKED | reach(pool)
    kernel = Kernel(environment, folder, name=LOCAL if is_local else AZURE)
    began = time.monotonic()
    wrong = ""
    try:
        try:
            kernel.start()
            ran = kernel.run("6*7", timeout=LOST)
            if ran.result != "42":
                wrong = f"the cell brought {ran.reply} after {ran.displayed[-300:]}"
        except Empty:
            wrong = f"no answer\n{_looked_at(kernel, None if is_local else pool)}"
        seconds = time.monotonic() - began
        stopping = kernel.shutdown()
    finally:
        kernel.close()
    written = kernel.log.read_text(errors="replace")
    if "Traceback" in written or "no Jupyter message" in written:
        wrong += f"it wrote {written}"
    return Started(seconds, stopping, wrong)


def run_notebook(notebook: Path, pool: RunningPool, number: int, folder: Path) -> Started:
    """Run a notebook as `make demo` does."""
    folder.mkdir()
    shutil.copytree(notebook.parent / "data", folder / "data")
    shutil.copy(notebook, folder)
    environment = os.environ | {
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    began = time.monotonic()
    options = ["--to", "html", "--execute", f"--ExecutePreprocessor.kernel_name={LOCAL}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nbconvert", *options, notebook.name],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wrong = ""
    try:
        written, _ = process.communicate(timeout=3 * LOST)
    except subprocess.TimeoutExpired:
        wrong = "it did not end\n" + "\n".join(_stacks(process.pid))
        process.kill()
        written, _ = process.communicate()
    if process.returncode or wrong or "Traceback" in written:
        wrong += f"\nexit status {process.returncode}, it wrote {written}"
    return Started(time.monotonic() - began, wrong=wrong)


def _looked_at(kernel: Kernel, pool: RunningPool | None) -> str:
    """All that may tell which message is missing, and where it was seen last."""
    came = [one for request in kernel._iopub.values() for one in request]
    texts = [str([(one["msg_type"], one["content"]) for one in came])[-3000:]]
    with contextlib.suppress(Exception):
        texts.append(_relay_of(kernel, pool))
    return "\n".join([*texts, *_stacks(kernel.pid)])


def _relay_of(kernel: Kernel, pool: RunningPool | None) -> str:
    from tests.kernel.driver import ask_pool

    found: object = pool
    if pool is None:
        (file,) = kernel.connection_file.parent.glob("aca-local-pool-*.json")
        entry = json.loads(file.read_text())
        found = argparse.Namespace(endpoint=entry["endpoint"], token=entry["token"])
    code = {"codeInputType": "Inline", "executionType": "Synchronous", "code": _STATE}
    answer = ask_pool(
        found,  # type: ignore[arg-type]
        "POST",
        "executions",
        json=code,
        identifier=kernel.identifier,
    )
    return answer.text


def _stacks(pid: int) -> list[str]:
    """What the threads of a process and of its children do, where py-spy is installed."""
    texts = []
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(OSError, psutil.Error, subprocess.SubprocessError):
            command = [str(Path(sys.executable).with_name("py-spy")), "dump", "--pid"]
            command.append(str(process.pid))
            stacks = subprocess.run(command, capture_output=True, text=True, timeout=60)
            texts += [" ".join(process.cmdline())[:200], stacks.stdout + stacks.stderr]
    return texts


def main() -> int:
    """Make the runs, print what was wrong and a sum; 1 when a run was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=6, help="how many at a time")
    parser.add_argument("--notebook", type=Path, help="run this one by nbconvert")
    options = parser.parse_args()
    run: Callable[[RunningPool, int, Path], Started] = run_kernel
    if options.notebook is not None:
        run = partial(run_notebook, options.notebook.resolve())
    done: list[Started] = []
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    with (
        running_pools() as start,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.jobs) as workers,
    ):
        pool = start("--max-sessions", "50")
        running = [
            workers.submit(run, pool, number, Path(folder, str(number)))
            for number in range(options.runs)
        ]
        for number, future in enumerate(running):
            try:
                ran = future.result()
            except Exception as error:
                ran = Started(0, wrong=f"{type(error).__name__}: {error}")
            done.append(ran)
            if ran.wrong:
                print(f"run {number}: {ran.wrong}", flush=True)
    failed = sum(bool(ran.wrong) for ran in done)
    print(
        f"{len(done) - failed} of {len(done)} runs whole;"
        f" median {statistics.median(ran.seconds for ran in done):.1f} s,"
        f" most {max(ran.seconds for ran in done):.1f} s;"
        f" the stop: median {statistics.median(ran.stop for ran in done):.1f} s,"
        f" most {max(ran.stop for ran in done):.1f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
