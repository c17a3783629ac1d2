"""A real JupyterLab, in folders of its own, whose every request is written down."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import requests

PATIENCE = 90.0
"""Seconds after which a test gives up; no test is about being that slow."""

REMOTE = "azure-sessions-python"

_CONFIGURATION = """
import json

c = get_config()


def write_down(handler):
    request = handler.request
    entry = {
        "method": request.method,
        "uri": request.uri,
        "status": handler.get_status(),
        "origin": request.headers.get("Origin"),
        "body": request.body[:2000].decode(errors="replace"),
    }
    with open(__FILE__, "a") as file:
        file.write(json.dumps(entry) + "\\n")


c.ServerApp.tornado_settings = {"log_function": write_down}
"""
_SETTINGS: dict[str, dict[str, Any]] = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # or what is off screen is not there
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook as it was saved: what it says and what it shows."""

    source: str
    outputs: list[Any]


class Lab:
    """JupyterLab as a process; notebooks lie in ``root``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self._folder = folder
        self._requests = folder / "requests.jsonl"
        self._requests.touch()
        self.token = secrets.token_hex(24)
        self.environment = {
            **os.environ,
            **environment,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "IPYTHONDIR": str(folder / "ipython"),
        }
        for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
            self.environment.pop(name, None)
        configuration = folder / "config" / "jupyter_server_config.py"
        configuration.parent.mkdir()
        configuration.write_text(_CONFIGURATION.replace("__FILE__", repr(str(self._requests))))
        for name, values in _SETTINGS.items():
            self.set(name, values)
        with (folder / "lab.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                    *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
                    f"--ServerApp.root_dir={self.root}",
                    f"--IdentityProvider.token={self.token}",
                ],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = self._wait_for_url()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"token {self.token}"

    def _wait_for_url(self) -> str:
        """The server's address, which it writes to a file; then it answers already."""
        file = self._folder / "runtime" / f"jpserver-{self.process.pid}.json"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return str(json.loads(file.read_text())["url"]).rstrip("/")
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError((self._folder / "lab.log").read_text())

    def close(self) -> None:
        self.shut_kernels_down()
        self._http.close()
        self.process.terminate()
        self.process.wait(30)

    # -- what a user has set up

    def set(self, plugin: str, values: Mapping[str, Any]) -> None:
        """Write a user's settings for one plugin of Lab's; read when a page is loaded."""
        file = self._folder / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def add_kernel(self, name: str, **options: str) -> str:
        """Install the kernel once more, with options of its own; its name."""
        options_given = [f"--AzureSessionsKernel.{key}={value}" for key, value in options.items()]
        spec = {
            "argv": ["python", "-m", "aca_kernel", "-f", "{connection_file}", *options_given],
            "display_name": name,
            "language": "python",
            "interrupt_mode": "message",
        }
        folder = self._folder / "data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.json").write_text(json.dumps(spec))
        return name

    # -- notebooks

    def write(self, name: str, sources: list[str], kernel: str = REMOTE) -> Path:
        """Write a notebook whose cells all run, whatever one of them raises; its path."""
        tags = {"tags": ["raises-exception"]}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, metadata=tags) for source in sources],
            metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
        )
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    def read(self, name: str) -> list[Cell]:
        """The cells of a saved notebook."""
        notebook = nbformat.read(self.root / name, as_version=4)
        return [Cell(cell.source, cell.get("outputs", [])) for cell in notebook.cells]

    # -- what the server knows

    def requests(self) -> list[dict[str, Any]]:
        """All requests that were answered so far."""
        return [json.loads(line) for line in self._requests.read_text().splitlines()]

    def ask(self, method: str, route: str) -> Any:
        """The answer of the server's API to a request by its owner."""
        answer = self._http.request(method, f"{self.url}/api/{route}", timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def shut_kernels_down(self) -> None:
        for session in self.ask("GET", "sessions"):
            self.ask("DELETE", f"sessions/{session['id']}")
