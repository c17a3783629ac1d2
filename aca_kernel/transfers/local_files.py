"""Which files of this machine may leave it, and how they are opened.

A notebook is untrusted input and the directory around it may be shared, so a path is judged
after all links are resolved, and then opened part by part without following any: what was
judged and what is opened cannot be two things.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import TransferError
from .diskname import on_disk, printable_path
from .names import why_secret

__all__ = [
    "HAS_DIR_FD",
    "OpenFile",
    "OutsideRoot",
    "is_within",
    "open_directory",
    "open_upload",
    "refusal",
    "resolve",
]

HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
"""Whether this system can open a name within a directory that is already open."""

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = (
    getattr(os, "O_PATH", os.O_RDONLY)  # a directory may be searchable and not readable
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO without a writer would hang
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_NOTHING_SENT = "Nothing was sent."


class OutsideRoot(TransferError):
    """``path`` (with all links resolved) is outside the transfer root and nobody allowed it."""

    def __init__(self, path: Path, root: Path, *, left: str = _NOTHING_SENT) -> None:
        super().__init__(
            f"{printable_path(path)} is outside the transfer root, {printable_path(root)}.",
            left=left,
            remedy="Copy the file there, or start the kernel with another transfer root"
            " (transfer_root, ACA_TRANSFER_ROOT).",
        )
        self.path = path


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """A file of this machine that may be sent: open for reading, ``size`` in bytes."""

    stream: BinaryIO
    path: Path
    size: int

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stream.close()


def resolve(path: str | Path, root: Path) -> Path:
    """The absolute path that ``path`` means, ``~`` expanded, relative to ``root``, links resolved.

    It need not exist. Raises TransferError for a path that the system cannot read.
    """
    try:
        return (root / Path(on_disk(str(path))).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise refusal(path, error) from None


def is_within(path: Path, allowed: Collection[Path]) -> bool:
    """Whether the resolved ``path`` is one of ``allowed`` or below one of them."""
    return any(path == top or path.is_relative_to(top) for top in allowed)


def open_upload(
    path: str | Path, root: Path, *, force: bool = False, leave: Collection[Path] = ()
) -> OpenFile:
    """The file ``path``, relative to ``root``, open for reading.

    ``root`` is resolved; ``leave`` are resolved paths outside it that the user has allowed.
    Raises OutsideRoot, or TransferError unless it is a regular file that can be read, is not
    hidden and has no name under which secrets are kept (``force`` lifts these last two), and
    is still the one that was judged when it is open.
    """
    resolved = resolve(path, root)
    if not is_within(resolved, (root, *leave)):
        raise OutsideRoot(resolved, root)
    if not force:
        _check_secret(path, resolved, root)
    try:
        judged = resolved.lstat()
        _check_kind(path, judged.st_mode)
        descriptor = _open_below(resolved, root)
    except (OSError, ValueError) as error:
        raise refusal(path, error) from None
    stream = os.fdopen(descriptor, "rb")
    try:
        size = _check_opened(path, judged, os.fstat(descriptor))
    except BaseException:
        stream.close()
        raise
    return OpenFile(stream=stream, path=resolved, size=size)


def open_directory(path: Path, root: Path, *, create: bool = False) -> int:
    """A descriptor of the resolved directory ``path``, reached without following a link.

    From ``root`` when it is inside, else from the file system's root. ``create`` makes the
    directories that are missing. Raises OSError. Only where HAS_DIR_FD.
    """
    base = root if path.is_relative_to(root) else Path(path.anchor)
    descriptor = os.open(base, _DIRECTORY)
    for part in path.relative_to(base).parts:
        try:
            if create:
                _make_directory(part, descriptor)
            following = os.open(part, _DIRECTORY | _NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def refusal(path: str | Path, error: Exception, *, left: str = _NOTHING_SENT) -> TransferError:
    """The TransferError that says why the system did not give us ``path``."""
    shown = printable_path(path)
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, FileNotFoundError):
        return TransferError(
            f"There is no file {shown}.",
            left=left,
            remedy="Names are relative to the notebook's directory, or to transfer_root"
            " where that is set.",
        )
    if isinstance(error, PermissionError):
        return TransferError(f"{shown} cannot be opened: permission denied.", left=left)
    if isinstance(error, NotADirectoryError) or number in (errno.ELOOP, errno.EMLINK):
        return TransferError(
            f"{shown} is not reached by plain directories: a file or a link is in the way.",
            left=left,
        )
    if isinstance(error, OSError):
        return TransferError(f"{shown} cannot be opened: {error.strerror or 'error'}.", left=left)
    if isinstance(error, UnicodeError):
        return TransferError(f"{shown} is not a path: no file can have that name.", left=left)
    if isinstance(error, ValueError):
        return TransferError(f"{shown} is not a path: it holds a NUL character.", left=left)
    return TransferError(f"{shown} cannot be resolved: {error}.", left=left)


def _open_below(resolved: Path, root: Path) -> int:
    if not HAS_DIR_FD:
        return os.open(resolved, _READ | _NOFOLLOW)
    directory = open_directory(resolved.parent, root)
    try:
        return os.open(resolved.name, _READ | _NOFOLLOW, dir_fd=directory)
    finally:
        os.close(directory)


def _make_directory(name: str, directory: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=directory)


def _check_secret(path: str | Path, resolved: Path, root: Path) -> None:
    """Refuse by the name that was given and by the name behind its links."""
    inside = resolved.relative_to(root) if resolved.is_relative_to(root) else resolved
    why = why_secret(inside.parts) or why_secret(Path(path).parts[-1:])
    if why:
        raise TransferError(
            f"{printable_path(path)} was not sent: {why}.",
            left=_NOTHING_SENT,
            remedy="Code in the session could read it. If that is meant: --force.",
        )


def _check_kind(path: str | Path, mode: int) -> None:
    shown = printable_path(path)
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise TransferError(
            f"{shown} is a folder.", left=_NOTHING_SENT, remedy="Add -r to send all files in it."
        )
    if stat.S_ISLNK(mode):
        raise _swapped(path)
    raise TransferError(
        f"{shown} is a device, a pipe or a socket; only files can be sent.", left=_NOTHING_SENT
    )


def _check_opened(path: str | Path, judged: os.stat_result, opened: os.stat_result) -> int:
    """The size of an opened file that is the one that was judged."""
    _check_kind(path, opened.st_mode)
    # Several hard links are fine: each is the file itself, and tools that save space (conda,
    # git-annex, pnpm) make them, so their number says nothing about where it comes from.
    if (opened.st_dev, opened.st_ino) != (judged.st_dev, judged.st_ino):
        raise _swapped(path)
    return opened.st_size


def _swapped(path: str | Path) -> TransferError:
    return TransferError(
        f"{printable_path(path)} was exchanged while it was being opened.", left=_NOTHING_SENT
    )
