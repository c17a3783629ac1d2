"""A session's /mnt/data as its file calls see it.

The session's code owns that directory and may put links anywhere, while this process
may read more than it: so every step is opened relative to the one before and never
follows a link. What is not a plain file or directory does not exist here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from .answers import FileEntry, Refusal

__all__ = ["DISK_IS_FULL", "delete", "entries", "entry", "opened", "place", "remove_tree"]

DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Numbers of the errors that say so."""

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _own(name: str) -> bytes:
    """Give a name as the session has it: in UTF-8, whatever the locale of this process."""
    return name.encode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _directory(root: Path, names: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """Open the directory ``names`` below ``root`` and give its descriptor.

    With ``make`` missing ones are made. A Refusal (404) when one is not a directory.
    """
    descriptor = os.open(root, _DIRECTORY)
    try:
        for name in names:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(_own(name), dir_fd=descriptor)
            try:
                below = os.open(_own(name), _DIRECTORY, dir_fd=descriptor)
            except OSError as error:
                raise _missing("/".join(names)) from error
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _missing(name: str) -> Refusal:
    return Refusal(404, "FileNotFound", f"Could not find '{name}'.")


def _described(name: str, names: tuple[str, ...], status: os.stat_result) -> FileEntry | None:
    is_directory = stat.S_ISDIR(status.st_mode)
    if not is_directory and not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    return FileEntry(
        name=name,
        directory="/".join(names),
        is_directory=is_directory,
        size=status.st_size,
        modified=modified,
    )


def entries(root: Path, names: tuple[str, ...], *, recursive: bool = False) -> list[FileEntry]:
    """List a directory by name, with ``recursive`` everything below it too.

    A Refusal (404) when ``names`` is no directory.
    """
    found = _listed(root, names)
    if recursive:
        for one in found:  # which grows meanwhile
            if one.is_directory:
                with contextlib.suppress(Refusal, OSError):  # gone meanwhile, or unreadable
                    found += _listed(root, (*names, *_below(one, names), one.name))
    return found


def _below(one: FileEntry, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the directories between ``names`` and the entry."""
    return tuple(one.directory.split("/"))[len(names) :] if one.directory else ()


def _listed(root: Path, names: tuple[str, ...]) -> list[FileEntry]:
    found: list[FileEntry] = []
    with _directory(root, names) as directory:
        for listed in sorted(os.listdir(directory)):  # noqa: PTH208
            name = os.fsencode(listed).decode("utf-8", "surrogateescape")
            with contextlib.suppress(OSError):
                status = os.stat(_own(name), dir_fd=directory, follow_symlinks=False)
                described = _described(name, names, status)
                found += [described] if described else []
    return found


def entry(root: Path, names: tuple[str, ...], name: str) -> FileEntry:
    """Describe one file or directory; a Refusal (404) when there is none."""
    with _directory(root, names) as directory:
        try:
            status = os.stat(_own(name), dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise _missing(name) from error
    described = _described(name, names, status)
    if described is None:
        raise _missing(name)
    return described


def opened(root: Path, names: tuple[str, ...], name: str) -> tuple[BinaryIO, int]:
    """Open a file for reading and give it with its size in bytes; a Refusal (404) if none."""
    with _directory(root, names) as directory:
        try:
            descriptor = os.open(_own(name), _FILE, dir_fd=directory)
        except OSError as error:
            raise _missing(name) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _missing(name)
    return os.fdopen(descriptor, "rb"), status.st_size


def place(root: Path, names: tuple[str, ...], name: str, uploaded: Path) -> FileEntry:
    """Move a file that was uploaded to where it belongs, over one of that name.

    A Refusal (400) when a directory has that name.
    """
    with _directory(root, names, make=True) as directory:
        try:
            os.rename(uploaded, _own(name), dst_dir_fd=directory)
        except OSError as error:
            if error.errno in DISK_IS_FULL:
                raise
            raise Refusal(400, "FileNameInvalid", f"'{name}' cannot be written.") from error
    return entry(root, names, name)


def delete(root: Path, names: tuple[str, ...], name: str) -> None:
    """Delete a file; a Refusal (404 DeleteFileError) when there is none."""
    try:
        with _directory(root, names) as directory:
            os.unlink(_own(name), dir_fd=directory)
    except (OSError, Refusal) as error:
        raise Refusal(404, "DeleteFileError", f"Could not delete file '{name}'.") from error


def remove_tree(root: Path) -> None:
    """Remove a session's directory, whatever its code has made of it; failures are silent."""
    for _ in range(2):  # a process that is just being killed may still add to it
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(root)
        if not root.exists():
            return
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):  # however deep it is
            subprocess.run([*command, "--", str(root)], stderr=subprocess.DEVNULL, check=False)
