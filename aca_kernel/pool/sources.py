"""What an upload sends: the next bytes of a file, counted, in a multipart body."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from aca_kernel.errors import TransferError

__all__ = ["Progress", "UploadBody", "UploadSource"]

Progress = Callable[[int, int], None]
"""Gets the bytes done and the bytes in all, in the calling thread.

When it raises, the transfer ends and the exception comes out of it.
"""


class UploadSource:
    """The next bytes of a file, counted; ``len`` is what is left, as MultipartEncoder asks.

    urllib3 takes an OSError of its body for one of the network, so ``failure`` keeps what
    was raised here.
    """

    def __init__(self, source: BinaryIO, size: int, progress: Progress | None) -> None:
        self.len = size
        self.failure: BaseException | None = None
        self._source = source
        self._size = size
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the file."""
        wanted = self.len if size is None or size < 0 else min(size, self.len)
        try:
            block = self._source.read(wanted)
            if wanted and not block:
                _ended_early(self.len)
            self.len -= len(block)
            if self._progress is not None:
                self._progress(self._size - self.len, self._size)
        except BaseException as error:
            self.failure = error
            raise
        return block


def _ended_early(missing: int) -> None:
    raise TransferError(
        f"The file ended {missing} bytes early: it was shortened while it was sent.",
        left="An incomplete file may be in the session.",
        remedy="Upload it again when nothing writes to it.",
    )


class UploadBody:
    """A multipart body with one part, ``file`` (docs/service.md 9)."""

    def __init__(self, source: UploadSource, name: str) -> None:
        from requests_toolbelt import MultipartEncoder  # late, for it imports requests

        self._source = source
        self._encoder = MultipartEncoder({"file": (name, source, "application/octet-stream")})
        self.content_type: str = self._encoder.content_type
        self.len: int = self._encoder.len

    @property
    def failure(self) -> BaseException | None:
        """What the source raised, if anything."""
        return self._source.failure

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the body."""
        block: bytes = self._encoder.read(size)
        return block
