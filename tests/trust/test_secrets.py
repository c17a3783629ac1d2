"""No token and no session's identifier is found in anything that somebody could read.

Each test gives canaries away as a user does, has everything go wrong with the logs at their most
verbose, and then looks at all outputs, logs, files, command lines and environments.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import trustme

from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from tests.conftest import PoolStarter, RunningPool
from tests.kernel.conftest import KernelStarter
from tests.kernel.driver import LOCAL, Kernel, Ran, delete_session, everything, wait_for
from tests.pool.fault_server import Fault, FaultServer, answer, close, cut, raw
from tests.pool.test_faults import tls

from .canaries import Canaries, canary

CELLS = (
    "print('out'); 1 / 0",
    "import sys; print('err', file=sys.stderr); 6 * 7",
    "raise SystemExit(3)",
    "def f(",
    "%files",
    "%files --delete nothing.txt",
    "%upload data.csv",
    "%upload missing.csv .env",
    "%download data.csv --to back",
    "%download nothing.txt",
    "%download data.csv --to ../../outside",
    "%session",
    "%session list",
    "%session keep-alive 60",
    "%session nonsense words",
    "%%direct\n1 / 0",
    "input('name: ')",
    "%nonsense",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook's folder with some files, of which one is a secret's."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / ".env").write_text("NAME=value\n")
    return folder


def verbose(folder: Path, **options: str) -> tuple[dict[str, str], Path]:
    """The environment of a kernel that logs all there is, and its configuration file."""
    folder.mkdir()
    file = folder / "aca_kernel_config.py"
    lines = [
        "import logging",
        "logging.basicConfig(level=1)",
        "c.Application.log_level = 'DEBUG'",
        *(f"c.AzureSessionsKernel.{name} = {value!r}" for name, value in options.items()),
    ]
    file.write_text("\n".join(lines))
    return {"JUPYTER_CONFIG_DIR": str(folder), "PYTHONASYNCIODEBUG": "1"}, file


def run_all(kernel: Kernel, canaries: Canaries, *more: str) -> list[Ran]:
    """Run many cells, and ask all that an editor asks; what they showed is heard."""
    rans = [kernel.run(code) for code in (*CELLS, *more)]
    for ran in rans:
        canaries.hear("a cell's outputs", everything(ran))
        assert ran.reply.get("ename") != "InternalError", kernel.log.read_text()
    for kind, content in (
        ("kernel_info_request", {}),
        ("complete_request", {"code": "pri", "cursor_pos": 3}),
        ("inspect_request", {"code": "print", "cursor_pos": 5}),
        ("history_request", {"hist_access_type": "tail", "output": False, "raw": True}),
        ("comm_info_request", {}),
    ):
        canaries.hear(kind, json.dumps(kernel.ask(kind, content)))
    return rans


def local_pools_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("aca-local-pool-*"))


@pytest.mark.parametrize("mode", ["linked", "direct"])
@pytest.mark.parametrize("given", ["configuration", "environment"])
def test_a_kernel_gives_no_secret_away(
    start_kernel: KernelStarter, start_pool: PoolStarter, folder: Path, mode: str, given: str
) -> None:
    pool = start_pool()
    identifier, other = canary("session"), canary("other-session")
    canaries = Canaries(pool.token, identifier, other)
    secrets = {"access_token": pool.token, "session_id": identifier}
    in_file = secrets if given == "configuration" else {}
    environment, file = verbose(folder.parent / "configuration", **in_file)
    environment["ACA_POOL_MANAGEMENT_ENDPOINT"] = pool.endpoint
    if given == "environment":
        environment |= {"ACA_ACCESS_TOKEN": pool.token, "ACA_SESSION_ID": identifier}
    kernel = start_kernel(cwd=folder, **environment, ACA_KERNEL_MODE=mode)

    def look() -> None:
        own = (kernel.pid,) if given == "environment" and kernel.manager.has_kernel else ()
        canaries.look(folder.parent, *local_pools_folders(), but=(file,), own=own)

    run_all(kernel, canaries)
    look()
    delete_session(pool, identifier)
    lost = kernel.run("1")
    assert lost.ename == "SessionLost"
    canaries.hear("a lost session", everything(lost))
    kernel.restart()
    canaries.hear("after a restart", everything(kernel.run("6 * 7")))
    attached = kernel.run(f"%session attach {other}")
    assert attached.status == "ok"
    canaries.hear("an attachment", everything(attached))
    for code in (f"%session attach {other} and more", f"%session {other}", "%session info"):
        canaries.hear(code[:8], everything(kernel.run(code)))
    run_all(kernel, canaries)
    for code in ("%session restart", "%session stop", "%session new"):
        canaries.hear(code, everything(kernel.run(code)))
    look()
    pool.stop()
    canaries.hear("a pool that is gone", everything(kernel.run("1")))
    kernel.shutdown()
    look()
    assert "MESSAGE TYPE" in kernel.log.read_text(), "the log was verbose"


def refusals(*words: str) -> list[tuple[str, Fault]]:
    """What a service may answer; it repeats what it was sent, as services do."""
    said = " ".join(words)
    body = {"error": {"code": said, "message": said, "traceId": said, "target": said}}
    echo = {"x-ms-error-code": said, "mise-correlation-id": said, "Retry-After": "9999"}
    return [
        *((str(status), answer(status, body, echo)) for status in (400, 401, 403, 404, 409)),
        ("413", answer(413, said.encode(), echo)),
        ("429", answer(429, body, echo)),
        ("500", answer(500, json.dumps(said).encode(), echo)),
        ("503", answer(503, {"title": said, "errors": {"a": [said]}}, echo)),
        ("redirect", answer(307, b"", {"Location": f"http://127.0.0.1:1/?identifier={said}"})),
        ("page", answer(200, f"<html>{said}</html>".encode(), {"Content-Type": "text/html"})),
        ("shape", answer(200, {"status": [said], "result": said})),
        ("failed", answer(200, {"status": "Failed", "result": {"stderr": "no"}})),
        ("junk", raw(f"{said}\r\n\r\n".encode())),
        ("cut", cut()),
        ("closed", close),
    ]


@pytest.mark.parametrize("mode", ["linked", "direct"])
def test_a_kernel_gives_no_secret_away_when_the_service_fails(
    start_kernel: KernelStarter, folder: Path, mode: str
) -> None:
    token, identifier = canary("token"), canary("session")
    canaries = Canaries(token, identifier)
    environment, file = verbose(
        folder.parent / "configuration", access_token=token, session_id=identifier
    )
    authority = trustme.CA()
    with FaultServer(close) as server, FaultServer(close, tls=tls(authority, "x.example")) as safe:
        environment["ACA_POOL_MANAGEMENT_ENDPOINT"] = f"{server.url}/pool"
        kernel = start_kernel(
            cwd=folder, **environment, ACA_KERNEL_MODE=mode, ACA_OUTAGE_TOLERANCE="0.01"
        )
        for name, fault in refusals(token, identifier, f"Bearer {token}"):
            server.script([fault])
            for code in ("1", "%files", "%session list", "%upload data.csv"):
                ran = kernel.run(code)
                assert (name, code, ran.status) == (name, code, "error")
                assert ran.ename != "InternalError", kernel.log.read_text()
                canaries.hear(f"{name}: {code}", everything(ran))
        canaries.look(folder.parent, but=(file,))
        assert server.received
        environment["ACA_POOL_MANAGEMENT_ENDPOINT"] = f"{safe.url}/pool"
        distrusting = start_kernel(cwd=folder, **environment, ACA_KERNEL_MODE=mode)
        ran = distrusting.run("1")
        assert "certificate" in ran.traceback
        canaries.hear("a certificate", everything(ran))
        canaries.look(folder.parent, but=(file,))
        assert not safe.received
    kernel.shutdown()
    distrusting.shutdown()
    canaries.look(folder.parent, but=(file,))


def test_the_login_of_azure_stays_between_it_and_the_service(
    start_kernel: KernelStarter, folder: Path, tmp_path: Path
) -> None:
    """A token of the Azure CLI; and the CLI, a child of ours, inherits no secret either."""
    token, identifier, given = canary("token"), canary("session"), canary("given")
    canaries = Canaries(token, identifier, given)
    programs = tmp_path / "programs"
    programs.mkdir()
    tool = programs / "az"
    told = {"accessToken": token, "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4e9}
    tool.write_text(f"#!/bin/sh\nenv > {tmp_path}/environment-of-az\necho '{json.dumps(told)}'\n")
    tool.chmod(0o755)
    environment, file = verbose(tmp_path / "configuration")
    environment |= {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential",
        "ACA_SESSION_ID": identifier,
        "ACA_POOL_MANAGEMENT_ENDPOINT": "https://nowhere.dynamicsessions.io/subscriptions/s"
        "/resourceGroups/g/sessionPools/p",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ACA_OUTAGE_TOLERANCE": "0.01",
    }
    kernel = start_kernel(cwd=folder, **environment)
    for code in ("1", "%session list", "%files"):
        ran = kernel.run(code)
        assert ran.ename == "NotSent", ran.traceback
        canaries.hear(code, everything(ran))
    assert (tmp_path / "environment-of-az").exists()
    canaries.look(tmp_path, but=(file, tool), own=(kernel.pid,))
    kernel.shutdown()
    canaries.look(tmp_path, but=(file, tool))


def test_the_embedded_local_pool_inherits_no_secret(
    start_kernel: KernelStarter, folder: Path
) -> None:
    token, identifier = canary("token"), canary("session")
    canaries = Canaries(token, identifier)
    kernel = start_kernel(name=LOCAL, cwd=folder, ACA_ACCESS_TOKEN=token, ACA_SESSION_ID=identifier)
    run_all(kernel, canaries)
    names = "import os; print(sorted(os.environ))"
    assert "ACA_" not in kernel.run(names).stdout
    (kept,) = kernel.connection_file.parent.glob("aca-local-pool-*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    pools_own = json.loads(kept.read_text())["token"]
    canaries.values.append(pools_own)
    canaries.look(folder.parent, *local_pools_folders(), but=(kept,), own=(kernel.pid,))
    kernel.shutdown()
    wait_for(lambda: not kept.exists(), "the end of the local pool")
    canaries.look(folder.parent)


def test_the_commands_give_no_secret_away(local_pool: RunningPool, tmp_path: Path) -> None:
    identifier = canary("session")
    token = canary("token")
    canaries = Canaries(local_pool.token, identifier, token)
    environment, file = verbose(tmp_path / "configuration", session_id=identifier)
    home = tmp_path / "home"
    home.mkdir()
    environment |= {
        **os.environ,
        **environment,
        "HOME": str(home),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    with FaultServer(close) as server:
        shown = identifier[:12]
        commands = (
            ["doctor"],
            ["sessions", "list"],
            ["sessions", "delete", identifier],
            ["sessions", "delete", shown],
            ["sessions", "delete", identifier, "more"],
            ["sessions", "list", identifier],
            ["doctor", identifier],
            ["sessions", "prune", "--yes"],
            ["sessions", "prune", "--all", "--idle=100000"],
            ["install", "--name", "a-pool", "--prefix", str(home)],
            ["install", "--name", "a-pool", "--prefix", str(home), "--remove", "a-pool"],
            ["doctor", "--Application.show_config=True"],
            ["sessions", "list", "--Application.show_config_json=True"],
            ["--help-all"],
        )
        names = ("401", "403", "redirect", "junk")
        faults = [(name, fault) for name, fault in refusals(token) if name in names]
        for endpoint, secret, scripts in (
            (local_pool.endpoint, local_pool.token, [None]),
            (f"{server.url}/pool", token, [fault for _, fault in faults]),
        ):
            lines = file.read_text().splitlines()[:4]
            lines.append(f"c.AzureSessionsKernel.access_token = {secret!r}")
            file.write_text("\n".join(lines))
            for fault in scripts:
                if fault is not None:
                    server.script([fault])
                else:
                    with PoolClient(parse_endpoint(endpoint), TokenSource(token=secret)) as pool:
                        pool.execute(identifier, "1")
                for words in commands if fault is None else commands[:2]:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "aca_kernel.commands.cli", *words, "--debug"],
                        env=environment | {"ACA_POOL_MANAGEMENT_ENDPOINT": endpoint},
                        cwd=tmp_path,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                    said, _ = process.communicate(timeout=120)
                    canaries.hear(" ".join(["aca-kernel", *words[:2]]), said)
                    assert "Traceback" not in said
                    assert said
    canaries.look(home, tmp_path, but=(file,))


BROKEN = {
    "no quotes": "c.AzureSessionsKernel.access_token = {token}",
    "one quote": "c.AzureSessionsKernel.access_token = '{token}",
    "a call": "c.AzureSessionsKernel.access_token = int('{token}')",
    "a type": "c.AzureSessionsKernel.access_token = ['{token}']",
    "another option": "c.AzureSessionsKernel.keep_alive = '{token}'",
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_configuration_file_is_told_without_its_text(
    start_kernel: KernelStarter, local_pool: RunningPool, folder: Path, line: str
) -> None:
    token = canary("token").replace("-", "")
    canaries = Canaries(token)
    environment, file = verbose(folder.parent / "configuration")
    file.write_text(f"{file.read_text()}\n{line.format(token=token)}\n")
    environment["ACA_POOL_MANAGEMENT_ENDPOINT"] = local_pool.endpoint
    kernel = start_kernel(cwd=folder, **environment)
    ran = kernel.run("1")
    assert ran.ename == "ConfigurationError"
    canaries.hear("the cell", everything(ran))
    done = subprocess.run(
        [sys.executable, "-m", "aca_kernel.commands.cli", "sessions", "list", "--debug"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    canaries.hear("the command", done.stdout + done.stderr)
    canaries.look(folder.parent, but=(file,))


def test_two_configuration_files_that_differ_are_told_without_their_values(
    start_kernel: KernelStarter, local_pool: RunningPool, folder: Path
) -> None:
    canaries = Canaries(local_pool.token, other := canary("token"))
    environment, file = verbose(folder.parent / "configuration", access_token=other)
    second = file.with_suffix(".json")
    second.write_text(json.dumps({"AzureSessionsKernel": {"access_token": local_pool.token}}))
    environment["ACA_POOL_MANAGEMENT_ENDPOINT"] = local_pool.endpoint
    kernel = start_kernel(cwd=folder, **environment)
    assert kernel.run("6 * 7").result == "42"
    assert "Collisions detected" in kernel.log.read_text()
    canaries.look(folder.parent, but=(file, second))
