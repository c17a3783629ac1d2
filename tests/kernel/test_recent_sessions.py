"""%session attach after Jupyter has gone away: back into a session that outlived its kernel."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .conftest import KernelStarter
from .driver import Kernel, Pool, Ran, delete_session, everything, sessions_of

LIST = "%session attach"


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    """Give the variables of a user's data directory, and of a notebook known by name."""
    return {
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JPY_SESSION_NAME": "/home/me/work/sales.ipynb",
    }


def files(data: dict[str, str]) -> list[Path]:
    folder = Path(data["JUPYTER_DATA_DIR"], "aca-kernel")
    return list(folder.iterdir()) if folder.exists() else []


def crashed(kernel: Kernel, code: str) -> str:
    """Run a cell, then end the kernel's process without a word; the session's identifier."""
    assert kernel.run(code).status == "ok"
    kernel.kill(signal.SIGKILL)
    kernel.wait_for_end()
    return kernel.identifier


def rows(ran: Ran) -> list[list[str]]:
    """The list's rows, by cell."""
    lines = ran.displayed.splitlines()[2:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def attach(kernel: Kernel, text: str, answer: str = "y") -> Ran:
    message = kernel.send(f"{LIST} {text}", allow_stdin=True)
    kernel.answer(message, answer)
    return kernel.finish(message)


@pytest.mark.parametrize("mode", ["direct", "linked"])
def test_a_session_that_outlived_its_kernel_is_found_again(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str], mode: str
) -> None:
    identifier = crashed(
        start_kernel(local_pool, ACA_KERNEL_MODE=mode, **data), "kept = 'still here'"
    )
    after = start_kernel(local_pool, ACA_KERNEL_MODE=mode, **data)
    ran = after.run(LIST)
    ((number, shown, _, notebook, _, state),) = rows(ran)
    assert (number, notebook) == ("1", "work/sales.ipynb")
    assert identifier.startswith(shown.removesuffix("…"))
    assert state.startswith("alive, idle until")
    assert identifier not in everything(ran)
    assert after.identifier not in sessions_of(local_pool), "to look allocates nothing"
    attached = attach(after, "1")
    assert "may be in use elsewhere" in attached.stderr
    assert "work/sales.ipynb" in attached.stderr
    assert after.run("kept").result == "'still here'"
    assert rows(after.run(LIST))[0][5] == "this notebook's"
    after.shutdown()
    assert identifier in sessions_of(local_pool), "who attached does not delete"
    assert len(files(data)) == 1
    delete_session(local_pool, identifier)


@pytest.mark.parametrize("suffix", ["…", "...", ""])
def test_the_shortened_identifier_names_it_too(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str], suffix: str
) -> None:
    crashed(start_kernel(local_pool, **data), "kept = 1")
    after = start_kernel(local_pool, **data)
    shown = rows(after.run(LIST))[0][1].removesuffix("…")
    assert "Attached" in attach(after, f"{shown}{suffix}").stdout
    assert after.run("kept").result == "1"


def test_who_says_no_stays(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    crashed(start_kernel(local_pool, **data), "kept = 1")
    after = start_kernel(local_pool, **data)
    after.run(LIST)
    assert "Not attached" in attach(after, "1", "n").stdout
    assert after.run("'kept' in dir()").result == "False"


def test_a_notebook_that_nobody_watches_cannot_enter_a_session_of_the_list(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    crashed(start_kernel(local_pool, **data), "secret = 1")
    batch = start_kernel(local_pool, **data)
    shown = rows(batch.run(LIST))[0][1]
    for name in ("1", shown, shown.removesuffix("…")):
        ran = batch.run(f"{LIST} {name}")
        assert ran.ename == "UsageError"
        assert "Nobody can be asked" in ran.traceback
    assert batch.run("'secret' in dir()").result == "False"


def test_a_session_that_is_gone_is_told_and_not_entered(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    identifier = crashed(start_kernel(local_pool, **data), "1")
    delete_session(local_pool, identifier)
    after = start_kernel(local_pool, **data)
    assert rows(after.run(LIST))[0][5] == "gone"
    ran = after.run(f"{LIST} 1", allow_stdin=True)
    assert ran.ename == "UsageError"
    assert "is gone" in ran.traceback
    assert identifier not in sessions_of(local_pool)


def test_a_number_is_of_the_list_that_was_shown(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    crashed(start_kernel(local_pool, **data), "which = 'first'")
    after = start_kernel(local_pool, **data)
    assert after.run(f"{LIST} 1", allow_stdin=True).ename == "UsageError"
    after.run(LIST)
    crashed(start_kernel(local_pool, **data), "which = 'second'")
    attach(after, "1")
    assert after.run("which").result == "'first'"
    assert after.run(f"{LIST} 7", allow_stdin=True).ename == "UsageError"


def test_a_session_of_another_pool_is_shown_and_not_entered(
    local_pool: Pool, start_pool: object, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    assert callable(start_pool)
    crashed(start_kernel(start_pool("--ready-sessions", "0"), **data), "1")
    after = start_kernel(local_pool, **data)
    assert rows(after.run(LIST))[0][5] == "of another pool"
    ran = after.run(f"{LIST} 1", allow_stdin=True)
    assert ran.ename == "UsageError"
    assert "another pool" in ran.traceback


@pytest.mark.parametrize("end", ["shutdown", "stop", "new"])
def test_a_session_that_the_kernel_deleted_is_forgotten(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str], end: str
) -> None:
    kernel = start_kernel(local_pool, **data)
    kernel.run("1")
    assert len(files(data)) == 1
    if end == "shutdown":
        kernel.shutdown()
    else:
        kernel.run(f"%session {end}")
    assert files(data) == []


@pytest.mark.parametrize("died", [True, False])
def test_a_restarted_kernel_is_in_its_session_as_before(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str], died: bool
) -> None:
    kernel = start_kernel(local_pool, ACA_KERNEL_MODE="linked", **data)
    kernel.run("kept = 1\nopen('/mnt/data/file', 'w').close()")
    kernel.restart(now=died)
    ran = kernel.run("import os; 'kept' in dir(), os.path.exists('/mnt/data/file')")
    assert ran.result == f"({died}, True)", "only a restart that was asked for forgets variables"
    assert len(files(data)) == 1


def test_nothing_is_written_when_opted_out(
    local_pool: Pool, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    kernel = start_kernel(local_pool, ACA_REMEMBER_SESSIONS="0", **data)
    kernel.run("1")
    assert "not remembered" in kernel.run(LIST).stdout
    kernel.run("%session stop")
    kernel.shutdown()
    assert not Path(data["JUPYTER_DATA_DIR"]).exists()


def test_a_session_that_was_never_reached_is_not_remembered(
    start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    kernel = start_kernel(
        ACA_POOL_MANAGEMENT_ENDPOINT="http://127.0.0.1:1", ACA_ACCESS_TOKEN="x" * 20, **data
    )
    kernel.run("1")
    assert "No session is remembered" in kernel.run(LIST).stdout
    assert files(data) == []


def test_an_unreachable_pool_is_said_beside_the_list(
    start_pool: object, start_kernel: KernelStarter, data: dict[str, str]
) -> None:
    assert callable(start_pool)
    pool = start_pool("--ready-sessions", "0")
    crashed(start_kernel(pool, **data), "1")
    after = start_kernel(pool, **data)
    pool.stop()
    ran = after.run(LIST)
    assert rows(ran)[0][5] == "not known"
    assert "could not be reached" in ran.stderr
