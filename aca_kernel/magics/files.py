"""%files: what is in /mnt/data of the session."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType

from ..errors import NotFound, TransferError
from ..messages import Reply
from ..pool import Patience, PoolClient, RemoteFile, check_path, delete
from ..transfers.display import age_text, table
from ..transfers.names import has_glob, printable
from ..transfers.progress import size_text
from ..transfers.remote import below_root, find, join
from ..transfers.transfer import patiently
from .base import Magic, MagicContext, MagicParser, Values

__all__ = ["Files"]

_MOST = 1000
"""Rows of a table; a session can invent any number."""


class Files(Magic):
    """%files [DIR] [-r] [--delete NAME...]."""

    name = "%files"
    summary = "List or delete files of the session."
    completes: Mapping[str, Values] = MappingProxyType(
        {"directory": "session folder", "delete": "session file"}
    )

    def parser(self) -> MagicParser:
        """Give the parser of the line."""
        parser = MagicParser(prog=self.name, description=self.summary)
        parser.add_argument(
            "directory",
            nargs="?",
            default="",
            metavar="DIR",
            help="a folder below /mnt/data; without it, /mnt/data itself",
        )
        parser.add_argument(
            "-r", "--recursive", action="store_true", help="also what is in folders below it"
        )
        parser.add_argument(
            "--delete",
            nargs="+",
            metavar="NAME",
            help="delete these files, or what fits a glob (* ? [ ] **), of the folder",
        )
        return parser

    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Show the table, or delete."""
        await context.session.start(context.emit)
        if arguments.delete:
            await _delete(arguments, context)
        else:
            await _show(arguments, context)
        return None


async def _show(arguments: argparse.Namespace, context: MagicContext) -> None:
    directory = below_root(arguments.directory)
    place = f"/mnt/data/{printable(directory)}" if directory else "/mnt/data"

    def fetch() -> list[RemoteFile]:
        identifier = context.session.identifier
        listing = context.client.list_files(identifier, directory, recursive=arguments.recursive)
        return list(itertools.islice(listing, _MOST + 1))

    try:
        files = await patiently(context, lambda patience: patience.call(fetch))
    except NotFound:
        raise TransferError(f"There is no folder {place} in the session.") from None
    if not files:
        context.stream(f"{place} is empty.\n")
        return
    rows = _rows(files[:_MOST], directory, datetime.now(timezone.utc))
    context.emit.show_own(
        table(
            rows,
            ["Name", "Size", "Bytes", "Modified"],
            align=["left", "right", "right", "left"],
        )
    )
    if len(files) > _MOST:
        context.stream(f"More than {_MOST} entries; the others are not shown.\n")


def _rows(files: list[RemoteFile], directory: str, now: datetime) -> list[list[str]]:
    """The table's rows: folders first, names relative to ``directory``."""
    prefix = f"{directory}/" if directory else ""
    rows = []
    for file in sorted(files, key=lambda file: (not file.is_directory, file.path)):
        name = printable(file.path.removeprefix(prefix))
        if file.is_directory:
            rows.append([f"{name}/", "", "", age_text(file.modified, now)])
        else:
            size = None if file.size is None else min(max(file.size, 0), 2**63)
            told = ("?", "") if size is None else (size_text(size), f"{size:,}")
            rows.append([name, *told, age_text(file.modified, now)])
    return rows


async def _delete(arguments: argparse.Namespace, context: MagicContext) -> None:
    deleted: list[str] = []
    problems: list[TransferError] = []
    directory = below_root(arguments.directory)

    def delete_all(patience: Patience) -> None:
        client, identifier = context.client, context.session.identifier
        for name in arguments.delete:
            try:
                for path in _targets(client, identifier, name, directory, patience):
                    delete(client, identifier, path, patience)
                    deleted.append(path)
            except NotFound:
                problems.append(TransferError(f"There is no file {printable(name)}."))
            except TransferError as problem:
                problems.append(problem)

    try:
        await patiently(context, delete_all)
    finally:
        context.stream("".join(f"deleted /mnt/data/{printable(path)}\n" for path in list(deleted)))
    if problems:
        raise TransferError(
            "\n  ".join(
                [
                    f"{len(problems)} of {len(arguments.delete)} names were not deleted:",
                    *(problem.what for problem in problems),
                ]
            ),
            left=f"Deleted: {len(deleted)}." if deleted else "Nothing was deleted.",
            remedy="%files lists what there is.",
        )


def _targets(
    client: PoolClient, identifier: str, name: str, directory: str, patience: Patience
) -> list[str]:
    """The paths to delete for one name or glob."""
    path = join(directory, below_root(name))
    if not has_glob(path):
        return [check_path(path)]
    found = find(client, identifier, [path], patience)
    found.check()
    return [file.path for file in found.files]
