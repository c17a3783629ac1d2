"""%upload: files of this machine to /mnt/data of the session."""

from __future__ import annotations

import argparse
import contextlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from .. import pool
from ..errors import AcaKernelError, PayloadTooLarge, TransferError, UsageError
from ..messages import Reply
from ..transfers.diskname import from_disk, printable_path
from ..transfers.local_files import OpenFile, OutsideRoot, open_upload, refusal
from ..transfers.names import printable
from ..transfers.progress import TransferProgress, size_text
from ..transfers.remote import below_root
from ..transfers.selection import select
from ..transfers.transfer import (
    Outcome,
    allow,
    carry_out,
    combined,
    move_each,
    patience_of,
    show_notes,
)
from .base import Magic, MagicContext, MagicParser, Values

__all__ = ["Upload"]


@dataclass(frozen=True, kw_only=True)
class _Item:
    path: Path
    """On this machine, relative to the transfer root where it is inside."""
    remote: str
    """In the session, relative to /mnt/data."""
    size: int


@dataclass(frozen=True, kw_only=True)
class _Plan:
    items: list[_Item]
    problems: list[tuple[str, AcaKernelError]]
    """What cannot be sent, by its name, while the others are."""
    notes: list[str]
    leave: tuple[Path, ...]


class Upload(Magic):
    """%upload PATH... [--to DIR] [--as NAME] [-r] [--force]."""

    name = "%upload"
    summary = "Send files of this machine to /mnt/data of the session."
    completes: Mapping[str, Values] = MappingProxyType(
        {"paths": "local file", "to": "session folder"}
    )

    def parser(self) -> MagicParser:
        """Give the parser of the line."""
        parser = MagicParser(
            prog=self.name,
            description=f"{self.summary} A file of the same name there is replaced.",
        )
        parser.add_argument(
            "paths",
            nargs="+",
            metavar="PATH",
            help="a file, a glob (* ? [ ] **) or, with -r, a folder; relative to the notebook",
        )
        parser.add_argument(
            "--to", default="", metavar="DIR", help="a folder below /mnt/data, made when missing"
        )
        parser.add_argument(
            "--as", dest="name", metavar="NAME", help="the name there, of a single file"
        )
        parser.add_argument(
            "-r", "--recursive", action="store_true", help="send folders with all in them"
        )
        parser.add_argument(
            "--force", action="store_true", help="also hidden files and such as look like keys"
        )
        return parser

    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Judge all names, then send all files."""
        plan = await _plan_with_leave(arguments, context)
        show_notes(context, plan.notes)
        if not plan.items:
            context.stream("Nothing to send.\n")
            return None
        await context.session.start(context.emit)
        files = [(from_disk(item.path.name), item.size) for item in plan.items]
        progress = TransferProgress(context.emit, files)
        names = [item.remote for item in plan.items]
        outcome = Outcome(names=[*names, *(name for name, _ in plan.problems)])
        outcome.failed.extend(plan.problems)
        sending = _Sending(context, plan, arguments.force, progress, outcome)
        await carry_out(context, progress, outcome, sending.run, "sent")
        return None


async def _plan_with_leave(arguments: argparse.Namespace, context: MagicContext) -> _Plan:
    """The plan, after asking about each path outside the root."""
    leave: list[Path] = []
    while True:
        try:
            plan: _Plan = await context.call(_make_plan, arguments, context.root, tuple(leave))
        except OutsideRoot as error:
            await allow(context, error, "Send it to the session")
            leave.append(error.path)
        else:
            return plan


def _make_plan(arguments: argparse.Namespace, root: Path, leave: Collection[Path]) -> _Plan:
    """Judge everything that can be judged before the first byte is sent."""
    directory = below_root(arguments.to)
    selection = select(
        arguments.paths, root, recursive=arguments.recursive, force=arguments.force, leave=leave
    )
    if arguments.name is not None and len(selection.files) != 1:
        raise UsageError(
            f"--as names one file, and these are {len(selection.files)}; nothing was sent."
        )
    items: list[_Item] = []
    problems: list[tuple[str, AcaKernelError]] = list(selection.problems)
    refused: list[TransferError] = []
    taken: dict[str, Path] = {}
    for candidate in selection.files:
        name = candidate.remote if arguments.name is None else arguments.name
        remote = f"{directory}/{name}" if directory else name
        inside = candidate.path.is_relative_to(root)
        path = candidate.path.relative_to(root) if inside else candidate.path
        try:
            pool.check_path(remote)
            if arguments.name is not None:
                pool.check_name(name)
        except TransferError as problem:
            problems.append((from_disk(str(path)), problem))
            refused.append(problem)
            continue
        _claim(taken, remote, path)
        try:
            with open_upload(candidate.path, root, force=arguments.force, leave=leave) as opened:
                items.append(_Item(path=path, remote=remote, size=opened.size))
        except OutsideRoot:
            raise
        except TransferError as problem:
            problems.append((from_disk(str(path)), problem))
            refused.append(problem)
    if refused and not items:
        raise combined(refused, f"{len(refused)} of {len(selection.files)} files cannot be sent:")
    return _Plan(items=items, problems=problems, notes=selection.notes, leave=tuple(leave))


def _claim(taken: dict[str, Path], remote: str, path: Path) -> None:
    """Note that ``path`` becomes ``remote``; no two may become the same."""
    other = taken.setdefault(remote, path)
    if other != path:
        raise TransferError(
            f"{printable_path(path)} and {printable_path(other)} would both become"
            f" /mnt/data/{printable(remote)}.",
            left="Nothing was sent.",
            remedy="Send them one by one with --as, or their folder with -r.",
        )


class _Sending:
    """One upload of several files, on the worker thread."""

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
        self._plan = plan
        self._force = force
        self._progress = progress
        self._patience = patience_of(context, progress.cancelled)
        self._outcome = outcome
        self._staged: dict[str, _Item] = {}

    def run(self) -> None:
        """Send all, then move those that belong into a folder there."""
        move_each(self._outcome, self._plan.items, self._send, lambda item: item.remote)
        if self._staged:
            self._place()

    def _send(self, item: _Item) -> str | None:
        try:
            return self._send_opened(item)
        except OSError as error:  # the disk here failed while the file was read
            raise refusal(item.path, error, left="It is not whole in the session.") from None

    def _send_opened(self, item: _Item) -> str | None:
        callback = self._progress.file()
        # Opened again, as it may be long since it was judged: open_upload judges it anew.
        with open_upload(
            self._root / item.path, self._root, force=self._force, leave=self._plan.leave
        ) as opened:
            if opened.size <= self._client.upload_limit:
                try:
                    return self._send_whole(opened, item, callback)
                except PayloadTooLarge as error:
                    pool.learn_limit(self._client, error, opened.size)
                    opened.stream.seek(0)
            pool.upload_in_parts(
                self._client,
                self._identifier,
                opened.stream,
                item.remote,
                size=opened.size,
                progress=callback,
                patience=self._patience,
            )
        return self._arrived(item, opened.size)

    def _send_whole(self, opened: OpenFile, item: _Item, callback: pool.Progress) -> str | None:
        # The service's own sub-directories are not to be relied on (docs/service.md 9).
        is_staged = "/" in item.remote
        name = f"aca-upload-{uuid.uuid4().hex}" if is_staged else item.remote
        try:
            there = pool.upload(
                self._client,
                self._identifier,
                opened.stream,
                name,
                size=opened.size,
                progress=callback,
                patience=self._patience,
            )
        except BaseException:
            if is_staged:
                self._delete(name)
            raise
        if is_staged:
            if there.path in self._staged:
                raise TransferError(
                    "The service does not say under which name it stored the file, and the session"
                    " has another one with the same bytes.",
                    left="It was not put in its place.",
                    remedy="Upload it alone.",
                )
            self._staged[there.path] = item
            return None
        return self._arrived(replace(item, remote=there.path), opened.size)

    def _place(self) -> None:
        """Move what arrived whole under a temporary name to where it belongs."""
        targets = {name: (item.remote, item.size) for name, item in self._staged.items()}
        # What had arrived is put in its place after an interrupt too, in one try.
        is_cancelled = self._progress.cancelled.is_set()
        patience = pool.Patience() if is_cancelled else self._patience
        try:
            failed = pool.place(self._client, self._identifier, targets, patience)
        except AcaKernelError as error:
            self._outcome.failed += [(item.remote, error) for item in self._staged.values()]
            self._drop_all()
            return
        except pool.Cancelled:
            self._drop_all()
            return
        for name, item in self._staged.items():
            if name in failed:
                self._outcome.failed.append((item.remote, failed[name]))
                self._delete(name)
            else:
                self._outcome.arrived.append(self._arrived(item, item.size))

    def _drop_all(self) -> None:
        for name in self._staged:
            self._delete(name)

    def _delete(self, name: str) -> None:
        if self._client.supports("delete_file"):
            # What cannot be deleted ends with the session.
            with contextlib.suppress(AcaKernelError):
                self._client.delete_file(self._identifier, name)

    def _arrived(self, item: _Item, size: int) -> str:
        self._outcome.size += size
        remote = printable(item.remote, 1000)
        return f"{printable_path(item.path, 1000)} → /mnt/data/{remote}  {size_text(size)}"
