"""Where downloads land on this machine: inside one directory, whole, over nothing.

The directory is opened once and everything happens relative to that descriptor, so a link
that takes its place later redirects nothing. On systems without such descriptors (Windows)
the same steps go by path.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from ..errors import TransferError
from .diskname import from_disk, on_disk, printable_path
from .local_files import HAS_DIR_FD, OutsideRoot, is_within, open_directory, refusal, resolve
from .names import fold, is_hidden, printable, safe_name

__all__ = ["Destination", "PartialFile"]

_CREATE = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_NOTHING_WRITTEN = "Nothing was downloaded."


class Destination:
    """A directory of this machine that downloads go to. Close it, or use it in ``with``.

    ``directory`` is relative to the resolved ``root``; missing directories are made.
    ``leave`` are resolved paths outside the root that the user has allowed. Raises
    OutsideRoot, or TransferError when it is no directory.
    """

    def __init__(self, directory: str | Path, root: Path, *, leave: Collection[Path] = ()) -> None:
        self._descriptor: int | None = None
        self.path = resolve(directory, root)
        if not is_within(self.path, (root, *leave)):
            raise OutsideRoot(self.path, root, left=_NOTHING_WRITTEN)
        try:
            if HAS_DIR_FD:
                self._descriptor = open_directory(self.path, root, create=True)
            else:
                self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(directory, error, left=_NOTHING_WRITTEN) from None

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # after an interrupt, a thread may be the last to hold it

    def close(self) -> None:
        """Let go of the directory."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def check(self, name: str, *, force: bool = False) -> str:
        """Give the safe base name that a file called ``name`` elsewhere would get here.

        Raises TransferError when it is hidden, or a file of that name is there already, also
        one that differs only in case; ``force`` lifts both, but never replaces a directory
        or a device.
        """
        base = safe_name(name)
        if not force and is_hidden([base]):
            raise TransferError(
                f"{printable(base)} would be hidden here (a name with a leading dot).",
                left=_NOTHING_WRITTEN,
                remedy="Programs read such files as settings. If that is meant: --force.",
            )
        taken = self._taken(base)
        if taken is not None:
            self._check_taken(taken, force=force)
        return base

    def free(self) -> int:
        """Bytes that the file system has room for."""
        target: int | Path = self.path if self._descriptor is None else self._descriptor
        return shutil.disk_usage(target).free

    def create(self, name: str, *, force: bool = False) -> PartialFile:
        """Open a new file that gets the name ``check(name)`` once it is committed.

        Raises TransferError as ``check``, and when the directory cannot be written to.
        """
        base = self.check(name, force=force)
        partial = f".aca-download-{secrets.token_hex(8)}.part"
        try:
            descriptor = os.open(self._at(partial), _CREATE, 0o600, dir_fd=self._descriptor)
        except OSError as error:
            raise refusal(self.path / base, error, left=_NOTHING_WRITTEN) from None
        stream = os.fdopen(descriptor, "w+b")
        return PartialFile(self, partial, base, stream, force=force)

    def _at(self, name: str) -> str | Path:
        """``name`` as the functions of ``os`` want it beside ``dir_fd=self._descriptor``."""
        name = on_disk(name)
        return self.path / name if self._descriptor is None else name

    def _taken(self, base: str) -> str | None:
        """Find the file that is in the way of ``base``, if one is."""
        if self._lstat(base) is not None:
            return base
        wanted = fold(base)
        try:
            with os.scandir(self.path) as entries:
                return next(
                    (entry.name for entry in entries if fold(from_disk(entry.name)) == wanted), None
                )
        except OSError:
            return None  # it cannot be listed; the creation itself never replaces a file

    def _check_taken(self, taken: str, *, force: bool) -> None:
        there = self._lstat(taken)
        shown = printable_path(taken)
        if there is None:
            return
        if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
            raise TransferError(
                f"{shown} exists here and is no file, so it is not replaced.",
                left=_NOTHING_WRITTEN,
                remedy="Choose another folder with --to.",
            )
        if not force:
            raise TransferError(
                f"{shown} exists here already.",
                left=_NOTHING_WRITTEN,
                remedy="Replace it with --force, or choose another folder with --to.",
            )

    def _lstat(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refusal(self.path / name, error, left=_NOTHING_WRITTEN) from None

    def _publish(self, partial: str, base: str, *, force: bool) -> None:
        """Give the written file its name, over another one only with ``force``."""
        at = {"src_dir_fd": self._descriptor, "dst_dir_fd": self._descriptor}
        if force:
            os.replace(self._at(partial), self._at(base), **at)  # noqa: PTH105
            return
        if os.name == "nt":
            # There it fails when the name is taken.
            os.rename(self._at(partial), self._at(base))  # noqa: PTH104
            return
        try:
            os.link(self._at(partial), self._at(base), follow_symlinks=False, **at)
        except FileExistsError:
            raise
        except OSError:
            # No hard links on this file system: claim the name, then replace our own claim.
            claim = os.open(self._at(base), _CREATE, 0o600, dir_fd=self._descriptor)
            os.close(claim)
            os.replace(self._at(partial), self._at(base), **at)  # noqa: PTH105

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._at(name), dir_fd=self._descriptor)


class PartialFile:
    """A download that has no name yet: write to ``stream``, then ``commit``.

    In ``with``: whatever ends the block before ``commit``, nothing is left of it.
    """

    def __init__(
        self, destination: Destination, partial: str, base: str, stream: BinaryIO, *, force: bool
    ) -> None:
        self.stream = stream
        self.path = destination.path / base
        self._destination = destination
        self._partial = partial
        self._force = force

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):  # a full disk shows again when the buffer goes out
            self.stream.close()
        self._destination._remove(self._partial)

    def commit(self) -> Path:
        """Put the file to its name, all bytes on disk; its path.

        Raises TransferError when a file of that name has appeared meanwhile and there was no
        ``force``, and OSError when the disk is full.
        """
        self.stream.flush()
        if hasattr(os, "fchmod"):
            os.fchmod(self.stream.fileno(), 0o666 & ~_umask())
        os.fsync(self.stream.fileno())
        self.stream.close()
        try:
            self._destination._publish(self._partial, self.path.name, force=self._force)
        except FileExistsError:
            raise TransferError(
                f"{printable(self.path.name)} appeared here while it was being downloaded.",
                left="That file was left as it is; the download was dropped.",
                remedy="Replace it with --force, or choose another folder with --to.",
            ) from None
        except OSError as error:
            raise refusal(self.path, error, left=_NOTHING_WRITTEN) from None
        return self.path


def _umask() -> int:
    # It can only be read by setting it; for that instant it is the strictest one.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
