"""How sessions come and go: allocation, listing, cooldown, the pool's end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from aca_kernel.localpool import isolation
from aca_kernel.localpool.sessions import PoolOptions, Sessions

from .conftest import Caller, CallerMaker

PoolStarter = Callable[..., Any]


def moment(stamp: str) -> datetime:
    return datetime.strptime(stamp[:-2], "%Y-%m-%dT%H:%M:%S.%f")


def test_session_describes_itself(session: Caller) -> None:
    session.call("GET", "files")
    entry = session.call("GET", "session").json()
    assert list(entry) == ["identifier", "createdAt", "lastAccessedAt", "expireAt", "etag"]
    assert entry["identifier"] == session.identifier
    assert entry["etag"].startswith("0--")
    lived = moment(entry["expireAt"]) - moment(entry["lastAccessedAt"])
    assert lived.total_seconds() == 300


def test_looking_does_not_allocate_but_all_else_does(session: Caller) -> None:
    missing = session.call("GET", "session")
    assert missing.status_code == 404
    error = missing.json()["error"]
    assert error["code"] == "NoSessionFoundError"
    assert error["message"] == f"Could not find session with name '{session.identifier}'."
    listed = session.call("GET", "listSessions").json()["sessions"]
    assert session.identifier not in [one["identifier"] for one in listed]
    assert session.call("DELETE", "session").status_code == 404
    assert session.call("GET", "files").json() == {"value": []}
    assert session.call("GET", "session").status_code == 200


def test_deleted_session_starts_over(session: Caller) -> None:
    session.run("x = 1; open('/mnt/data/a.txt', 'w').close()")
    before = session.call("GET", "session").json()["etag"]
    guid = session.execute("1").headers["x-ms-session-guid"]
    deleted = session.call("DELETE", "session")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert session.call("GET", "files").json() == {"value": []}
    assert session.run("x")["status"] == "Failed"
    assert session.call("GET", "session").json()["etag"] != before
    assert session.execute("1").headers["x-ms-session-guid"] != guid


def test_sessions_are_apart(caller: CallerMaker) -> None:
    one, two = caller(), caller()
    one.run("x = 1; open('/mnt/data/a.txt', 'w').close()")
    assert two.run("x")["status"] == "Failed"
    assert two.call("GET", "files").json() == {"value": []}


def test_listing_and_pages(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--PoolApp.page_size=2", "--max-sessions=3", "--ready-sessions=0")
    made = [caller(pool=pool) for _ in range(3)]
    for one in made:
        one.call("GET", "files")
    page = made[0].call("GET", "listSessions", params={"identifier": None})
    body = page.json()
    assert list(body["sessions"][0]) == ["identifier", "createdAt", "lastAccessedAt", "expireAt"]
    link = body["nextLink"]
    assert link.startswith(pool.endpoint)
    rest = made[0].http.get(link).json()
    assert "nextLink" not in rest
    found = [one["identifier"] for one in body["sessions"] + rest["sessions"]]
    assert found == [one.identifier for one in made]
    managed = made[0].call("POST", ".management/listSessions").json()
    assert managed["count"] == 2
    assert "expiresAt" in managed["value"][0]
    assert made[0].call("POST", ".management/getSession").json()["identifier"] == found[0]
    gone = caller(pool=pool).call("POST", ".management/getSession")
    assert gone.status_code == 400
    assert gone.json()["error"]["code"] == "SessionWithIdentifierNotFound"
    full = caller(pool=pool).call("GET", "files")
    assert full.status_code == 429
    assert full.json() == {
        "code": "SessionsCountExceedsLimit",
        "message": "The request sessions count is '1'. There are already '3' active sessions and "
        "the maximum active sessions count is '3'.",
    }
    made[0].call("DELETE", "session")
    assert caller(pool=pool).call("GET", "files").status_code == 200


def test_metadata(session: Caller) -> None:
    body = session.call("GET", "metadata", params={"identifier": None}).json()
    assert body["runtimes"][0]["name"] == "python"
    assert "ipykernel" in [one["name"] for one in body["preInstalledPackages"]]
    assert body["jupyterKernel"]["name"] == "ipykernel"


def test_cooldown(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--cooldown-period", "1.5", "--max-sessions", "1", "--ready-sessions", "0")
    session = caller(pool=pool)
    busy = session.run("import os, time; time.sleep(3); os.getpid()")  # longer than the cooldown
    assert busy["status"] == "Succeeded"
    assert session.call("GET", "session").status_code == 200
    kernels = psutil.Process(pool.process.pid).children(recursive=True)
    assert kernels
    psutil.wait_procs(kernels, timeout=20)
    assert not psutil.Process(pool.process.pid).children(recursive=True)
    assert session.call("GET", "session").status_code == 404
    assert session.execute("1").headers["x-ms-new-allocation"] == "true"


def test_ready_session_is_quick(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--ready-sessions", "2")
    first = caller(pool=pool)
    first.run("1")  # by now the second is ready, or nearly
    second = caller(pool=pool)
    first.run("1")
    second.run("1")
    third = caller(pool=pool).execute("1")
    assert third.headers["x-ms-new-allocation"] == "true"
    pool_process = psutil.Process(pool.process.pid)
    assert len(pool_process.children()) == 5  # three in use, two ready


def test_execution_time_has_a_cap(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--max-execution-time", "1", "--PoolApp.recovery_time=1")
    session = caller(pool=pool)
    session.run("x = 1")
    begun = time.monotonic()
    stubborn = """
import time
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
    answer = session.run(stubborn, timeoutInSeconds=1000)
    assert time.monotonic() - begun < 3
    assert answer["stderr"] == "Request timed out waiting for code execution to complete"
    while (again := session.run("x"))["stderr"] == "Execution aborted":
        pass
    assert again["stderr"].startswith("name 'x' is not defined")  # had to be killed


def test_deleting_a_busy_session_answers_its_calls(
    caller: CallerMaker, start_pool: PoolStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")
    session, other = caller(pool=pool), caller(pool=pool)
    other.identifier = session.identifier
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(session.run, "1")  # before or while its interpreter starts
        while not other.call("GET", "session").ok:
            pass
        assert other.call("DELETE", "session").status_code == 204
        assert starting.result()["stderr"] in ("", "Kernel restarted")
        code = "open('/mnt/data/begun', 'w').close(); import time; time.sleep(50)"
        running = threads.submit(session.run, code)
        while not other.call("GET", "files/begun").ok:
            pass
        assert other.call("DELETE", "session").status_code == 204
        assert running.result()["stderr"] == "Kernel restarted"


def test_odd_directories_are_removed(
    caller: CallerMaker, start_pool: PoolStarter, directory: Path
) -> None:
    pool = start_pool("--ready-sessions", "0")
    session = caller(pool=pool)
    session.run(
        """
import os
os.chdir("/mnt/data")
os.makedirs("locked/in/here")
os.chmod("locked/in", 0)
for _ in range(1500):
    os.mkdir("deep")
    os.chdir("deep")
"""
    )
    assert session.call("GET", "files", params={"recursive": "true"}).ok
    assert session.call("DELETE", "session").status_code == 204
    pool.stop()
    assert pool.stderr == [""]
    assert not list(directory.iterdir())


def sessions_of(pool: Any) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pool.process.pid).children(recursive=True)
    return found


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the pools of a test put their directories: elsewhere than all others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


@pytest.mark.parametrize("isolation", ["bubblewrap", "unshare", "none"])
def test_nothing_is_left_behind(
    caller: CallerMaker, start_pool: PoolStarter, isolation: str, directory: Path
) -> None:
    pool = start_pool("--isolation", isolation)
    session = caller(pool=pool)
    code = "import subprocess; p = subprocess.Popen(['sleep', '1000']); p.poll()"
    session.run("1+1" if isolation == "none" else code)
    session.upload("a.txt", b"x")
    processes = sessions_of(pool)
    assert len(processes) >= 2
    assert pool.stop() == 0
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert not list(directory.iterdir())


@pytest.mark.parametrize("isolation", ["bubblewrap", "unshare", "none"])
def test_killed_pool_leaves_no_process(
    caller: CallerMaker, start_pool: PoolStarter, isolation: str, directory: Path
) -> None:
    pool = start_pool("--isolation", isolation)
    caller(pool=pool).run("import time")
    caller(pool=pool).run("1+1")
    processes = sessions_of(pool)
    assert len(processes) >= 3
    pool.process.send_signal(signal.SIGKILL)
    pool.process.wait()
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert len(list(directory.iterdir())) == 1
    start_pool("--isolation", isolation, "--ready-sessions", "0").stop()
    assert not list(directory.iterdir())


def test_a_closed_terminal_ends_the_pool_in_order(start_pool: PoolStarter, directory: Path) -> None:
    pool = start_pool("--ready-sessions", "0")
    pool.process.send_signal(signal.SIGHUP)
    assert pool.process.wait(timeout=20) == 0
    assert not list(directory.iterdir())


def test_tls(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--tls", "--ready-sessions", "0")
    assert pool.endpoint.startswith("https://127.0.0.1:")
    assert ssl.create_default_context(cafile=pool.certificate)
    assert caller(pool=pool).run("6 * 7")["value"] == 42


def test_ends_by_itself_when_idle(caller: CallerMaker, start_pool: PoolStarter) -> None:
    pool = start_pool("--exit-when-idle", "--cooldown-period", "1")
    session = caller(pool=pool)
    assert session.run("6 * 7")["value"] == 42
    assert pool.process.wait(timeout=20) == 0


def refused(*flags: str, status: int = 1) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aca_kernel.commands.pool", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_command_refuses_what_it_cannot_do(local_pool: Any) -> None:
    assert "loopback" in refused("--host", "0.0.0.0")
    assert "loopback" in refused("--host", "example.com")
    port = local_pool.endpoint.split(":")[2].split("/")[0]
    assert f"cannot listen on 127.0.0.1 port {port}" in refused("--port", port)
    assert "Unknown arguments" in refused("surplus", status=2)
    assert "max_sessions" in refused("--max-sessions", "0")


def test_help_tells_every_flag() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aca_kernel.commands.pool", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    flags = """
        port token max-sessions ready-sessions cooldown-period network-status isolation tls
        host max-execution-time max-upload-size
    """
    for flag in flags.split():
        assert f"--{flag}" in done.stdout


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_the_pools_end_waits_for_a_session_that_is_being_deleted(
    start_pool: PoolStarter, delay: float
) -> None:
    pool = start_pool("--ready-sessions", "0")
    session = Caller(pool)
    session.run("1")

    def delete() -> None:
        with contextlib.suppress(requests.RequestException):
            session.delete()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(delete)
        threads.submit(time.sleep, delay).result()
        pool.process.terminate()
        assert pool.process.wait(10) == 0
    session.http.close()
    assert pool.stop() == 0
    assert pool.stderr == [""] or "NOT isolated" in pool.stderr[0]


def test_a_session_whose_caller_has_gone_is_ended_before_the_pool(tmp_path: Path) -> None:
    async def check() -> None:
        ended = asyncio.Event()
        options = PoolOptions(ready_sessions=0)
        chosen = isolation.choose("none", network=False, scratch=tmp_path / "probe")
        sessions = Sessions(tmp_path, options, chosen)
        session, _ = sessions.allocate("abcd")
        close = session.close

        async def slow() -> None:
            await asyncio.sleep(0.2)
            await close()
            ended.set()

        session.close = slow  # type: ignore[method-assign]
        calling = asyncio.create_task(sessions.release(session))
        await asyncio.sleep(0)
        calling.cancel()
        await sessions.close()
        assert ended.is_set()
        assert not session.root.exists()

    asyncio.run(check())
