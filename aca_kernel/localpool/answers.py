"""What the service answers, shape by shape and api-version by api-version. Pure."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .interpreter import Interpreter
from .outcomes import Outcome

__all__ = [
    "VERSIONS",
    "DiskFull",
    "FileEntry",
    "Malformed",
    "PoolFull",
    "Refusal",
    "SessionTimes",
    "Version",
    "execution",
    "file_entry",
    "file_list",
    "managed_session",
    "numbered",
    "pool_metadata",
    "session_entry",
    "stamp",
]

_TYPES = mimetypes.MimeTypes()  # without this machine's own table


@dataclass(frozen=True, kw_only=True)
class Version:
    """An api-version: what differs between them (docs/service.md 2)."""

    name: str
    wrapped: bool = False
    """2024-02 and 2024-08: code/execute, bodies in ``properties``, Success and Failure."""
    ids: bool = False
    """Objects carry the reference numbers of a .NET serializer, ``$id``."""
    execute_status: int = 200
    sessions: bool = False
    """It has /session, /listSessions and /metadata."""
    newest: bool = False
    """2025-10: ``directory``, ``recursive``, ``outputStreamsMaxLength``, nan rules."""


VERSIONS = {
    version.name: version
    for version in (
        Version(name="2024-02-02-preview", wrapped=True, ids=True),
        Version(name="2024-08-02-preview", wrapped=True, ids=True),
        Version(name="2024-10-02-preview", ids=True, execute_status=202),
        Version(name="2025-02-02-preview", sessions=True),
        Version(name="2025-10-02-preview", sessions=True, newest=True),
    )
}


class Refusal(Exception):
    """An answer that ends a call early: an error's status and body.

    Without ``code`` the body is empty. ``target`` names the field that is wrong, and
    with it the body has a ``traceId``, as seen of the service (docs/service.md 11).
    """

    def __init__(self, status: int, code: str = "", message: str = "", *, target: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.target = target

    content_type = "application/json; charset=utf-8"

    def body(self, trace_id: str) -> Any:
        """Give the JSON body, or None for an empty one."""
        if not self.code:
            return None
        error = {"code": self.code, "message": self.message}
        error |= {"target": self.target} if self.target else {}
        return {"error": {**error, "traceId": trace_id}}


class PoolFull(Refusal):
    """429, of which the body has no envelope (docs/service.md 11)."""

    def __init__(self, sessions: int) -> None:
        message = (
            f"The request sessions count is '1'. There are already '{sessions}' active sessions "
            f"and the maximum active sessions count is '{sessions}'."
        )
        super().__init__(429, "SessionsCountExceedsLimit", message)

    def body(self, trace_id: str) -> Any:
        """Give the flat body."""
        return {"code": self.code, "message": self.message}


class DiskFull(Refusal):
    """507: this machine has no room for what was sent; the service has no such answer."""

    def __init__(self) -> None:
        message = "The disk is full on which the local pool keeps its sessions' files."
        super().__init__(507, "InsufficientStorage", message)


class Malformed(Refusal):
    """400, as ASP.NET answers a body that is no JSON or of the wrong types."""

    content_type = "application/problem+json; charset=utf-8"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(400, "problem", message, target=field)

    def body(self, trace_id: str) -> Any:
        """Give the problem object (RFC 9110)."""
        return {
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
            "title": "One or more validation errors occurred.",
            "status": 400,
            "errors": {self.target: [self.message]},
            "traceId": f"00-{trace_id.replace('-', '')}-{trace_id.replace('-', '')[:16]}-00",
        }


def stamp(moment: datetime) -> str:
    """Give a moment as the service writes it: UTC, 7 fractional digits, Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def numbered(value: Any, keep: str) -> Any:
    """Put ``$id`` first into every object of ``value``, in order; not inside the key ``keep``."""
    count = 0

    def walk(item: Any) -> Any:
        nonlocal count
        if isinstance(item, list):
            return [walk(element) for element in item]
        if not isinstance(item, dict):
            return item
        count += 1
        number = {"$id": str(count)}
        return number | {key: one if key == keep else walk(one) for key, one in item.items()}

    return walk(value)


def execution(
    version: Version,
    outcome: Outcome,
    *,
    execution_id: str,
    identifier: str,
    execution_type: str,
    milliseconds: int,
) -> Any:
    """Give the answer to an execute call that has ended (docs/service.md 2 and 4)."""
    value = outcome.result(quote_nan=version.newest)
    streams = {"stdout": outcome.stdout, "stderr": outcome.stderr}
    if version.wrapped:
        properties = {
            "status": "Failure" if outcome.failed else "Success",
            **streams,
            "result": value,
            "executionTimeInMilliseconds": milliseconds,
        }
        return numbered({"properties": properties}, "result")
    answer = {
        "id": execution_id,
        "identifier": identifier,
        "executionType": execution_type,
        "status": "Failed" if outcome.failed else "Succeeded",
        "result": {
            **streams,
            "executionResult": value,
            "executionTimeInMilliseconds": milliseconds,
        },
    }
    return numbered(answer, "executionResult") if version.ids else answer


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file or directory of a session; ``directory`` is relative to /mnt/data, "" at its root."""

    name: str
    directory: str
    is_directory: bool
    size: int
    """Bytes."""
    modified: datetime


def file_entry(version: Version, entry: FileEntry, *, of: str) -> dict[str, Any]:
    """Describe a file; ``of`` is "list", "upload" or "metadata", since 2024-10 differs there."""
    if version.wrapped:
        modified = stamp(entry.modified)
        properties = {"filename": entry.name, "size": entry.size, "lastModifiedTime": modified}
        return {"properties": properties}
    kind = "directory" if entry.is_directory else "file"
    described = {"name": entry.name}
    if version.newest:
        described["directory"] = entry.directory or "."
    if not version.ids or of == "list":
        described |= {"type": kind, "contentType": _content_type(entry)}
    elif of == "upload":
        described |= {"type": "", "contentType": ""}
    size = 0 if entry.is_directory else entry.size
    return {**described, "sizeInBytes": size, "lastModifiedAt": stamp(entry.modified)}


def _content_type(entry: FileEntry) -> str:
    guessed = None if entry.is_directory else _TYPES.guess_type(entry.name)[0]
    if guessed is None:
        return "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def file_list(version: Version, entries: Sequence[FileEntry], *, of: str = "list") -> Any:
    """Describe files as the answer to a listing; directories are not known to the oldest."""
    listed = [e for e in entries if not (version.wrapped and e.is_directory)]
    answer = {"value": [file_entry(version, entry, of=of) for entry in listed]}
    return numbered(answer, "") if version.ids else answer


@dataclass(frozen=True, kw_only=True)
class SessionTimes:
    """A session as its management calls show it; ``cooldown`` in seconds."""

    identifier: str
    etag: str
    created: datetime
    accessed: datetime
    cooldown: float


def session_entry(session: SessionTimes, *, etag: bool) -> dict[str, Any]:
    """Describe a session for GET /session (with its etag) or GET /listSessions (without)."""
    entry = {
        "identifier": session.identifier,
        "createdAt": stamp(session.created),
        "lastAccessedAt": stamp(session.accessed),
        "expireAt": stamp(session.accessed + timedelta(seconds=session.cooldown)),
    }
    return {**entry, "etag": session.etag} if etag else entry


def managed_session(session: SessionTimes) -> dict[str, Any]:
    """Describe a session for /.management, where the time of its end is ``expiresAt``."""
    entry = session_entry(session, etag=True)
    names = ("identifier", "etag", "expireAt", "createdAt", "lastAccessedAt")
    return {"expiresAt" if name == "expireAt" else name: entry[name] for name in names}


def pool_metadata(python: Interpreter, created: datetime) -> dict[str, Any]:
    """Describe what sessions of this pool are made of (docs/service.md 2.3)."""
    packages = python.packages
    return {
        "runtimes": [{"name": "python", "version": python.version}],
        "preInstalledPackages": [
            {"name": name, "version": version} for name, version in sorted(packages.items())
        ],
        "createdAt": stamp(created),
        "lastUpdatedAt": stamp(created),
        "jupyterKernel": {
            "name": "ipykernel",
            "version": packages.get("ipykernel", ""),
            "projectUrl": "https://ipython.org",
            "description": "IPython Kernel for Jupyter",
        },
    }
