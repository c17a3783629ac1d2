"""aca-kernel doctor: a line a check, and the first failure with what to do about it."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aca_kernel.errors import NotFound, PermissionRefused, UnexpectedAnswer
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from aca_kernel.probing.poolkind import looks_custom

from .changing import Answered, Asked, Change, Changing, Forward, refused
from .conftest import Pool, Run, reach

CHECKS = ("options", "endpoint", "token", "role", "run", "files", "clean up")
LINE = re.compile(r"(ok|FAILED) +([a-z ]+?) +\d+\.\d\d s(?:  (.+))?")


def checks(stdout: str) -> list[tuple[str, str]]:
    """(verdict, name) of each line that reports a check."""
    found = [LINE.fullmatch(line) for line in stdout.splitlines()]
    return [(match[1], match[2]) for match in found if match]


def open_client(pool: Pool) -> PoolClient:
    return PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token))


def test_a_healthy_pool_passes_every_check_and_keeps_no_session(
    aca_kernel: Run, start_pool: Callable[..., Pool]
) -> None:
    pool = start_pool()
    result = aca_kernel("doctor", **reach(pool))
    assert result.returncode == 0, result.stderr
    assert checks(result.stdout) == [("ok", name) for name in CHECKS]
    assert "All is well." in result.stdout
    assert pool.token not in result.stdout + result.stderr
    assert not re.search(r"[0-9a-f]{16}", result.stdout + result.stderr)
    with open_client(pool) as client:
        assert list(client.list_sessions()) == []


@pytest.mark.parametrize("version", ["2024-02-02-preview", "2024-10-02-preview"])
def test_an_older_api_version_passes_too(aca_kernel: Run, local_pool: Pool, version: str) -> None:
    result = aca_kernel("doctor", "--api-version", version, **reach(local_pool))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [verdict for verdict, _ in checks(result.stdout)] == ["ok"] * len(CHECKS)


def test_the_local_pool_is_started_for_the_check_and_stopped(aca_kernel: Run) -> None:
    result = aca_kernel("doctor", "--endpoint", "local")
    assert result.returncode == 0, result.stderr
    names = ("options", "local pool", *CHECKS[1:])
    assert checks(result.stdout) == [("ok", name) for name in names]


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("endpoint", "variables", "failed", "said"),
    [
        ("", {}, "options", "ACA_POOL_MANAGEMENT_ENDPOINT"),
        ("https://pool.example.com", {}, "endpoint", "ACA_ENDPOINT_SUFFIXES"),
        ("http://x.dynamicsessions.io", {}, "endpoint", "not https"),
        ("nonsense", {}, "endpoint", "az containerapp sessionpool show"),
        ("http://127.0.0.1:1", {}, "token", "ACA_ACCESS_TOKEN"),
        ("https://x.dynamicsessions.io/p", {}, "token", "az login"),
        ("https://x.dynamicsessions.io/p", {"ACA_ACCESS_TOKEN": "a b"}, "token", "without quotes"),
    ],
)
def test_what_is_wrong_here_is_said_with_its_remedy(
    aca_kernel: Run,
    tmp_path: Path,
    endpoint: str,
    variables: dict[str, str],
    failed: str,
    said: str,
) -> None:
    # One credential, whose program is not there: no wait for identity endpoints of a cloud.
    nobody = {"AZURE_TOKEN_CREDENTIALS": "AzureCliCredential", "PATH": str(tmp_path)}
    result = aca_kernel("doctor", "--endpoint", endpoint, **nobody, **variables)
    assert result.returncode == 1
    assert checks(result.stdout)[-1] == ("FAILED", failed)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_token_is_said(aca_kernel: Run, local_pool: Pool) -> None:
    result = aca_kernel("doctor", **reach(local_pool) | {"ACA_ACCESS_TOKEN": "wrong"})
    assert result.returncode == 1
    assert checks(result.stdout)[-1] == ("FAILED", "role")
    assert "HTTP 401" in result.stderr
    assert "wrong" not in result.stderr.replace("wrong endpoint", "")


def test_a_full_pool_is_said(aca_kernel: Run, start_pool: Callable[..., Pool]) -> None:
    pool = start_pool("--max-sessions", "1")
    with open_client(pool) as client:
        client.execute("somebody-elses-session", "1")
        result = aca_kernel("doctor", **reach(pool))
        assert result.returncode == 1
        assert checks(result.stdout)[-1] == ("FAILED", "role")
        assert "SessionsCountExceedsLimit" in result.stderr
        assert [one.identifier for one in client.list_sessions()] == ["somebody-elses-session"]


def test_a_pool_that_nobody_serves_is_said(aca_kernel: Run, closed_port: str) -> None:
    result = aca_kernel("doctor", "--endpoint", closed_port, ACA_ACCESS_TOKEN="t")
    assert result.returncode == 1
    assert checks(result.stdout)[-1] == ("FAILED", "role")
    assert "Traceback" not in result.stderr


class _Service(http.server.BaseHTTPRequestHandler):
    """Answers every call with one status and body: what no local pool would say."""

    status, body = 200, b""
    waiting: threading.Event

    def do_GET(self) -> None:
        self.waiting.set()
        if self.status == 0:
            self.rfile.read(1)  # never answers, until the caller goes
            return
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.dumps(
            {"identifier": "", "status": "Succeeded", "result": {"executionResult": 41}}
        ).encode()
        self.do_GET()

    def do_DELETE(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Callable[[int, bytes], tuple[str, threading.Event]]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(status: int, body: bytes) -> tuple[str, threading.Event]:
        waiting = threading.Event()
        handler = type("Service", (_Service,), {"status": status, "body": body, "waiting": waiting})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return (
            f"http://127.0.0.1:{server.server_port}/subscriptions/s/resourceGroups/g/"
            "sessionPools/p",
            waiting,
        )

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "failed", "said"),
    [
        (403, b"", "role", "az role assignment create"),
        (404, b"", "role", "HTTP 404"),
        (200, b"<html>a login page</html>", "role", "web page"),
        (200, b"[]", "run", "container type PythonLTS"),
    ],
)
def test_what_the_service_refuses_is_said_with_its_remedy(
    aca_kernel: Run,
    service: Callable[[int, bytes], tuple[str, threading.Event]],
    status: int,
    body: bytes,
    failed: str,
    said: str,
) -> None:
    endpoint, _ = service(status, body)
    result = aca_kernel("doctor", "--endpoint", endpoint, ACA_ACCESS_TOKEN="t")
    assert result.returncode == 1
    assert checks(result.stdout)[-1] == ("FAILED", failed)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_ends_it_quietly(
    environment: dict[str, str],
    service: Callable[[int, bytes], tuple[str, threading.Event]],
) -> None:
    endpoint, waiting = service(0, b"")
    process = subprocess.Popen(
        [sys.executable, "-m", "aca_kernel.commands.cli", "doctor", "--endpoint", endpoint],
        env={**environment, "ACA_ACCESS_TOKEN": "t"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.wait(30)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == ""


def shell(asked: Asked, forward: Forward) -> Answered:
    """A Shell pool (docs/service.md 15)."""
    if not asked.fields:
        return forward(asked)
    if "shellCommand" not in asked.fields:
        return refused(400, "SessionPropertiesMissing", "The session properties are missing.")
    result = {"stdout": "aca-kernel\n", "stderr": "", "executionTimeInMilliseconds": 1}
    body = {"identifier": asked.identifier, "status": "0", "result": result}
    return Answered(status=200, body=json.dumps(body).encode())


def node(asked: Asked, forward: Forward) -> Answered:
    """A NodeLTS pool, to which // begins a comment."""
    answer = forward(asked)
    if asked.fields.get("code", "").startswith("84 // 2"):
        return answer.with_result(executionResult=84)
    return answer


def custom(asked: Asked, forward: Forward) -> Answered:
    return refused(400, "DynamicApisNotAllowed", "Dynamic API calls are not allowed.")


OTHER_KINDS = [
    (shell, "container type is Shell"),
    (node, "container type is NodeLTS"),
    (custom, "custom container pool"),
]


@pytest.mark.parametrize(("change", "said"), OTHER_KINDS)
def test_a_pool_of_another_kind_is_named(
    aca_kernel: Run, local_pool: Pool, change: Change, said: str
) -> None:
    with Changing(local_pool.endpoint, change) as proxy:
        result = aca_kernel(
            "doctor", **reach(local_pool) | {"ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint}
        )
    assert result.returncode == 1
    assert said in result.stderr
    assert "--container-type PythonLTS" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_refused_shape_alone_does_not_make_a_shell_pool(
    aca_kernel: Run, local_pool: Pool
) -> None:
    def change(asked: Asked, forward: Forward) -> Answered:
        return refused(400, "SessionPropertiesMissing", "No.") if asked.fields else forward(asked)

    with Changing(local_pool.endpoint, change) as proxy:
        result = aca_kernel(
            "doctor", **reach(local_pool) | {"ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint}
        )
    assert checks(result.stdout)[-1] == ("FAILED", "run")
    assert "SessionPropertiesMissing" in result.stderr
    assert "Shell" not in result.stderr


def test_a_page_or_a_missing_path_at_a_containers_own_host_is_a_custom_container() -> None:
    own = "pool.env.westeurope.azurecontainerapps.io"
    assert looks_custom(NotFound("No.", status=404), own)
    assert looks_custom(UnexpectedAnswer("No JSON."), own)
    assert not looks_custom(PermissionRefused("No.", status=403), own)
    assert not looks_custom(NotFound("No.", status=404), "westeurope.dynamicsessions.io")
