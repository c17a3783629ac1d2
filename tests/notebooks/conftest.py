"""Notebooks run as users run them, with Jupyter's own folders in a place of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint

SHIPPED = Path(__file__).parents[2] / "notebooks"


class Pool(Protocol):
    """A running pool, as the fixtures ``local_pool`` and ``start_pool`` give it."""

    endpoint: str
    token: str


@pytest.fixture(autouse=True)
def _jupyter_of_this_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        monkeypatch.setenv(f"JUPYTER_{name}", str(tmp_path / name.lower()))
    for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A copy of the shipped notebooks: what they write stays out of the checkout."""
    copy = tmp_path / "notebooks"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("output", ".ipynb_checkpoints"))
    return copy


@pytest.fixture
def pool(start_pool: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch) -> Pool:
    """A local pool that the kernel azure-sessions-python is pointed at, as at one in Azure."""
    pool = start_pool()
    monkeypatch.setenv("ACA_POOL_MANAGEMENT_ENDPOINT", pool.endpoint)
    monkeypatch.setenv("ACA_ACCESS_TOKEN", pool.token)
    return pool


def sessions(pool: Pool) -> int:
    """How many sessions the pool has."""
    with PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token)) as client:
        return len(list(client.list_sessions()))
