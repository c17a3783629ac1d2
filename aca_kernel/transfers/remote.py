"""Which files of the session a magic means.

Names in a listing are chosen by the code in the session: they are judged by the same rules as
those that a user types before anything is asked for by them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..errors import TransferError
from ..pool import Patience, PoolClient, RemoteFile, check_path, find_file
from .names import glob_match, has_glob, printable
from .transfer import combined

__all__ = ["Found", "below_root", "find", "join"]

_ROOT = "/mnt/data"

_MOST = 10_000
"""Entries of a listing that are looked at; a session can invent any number."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Files of the session, and what the user should know was left out, a line each.

    ``problems`` are the names that stand for no file.
    """

    files: list[RemoteFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[TransferError] = field(default_factory=list)

    def check(self) -> None:
        """Raise TransferError when there is a problem."""
        if self.problems:
            raise combined(self.problems, f"{len(self.problems)} names stand for no file:")


def below_root(text: str) -> str:
    """A path as the user writes it (``/mnt/data/a/b``, ``./a/b/``) relative to /mnt/data.

    Nothing is judged: whoever asks for the path does.
    """
    path = text
    if path == _ROOT or path.startswith(f"{_ROOT}/"):
        path = path[len(_ROOT) :].lstrip("/")
    path = path.removeprefix("./")
    if len(path) > 1:
        path = path.rstrip("/")
    return "" if path == "." else path


def join(directory: str, name: str) -> str:
    """``name`` below ``directory``, which is "" for the root."""
    return f"{directory}/{name}" if directory else name


def find(
    client: PoolClient,
    identifier: str,
    names: Iterable[str],
    patience: Patience,
) -> Found:
    """The files that ``names`` (paths and globs) stand for. Blocks.

    Sizes are the session's word. Raises AcaKernelError when the service fails.
    """
    found = Found()
    known: set[str] = set()
    for name in names:
        try:
            path = below_root(name)
            if has_glob(path):
                files = _matching(client, identifier, path, found.notes, patience)
            else:
                files = [_exactly(client, identifier, path, patience)]
        except TransferError as problem:
            found.problems.append(problem)
            continue
        for file in files:
            if file.path not in known:
                known.add(file.path)
                found.files.append(file)
    return found


def _exactly(client: PoolClient, identifier: str, path: str, patience: Patience) -> RemoteFile:
    file = find_file(client, identifier, path, patience)
    if file is None:
        raise TransferError(
            f"There is no file {printable(path)} in the session.",
            remedy="%files lists what there is.",
        )
    if file.is_directory:
        raise TransferError(
            f"{printable(path)} is a folder of the session.",
            remedy=f"Name files, such as {printable(path)}/*.",
        )
    # The name is ours, whatever the answer calls it.
    directory, _, name = path.rpartition("/")
    return replace(file, name=name, directory=directory)


def _matching(
    client: PoolClient, identifier: str, pattern: str, notes: list[str], patience: Patience
) -> list[RemoteFile]:
    parts = pattern.split("/")
    fixed = list(itertools.takewhile(lambda part: not has_glob(part), parts))
    is_deep = len(parts) - len(fixed) > 1 or "**" in parts

    def fetch() -> list[RemoteFile]:
        listing = client.list_files(identifier, "/".join(fixed), recursive=is_deep)
        return list(itertools.islice(listing, _MOST))

    files: list[RemoteFile] = []
    for file in patience.call(fetch):
        if file.is_directory or not glob_match(file.path, pattern):
            continue
        try:
            check_path(file.path)
        except TransferError:
            notes.append(f"left out {printable(file.path)}: no name that can be asked for")
        else:
            files.append(file)
    if not files:
        raise TransferError(
            f"No file in the session matches {printable(pattern)}.",
            remedy="%files lists what there is.",
        )
    return sorted(files, key=lambda file: file.path)
