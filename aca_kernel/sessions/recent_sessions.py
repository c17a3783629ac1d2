"""The sessions that this user had lately, for `%session attach` after Jupyter has gone away.

One small file a session, in a folder of the user's alone (0700, files 0600), for the full
identifiers are in them: whoever may use the pool and knows one enters that session. Several
kernels write at once without a lock: each file is replaced as a whole. What cannot be read or
written is left out, for no cell may fail over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..pool import check_identifier, shorten

__all__ = ["MOST", "RecentSession", "RecentSessions"]

MOST = 20
"""Sessions that are remembered."""

LONGEST = 7 * 24 * 3600.0
"""Seconds after its last cell that a session is remembered."""

_LARGEST = 8192  # bytes of a file
_PREFIX = "session-"
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, kw_only=True)
class RecentSession:
    """A session that one of this user's kernels has run cells in."""

    identifier: str = field(repr=False)
    endpoint: str
    """The URL of the pool that it is of."""
    notebook: str
    """The notebook's name, or its folder's where the kernel does not know it; "" for unknown."""
    last_used: datetime

    @property
    def shown(self) -> str:
        """The identifier as it may be shown."""
        return shorten(self.identifier)


class RecentSessions:
    """The remembered sessions in ``folder``, which is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, identifier: str, endpoint: str, notebook: str) -> None:
        """Keep a session as used now; the oldest of more than `MOST` are forgotten."""
        content = {"identifier": identifier, "endpoint": endpoint, "notebook": notebook}
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            self._replace(self._path(identifier, endpoint), json.dumps(content).encode())
            self._prune()

    def forget(self, identifier: str, endpoint: str) -> None:
        """Drop a session, because it was deleted."""
        with contextlib.suppress(OSError):
            self._check_folder()
            self._path(identifier, endpoint).unlink(missing_ok=True)

    def all(self) -> list[RecentSession]:
        """The sessions of all pools, those that were used last first."""
        found = []
        with contextlib.suppress(OSError):
            self._check_folder()
            for path, used in self._files():
                if time.time() - used <= LONGEST and (session := _read(path, used)) is not None:
                    found.append(session)
        return found[:MOST]

    def _check_folder(self) -> None:
        """Raise OSError unless the folder is a real one of this user, closed to others."""
        info = os.lstat(self._folder)
        if not stat.S_ISDIR(info.st_mode) or not _is_ours(info):
            raise PermissionError("The folder of the remembered sessions is not this user's own.")
        if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o077:
            self._folder.chmod(0o700)

    def _path(self, identifier: str, endpoint: str) -> Path:
        name = hashlib.sha256(f"{endpoint}\n{identifier}".encode()).hexdigest()[:32]
        return self._folder / f"{_PREFIX}{name}.json"

    def _replace(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".tmp", dir=self._folder)
        scratch = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:  # 0600, as mkstemp makes it
                file.write(content)
            scratch.replace(path)  # takes the place of a link, never follows one
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise

    def _files(self) -> list[tuple[Path, float]]:
        """The files of sessions and the times of their last use, the latest first."""
        return sorted(self._entries(".json"), key=lambda entry: entry[1], reverse=True)

    def _entries(self, suffix: str) -> Iterator[tuple[Path, float]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith(_PREFIX) and entry.name.endswith(suffix):
                    with contextlib.suppress(OSError):
                        yield Path(entry.path), entry.stat(follow_symlinks=False).st_mtime

    def _prune(self) -> None:
        oldest = time.time() - LONGEST
        left_over = [path for path, used in self._entries(".tmp") if used < oldest]
        files = self._files()
        old = [path for path, used in files[:MOST] if used < oldest]
        for path in (*left_over, *old, *(path for path, _ in files[MOST:])):
            path.unlink(missing_ok=True)


def _read(path: Path, used: float) -> RecentSession | None:
    """The session of a file; None for what is no such file, or holds what nobody here wrote."""
    try:
        handle = os.open(path, _READ)
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode) or not _is_ours(info):
                return None
            values: Any = json.loads(file.read(_LARGEST))
        names = ("identifier", "endpoint", "notebook")
        identifier, endpoint, notebook = (str(values[name]) for name in names)
        return RecentSession(
            identifier=check_identifier(identifier),
            endpoint=endpoint,
            notebook=notebook[:200],
            last_used=datetime.fromtimestamp(used, timezone.utc),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError, ConfigurationError):
        return None


def _is_ours(info: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or info.st_uid == os.getuid()
