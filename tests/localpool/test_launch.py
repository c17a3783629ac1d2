"""The pool that a kernel starts for itself: once, findable, and gone with it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aca_kernel.errors import LocalPoolError
from aca_kernel.localpool.launch import LaunchedPool, ensure_pool, stop_pool

from .conftest import Caller


@pytest.fixture
def connection_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "kernel-1234.json"
    path.write_text("{}")
    yield path
    stop_pool(path)


def kept(connection_file: Path) -> Path:
    (path,) = connection_file.parent.glob("aca-local-pool-*.json")
    return path


def process_of(connection_file: Path) -> psutil.Process:
    return psutil.Process(json.loads(kept(connection_file).read_text())["pid"])


def test_one_pool_for_a_connection_file(
    connection_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACA_ACCESS_TOKEN", "a-real-token")
    monkeypatch.setenv("ACA_POOL_MANAGEMENT_ENDPOINT", "local")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    first = ensure_pool(connection_file)
    second = ensure_pool(connection_file)
    assert (first.started, second.started) == (True, False)
    assert (first.endpoint, first.token) == (second.endpoint, second.token)
    path = kept(connection_file)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.match("kernel-*.json")
    process = process_of(connection_file)
    assert first.token not in " ".join(process.cmdline())
    assert first.token not in str(process.environ())
    assert "a-real-token" not in str(process.environ())
    monkeypatch.delenv("HTTP_PROXY")
    session = Caller(first)
    assert session.run("6 * 7")["value"] == 42
    seen = session.run("import os; print(dict(os.environ))")["stdout"]
    assert "ACA_" not in seen
    session.http.close()
    everything = [process, *process.children(recursive=True)]
    stop_pool(connection_file)
    assert psutil.wait_procs(everything, timeout=10)[1] == []
    assert list(connection_file.parent.iterdir()) == [connection_file]
    stop_pool(connection_file)


def test_a_dead_pool_is_replaced(connection_file: Path) -> None:
    first = ensure_pool(connection_file)
    process_of(connection_file).kill()
    second = ensure_pool(connection_file)
    assert second.started
    assert second.token != first.token


def test_a_file_that_says_nothing_is_no_pool(connection_file: Path) -> None:
    ensure_pool(connection_file)
    path = kept(connection_file)
    stop_pool(connection_file)
    bystander = subprocess.Popen(["sleep", "60"])
    stale = {"endpoint": "http://127.0.0.1:9/x", "token": "x", "certificate": None}
    for text in ("", "[]", "{}", json.dumps({**stale, "pid": bystander.pid})):
        path.write_text(text)
        stop_pool(connection_file)
        assert bystander.poll() is None
        assert not path.exists()
    bystander.kill()
    bystander.wait()


def test_it_outlives_the_process_that_started_it(connection_file: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from aca_kernel.localpool.launch import ensure_pool
        ensure_pool(Path({str(connection_file)!r}))
        os.killpg(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        start_new_session=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    process = process_of(connection_file)
    pool = ensure_pool(connection_file)
    assert not pool.started
    stop_pool(connection_file)
    assert psutil.wait_procs([process], timeout=10)[1] == []


def test_it_ends_by_itself(connection_file: Path) -> None:
    pool = ensure_pool(connection_file, cooldown=1)
    process = process_of(connection_file)
    assert psutil.wait_procs([process], timeout=20)[1] == []
    again = ensure_pool(connection_file)
    assert again.started
    assert isinstance(pool, LaunchedPool)


def test_a_module_beside_the_notebook_is_not_imported(
    connection_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tornado.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert ensure_pool(connection_file).started


def test_why_it_does_not_start(connection_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(LocalPoolError, match="did not start"):
        ensure_pool(connection_file)
    assert list(connection_file.parent.iterdir()) == [connection_file]
    assert os.environ["PYTHONHOME"]


def test_what_a_pool_warns_of_is_told_again(
    connection_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = tmp_path / "jupyter"
    configuration.mkdir()
    file = configuration / "aca_kernel_config.py"
    file.write_text("c.PoolApp.isolation = 'none'\n")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(configuration))
    first, second = ensure_pool(connection_file), ensure_pool(connection_file)
    assert not second.started
    assert "rights" in first.warning
    assert first.warning == second.warning
    assert "\n" not in first.warning


def test_its_file_goes_when_it_ends_by_itself(connection_file: Path) -> None:
    ensure_pool(connection_file, cooldown=1)
    assert psutil.wait_procs([process_of(connection_file)], timeout=20)[1] == []
    assert list(connection_file.parent.iterdir()) == [connection_file]


def test_files_of_dead_pools_are_removed_and_of_others_not(
    connection_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    living, dead = tmp_path / "living.json", tmp_path / "dead.json"
    ensure_pool(living)
    of_living = kept(living)
    ensure_pool(dead)
    (of_dead,) = set(tmp_path.glob("aca-local-pool-*.json")) - {of_living}
    process = psutil.Process(json.loads(of_dead.read_text())["pid"])
    process.kill()
    psutil.wait_procs([process], timeout=10)
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    in_temporary = elsewhere / of_dead.name
    in_temporary.write_text("{}")
    others = [tmp_path / "aca-local-pool-notes.json", elsewhere / ("aca-local-pool-" + "0" * 16)]
    link = tmp_path / f"aca-local-pool-{'1' * 16}.json"
    for one in others:
        one.write_text("x")
    link.symlink_to(others[0])
    os.mkfifo(fifo := tmp_path / f"aca-local-pool-{'2' * 16}.json")
    assert of_dead.exists()
    try:
        ensure_pool(connection_file)
        assert not of_dead.exists()
        assert not in_temporary.exists()
        assert of_living.exists()
        assert all(one.exists() for one in [*others, link, fifo])
        assert not ensure_pool(living).started
    finally:
        stop_pool(living)


def test_a_pool_that_ends_leaves_its_successors_file(connection_file: Path) -> None:
    first = ensure_pool(connection_file)
    old = process_of(connection_file)
    kept(connection_file).unlink()
    second = ensure_pool(connection_file)
    assert (second.started, second.token != first.token) == (True, True)
    old.terminate()
    psutil.wait_procs([old], timeout=10)
    assert not ensure_pool(connection_file).started
