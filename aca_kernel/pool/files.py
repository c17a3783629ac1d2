"""Files from a session: streamed, repeated when they were cut, and verified; and their end.

Memory stays constant whatever the size. Nothing here opens a local file or knows a local
path: callers give open binary files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from aca_kernel.errors import (
    AcaKernelError,
    NotFound,
    ServiceError,
    TransferError,
)
from aca_kernel.pool.answers import RemoteFile
from aca_kernel.pool.client import PoolClient
from aca_kernel.pool.looks import ask_service, ask_session, remote_file
from aca_kernel.pool.names import check_path
from aca_kernel.pool.patience import Patience, may_be_done
from aca_kernel.pool.sources import Progress
from aca_kernel.pool.uploads import digest

__all__ = ["delete", "download", "find_file"]

_LATE = (0.25, 0.5, 1.0, 2.0)
"""Pauses before a file that the session has is asked for again: a service may be behind."""

_ATTEMPTS = 3
"""How often a file is fetched whose bytes are not those that the session has."""


def find_file(
    client: PoolClient, identifier: str, path: str, patience: Patience | None = None
) -> RemoteFile | None:
    """A file or directory of the session; its size may be None.

    None when neither the service nor the session knows it. Raises TransferError for an
    illegal path.
    """
    check_path(path)
    patience = patience or Patience()
    known = ask_service(client, identifier, path, patience)
    if known is not None:
        return known
    sight = ask_session(client, identifier, path, patience)
    if sight.seen is not None:
        return remote_file(path, sight.seen.size)
    return (
        None
        if sight.can_tell or not _has_content(client, identifier, path, patience)
        else (RemoteFile(**{**remote_file(path, 0).__dict__, "size": None}))
    )


def _has_content(client: PoolClient, identifier: str, path: str, patience: Patience) -> bool:
    try:
        patience.call(lambda: client.fetch(identifier, path, lambda blocks, headers: None))
    except AcaKernelError as error:
        if error.is_passing:
            raise
        return False
    return True


def download(
    client: PoolClient,
    identifier: str,
    path: str,
    target: BinaryIO,
    *,
    progress: Progress | None = None,
    limit: int | None = None,
    patience: Patience | None = None,
) -> int:
    """Write a file of the session to ``target``, from its position 0; its size in bytes.

    ``target`` is seekable and readable; when the connection breaks it is truncated and filled
    anew. What did not go smoothly is compared with the session's own bytes at the end. Raises
    TransferError for an illegal path, a file above ``limit`` bytes (before it is fetched,
    where its size is told), and bytes that are not the file's; NotFound; else as PoolClient.
    """
    check_path(path)
    one = _Download(client, identifier, path, target, progress, limit, patience or Patience())
    return one.run()


@dataclass
class _Download:
    """One file on its way here, in as many attempts as it takes."""

    client: PoolClient
    identifier: str
    path: str
    target: BinaryIO
    progress: Progress | None
    limit: int | None
    patience: Patience
    starts: int = 0
    """How often the bytes began to come, repeats below this included."""

    def run(self) -> int:
        size = None
        for _ in range(_ATTEMPTS):
            failures = self.patience.failures
            told = self._known_size()
            size = size if told is None else told
            done = self._fetch(size)
            is_smooth = self.starts == 1 and self.patience.failures == failures
            if done == size and is_smooth:
                return done
            if self._is_right(done, size):
                return done
        raise _liar(size, str(done))

    def _known_size(self) -> int | None:
        """What the service says; None when it does not."""
        known = ask_service(self.client, self.identifier, self.path, self.patience)
        if known is not None and known.is_directory:
            raise _missing()
        size = None if known is None else known.size
        if size is not None and self.limit is not None and size > self.limit:
            raise self._above(size)
        return size

    def _above(self, size: int) -> TransferError:
        return TransferError(
            f"The file has {size} bytes, which is above the limit of {self.limit}.",
            left="Nothing was fetched.",
        )

    def _fetch(self, size: int | None) -> int:
        """Fetch it, however late the service is with it; the bytes that came."""

        def fetch() -> int:
            return self.client.fetch(
                self.identifier,
                self.path,
                lambda blocks, headers: self._receive(size, blocks, headers),
            )

        for pause in (*_LATE, None):
            try:
                return self.patience.call(fetch)
            except NotFound:
                sight = ask_session(self.client, self.identifier, self.path, self.patience)
                if pause is None or sight.seen is None:
                    raise _missing(is_there=sight.seen is not None) from None
            self.patience.pause(pause)
        raise AssertionError

    def _receive(
        self, size: int | None, blocks: Iterator[bytes], headers: Mapping[str, str]
    ) -> int:
        self.starts += 1
        self.target.seek(0)
        self.target.truncate()
        if not size:
            length = headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() and length.isascii() else 0
        done = 0
        if self.progress is not None:
            self.progress(0, size)
        for block in blocks:
            done += len(block)
            if self.limit is not None and done > self.limit:
                raise _liar(self.limit, "more")
            self.target.write(block)
            if self.progress is not None:
                self.progress(done, max(size, done))
        return done

    def _is_right(self, done: int, size: int | None) -> bool:
        """Whether what came is what the session has; the service's size where it can't tell."""
        try:
            sight = ask_session(self.client, self.identifier, self.path, self.patience, full=True)
        except ServiceError as error:
            if not error.is_passing or size is None:
                raise
            return done == size  # the session cannot be asked, but the service has told a size
        if sight.seen is None:
            return not sight.can_tell and size in (None, done)
        self.target.seek(0)
        return (sight.seen.size, sight.seen.sha256) == (done, digest(self.target, done))


def delete(
    client: PoolClient, identifier: str, path: str, patience: Patience | None = None
) -> None:
    """Remove one file. Raises NotFound, unless an attempt whose answer was lost explains it."""
    was_lost = False

    def attempt() -> None:
        nonlocal was_lost
        try:
            client.delete_file(identifier, path)
        except NotFound:
            if not was_lost:
                raise
        except AcaKernelError as error:
            was_lost = was_lost or may_be_done(error)
            raise

    (patience or Patience()).call(attempt)


def _missing(*, is_there: bool = False) -> NotFound:
    if is_there:
        return NotFound(
            "The service does not hand the file out, though the session has it.",
            left="Nothing was written.",
            remedy="Try again in a moment.",
        )
    return NotFound(
        "The session has no such file.",
        left="Nothing was written.",
        remedy="See %files for what is there; a session that was replaced begins empty.",
    )


def _liar(size: int | None, arrived: str) -> TransferError:
    told = "a file" if size is None else f"that the file has {size} bytes"
    return TransferError(
        f"The service said {told}, and sent {arrived}.",
        left="What was fetched is not whole.",
        remedy="It may be changing: download it again when nothing writes to it.",
    )
