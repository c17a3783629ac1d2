"""Files to a session: streamed, repeated when they were lost, and verified.

Memory stays constant whatever the size. Nothing here opens a local file or knows a local
path: callers give open binary files.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO

from aca_kernel.errors import (
    AcaKernelError,
    PayloadTooLarge,
    TransferError,
)
from aca_kernel.pool import staging
from aca_kernel.pool.answers import RemoteFile
from aca_kernel.pool.client import UPLOAD_LIMIT, PoolClient
from aca_kernel.pool.looks import Sight, ask_service, ask_session, remote_file, run_task
from aca_kernel.pool.names import check_directory, check_name, check_path
from aca_kernel.pool.patience import Patience, may_be_done
from aca_kernel.pool.sources import Progress, UploadBody, UploadSource
from aca_kernel.pool.staging import Seen

__all__ = ["UPLOAD_LIMIT", "learn_limit", "place", "upload", "upload_in_parts"]

PART_SIZE = 100 * 2**20
SMALLEST_PART = 64 * 2**10
_ENVELOPE = 2048
"""Bytes that a multipart body may have around the file."""

_LOOKS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
"""Pauses before each look at a file that has to be there: a service may be seconds behind."""

_OLDEST = 60.0
"""Seconds that two clocks may differ."""


def upload(
    client: PoolClient,
    identifier: str,
    source: BinaryIO,
    name: str,
    *,
    size: int,
    directory: str = "",
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> RemoteFile:
    """Upload the next ``size`` bytes of a seekable ``source`` as one file; where it is now.

    Replaces a file of that name. A service that stores another name is believed, when the
    file is there. Raises TransferError for an illegal name, a size above UPLOAD_LIMIT (before
    anything is sent), a source that ends early, and a file that did not arrive whole; else as
    PoolClient does.
    """
    check_name(name)
    check_directory(directory)
    if size > UPLOAD_LIMIT:
        raise TransferError(
            f"The file has {size} bytes; the service takes {UPLOAD_LIMIT} in one upload.",
            left="Nothing was sent.",
            remedy="Upload it in parts.",
        )
    one = _Upload(client, identifier, source, name, size, directory, progress, patience)
    return one.run()


class _Upload:
    """One file on its way, in as many attempts as it takes."""

    def __init__(
        self,
        client: PoolClient,
        identifier: str,
        source: BinaryIO,
        name: str,
        size: int,
        directory: str,
        progress: Progress | None,
        patience: Patience | None,
    ) -> None:
        self._client, self._identifier = client, identifier
        self._source, self._start, self._size = source, source.tell(), size
        self._name, self._directory = name, directory
        self._progress = progress
        self._patience = patience or Patience()
        self._began = time.monotonic()
        self._sha256 = ""
        self._told: RemoteFile | None = None
        self._arrived: Seen | None = None
        self.was_lost = False
        """Whether an attempt ended so that it may have arrived, wholly or in part."""

    def run(self) -> RemoteFile:
        self._patience.call(self._attempt)
        if self._arrived is not None:
            return remote_file(self._arrived.path, self._arrived.size)
        found = ""
        for pause in _LOOKS:
            self._patience.pause(pause)
            file, found = self._look(is_first=pause == 0)
            if file is not None:
                return file
        raise TransferError(
            f"The file did not arrive whole: {self._size} bytes were sent, the session has"
            f" {found}.",
            left="What arrived is still in the session.",
            remedy="Upload it again.",
        )

    def _attempt(self) -> None:
        """Send it, unless the session has it from an attempt whose answer was lost."""
        if self.was_lost:
            _, self._arrived = self._ask(Patience())
            if self._arrived is not None:
                return
        try:
            self._told = self._client.send_upload(self._identifier, self._directory, self._body)
        except AcaKernelError as error:
            self.was_lost = self.was_lost or may_be_done(error)
            raise

    def _body(self) -> UploadBody:
        self._source.seek(self._start)
        return UploadBody(UploadSource(self._source, self._size, self._progress), self._name)

    def _look(self, *, is_first: bool) -> tuple[RemoteFile | None, str]:
        """The file when it is there whole, and what else is there, in words."""
        told_size = None if self._told is None else self._told.size
        is_odd = self.was_lost or told_size not in (None, 0, self._size)
        known = None
        for path in self._paths():
            file = ask_service(
                self._client, self._identifier, path, self._patience, size=self._size
            )
            if file is None or file.is_directory:
                continue
            known = known or file
            if file.size == self._size and not is_odd:
                return remote_file(path, self._size), ""
        if is_first and not is_odd:
            return None, _words(known)
        sight, seen = self._ask(self._patience)
        if seen is not None:
            return remote_file(seen.path, self._size), ""
        if not sight.can_tell:  # then the service's word has to do
            is_likely = known is not None and known.size == self._size
            if known is not None and is_likely and told_size in (None, 0, self._size):
                return remote_file(known.path, self._size), ""
            return None, _words(known)
        there = sight.seen
        if there is None:
            return None, "nothing"
        return None, "other bytes" if there.size == self._size else f"{there.size} bytes"

    def _paths(self) -> list[str]:
        """Where it may be: where the service says that it put it, and where it should have."""
        paths = [self._path]
        if self._told is not None and self._told.path != self._path:
            name = self._told.name.rpartition("/")[2]
            path = f"{self._told.directory}/{name}" if self._told.directory else name
            with suppress(TransferError):  # a name that cannot be asked for
                if check_path(path) not in paths:
                    paths.insert(0, path)
        return paths

    @property
    def _path(self) -> str:
        return f"{self._directory}/{self._name}" if self._directory else self._name

    @property
    def _age(self) -> float:
        return time.monotonic() - self._began + _OLDEST

    def _ask(self, patience: Patience) -> tuple[Sight, Seen | None]:
        """What the session sees, and once more when that is the whole file."""
        sha256 = self._digest()
        sight = ask_session(
            self._client,
            self._identifier,
            self._path,
            patience,
            size=self._size,
            sha256=sha256,
            age=self._age,
        )
        seen = sight.seen
        is_whole = seen is not None and (seen.size, seen.sha256) == (self._size, sha256)
        return sight, seen if is_whole else None

    def _digest(self) -> str:
        if not self._sha256:
            self._source.seek(self._start)
            self._sha256 = digest(self._source, self._size)
        return self._sha256


def _words(known: RemoteFile | None) -> str:
    if known is None:
        return "nothing"
    return "a file of unknown size" if known.size is None else f"{known.size} bytes"


def digest(source: BinaryIO, size: int) -> str:
    """The sha256 of the next ``size`` bytes."""
    found = hashlib.sha256()
    while size and (block := source.read(min(size, 2**20))):
        found.update(block)
        size -= len(block)
    return found.hexdigest()


def learn_limit(client: PoolClient, error: PayloadTooLarge, sent: int) -> None:
    """Note that the service did not take ``sent`` bytes at once; ``error`` when it must."""
    if sent <= SMALLEST_PART:
        raise error
    size = sent // 2
    if error.limit is not None and _ENVELOPE < error.limit < sent + _ENVELOPE:
        size = error.limit - _ENVELOPE
    client.upload_limit = min(client.upload_limit, max(size, SMALLEST_PART))


def upload_in_parts(
    client: PoolClient,
    identifier: str,
    source: BinaryIO,
    path: str,
    *,
    size: int,
    part_size: int = PART_SIZE,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> RemoteFile:
    """Upload the next ``size`` bytes of a seekable ``source`` to a path of any depth.

    For files above the service's limit, and for directories, which some versions lack. The
    parts go to the root one by one; a short execute call after each joins it to a hidden
    file, and the last one moves that to its place, so the target is never half a file. Parts
    that are too large for the service get smaller. Whatever ends the transfer, the leftovers
    are removed. Raises as `upload` does.
    """
    check_path(path)
    patience = patience or Patience()
    key = secrets.token_hex(8)
    whole, parts = f".aca-kernel-{key}", f"aca-kernel-{key}"
    start, failures = source.tell(), patience.failures
    offset = number = 0
    left: list[str] = [whole]
    is_finished = False
    try:
        while offset < size or number == 0:
            length = min(part_size, client.upload_limit, size - offset)
            source.seek(start + offset)
            # Each has a name of its own: one that comes late harms no other.
            name, moved = f"{parts}-{number}.part", _shifted(progress, offset, size)
            one = _Upload(client, identifier, source, name, length, "", moved, patience)
            try:
                part = one.run()
            except PayloadTooLarge as error:
                learn_limit(client, error, length)
                continue
            left.append(part.path)
            task = staging.append(part=part.path, whole=whole, offset=offset, size=length)
            run_task(client, identifier, task, patience)
            left.pop()
            offset, number = offset + length, number + 1
        sha256 = ""
        if patience.failures != failures:
            source.seek(start)
            sha256 = digest(source, size)
        task = staging.finish(whole=whole, target=path, parts=parts, size=size, sha256=sha256)
        arrived = run_task(client, identifier, task, patience)
        is_finished = True
    finally:
        if not is_finished:
            with suppress(AcaKernelError):  # in one short try: the network may be down
                task = staging.remove(left, parts)
                run_task(client, identifier, task, Patience(), timeout=10, repeatable=False)
    if arrived != size:
        raise TransferError(
            f"The file did not arrive whole: {size} bytes were sent, the session has {arrived}.",
            left="What arrived is still in the session.",
            remedy="Upload it again.",
        )
    return remote_file(path, size)


def _shifted(progress: Progress | None, offset: int, size: int) -> Progress | None:
    """The progress of a part told as that of the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(offset + done, size)


def place(
    client: PoolClient,
    identifier: str,
    staged: Mapping[str, tuple[str, int]],
    patience: Patience | None = None,
) -> dict[str, TransferError]:
    """Move files that are in the root to their paths, in one call: {root name: (path, size)}.

    Makes directories, replaces files, and never follows a link out of /mnt/data. Gives those
    that could not be moved, and why. What was moved before counts as moved, so it may be
    called again. Raises TransferError, and as any execute call.
    """
    for name, (path, _) in staged.items():
        check_path(name)
        check_path(path)
    failed = run_task(client, identifier, staging.place(staged), patience or Patience())
    if not isinstance(failed, dict):
        return {}
    return {name: staging.failed(str(why)) for name, why in failed.items() if name in staged}
