"""The command as a user runs it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home, so that no configuration or kernel of the developer's is seen."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the command; Jupyter's folders are in ``home``."""
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        monkeypatch.setenv(f"JUPYTER_{name}", str(home / name.lower()))
    for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.delenv(name, raising=False)
    return dict(os.environ)


@pytest.fixture
def aca_kernel(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run ``aca-kernel`` with arguments and further environment variables."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "aca_kernel.commands.cli", *arguments],
            env=environment | variables,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


class Pool(Protocol):
    """A running pool, as the fixtures ``local_pool`` and ``start_pool`` give it."""

    endpoint: str
    token: str


def reach(pool: Pool) -> dict[str, str]:
    """The environment that points a command at ``pool``."""
    return {"ACA_POOL_MANAGEMENT_ENDPOINT": pool.endpoint, "ACA_ACCESS_TOKEN": pool.token}
