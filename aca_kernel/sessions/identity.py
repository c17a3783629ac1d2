"""Which session belongs to a kernel: its identifier, and the marker of an unfinished restart.

The connection file keeps its name and its key for as long as Jupyter keeps the kernel, also
through a restart and through a crash of the kernel's process, so an identifier
that is derived from the two needs no state file.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

__all__ = ["IDENTIFIER_PREFIX", "RestartMarker", "derive_identifier"]

IDENTIFIER_PREFIX = "aca-kernel-"
"""How the identifiers of this kernel's own sessions begin."""


def derive_identifier(connection_file: Path | None, key: bytes) -> str:
    """The identifier of the kernel with this connection file: 160 bits that nobody can guess.

    The same for the same file name and key; random when there is no key or no file.
    """
    if connection_file is None or not key:
        return IDENTIFIER_PREFIX + secrets.token_hex(20)
    digest = hmac.new(key, f"session {connection_file.name}".encode(), hashlib.sha256)
    return IDENTIFIER_PREFIX + digest.hexdigest()[:40]


class RestartMarker:
    """A file beside the connection file: a restart was asked for and has not got through.

    Its name does not match ``kernel-*.json``, so nobody takes it for a connection file. Where
    there is no connection file, or the folder cannot be written, there is no marker either.
    """

    def __init__(self, connection_file: Path | None) -> None:
        self._path: Path | None = None
        if connection_file is not None:
            name = hashlib.sha256(connection_file.name.encode()).hexdigest()[:16]
            self._path = connection_file.parent / f"aca-restart-{name}"

    def set(self) -> None:
        """Leave the marker for the next process."""
        if self._path is not None:
            try:
                self._path.touch(mode=0o600)
            except OSError:
                self._path = None

    def clear(self) -> None:
        """Take the marker away."""
        if self._path is not None:
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                self._path = None

    def is_set(self) -> bool:
        """Whether an earlier process left the marker."""
        try:
            return self._path is not None and self._path.exists()
        except OSError:
            return False
