"""The REST API as values: the requests to send, per api-version.

Everything here is pure. What comes back is read by `aca_kernel.pool.answers`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit

from aca_kernel.errors import UnexpectedAnswer, VersionLacks
from aca_kernel.pool.names import split_path

__all__ = ["API_VERSIONS", "DEFAULT_API_VERSION", "Api", "Request", "next_page"]

_LEGACY = "2024-02-02-preview"
DEFAULT_API_VERSION = "2025-10-02-preview"
API_VERSIONS = (_LEGACY, "2024-10-02-preview", "2025-02-02-preview", DEFAULT_API_VERSION)

# operation -> the first api-version that has it (docs/service.md 2)
_SINCE = {
    "execute": _LEGACY,
    "list_files": _LEGACY,
    "upload": _LEGACY,
    "download": _LEGACY,
    "directories": "2024-10-02-preview",
    "file_metadata": "2024-10-02-preview",
    "delete_file": "2024-10-02-preview",
    "get_session": "2025-02-02-preview",
    "delete_session": _LEGACY,  # sent with the newest version where the own one lacks it
    "list_sessions": "2025-02-02-preview",
    "metadata": "2025-02-02-preview",
    "recursive": DEFAULT_API_VERSION,
    "output_limit": DEFAULT_API_VERSION,
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of the data plane, without host, token and transport.

    ``path`` is percent-encoded and relative to the endpoint. ``repeatable`` says that
    sending it twice does what sending it once does.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = False

    @property
    def target(self) -> str:
        """Path and query, to be put behind the endpoint's URL."""
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in self.query)
        return f"{self.path}?{query}"


class Api:
    """The requests of one api-version.

    Each method gives the Request, or raises VersionLacks where that version has no such
    operation.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._is_legacy = version < "2024-10"

    def supports(self, operation: str) -> bool:
        """Whether the version has a method's operation, or one of the further names above."""
        return self.version >= _SINCE[operation]

    def need(self, operation: str) -> None:
        """Raise VersionLacks unless the version has the operation."""
        if not self.supports(operation):
            raise VersionLacks(
                f"The api-version {self.version} has no {operation.replace('_', ' ')}.",
                left="Nothing was sent.",
                remedy=f"Use the api-version {_SINCE[operation]} or newer (ACA_API_VERSION).",
            )

    def execute(
        self,
        identifier: str,
        code: str,
        *,
        timeout: int | None,
        output_limit: int | None,
        repeatable: bool = False,
    ) -> Request:
        """Run code and wait for it. ``timeout`` is seconds, ``output_limit`` characters a stream.

        Either is left out when it is None.

        The body is ASCII: a NUL or a lone surrogate in the code travels as a JSON escape,
        so it arrives as it is and the session's Python judges it.
        """
        fields: dict[str, Any] = {
            "codeInputType": "Inline",
            "executionType": "Synchronous",
            "code": code,
        }
        if timeout is not None:
            fields["timeoutInSeconds"] = timeout
        if output_limit is not None and self.supports("output_limit"):
            fields["outputStreamsMaxLength"] = output_limit
        path = "/executions"
        if self._is_legacy:
            fields.update(codeInputType="inline", executionType="synchronous")
            fields = {"properties": fields}
            path = "/code/execute"
        body = json.dumps(fields, ensure_ascii=True).encode("ascii")
        return self._request("execute", "POST", path, identifier, body=body, repeatable=repeatable)

    def progress(self, identifier: str, path: str) -> Request:
        """How a call stands that was answered before its end; ``path`` is of `unfinished`."""
        return self._request("progress", "GET", path, identifier, repeatable=True)

    def list_files(self, identifier: str, directory: str, *, recursive: bool) -> Request:
        """List one directory, or all below it where the version can."""
        extra = self._in_directory(directory)
        if recursive:
            self.need("recursive")
            extra = (*extra, ("recursive", "true"))
        return self._request("list_files", "GET", "/files", identifier, extra, repeatable=True)

    def upload(self, identifier: str, directory: str) -> Request:
        """Put one file, whose name and bytes are in the multipart body."""
        path = "/files/upload" if self._is_legacy else "/files"
        return self._request("upload", "POST", path, identifier, self._in_directory(directory))

    def download(self, identifier: str, path: str) -> Request:
        """The bytes of one file."""
        directory, name = split_path(path)
        extra = self._in_directory(directory)
        encoded = quote(name, safe="")
        target = f"/files/content/{encoded}" if self._is_legacy else f"/files/{encoded}/content"
        return self._request("download", "GET", target, identifier, extra, repeatable=True)

    def file_metadata(self, identifier: str, path: str) -> Request:
        """Name, size and time of one file."""
        return self._one_file("file_metadata", "GET", identifier, path)

    def delete_file(self, identifier: str, path: str) -> Request:
        """Remove one file."""
        return self._one_file("delete_file", "DELETE", identifier, path)

    def get_session(self, identifier: str) -> Request:
        """When a session began and when it ends."""
        self.need("get_session")
        return self._request("get_session", "GET", "/session", identifier, repeatable=True)

    def delete_session(self, identifier: str) -> Request:
        """End a session. Versions without the call borrow the newest's (docs/service.md 10)."""
        version = self.version if self.supports("get_session") else DEFAULT_API_VERSION
        return Request(
            operation="delete_session",
            method="DELETE",
            path="/session",
            query=(("api-version", version), ("identifier", identifier)),
            repeatable=True,
        )

    def list_sessions(self) -> Request:
        """The sessions of the pool."""
        self.need("list_sessions")
        return self._request("list_sessions", "GET", "/listSessions", None, repeatable=True)

    def metadata(self) -> Request:
        """What the pool's sessions bring."""
        self.need("metadata")
        return self._request("metadata", "GET", "/metadata", None, repeatable=True)

    def _one_file(self, operation: str, method: str, identifier: str, path: str) -> Request:
        self.need(operation)
        directory, name = split_path(path)
        target = f"/files/{quote(name, safe='')}"
        extra = self._in_directory(directory)
        return self._request(operation, method, target, identifier, extra, repeatable=True)

    def _in_directory(self, directory: str) -> tuple[tuple[str, str], ...]:
        if not directory:
            return ()
        self.need("directories")
        return (("path", directory),)

    def _request(
        self,
        operation: str,
        method: str,
        path: str,
        identifier: str | None,
        extra: tuple[tuple[str, str], ...] = (),
        *,
        body: bytes | None = None,
        repeatable: bool = False,
    ) -> Request:
        query: tuple[tuple[str, str], ...] = (("api-version", self.version),)
        if identifier is not None:
            query = (*query, ("identifier", identifier))
        return Request(
            operation=operation,
            method=method,
            path=path,
            query=query + extra,
            body=body,
            repeatable=repeatable,
        )


def next_page(request: Request, link: str, endpoint: str) -> Request:
    """The request for the next page of a listing.

    Only the query of ``link`` is used, and only when it leads to the same operation of
    the same endpoint: the token goes nowhere else. Raises UnexpectedAnswer otherwise.
    """
    own = urlsplit(endpoint + request.path)
    try:
        parts = urlsplit(urljoin(own.geturl(), link))
        leads_away = (
            parts.scheme != own.scheme
            or "@" in parts.netloc
            or parts.hostname != own.hostname
            or (parts.port or 443) != (own.port or 443)
            or unquote(parts.path).rstrip("/").lower() != unquote(own.path).lower()
        )
        extra = parse_qsl(parts.query, max_num_fields=50)
    except ValueError:
        leads_away, extra = True, []
    if leads_away:
        raise UnexpectedAnswer(
            "The service's link to the next page leads to another place, and was not followed."
        )
    names = {name.lower() for name, _ in request.query}
    extra = [(name, value) for name, value in extra if name.lower() not in names - {"skip"}]
    kept = [(name, value) for name, value in request.query if name not in dict(extra)]
    return replace(request, query=(*kept, *extra))
