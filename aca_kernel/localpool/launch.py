"""A local pool for one kernel: started once per connection file, found again, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ..errors import LocalPoolError
from .kept import Kept, path_for, read

__all__ = ["LaunchedPool", "ensure_pool", "is_listening", "stop_pool"]

_START_SECONDS = 60.0
_PROBE_SECONDS = 5.0
_STOP_SECONDS = 5.0
_CONNECT_SECONDS = 1.0
# A pool needs none of these, and some are secrets.
_NOT_PASSED_ON = ("ACA_", "AZURE_", "IDENTITY_", "JPY_", "MSI_")

_WORDS_OF_ERROR = 2
"""Lines that the pool says after what happened: what is left, and what to do."""

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


def ensure_pool(connection_file: Path, *, cooldown: int = 300) -> LaunchedPool:
    """Give the local pool of the kernel with that connection file; start it if need be.

    It runs apart from this process, whose end and signals it survives, and ends by
    itself after ``cooldown`` seconds without a call and a session. Its token is in a
    file beside the connection file (mode 0600). Blocks for up to a minute.
    LocalPoolError when it does not start.
    """
    with _lock:
        path = path_for(connection_file)
        kept = _running(path)
        started = kept is None
        if kept is None:
            try:
                kept = _start(path, cooldown)
            except OSError as error:
                raise _not_started(str(error)) from error
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
        path = path_for(connection_file)
        kept = _running(path)
        if kept is not None:
            _end(kept)
        path.unlink(missing_ok=True)


async def is_listening(endpoint: str) -> bool:
    """Whether something may listen there; False when the connection is refused."""
    place = urlsplit(endpoint)
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(place.hostname, place.port), _CONNECT_SECONDS
        )
    except ConnectionRefusedError:
        return False
    except (OSError, asyncio.TimeoutError):
        return True  # a call will tell
    writer.close()
    return True


def _running(path: Path) -> Kept | None:
    """Give what ``path`` holds when that pool answers; the process id alone proves nothing."""
    kept = read(path)
    if kept is None:
        return None
    if _answers(kept):
        return kept
    child = _children.pop(kept.pid, None)
    if child is not None:  # ours, so that process id is still that pool's
        child.kill()
        child.wait()
    return None


def _answers(kept: Kept) -> bool:
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


def _start(path: Path, cooldown: int) -> Kept:
    """Start a pool, which keeps itself in ``path`` before it prints its line.

    The token is its own: no command line shows it.
    """
    command = [sys.executable, "-m", "aca_kernel.commands.pool", "--exit-when-idle"]
    command += [f"--PoolApp.keep_in={path}", f"--cooldown-period={cooldown}"]
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            command,
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
        kept = read(path) if line else None
        if kept is None:
            child.kill()
            child.wait()
            errors.seek(0)
            raise _not_started(errors.read().strip() or "it took too long")
    _children[child.pid] = child
    return kept


def _not_started(said: str) -> LocalPoolError:
    """The error for a pool that did not start, of which its last words are ``said``."""
    what, *more = said.splitlines()
    if "Traceback" in said or len(more) < _WORDS_OF_ERROR:
        what, more = said, ["", "Try `aca-kernel pool` in a terminal to see why."]
    return LocalPoolError(
        f"The local pool did not start: {what}",
        left="Nothing was run.",
        remedy="\n".join(more[1:]),
    )


def _end(kept: Kept) -> None:
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
