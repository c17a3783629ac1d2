"""The names that there are, here and in the session, for Tab to complete.

What cannot be listed has no names: a completion is no place for an error. A name that could not
be shown as it is, or not be asked for, is left out.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from ..errors import AcaKernelError, TransferError
from ..pool import PoolClient, check_path
from ..transfers.diskname import from_disk
from ..transfers.local_files import is_within, resolve
from ..transfers.names import printable
from ..transfers.remote import below_root, join
from .completion import Name

__all__ = ["local_names", "session_names"]

_MOST = 2000
"""Entries of a folder that are looked at."""


def local_names(folder: str, root: Path) -> list[Name]:
    """What is in ``folder`` of this machine, relative to ``root``, none outside it. Blocks."""
    try:
        path = resolve(folder, root)
        if not is_within(path, (root,)):
            return []
        with os.scandir(path) as entries:
            return [
                Name(text=name, is_folder=entry.is_dir())
                for entry in itertools.islice(entries, _MOST)
                if _is_shown_as_it_is(name := from_disk(entry.name))
            ]
    except (TransferError, OSError):
        return []


def session_names(client: PoolClient, identifier: str, folder: str, base: str) -> list[Name]:
    """What is in ``folder`` of the session, as the user writes it, below ``base``. Blocks."""
    try:
        directory = join(below_root(base), below_root(folder))
        files = itertools.islice(client.list_files(identifier, directory.strip("/")), _MOST)
        return [
            Name(text=file.name, is_folder=file.is_directory)
            for file in files
            if _is_shown_as_it_is(file.name) and _can_be_asked_for(file.name)
        ]
    except AcaKernelError:
        return []


def _is_shown_as_it_is(name: str) -> bool:
    return printable(name, 1000) == name


def _can_be_asked_for(name: str) -> bool:
    try:
        return "/" not in check_path(name)
    except TransferError:
        return False
