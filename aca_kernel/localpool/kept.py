"""The file in which a kernel's own pool is found again: who writes it, who takes it away.

The pool writes it and holds a lock on it as long as it runs. So nothing runs that no later
process finds, and a file whose lock is free is that of a pool that has ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import LocalPoolError

__all__ = ["Kept", "keeping", "path_for", "read"]

_PREFIX = "aca-local-pool-"
_NAME = re.compile(_PREFIX + r"[0-9a-f]{16}\.json")
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the file holds."""

    endpoint: str
    token: str
    certificate: str | None
    pid: int
    warning: str = ""


def path_for(connection_file: Path) -> Path:
    """Name the file beside ``connection_file``; no pattern for connection files matches it."""
    name = hashlib.sha256(connection_file.name.encode()).hexdigest()[:16]
    return connection_file.parent / f"{_PREFIX}{name}.json"


def read(path: Path) -> Kept | None:
    """Give what ``path`` holds; None when there is no such file, or it is none of ours."""
    try:
        return Kept(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def keeping(path: Path, kept: Kept) -> Iterator[None]:
    """Keep the file, whole and readable by this user only, and remove it at the end.

    Files that pools left behind, here or in the temporary directory, are removed as well.
    LocalPoolError when it cannot be written.
    """
    for folder in {path.parent, Path(tempfile.gettempdir())}:
        _remove_left_ones(folder)
    lock = _written(path, kept)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(lock), path.lstat()):
                path.unlink()
        os.close(lock)


def _written(path: Path, kept: Kept) -> int:
    """Write the file under its name at once, and give the descriptor that holds its lock."""
    part = ""
    try:
        lock, part = tempfile.mkstemp(dir=path.parent, prefix=path.stem)  # mode 0600
        with os.fdopen(os.dup(lock), "w") as file:
            json.dump(asdict(kept), file)
        _is_locked_now(lock)
        Path(part).replace(path)
    except OSError as error:
        if part:
            os.close(lock)
            Path(part).unlink(missing_ok=True)
        raise LocalPoolError(
            f"The local pool cannot keep its file in {path.parent}: {error.strerror}.",
            left="No pool was left running.",
            remedy="Make room on that disk, or make the directory writable, and try again.",
        ) from error
    return lock


def _remove_left_ones(folder: Path) -> None:
    """Remove the files of this user's pools that have ended."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    file = os.open(path, _FLAGS)
    try:
        status = os.fstat(file)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
        # Another pool may have put its own file under that name meanwhile.
        if is_ours and _is_locked_now(file) and os.path.samestat(status, path.lstat()):
            path.unlink()
    finally:
        os.close(file)


def _is_locked_now(file: int) -> bool:
    """Take the lock, which ends with the process; False when another has it, or none is to be."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
