"""Local pools as the command makes them, with TLS, near or at a distance; and plain clients."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import requests

from .delay import Passed

__all__ = ["Pool", "langchain_tool", "pool", "settled"]

FAR, NEAR = "127.0.0.2", "127.0.0.1"
"""Where pool and proxy listen, on one port: the pool takes no other name in the Host header."""

API = "2025-10-02-preview"


@dataclass(frozen=True)
class Pool:
    """A running pool; ``round_trip`` is the milliseconds that the proxy before it adds."""

    endpoint: str
    token: str
    certificate: str
    round_trip: float
    process: psutil.Process
    proxy: subprocess.Popen[str] | None

    @property
    def environment(self) -> dict[str, str]:
        """What points a kernel at it."""
        return {
            "ACA_POOL_MANAGEMENT_ENDPOINT": self.endpoint,
            "ACA_ACCESS_TOKEN": self.token,
            "ACA_CA_BUNDLE": self.certificate,
        }

    def passed(self) -> Passed:
        """What went through the proxy so far; nothing where there is none."""
        if self.proxy is None or self.proxy.stdin is None or self.proxy.stdout is None:
            return Passed()
        self.proxy.stdin.write("\n")
        self.proxy.stdin.flush()
        return Passed(**json.loads(self.proxy.stdout.readline()))

    def poster(self) -> Poster:
        """A bare client with a session of its own."""
        return Poster(self)


class Poster:
    """The least that a client can do: a POST on a kept-alive ``requests.Session``."""

    def __init__(self, pool: Pool) -> None:
        self.identifier = f"bench-{uuid.uuid4().hex}"
        self.url = f"{pool.endpoint}/executions?api-version={API}&identifier={self.identifier}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = pool.certificate
        self.session.headers["Authorization"] = f"Bearer {pool.token}"

    def execute(self, code: str) -> dict[str, Any]:
        """The service's answer."""
        body = {
            "codeInputType": "Inline",
            "executionType": "Synchronous",
            "code": code,
            "timeoutInSeconds": 220,
        }
        answer = self.session.post(self.url, json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def langchain_tool(pool: Pool) -> Any:
    """LangChain's tool for dynamic sessions, with a session of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from langchain_azure_dynamic_sessions import SessionsPythonREPLTool

    os.environ["REQUESTS_CA_BUNDLE"] = pool.certificate  # it has no option for that
    return SessionsPythonREPLTool(
        pool_management_endpoint=pool.endpoint, access_token_provider=lambda: pool.token
    )


@contextlib.contextmanager
def pool(round_trip: float = 0.0, *, ready: int = 1, sessions: int = 10) -> Iterator[Pool]:
    """Run a pool with TLS; a proxy before it adds ``round_trip`` milliseconds, unless that is 0.

    The pool has started its ``ready`` sessions when it is given.
    """
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "aca_kernel.commands.pool", "--tls", "--host", FAR),
            *("--ready-sessions", str(ready), "--max-sessions", str(sessions)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None  # noqa: S101
    proxy = None
    try:
        line = json.loads(server.stdout.readline())
        address, path = line["endpoint"].removeprefix("https://").split("/", 1)
        port = address.rsplit(":", 1)[1]
        if round_trip:
            proxy = _proxy(port, round_trip)
        process = psutil.Process(server.pid)
        settled(process)
        yield Pool(
            endpoint=f"https://{NEAR if proxy else FAR}:{port}/{path}",
            token=line["token"],
            certificate=line["certificate"],
            round_trip=round_trip,
            process=process,
            proxy=proxy,
        )
    finally:
        for child in (proxy, server):
            if child is not None:
                child.terminate()
                child.wait()


def _proxy(port: str, round_trip: float) -> subprocess.Popen[str]:
    """A proxy that has begun to listen."""
    proxy = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.delay", NEAR, port, FAR, str(round_trip)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert proxy.stdout is not None  # noqa: S101
    proxy.stdout.readline()
    return proxy


def settled(process: psutil.Process, *, patience: float = 60.0) -> None:
    """Wait until a process and all that it started use no CPU to speak of."""
    end = time.monotonic() + patience
    before = cpu_seconds(process)
    while time.monotonic() < end:
        time.sleep(0.5)
        now = cpu_seconds(process)
        if now - before <= 0.02:
            return
        before = now


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time that a process and its living descendants have used."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system
    return total
