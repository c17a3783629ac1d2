"""A local pool for one kernel: started once per connection file, found again, ended."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ..errors import LocalPoolError

__all__ = ["LaunchedPool", "ensure_pool", "stop_pool"]

_START_SECONDS = 60.0
_PROBE_SECONDS = 5.0
_STOP_SECONDS = 5.0
# A pool needs none of these, and some are secrets.
_NOT_PASSED_ON = ("ACA_", "AZURE_", "IDENTITY_", "JPY_", "MSI_")

_WARNING = "aca-kernel pool warns: "

_lock = threading.Lock()
_children: dict[int, subprocess.Popen[str]] = {}


@dataclass(frozen=True, kw_only=True)
class LaunchedPool:
    """A running local pool; ``started`` says whether it was started just now.

    ``warning`` says what its sessions can reach; "" when they are in a sandbox.
    """

    endpoint: str
    token: str
    certificate: str | None
    started: bool
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What the file beside the connection file holds."""

    endpoint: str
    token: str
    certificate: str | None
    pid: int
    warning: str = ""


def ensure_pool(connection_file: Path, *, cooldown: int = 300) -> LaunchedPool:
    """Give the local pool of the kernel with that connection file; start it if need be.

    It runs apart from this process, whose end and signals it survives, and ends by
    itself after ``cooldown`` seconds without a call and a session. Its token is in a
    file beside the connection file (mode 0600). Blocks for up to a minute.
    LocalPoolError when it does not start.
    """
    with _lock:
        path = _path(connection_file)
        kept = _running(path)
        started = kept is None
        if kept is None:
            kept = _start(cooldown)
            _keep(path, kept)
    return LaunchedPool(
        endpoint=kept.endpoint,
        token=kept.token,
        certificate=kept.certificate,
        started=started,
        warning=kept.warning,
    )


def stop_pool(connection_file: Path) -> None:
    """End the local pool of that kernel, with its sessions and their files, if it runs.

    Blocks until it has ended, 5 seconds at most.
    """
    with _lock:
        path = _path(connection_file)
        kept = _running(path)
        if kept is not None:
            _end(kept)
        path.unlink(missing_ok=True)


def _path(connection_file: Path) -> Path:
    """Name the file beside ``connection_file``; no pattern for connection files matches it."""
    name = hashlib.sha256(connection_file.name.encode()).hexdigest()[:16]
    return connection_file.parent / f"aca-local-pool-{name}.json"


def _running(path: Path) -> _Kept | None:
    """Give what ``path`` holds when that pool answers; the process id alone proves nothing."""
    try:
        kept = _Kept(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if _answers(kept):
        return kept
    child = _children.pop(kept.pid, None)
    if child is not None:  # ours, so that process id is still that pool's
        child.kill()
        child.wait()
    return None


def _answers(kept: _Kept) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy and no .netrc between us and loopback
        try:
            answer = session.get(
                f"{kept.endpoint}/listSessions",
                params={"api-version": "2025-10-02-preview"},
                headers={"Authorization": f"Bearer {kept.token}"},
                timeout=_PROBE_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
    return answer.ok


def _keep(path: Path, kept: _Kept) -> None:
    """Write the file whole and readable by this user only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(kept), file)
    Path(name).replace(path)


def _start(cooldown: int) -> _Kept:
    """Start a pool and read its line. The token is its own: no command line shows it."""
    command = [sys.executable, "-m", "aca_kernel.localpool", "--exit-when-idle"]
    command.append(f"--Application.log_format={_WARNING}%(message)s")
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [*command, f"--cooldown-period={cooldown}"],
            # Not the notebook's directory: a module.py there would be imported.
            cwd="/",
            env={k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED_ON)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        assert child.stdout is not None  # noqa: S101 (asked for above)
        late = threading.Timer(_START_SECONDS, child.kill)
        late.start()
        with child.stdout:
            line = child.stdout.readline()
        late.cancel()
        if not line:
            child.wait()
            errors.seek(0)
            raise LocalPoolError(
                f"The local pool did not start: {errors.read().strip() or 'it took too long'}",
                left="Nothing was run.",
                remedy="Try `aca-kernel pool` in a terminal to see why.",
            )
        # Its line of JSON has no place for the warning, which it logs before that line.
        errors.seek(0)
        warnings = [one.removeprefix(_WARNING) for one in errors if one.startswith(_WARNING)]
    _children[child.pid] = child
    warning = " ".join(one.strip() for one in warnings)
    return _Kept(**json.loads(line), pid=child.pid, warning=warning)


def _end(kept: _Kept) -> None:
    """Signal the pool and wait for its end, which closes the connection that is held here."""
    place = urlsplit(kept.endpoint)
    address = place.hostname or "", place.port or 0
    with (
        contextlib.suppress(OSError),
        socket.create_connection(address, timeout=_STOP_SECONDS) as held,
    ):
        os.kill(kept.pid, signal.SIGTERM)
        while held.recv(1024):
            pass
    child = _children.pop(kept.pid, None)
    if child is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_STOP_SECONDS)
