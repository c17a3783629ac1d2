"""%download: files of the session to this machine."""

from __future__ import annotations

import argparse
import errno
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .. import pool
from ..errors import TransferError
from ..messages import Reply
from ..transfers.destination import Destination
from ..transfers.diskname import printable_path
from ..transfers.local_files import OutsideRoot, is_within, refusal, resolve
from ..transfers.names import fold, printable
from ..transfers.progress import TransferProgress, size_text
from ..transfers.remote import find
from ..transfers.transfer import (
    Outcome,
    allow,
    carry_out,
    combined,
    move_each,
    patience_of,
    patiently,
    show_notes,
)
from .base import Magic, MagicContext, MagicParser, Values

__all__ = ["Download"]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    files: list[pool.RemoteFile]
    notes: list[str]
    destination: Destination


class Download(Magic):
    """%download NAME... [--to DIR] [--force]."""

    name = "%download"
    summary = "Fetch files of the session to the notebook's directory."
    completes: Mapping[str, Values] = MappingProxyType(
        {"names": "session file", "to": "local folder"}
    )

    def parser(self) -> MagicParser:
        """Give the parser of the line."""
        parser = MagicParser(prog=self.name, description=self.summary)
        parser.add_argument(
            "names",
            nargs="+",
            metavar="NAME",
            help="a file below /mnt/data, or a glob (* ? [ ] **)",
        )
        parser.add_argument(
            "--to",
            default="",
            metavar="DIR",
            help="a folder of this machine, relative to the notebook, made when missing",
        )
        parser.add_argument(
            "--force", action="store_true", help="replace files here, allow hidden names"
        )
        return parser

    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Judge all names and their places here, then fetch all files."""
        leave = await _leave(arguments.to, context)
        await context.session.start(context.emit)
        plan = await patiently(
            context, lambda patience: _make_plan(arguments, context, leave, patience)
        )
        show_notes(context, plan.notes)
        sizes = [(file.name, file.size or 0) for file in plan.files]
        progress = TransferProgress(context.emit, sizes)
        outcome = Outcome(names=[file.path for file in plan.files])
        fetching = _Fetching(context, plan, arguments.force, progress, outcome)
        await carry_out(context, progress, outcome, fetching.run, "downloaded")
        return None


async def _leave(directory: str, context: MagicContext) -> tuple[Path, ...]:
    """The directory here when it is outside the root, after asking."""
    path = resolve(directory, context.root)
    if is_within(path, [context.root]):
        return ()
    error = OutsideRoot(path, context.root, left="Nothing was downloaded.")
    await allow(context, error, "Save files of the session there")
    return (path,)


def _make_plan(
    arguments: argparse.Namespace,
    context: MagicContext,
    leave: Collection[Path],
    patience: pool.Patience,
) -> _Plan:
    """Judge everything that can be judged before the first byte is fetched."""
    found = find(context.client, context.session.identifier, arguments.names, patience)
    found.check()
    destination = Destination(arguments.to, context.root, leave=leave)
    try:
        _check_places(found.files, destination, arguments.force)
        _check_room(found.files, destination)
    except BaseException:
        destination.close()
        raise
    return _Plan(files=found.files, notes=found.notes, destination=destination)


def _check_places(
    files: Collection[pool.RemoteFile], destination: Destination, force: bool
) -> None:
    """Raise TransferError unless every file has a place of its own there."""
    problems: list[TransferError] = []
    taken: dict[str, str] = {}
    for file in files:
        try:
            base = destination.check(file.name, force=force)
            _claim(taken, base, file.path)
        except TransferError as problem:
            problems.append(problem)
    if problems:
        raise combined(problems, f"{len(problems)} of {len(files)} files cannot be downloaded:")


def _claim(taken: dict[str, str], base: str, path: str) -> None:
    """Note that ``path`` becomes ``base`` here; no two may become the same."""
    other = taken.setdefault(fold(base), path)
    if other != path:
        raise TransferError(
            f"{printable(path)} and {printable(other)} would both become {printable(base)} here.",
            left="Nothing was downloaded.",
            remedy="Fetch them one by one, into different folders with --to.",
        )


def _check_room(files: Collection[pool.RemoteFile], destination: Destination) -> None:
    total = sum(file.size or 0 for file in files)
    free = destination.free()
    if total > free:
        raise TransferError(
            f"The files have {size_text(total)}, and the disk here has room for {size_text(free)}.",
            left="Nothing was downloaded.",
            remedy="Make room, or choose another folder with --to.",
        )


class _Fetching:
    """One download of several files, on the worker thread."""

    def __init__(
        self,
        context: MagicContext,
        plan: _Plan,
        force: bool,
        progress: TransferProgress,
        outcome: Outcome,
    ) -> None:
        self._client = context.client
        self._identifier = context.session.identifier
        self._root = context.root
        self._files = plan.files
        self._destination = plan.destination
        self._force = force
        self._progress = progress
        self._patience = patience_of(context, progress.cancelled)
        self._outcome = outcome

    def run(self) -> None:
        """Fetch all."""
        with self._destination:
            move_each(self._outcome, self._files, self._fetch, lambda file: file.path)

    def _fetch(self, file: pool.RemoteFile) -> str:
        callback = self._progress.file()
        with self._destination.create(file.name, force=self._force) as partial:
            try:
                # No more than was announced and judged against the disk. Unknown is not zero.
                size = pool.download(
                    self._client,
                    self._identifier,
                    file.path,
                    partial.stream,
                    progress=callback,
                    limit=file.size or self._destination.free(),
                    patience=self._patience,
                )
                self._progress.check()
                _check_whole(file, size)
                partial.commit()
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise TransferError(
                        f"The disk here is full: {printable(file.path)} does not fit.",
                        left="What had arrived of it was removed.",
                        remedy="Make room, or choose another folder with --to.",
                    ) from None
                raise refusal(partial.path, error, left="Nothing of it was kept.") from None
        self._outcome.size += size
        path = partial.path
        shown = path.relative_to(self._root) if path.is_relative_to(self._root) else path
        remote = printable(file.path, 1000)
        return f"/mnt/data/{remote} → {printable_path(shown, 1000)}  {size_text(size)}"


def _check_whole(file: pool.RemoteFile, size: int) -> None:
    if file.size and size != file.size:
        raise TransferError(
            f"{printable(file.path)} came with {size} bytes where {file.size} were announced.",
            left="What had arrived of it was removed.",
            remedy="Something in the session may be writing to it: try again when it is done.",
        )
