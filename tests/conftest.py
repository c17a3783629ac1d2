"""What all tests share: a clean environment, and local pools to talk to."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

_LEAKING = ("ACA_", "AZURE_", "IDENTITY_", "MSI_")
_LEAKING_NAMES = (
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NETRC",
    "NO_PROXY",
    "POOL_MANAGEMENT_ENDPOINT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)
_STOP_SECONDS = 20


def _leaking() -> list[str]:
    return [
        name for name in os.environ if name.startswith(_LEAKING) or name.upper() in _LEAKING_NAMES
    ]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a developer has set (a real pool, a proxy) out of every test."""
    for name in _leaking():
        monkeypatch.delenv(name)


@dataclass
class RunningPool:
    """A local pool that runs as the command does, in a process of its own."""

    endpoint: str
    token: str
    certificate: str | None
    process: subprocess.Popen[str]
    stderr: list[str] = field(default_factory=list)

    def stop(self) -> int:
        """End it as Ctrl-C would, and give its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            _, err = self.process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.stderr.append(err)
        return self.process.returncode


PoolStarter = Callable[..., RunningPool]


@contextlib.contextmanager
def running_pools() -> Iterator[PoolStarter]:
    """Give a function that starts local pools; they are stopped when the block ends."""
    running: list[RunningPool] = []

    def start(*flags: str, prefix: tuple[str, ...] = ()) -> RunningPool:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "aca_kernel.commands.pool", *flags],
            env={k: v for k, v in os.environ.items() if k not in _leaking()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            _, err = process.communicate()
            pytest.fail(f"the local pool did not start: {err}")
        pool = RunningPool(process=process, **json.loads(line))
        running.append(pool)
        return pool

    try:
        yield start
    finally:
        for pool in running:
            if not pool.stderr:
                pool.stop()


@pytest.fixture
def start_pool() -> Iterator[PoolStarter]:
    """Start local pools with any flags; they are stopped at the end of the test."""
    with running_pools() as start:
        yield start


@pytest.fixture(scope="session")
def local_pool() -> Iterator[RunningPool]:
    """Give one local pool to all tests that need no flags of their own; 50 sessions at most."""
    with running_pools() as start:
        yield start("--max-sessions", "50")


@pytest.fixture(scope="module")
def start_module_pool() -> Iterator[PoolStarter]:
    """Start local pools that all tests of a module share."""
    with running_pools() as start:
        yield start
