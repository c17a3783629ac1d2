"""Files to and from a session: streamed, with progress, their size verified.

Memory stays constant whatever the size. Nothing here opens a local file or knows a local
path: callers give open binary files.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import BinaryIO

from aca_kernel.errors import AcaKernelError, NotFound, TransferError
from aca_kernel.pool import staging
from aca_kernel.pool.answers import RemoteFile
from aca_kernel.pool.client import PoolClient
from aca_kernel.pool.names import check_directory, check_name, check_path, split_path

__all__ = [
    "UPLOAD_LIMIT",
    "Progress",
    "download",
    "place",
    "upload",
    "upload_in_parts",
]

Progress = Callable[[int, int], None]
"""Gets the bytes done and the bytes in all, in the calling thread.

When it raises, the transfer ends and the exception comes out of it.
"""

UPLOAD_LIMIT = 128 * 2**20
"""Bytes that the service takes in one upload (docs/service.md 6)."""

PART_SIZE = 100 * 2**20
_TASK_TIMEOUT = 120  # seconds in which a session copies one part


def upload(
    client: PoolClient,
    identifier: str,
    source: BinaryIO,
    name: str,
    *,
    size: int,
    directory: str = "",
    progress: Progress | None = None,
) -> RemoteFile:
    """Upload the next ``size`` bytes of a seekable ``source`` as one file.

    Replaces a file of that name. Raises TransferError for an illegal name, a size above
    UPLOAD_LIMIT (before anything is sent), a source that ends early, and a file that did
    not arrive whole; else as PoolClient does.
    """
    check_name(name)
    check_directory(directory)
    if size > UPLOAD_LIMIT:
        raise TransferError(
            f"The file has {size} bytes; the service takes {UPLOAD_LIMIT} in one upload.",
            left="Nothing was sent.",
            remedy="Upload it in parts.",
        )
    start = source.tell()

    def make_body() -> _UploadBody:
        source.seek(start)
        return _UploadBody(_Source(source, size, progress), name)

    told = client.send_upload(identifier, directory, make_body)
    path = f"{directory}/{name}" if directory else name
    found = _look(client, identifier, path)
    if found is None or found.size != size or told.size not in (None, 0, size):
        arrived = "nothing" if found is None else f"{found.size} bytes"
        raise TransferError(
            f"The file did not arrive whole: {size} bytes were sent, the session has {arrived}.",
            left="What arrived is still in the session.",
            remedy="Upload it again.",
        )
    return found


def upload_in_parts(
    client: PoolClient,
    identifier: str,
    source: BinaryIO,
    path: str,
    *,
    size: int,
    part_size: int = PART_SIZE,
    progress: Progress | None = None,
) -> RemoteFile:
    """Upload the next ``size`` bytes of a seekable ``source`` to a path of any depth.

    For files above the service's limit, and for directories, which some versions lack. The
    parts go to the root one by one; a short execute call after each joins it to a hidden
    file, and the last one moves that to its place, so the target is never half a file.
    Whatever ends the transfer, the leftovers are removed. Raises as `upload` does.
    """
    check_path(path)
    key = secrets.token_hex(8)
    whole = f".aca-kernel-{key}"
    part = f"aca-kernel-{key}.part"
    is_finished = False
    try:
        for offset in range(0, max(size, 1), part_size):
            length = min(part_size, size - offset)
            moved = _shifted(progress, offset, size)
            upload(client, identifier, source, part, size=length, progress=moved)
            task = staging.append(part=part, whole=whole, offset=offset, size=length)
            _run(client, identifier, task)
        arrived = _run(client, identifier, staging.finish(whole=whole, target=path))
        is_finished = True
    finally:
        if not is_finished:
            with suppress(AcaKernelError):  # in one short try: the network may be down
                task = staging.remove([whole, part])
                _run(client, identifier, task, timeout=10, repeatable=False)
    if arrived != size:
        raise TransferError(
            f"The file did not arrive whole: {size} bytes were sent, the session has {arrived}.",
            left="What arrived is still in the session.",
            remedy="Upload it again.",
        )
    directory, name = split_path(path)
    return RemoteFile(name=name, directory=directory, is_directory=False, size=size, modified=None)


def place(client: PoolClient, identifier: str, staged: Mapping[str, str]) -> None:
    """Move files that are in the root to their paths, in one call: {root name: path}.

    Makes directories, replaces files, and never follows a link out of /mnt/data. Raises
    TransferError when the session could not, and AnswerLost as any execute call; then some
    may have been moved.
    """
    for name, path in staged.items():
        check_name(name)
        check_path(path)
    _run(client, identifier, staging.place(staged), repeatable=False)


def download(
    client: PoolClient,
    identifier: str,
    path: str,
    target: BinaryIO,
    *,
    progress: Progress | None = None,
    limit: int | None = None,
) -> int:
    """Write a file of the session to ``target``, from its position 0; its size in bytes.

    ``target`` is seekable; when the connection breaks it is truncated and filled anew.
    Raises TransferError for an illegal path, a file above ``limit`` bytes (before it is
    fetched), and a size that is not what the service said; NotFound; else as PoolClient.
    """
    check_path(path)
    known = _look(client, identifier, path)
    if known is None or known.is_directory:
        raise NotFound(
            "The session has no such file.",
            left="Nothing was written.",
            remedy="See %files for what is there; a session that was replaced begins empty.",
        )
    size = known.size or 0
    if limit is not None and size > limit:
        raise TransferError(
            f"The file has {size} bytes, which is above the limit of {limit}.",
            left="Nothing was fetched.",
        )

    def receive(blocks: Iterator[bytes], headers: Mapping[str, str]) -> int:
        target.seek(0)
        target.truncate()
        length = headers.get("Content-Length")
        if length is not None and "Content-Encoding" not in headers and length != str(size):
            raise _liar(size, length)
        done = 0
        if progress is not None:
            progress(0, size)
        for block in blocks:
            done += len(block)
            if done > size:
                raise _liar(size, "more")
            target.write(block)
            if progress is not None:
                progress(done, size)
        if done != size:
            raise _liar(size, str(done))
        return done

    return client.fetch(identifier, path, receive)


class _Source:
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


class _UploadBody:
    """A multipart body with one part, ``file`` (docs/service.md 9)."""

    def __init__(self, source: _Source, name: str) -> None:
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


def _shifted(progress: Progress | None, offset: int, size: int) -> Progress | None:
    """The progress of a part told as that of the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(offset + done, size)


def _look(client: PoolClient, identifier: str, path: str) -> RemoteFile | None:
    """What the service knows about a file: its metadata, or its entry in the listing."""
    if client.supports("file_metadata"):
        try:
            return client.file_metadata(identifier, path)
        except NotFound:
            return None
    directory, name = split_path(path)
    for file in client.list_files(identifier, directory):
        if file.name == name:
            return file
    return None


def _run(
    client: PoolClient,
    identifier: str,
    task: staging.Task,
    *,
    timeout: int = _TASK_TIMEOUT,
    repeatable: bool = True,
) -> object:
    """Run a task in the session; most are written so that running them twice does no harm."""
    execution = client.execute(identifier, task.code, timeout=timeout, repeatable=repeatable)
    value: object = task.value(execution)
    return value


def _liar(size: int, arrived: str) -> TransferError:
    return TransferError(
        f"The service said that the file has {size} bytes, and sent {arrived}.",
        left="What was fetched is not whole.",
        remedy="It may be changing: download it again when nothing writes to it.",
    )
