"""What the service's answers mean, whatever the api-version they come from.

Everything here is pure. Parsing is tolerant, because versions, documentation and the
service disagree (docs/service.md 2): keys in any case, with or without ``$id``, missing
fields, both spellings of a field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aca_kernel.errors import UnexpectedAnswer

__all__ = [
    "Execution",
    "PoolMetadata",
    "RemoteFile",
    "SessionInfo",
    "is_page",
    "parse_execution",
    "parse_file",
    "parse_files",
    "parse_json",
    "parse_metadata",
    "parse_session",
    "parse_sessions",
    "parse_time",
    "web_page",
]


_UNFINISHED = ("running", "notstarted", "inprogress", "accepted", "queued", "pending")

LONGEST_COOLDOWN = 7 * 86_400
"""Seconds; a session's times that tell of more, or of less than one, tell of no cooldown."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What the service says about one execute call.

    ``succeeded`` comes from the status word alone: HTTP 200 and an empty stderr say
    nothing (docs/service.md 4.1). ``result`` is None, "" (no value) or the value,
    an image as ``{"type": "image", "format": ..., "base64_data": ...}``. ``session_guid``
    is "" and ``new_allocation`` None where the answer does not tell.
    """

    succeeded: bool
    status: str
    stdout: str
    stderr: str
    result: Any
    duration_ms: int | None
    session_guid: str
    new_allocation: bool | None
    output_limit: int | None = None
    """Characters after which the service was asked to cut a stream; None: its own default holds."""

    tells: bool = True
    """Whether the answer has streams or a result, and not only a status."""
    lacks: tuple[str, ...] = ()
    """Which of stdout, stderr and result the answer has no field for."""

    @property
    def is_unfinished(self) -> bool:
        """Whether the code still runs, or has not begun: the answer is none yet."""
        return self.status.lower() in _UNFINISHED


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file or directory in /mnt/data. ``directory`` is "" for the root.

    ``size`` is bytes, and None where the answer does not tell it. Names in a listing are chosen
    inside the session: treat them as hostile.
    """

    name: str
    directory: str
    is_directory: bool
    size: int | None
    modified: datetime | None

    @property
    def path(self) -> str:
        """The path relative to /mnt/data."""
        return f"{self.directory}/{self.name}" if self.directory else self.name


@dataclass(frozen=True, kw_only=True)
class SessionInfo:
    """A living session. The identifier opens it, so ``repr`` leaves it out."""

    identifier: str = field(repr=False)
    created: datetime | None
    last_accessed: datetime | None
    expires: datetime | None
    etag: str

    @property
    def cooldown_seconds(self) -> float | None:
        """For how long the session may idle, in seconds; None when the answer does not tell.

        Nor does one with a clock that is off: what cannot be is not believed.
        """
        if self.expires is None or self.last_accessed is None:
            return None
        seconds = (self.expires - self.last_accessed).total_seconds()
        return seconds if 1 <= seconds <= LONGEST_COOLDOWN else None


@dataclass(frozen=True, kw_only=True)
class PoolMetadata:
    """What a pool's sessions bring: (name, version) pairs, and the whole answer as ``raw``."""

    runtimes: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    raw: Mapping[str, Any]


def parse_json(body: bytes) -> Any:
    """The JSON value of an answer. Raises UnexpectedAnswer when it is empty or not JSON.

    An integer too long for Python's own limit stays text.
    """
    if not body.strip():
        raise _passing("The service answered with nothing where JSON was due.")
    try:
        return json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        pass
    if is_page(body):
        raise web_page()
    raise _passing("The service answered with something that is not JSON.")


def _passing(what: str) -> UnexpectedAnswer:
    error = UnexpectedAnswer(what)
    error.is_passing = True  # most often it was cut on the way
    return error


def is_page(body: bytes) -> bool:
    """Whether the body of an answer is a web page, which the service itself never sends."""
    return body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def web_page(status: int = 200) -> UnexpectedAnswer:
    """What to tell when a web page came in place of the service's answer."""
    error = _passing(
        f"A web page came in place of the service's answer (HTTP {status}): something on the way"
        " answered, such as the login page of a network, a proxy or a gateway."
    )
    error.remedy = (
        "Open any web page in a browser, in case this network asks for a login. Check the proxy"
        " (HTTPS_PROXY) and that the endpoint is the pool's own management endpoint."
    )
    return error


def parse_execution(value: Any, headers: Mapping[str, str]) -> Execution:
    """The outcome of an execute call of any version.

    Raises UnexpectedAnswer when the value is not an object with a status.
    """
    outer = _inner(value, "an execution")
    outer = {**_lower(value), **outer}  # a status may stand beside the properties
    outer.pop("properties", None)
    status = outer.get("status")
    if not isinstance(status, str) or not status:
        raise _shape("an execution")
    streams = outer
    wrapped = outer.get("result")
    if isinstance(wrapped, dict) and not {"stdout", "stderr", "executionresult"} & outer.keys():
        inner = _lower(wrapped)
        if {"stdout", "stderr", "executionresult", "executiontimeinmilliseconds"} & inner.keys():
            streams = inner
    result = _result(streams, is_outer=streams is outer)
    succeeded = status.lower() in ("succeeded", "success", "0")  # "0": docs/service.md 15
    stderr = _text(streams.get("stderr"))
    if not succeeded and not stderr:
        stderr = _error_text(outer.get("error"))
    fields = {key.lower(): text for key, text in headers.items()}
    guid = fields.get("x-ms-session-guid", "")
    return Execution(
        succeeded=succeeded,
        status="".join(c for c in status if c.isprintable())[:64],
        stdout=_text(streams.get("stdout")),
        stderr=stderr,
        result=result,
        tells=bool({"stdout", "stderr", "executionresult"} & streams.keys()),
        lacks=_lacking(streams, is_outer=streams is outer),
        duration_ms=_int(streams.get("executiontimeinmilliseconds")),
        session_guid=guid if re.fullmatch(r"[\w.-]{1,128}", guid, re.ASCII) else "",
        new_allocation={"true": True, "false": False}.get(
            fields.get("x-ms-new-allocation", "").lower()
        ),
    )


def parse_file(value: Any, directory: str = "") -> RemoteFile:
    """One file, from its metadata, an upload's answer or an entry of a listing.

    ``directory`` is the one that was asked about. Raises UnexpectedAnswer.
    """
    if isinstance(value, list) and value:
        value = value[0]
    fields = _lower(value) if isinstance(value, dict) else {}
    for key in ("value", "$values", "files"):  # an old upload's: docs/service.md 2.1
        if isinstance(fields.get(key), list) and fields[key]:
            value = fields[key][0]
    entry = _inner(value, "a file")
    name = entry.get("filename", entry.get("name"))
    if not isinstance(name, str) or not name:
        raise _shape("a file")
    return RemoteFile(
        name=name,
        directory=_directory(entry.get("directory"), directory),
        is_directory=_text(entry.get("type")).lower() == "directory",
        size=_size(entry.get("sizeinbytes", entry.get("size"))),
        modified=parse_time(entry.get("lastmodifiedat", entry.get("lastmodifiedtime"))),
    )


def parse_files(value: Any, directory: str = "") -> tuple[list[RemoteFile], str]:
    """The files of one page of a listing, and the next page's link ("" for none)."""
    entries, link = _page(value, ("value", "files", "$values"), "a listing of files")
    return [parse_file(entry, directory) for entry in entries], link


def parse_session(value: Any) -> SessionInfo:
    """One session. Raises UnexpectedAnswer."""
    entry = _inner(value, "a session")
    identifier = entry.get("identifier")
    if not isinstance(identifier, str):
        raise _shape("a session")
    return SessionInfo(
        identifier=identifier,
        created=parse_time(entry.get("createdat")),
        last_accessed=parse_time(entry.get("lastaccessedat")),
        expires=parse_time(entry.get("expireat", entry.get("expiresat"))),
        etag=_text(entry.get("etag")),
    )


def parse_sessions(value: Any) -> tuple[list[SessionInfo], str]:
    """The sessions of one page of a listing, and the next page's link ("" for none)."""
    entries, link = _page(value, ("sessions", "value"), "a listing of sessions")
    return [parse_session(entry) for entry in entries], link


def parse_metadata(value: Any) -> PoolMetadata:
    """What a pool's sessions bring. Raises UnexpectedAnswer."""
    if not isinstance(value, dict):
        raise _shape("a pool's metadata")
    fields = _lower(value)
    return PoolMetadata(
        runtimes=tuple(_versions(fields.get("runtimes"))),
        packages=tuple(_versions(fields.get("preinstalledpackages"))),
        raw=value,
    )


def parse_time(value: Any) -> datetime | None:
    """A time with zone, from ISO 8601 with any number of fractional digits; None otherwise."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    seconds, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "", "Z", "z") else zone
    try:
        return datetime.fromisoformat(f"{seconds}.{(fraction or '').ljust(6, '0')[:6]}{offset}")
    except ValueError:
        return None


_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,20}))?(Z|z|[+-]\d\d:\d\d)?", re.ASCII
)


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): item for key, item in value.items()}


def _inner(value: Any, what: str) -> dict[str, Any]:
    """The object that holds the fields: the value itself or its ``properties``."""
    if not isinstance(value, dict):
        raise _shape(what)
    outer = _lower(value)
    properties = outer.get("properties")
    return _lower(properties) if isinstance(properties, dict) else outer


def _page(value: Any, keys: tuple[str, ...], what: str) -> tuple[list[Any], str]:
    if isinstance(value, list):  # the container's own form: docs/service.md 9
        return value, ""
    if isinstance(value, dict):
        fields = _lower(value)
        for key in keys:
            if isinstance(fields.get(key), list):
                return fields[key], _text(fields.get("nextlink"))
    raise _shape(what)


def _directory(value: Any, asked: str) -> str:
    """A directory below /mnt/data, "" for the root; relative ones are below ``asked``."""
    given = _text(value)
    if given == "/mnt/data" or given.startswith("/mnt/data/"):
        given = given[len("/mnt/data") :]
    given = given.strip("/").removeprefix("./")
    if given in ("", "."):
        return asked
    if not asked or given == asked or given.startswith(f"{asked}/"):
        return given
    return f"{asked}/{given}"


def _versions(value: Any) -> Iterator[tuple[str, str]]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            fields = _lower(item)
            yield _text(fields.get("name")), _text(fields.get("version"))


_STREAM_KEYS = {
    "$id",
    "diagnosticinfo",
    "error",
    "executiontimeinmilliseconds",
    "executiontype",
    "id",
    "identifier",
    "operationid",
    "rawresult",
    "sessionid",
    "status",
    "stderr",
    "stdout",
}


def _result_name(streams: Mapping[str, Any], *, is_outer: bool) -> str | None:
    """The field that has the result: a known one, or the only one that is left."""
    names = ["executionresult", *(["result"] if is_outer else [])]
    name = next((name for name in names if name in streams), None)
    if name is None:
        left = [key for key in streams if key not in _STREAM_KEYS]
        name = left[0] if len(left) == 1 else None
    return name


def _lacking(streams: Mapping[str, Any], *, is_outer: bool) -> tuple[str, ...]:
    missing = [name for name in ("stdout", "stderr") if name not in streams]
    if _result_name(streams, is_outer=is_outer) is None:
        missing.append("result")
    return tuple(missing)


def _result(streams: Mapping[str, Any], *, is_outer: bool) -> Any:
    """The result's value: "" for none, an image in the one shape that `Execution` names."""
    name = _result_name(streams, is_outer=is_outer)
    value = "" if name is None else streams[name]
    return _shown(value) if isinstance(value, dict) else value


def _shown(value: dict[str, Any]) -> Any:
    """An object as a result: an image, what a mime bundle has, or the object itself."""
    fields = {key.lower().replace("_", ""): item for key, item in value.items()}
    data = fields.get("base64data")
    if isinstance(data, str):
        kind = str(fields.get("format") or fields.get("mimetype") or "png")
        return {"type": "image", "format": kind.rpartition("/")[2], "base64_data": data}
    inner = fields.get("data")
    bundle = inner if isinstance(inner, dict) else value
    for mime, item in bundle.items():
        if mime in ("image/png", "image/jpeg") and isinstance(item, str):
            kind = mime.rpartition("/")[2]
            return {"type": "image", "format": kind, "base64_data": "".join(item.split())}
    return bundle.get("text/plain", value)


def _error_text(value: Any) -> str:
    """The text of an execution's ``error``, which is nested once more (docs/service.md 4.1)."""
    if not isinstance(value, dict):
        return ""
    fields = _lower(value)
    if isinstance(fields.get("error"), dict):
        fields = _lower(fields["error"])
    return ": ".join(text for key in ("code", "message") if (text := _text(fields.get(key))))


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return value if isinstance(value, str) else str(value)


def _int(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _size(value: Any) -> int | None:
    """Bytes of a file; None where that is not told, or cannot be."""
    size = _int(value)
    return size if size is not None and 0 <= size < 2**63 else None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 4000 else digits


def _shape(what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"The service answered with JSON that is not {what}.")
