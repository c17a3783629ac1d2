"""What became of a file: the service's word first, and in the end the session's own.

The service may be late, or have no such call, or tell no size: unknown is not zero, and what
is not to be seen yet is not lost. The session itself knows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from aca_kernel.errors import (
    AcaKernelError,
    AuthenticationError,
    PermissionRefused,
    UnexpectedAnswer,
)
from aca_kernel.pool import staging
from aca_kernel.pool.answers import Execution, RemoteFile
from aca_kernel.pool.client import PoolClient
from aca_kernel.pool.names import check_path, split_path
from aca_kernel.pool.patience import Patience, may_be_done

__all__ = ["Sight", "ask_service", "ask_session", "remote_file", "run_task"]

_TASK_TIMEOUT = 120  # seconds in which a session copies one part, or reads a file

_SERVICE_SECONDS = 5.0
"""Seconds for which the service is asked again about a file: the session can tell as well."""

_MOST_ENTRIES = 10_000

_UNANSWERED = (0.2, 1.0, 0.0)
"""Pauses after a call that ran and whose output did not come: it is made again."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the session sees of a file. ``can_tell`` is False when it could not be asked."""

    can_tell: bool
    seen: staging.Seen | None = None


def ask_service(
    client: PoolClient,
    identifier: str,
    path: str,
    patience: Patience,
    *,
    size: int | None = None,
) -> RemoteFile | None:
    """What the service knows about a file: its metadata, or else its entry in the listing.

    The listing is looked at as well when the metadata tell another size than ``size``. None
    says only that the service does not know it now.
    """
    found = None
    if client.supports("file_metadata"):
        found = _file_metadata(client, identifier, path, patience)
        if found is not None and (found.is_directory or _is_enough(found, size)):
            return found
    listed = _entry(client, identifier, path, patience)
    if listed is None or (found is not None and listed.size is None):
        return found
    return listed


def _is_enough(found: RemoteFile, size: int | None) -> bool:
    return found.size is not None if size is None else found.size == size


def _file_metadata(
    client: PoolClient, identifier: str, path: str, patience: Patience
) -> RemoteFile | None:
    try:
        return patience.call(
            lambda: client.file_metadata(identifier, path), tolerance=_SERVICE_SECONDS
        )
    except (AuthenticationError, PermissionRefused):
        raise
    except AcaKernelError:
        return None


def _entry(client: PoolClient, identifier: str, path: str, patience: Patience) -> RemoteFile | None:
    directory, name = split_path(path)

    def find() -> RemoteFile | None:
        listing = itertools.islice(client.list_files(identifier, directory), _MOST_ENTRIES)
        return next((file for file in listing if file.name == name), None)

    try:
        return patience.call(find, tolerance=_SERVICE_SECONDS)
    except (AuthenticationError, PermissionRefused):
        raise
    except AcaKernelError:
        return None


def ask_session(
    client: PoolClient, identifier: str, path: str, patience: Patience, **wanted: Any
) -> Sight:
    """What the session sees at a path; see `staging.look` for ``wanted``.

    Raises the errors that pass, when the patience with them is over, and those of the login.
    """
    try:
        value = run_task(client, identifier, staging.look(path, **wanted), patience)
        seen = staging.Seen.parse(value)
        if seen is not None:
            check_path(seen.path)
    except (AuthenticationError, PermissionRefused):
        raise
    except AcaKernelError as error:
        if error.is_passing and not isinstance(error, UnexpectedAnswer):
            raise
        return Sight(can_tell=False)
    return Sight(can_tell=True, seen=seen)


def run_task(
    client: PoolClient,
    identifier: str,
    task: staging.Task,
    patience: Patience,
    *,
    timeout: int = _TASK_TIMEOUT,
    repeatable: bool = True,
) -> object:
    """Run a task in the session; all are written so that running them twice does no harm."""

    def execute() -> Execution:
        try:
            # Repeated by the patience alone, which counts and shows each failure.
            repeats = 0 if repeatable and patience.tolerance else None
            return client.execute(
                identifier, task.code, timeout=timeout, repeatable=repeatable, repeats=repeats
            )
        except AcaKernelError as error:
            if may_be_done(error):  # no code of the user's is at stake
                error.left = "Whether the session has the file is not known."
            raise

    for pause in _UNANSWERED:
        execution = patience.call(execute)
        if task.is_answered(execution) or not repeatable:
            break
        patience.pause(pause)
    value: object = task.value(execution)
    return value


def remote_file(path: str, size: int) -> RemoteFile:
    """A file that is known to be at a path."""
    directory, name = split_path(path)
    return RemoteFile(name=name, directory=directory, is_directory=False, size=size, modified=None)
