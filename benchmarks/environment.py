"""The machine and versions that are measured, and an environment without anybody's settings."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import psutil

__all__ = ["prepared"]

PACKAGES = ("aca-kernel", "ipykernel", "langchain-azure-dynamic-sessions", "requests", "nbclient")

LEAKING = ("ACA_", "AZURE_", "JUPYTER_", "POOL_", "PYTHON", "REQUESTS_", "SSL_CERT")


@contextlib.contextmanager
def prepared() -> Iterator[dict[str, str]]:
    """Keep the developer's settings out, and describe the machine."""
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(LEAKING) or name.upper().endswith("_PROXY"):
            del os.environ[name]
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            os.environ[f"JUPYTER_{name}"] = f"{home}/{name.lower()}"
        os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
        try:
            yield _machine()
        finally:
            os.environ.clear()
            os.environ.update(kept)


def _machine() -> dict[str, str]:
    curl = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    return {
        "when": datetime.now(timezone.utc).strftime("%d %B %Y %H:%M UTC"),
        "processor": f"{psutil.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{psutil.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "curl": curl.stdout.split()[1],
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
