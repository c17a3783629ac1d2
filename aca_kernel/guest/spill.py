"""The guest's outbox: what does not fit into memory waits in a file. Sent into the session."""

from __future__ import annotations

import tempfile
from typing import Any

from .protocol import Outbox

MEMORY = 64 * 1024 * 1024  # bytes of output that are held in memory; the rest goes to a file


class SpillingOutbox(Outbox):
    """An Outbox that keeps what is above `MEMORY` in a file without a name."""

    def __init__(self) -> None:
        super().__init__()
        self._file: Any = None
        self._read = 0  # where the first byte in the file that is not in memory stands
        self._written = 0
        self._after = bytearray()  # what follows the file, when the disk is full

    @property
    def end(self) -> int:
        """The number of the next byte."""
        return super().end + self._written - self._read + len(self._after)

    def append(self, *parts: bytes) -> None:
        """Add a message."""
        if self._file is None and len(self._held) < MEMORY:
            super().append(*parts)
            return
        line = b"".join((*parts, b"\n"))
        if not self._after and self._spill(line):
            return
        self._after += line

    def _spill(self, line: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it stays open
            self._file.seek(self._written)
            if self._file.write(line) < len(line):
                return False
        except OSError:
            return False
        self._written += len(line)
        return True

    def acknowledge(self, number: int) -> None:
        """Forget the bytes before ``number``, and take what follows from the file."""
        super().acknowledge(min(number, self.start + len(self._held)))
        if len(self._held) > MEMORY // 2:
            return
        if self._file is not None:
            self._file.seek(self._read)
            more = self._file.read(min(MEMORY // 2, self._written - self._read))
            self._read += len(more)
            self._held += more
            if self._read < self._written:
                return
            self._file.close()
            self._file = None
            self._read = self._written = 0
        self._held += self._after
        self._after.clear()
