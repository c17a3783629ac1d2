"""What a refusal of the service means and what to do about it (docs/service.md 11).

Everything here is pure: status, headers and body in, one error of our tree out. The
service's words are hostile input: they are shown only through `clean`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TypeVar

from aca_kernel.errors import (
    AcaKernelError,
    AuthenticationError,
    BadRequest,
    NotFound,
    PayloadTooLarge,
    PermissionRefused,
    PoolFull,
    RefusedForNow,
    ServiceError,
    ServiceUnavailable,
    Step,
    TooManyRequests,
    UnexpectedAnswer,
)
from aca_kernel.pool import steps
from aca_kernel.pool.answers import web_page
from aca_kernel.pool.endpoint import Endpoint, shorten
from aca_kernel.pool.kinds import kind_of_refusal, other_kind
from aca_kernel.pool.optional import names_optional
from aca_kernel.pool.refusal_texts import (
    clean,
)
from aca_kernel.pool.wordings import is_about_size, is_about_version, is_full, stated_limit

__all__ = ["Refusal", "explain"]

_Kind = TypeVar("_Kind", bound=ServiceError)

SMALL = 16_000
"""Bytes of a request that no service refuses for its size, as far as anybody knows."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A refused request, and the circumstances that its explanation needs."""

    status: int
    code: str
    message: str
    correlation_id: str
    operation: str
    api_version: str
    endpoint: Endpoint
    identifier: str | None = dataclass_field(default=None, repr=False)
    field: str = ""
    """The field that the service named as wrong."""
    sent: int = 0
    """Bytes of its body."""
    supported_versions: str = ""
    """What its header says of the api-versions that it knows."""
    is_page: bool = False
    """Whether its body is a web page, which the service itself never sends."""
    headers: Mapping[str, str] = dataclass_field(default_factory=dict, repr=False)
    token_is_given: bool = False
    principal: tuple[str, str] | None = None
    """Whose token it was, as `auth.principal_of` tells it."""

    @property
    def pool(self) -> tuple[str, str]:
        """The pool's name and resource group, for commands."""
        return steps.pool_in(self.endpoint.resource_id or "")

    @property
    def role_command(self) -> str:
        """The command that gives the login the role which the data plane asks for."""
        return steps.role_command(self.endpoint.resource_id, self.principal)

    @property
    def role_step(self) -> Step:
        """The step in which that command is."""
        return steps.assign_role(self.endpoint.resource_id, self.principal)


def explain(refusal: Refusal) -> AcaKernelError:
    """The one error that says what happened, what state remains and what to do."""
    status, code = refusal.status, refusal.code
    if is_full(status, code, refusal.message):
        return _pool_full(refusal)
    if refusal.is_page and status < 500 and status not in (413, 429):
        page = web_page(status)
        return _error(UnexpectedAnswer, refusal, page.what, page.remedy, is_passing=True)
    if is_about_version(status, f"{code} {refusal.field} {refusal.message}"):
        return _version_refused(refusal)
    if status == 401:
        return _unauthorized(refusal)
    if status == 403:
        return _error(
            PermissionRefused,
            refusal,
            "The login is valid, but it may not use this session pool.",
            f"Give it the role:\n{refusal.role_command}\n"
            "A new assignment takes effect after one to a few minutes: then run this again.",
            [
                refusal.role_step,
                steps.check_it(),
                steps.run_again(
                    "If the role was assigned only minutes ago, wait a little. Then run the cell"
                    " again; nothing has to be restarted."
                ),
            ],
        )
    if status == 404 or code in ("NoSessionFoundError", "SessionWithIdentifierNotFound"):
        return _not_found(refusal)
    names_field = names_optional(f"{code} {refusal.field} {refusal.message}")
    if status == 413 or (
        status == 400 and is_about_size(code, refusal.message) and not names_field
    ):
        return _too_large(refusal)
    if status == 429:
        return _error(
            TooManyRequests,
            refusal,
            f"The pool refused the request because there were too many{_said(refusal)}.",
            "Wait a little and repeat it.",
        )
    if status in (408, 409, 423, 425):
        return _error(
            RefusedForNow,
            refusal,
            f"The service refused the request for now{_said(refusal) or _REASONS[status]}.",
            "Wait a little and repeat it.",
        )
    if 300 <= status < 400:
        return _error(
            UnexpectedAnswer,
            refusal,
            "The pool answered with a redirect, which is never followed: it could lead the "
            "token elsewhere.",
            "Check that the endpoint is the pool's own management endpoint.",
        )
    if status == 507:
        return _error(
            ServiceUnavailable,
            refusal,
            f"There is no room where the session's files are kept{_said(refusal)}.",
            "Delete files that are not needed there, and run this again.",
            is_passing=False,
        )
    if status >= 500:
        how = " with a web page, as a gateway or a proxy on the way does" if refusal.is_page else ""
        return _error(
            ServiceUnavailable,
            refusal,
            f"The service failed{how}{_said(refusal)}.",
            "Repeat it in a while; give Azure support the correlation id if it stays so.",
            is_passing=status not in (501, 505),
        )
    kind = kind_of_refusal(code, refusal.message)
    if kind:
        known = other_kind(kind)
        return _error(BadRequest, refusal, f"{known.what[:-1]}{_said(refusal)}.", known.remedy)
    what, remedy = _BAD_REQUESTS.get(code, ("The service refused the request", ""))
    return _error(BadRequest, refusal, f"{what}{_said(refusal)}.", remedy)


_REASONS = {
    408: " because the request took too long to arrive",
    409: " because another call is at work there",
    423: " because what it needs is locked",
    425: " because it came too early",
}


def _version_refused(refusal: Refusal) -> BadRequest:
    known = ""
    if refusal.supported_versions:
        known = f" It knows {clean(refusal.supported_versions)}."
    return _error(
        BadRequest,
        refusal,
        f"The service does not take the api-version {refusal.api_version}{_said(refusal)}.{known}",
        "Set ACA_API_VERSION to one that it takes, then restart the kernel; without it the newest"
        " is used.",
    )


_BAD_REQUESTS = {
    "SessionPropertiesMissing": (
        "The service did not understand the shape of the request",
        "Use a code interpreter pool of container type PythonLTS (pools of other kinds answer so), "
        "and an api-version that it knows (ACA_API_VERSION).",
    ),
    "SessionRequestNotSupported": (
        "This kind of pool has no such operation",
        "Use a code interpreter pool of container type PythonLTS.",
    ),
    "FilePathInvalid": (
        "The service does not allow that directory",
        "Use directory names without dots and special characters.",
    ),
    "FileNameInvalid": (
        "The service does not allow that file name",
        "Use letters, digits, spaces and - _ . in the name.",
    ),
}


def _pool_full(refusal: Refusal) -> PoolFull:
    found = re.search(r"maximum active sessions count is '?(\d{1,6})", refusal.message)
    limit = f"all {found[1]} sessions" if found else "all its sessions"
    name = refusal.endpoint.pool_name or "<pool>"
    group = refusal.endpoint.resource_group or "<resource group>"
    return _error(
        PoolFull,
        refusal,
        f"The pool is full: {limit} that it may have at once are taken.",
        "Wait until one has cooled down, end one (aca-kernel sessions list), or allow more:\n"
        f"az containerapp sessionpool update --name {name} --resource-group {group} "
        "--max-sessions <N>",
    )


def _unauthorized(refusal: Refusal) -> AuthenticationError:
    """A 401, which names no reason and stands for several (docs/service.md 11)."""
    facts = ["HTTP 401"]
    facts += [refusal.code] if refusal.code else []
    facts += [f"correlation id {refusal.correlation_id}"] if refusal.correlation_id else []
    mending: list[Step] = []
    if refusal.endpoint.is_loopback:
        remedy = (
            "Give the token that this local pool printed when it started (ACA_ACCESS_TOKEN), "
            f"and check the api-version {refusal.api_version} (ACA_API_VERSION)."
        )
    else:
        renew = (
            "The token that was given may have expired, or be meant for something else. Get a "
            "new one: az account get-access-token --resource https://dynamicsessions.io"
            if refusal.token_is_given
            else "The login may be the wrong one, or have expired. Sign in again: az login"
        )
        remedy = (
            f"It can mean one of four things. 1. {renew}\n"
            "2. The role is missing, or was assigned only minutes ago. If missing:\n"
            f"{refusal.role_command}\n"
            f"3. The pool does not know the api-version {refusal.api_version} (ACA_API_VERSION).\n"
            "4. The path of the endpoint is wrong: compare it with "
            "properties.poolManagementEndpoint of the pool."
        )
        mending = [
            steps.new_token() if refusal.token_is_given else steps.sign_in(steps.SCOPE),
            refusal.role_step,
            steps.compare_endpoint(refusal.pool),
            steps.check_it(),
            steps.run_again("Start Jupyter again from that terminal.")
            if refusal.token_is_given
            else steps.run_again(),
        ]
    return AuthenticationError(
        f"The pool did not accept the token{_said(refusal)} ({', '.join(facts)}).",
        left="Nothing was done.",
        remedy=remedy,
        steps=mending,
    )


def _not_found(refusal: Refusal) -> NotFound:
    if refusal.operation in ("download", "file_metadata", "delete_file"):
        return _error(
            NotFound,
            refusal,
            "The session has no such file.",
            "See %files for what is there; a session that was replaced begins empty.",
        )
    if refusal.operation in ("get_session", "delete_session"):
        shown = shorten(refusal.identifier) if refusal.identifier else "of that identifier"
        return _error(
            NotFound,
            refusal,
            f"The pool has no session {shown}.",
            "It has cooled down or was deleted; the next cell gets a new, empty one.",
        )
    name = refusal.endpoint.pool_name
    return _error(
        NotFound,
        refusal,
        f"The service knows no pool {name!r} at this endpoint."
        if name
        else "The service knows no pool at this endpoint.",
        "Check the endpoint, and that the pool was not deleted.",
        [] if refusal.endpoint.is_loopback else steps.mend_endpoint(""),
    )


def _too_large(refusal: Refusal) -> PayloadTooLarge:
    limit = stated_limit(refusal.message, refusal.headers)
    most = f" ({limit:,} bytes)" if limit is not None else ""
    if refusal.operation == "execute" and limit is None and refusal.sent < SMALL:
        # What could be too large here is what came of it.
        error = _error(
            PayloadTooLarge,
            refusal,
            f"The service says that the call, or its answer, is too large{_said(refusal)}.",
            "Look at the variables before you run it again. Write long output to a file and"
            " %download it.",
        )
        error.left = "Whether the code was run, wholly or in part, is not known."
        return error
    if refusal.operation == "upload":
        what = f"The file is larger than the service takes in one upload{most}{_said(refusal)}."
        remedy = "Upload it in parts: %upload does that by itself above the limit."
    else:
        what = f"The code is larger than the service takes in one call{most}{_said(refusal)}."
        remedy = "Put it into a file, upload that, and run it with %run."
    error = _error(PayloadTooLarge, refusal, what, remedy)
    error.limit = limit
    return error


def _error(
    kind: type[_Kind],
    refusal: Refusal,
    what: str,
    remedy: str,
    mending: Sequence[Step] = (),
    *,
    is_passing: bool | None = None,
) -> _Kind:
    error = kind(
        what,
        left=_left(refusal, kind),
        remedy=remedy,
        steps=mending,
        status=refusal.status,
        code=refusal.code,
        correlation_id=refusal.correlation_id,
    )
    error.field = refusal.field
    if is_passing is not None:
        error.is_passing = is_passing
    return error


def _left(refusal: Refusal, kind: type[ServiceError]) -> str:
    """What state remains after the refusal."""
    is_refused = issubclass(kind, (BadRequest, PoolFull))  # whatever its status
    is_refused = is_refused or (refusal.status == 507 and refusal.operation == "upload")
    if is_refused or (refusal.status < 500 and refusal.status != 408):
        return "Nothing was run." if refusal.operation == "execute" else "Nothing was changed."
    if refusal.operation == "execute":
        return "Whether the code was run, wholly or in part, is not known."
    if refusal.operation in ("upload", "delete_file", "delete_session"):
        return "Whether it was done is not known."
    return ""


def _said(refusal: Refusal) -> str:
    return f': "{refusal.message}"' if refusal.message else ""
