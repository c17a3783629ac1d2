"""Kernels for the tests: real processes, started through their installed kernelspecs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import Proxy

from .driver import AZURE, DIRECT, LINKED, Kernel, Pool, reach

KernelStarter = Callable[..., Kernel]


@pytest.fixture(autouse=True, scope="session")
def _own_jupyter_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let Jupyter see this environment's kernelspecs only, and no configuration."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            patch.setenv(f"JUPYTER_{name}", str(home / name.lower()))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "PYTHONPATH", "PYTHONSAFEPATH"):
            patch.delenv(name, raising=False)
        for name in list(os.environ):
            if name.startswith(("ACA_", "AZURE_")) or name == "POOL_MANAGEMENT_ENDPOINT":
                patch.delenv(name)
        yield


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[KernelStarter]:
    """Start kernels, for a pool or none, with any environment variables; in direct mode.

    At the end of the test they are shut down and their logs read.
    """
    started: list[Kernel] = []
    numbers = itertools.count(1)

    def start(
        pool: Pool | None = None,
        *,
        name: str = AZURE,
        cwd: Path | None = None,
        spec_environment: dict[str, str] | None = None,
        **variables: str,
    ) -> Kernel:
        environment = DIRECT | (reach(pool) if pool else {}) | variables
        folder = tmp_path / f"kernel-{next(numbers)}"
        kernel = Kernel(environment, folder, name=name, cwd=cwd, spec_environment=spec_environment)
        started.append(kernel)
        return kernel.start()

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture(scope="module")
def kernel(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give one kernel in direct mode to all tests of a module that leave it as they found it."""
    shared = Kernel(DIRECT | reach(local_pool), tmp_path_factory.mktemp("shared")).start()
    yield shared
    shared.close()


@pytest.fixture
def counted(local_pool: Pool, tmp_path: Path) -> Iterator[tuple[Kernel, Proxy]]:
    """A kernel in linked mode whose calls are counted, with its first cell behind it."""
    with Proxy(local_pool.endpoint) as proxy:
        environment = LINKED | {
            "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
            "ACA_KEEP_ALIVE": "0",
        }
        kernel = Kernel(environment, tmp_path / "kernel").start()
        try:
            kernel.run("6*7")
            yield kernel, proxy
        finally:
            kernel.close()
