"""Where a pool is, and which session of it: endpoints and identifiers, judged before use.

Everything here is pure. A token is only ever attached to a URL that begins with
an `Endpoint` made by `parse_endpoint`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from aca_kernel.errors import ConfigurationError
from aca_kernel.pool import steps

__all__ = [
    "DEFAULT_SUFFIXES",
    "Endpoint",
    "check_identifier",
    "parse_endpoint",
    "shorten",
]

DEFAULT_SUFFIXES = (".dynamicsessions.io", ".azurecontainerapps.io")
"""Hosts of session pools: code interpreter pools, custom container ones (docs/service.md 1)."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_SUFFIX = re.compile(rf"\.{_LABEL}(?:\.{_LABEL})+", re.ASCII)
_POOL_PATH = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/sessionPools/([^/]+)$", re.IGNORECASE
)
# docs/service.md 13: the spec's pattern, which is the wider of the two that are published
_IDENTIFIER = re.compile(r"[a-zA-Z0-9_|}{\[\]:\";'<>?/.,@#$%^&*()\-+=!~`]{4,128}")

_COPY_IT = (
    "Copy it from the portal, or with: az containerapp sessionpool show --name <pool> "
    "--resource-group <group> --query properties.poolManagementEndpoint --output tsv"
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A pool's management endpoint that has passed every check of `parse_endpoint`.

    ``url`` has no trailing slash. The names of the subscription, resource group and
    pool are None where the path does not hold them (a custom or a local pool).
    """

    url: str
    host: str
    is_loopback: bool
    subscription: str | None = None
    resource_group: str | None = None
    pool_name: str | None = None

    @property
    def resource_id(self) -> str | None:
        """The pool's Azure resource id, as role assignments want it; None when unknown."""
        if not (self.subscription and self.resource_group and self.pool_name):
            return None
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.App/sessionPools/{self.pool_name}"
        )


def parse_endpoint(text: str, *, suffixes: Sequence[str] = DEFAULT_SUFFIXES) -> Endpoint:
    """The endpoint that ``text`` names, safe to send a token to.

    It must be https (plain http only on this machine: 127.0.0.0/8, ::1, localhost),
    without user, query or fragment, and its host must end in one of ``suffixes`` at a
    label boundary; so no other IP address is ever accepted.

    Raises ConfigurationError that says which rule is broken.
    """
    wanted = [f".{suffix.lower().strip('.')}" for suffix in suffixes]
    for suffix in wanted:
        if not _SUFFIX.fullmatch(suffix):
            raise ConfigurationError(
                f"The endpoint suffix {suffix!r} is not a domain of at least two labels.",
                left="Nothing was sent.",
                remedy="Give suffixes like .dynamicsessions.io, without a wildcard.",
            )
    try:
        return _parse(text.strip(), wanted)
    except ConfigurationError as error:
        error.steps = steps.mend_endpoint(text)
        raise


def _parse(text: str, suffixes: Sequence[str]) -> Endpoint:
    """What `parse_endpoint` gives, for suffixes that are domains with a dot before them."""
    if not text:
        raise _malformed("No pool endpoint is given.")
    if not text.isprintable() or any(c.isspace() or c == "\\" for c in text):
        raise _malformed("The pool endpoint holds characters that no URL has.")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError:
        raise _malformed("The pool endpoint is not a URL.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _malformed("The pool endpoint is not an https:// URL.")
    if "@" in parts.netloc:
        raise _malformed("The pool endpoint holds a user name or password, which it never needs.")
    if "?" in text or "#" in text:
        raise _malformed("The pool endpoint holds a query or a fragment ('?' or '#').")

    is_loopback = _is_loopback(host)
    if not is_loopback:
        _check_remote(parts.scheme, host, suffixes)
    path = _clean_path(parts.path, is_loopback=is_loopback)
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port is None else f"{shown_host}:{port}"
    found = _POOL_PATH.search(path)
    names = [unquote(name) for name in found.groups()] if found else [None, None, None]
    return Endpoint(
        url=f"{parts.scheme}://{netloc}{path}",
        host=host,
        is_loopback=is_loopback,
        subscription=names[0],
        resource_group=names[1],
        pool_name=names[2],
    )


def shorten(identifier: str) -> str:
    """How a session identifier is shown everywhere: enough to recognise, not to use.

    A third of it, 16 characters at most: a kernel's own identifiers differ from the twelfth on.
    """
    return identifier[: min(16, len(identifier) // 3)] + "…"


def check_identifier(identifier: str) -> str:
    """The session identifier itself, when the service would accept it.

    Raises ConfigurationError unless it has 4 to 128 of the allowed characters
    (docs/service.md 13). The message does not hold it in full.
    """
    if _IDENTIFIER.fullmatch(identifier):
        return identifier
    if not 4 <= len(identifier) <= 128:
        what = f"The session identifier has {len(identifier)} characters."
    else:
        what = (
            f"The session identifier {shorten(identifier)} holds a character that is not allowed."
        )
    raise ConfigurationError(
        what,
        left="Nothing was sent.",
        remedy="Use 4 to 128 ASCII letters, digits and punctuation, without spaces or backslashes.",
    )


def _malformed(what: str, *, remedy: str = _COPY_IT) -> ConfigurationError:
    return ConfigurationError(what, left="Nothing was sent.", remedy=remedy)


def _is_loopback(host: str) -> bool:
    """Whether a connection to the host surely stays on this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback
    return address == ipaddress.IPv6Address("::1") and "%" not in host


def _check_remote(scheme: str, host: str, suffixes: Sequence[str]) -> None:
    """Refuse a host that is not this machine unless it is surely a pool's."""
    if scheme != "https":
        raise _malformed("The pool endpoint is not https, so the token would be readable.")
    is_name = _HOST.fullmatch(host) is not None
    if not is_name or not any(f".{host}".endswith(suffix) for suffix in suffixes):
        raise _malformed(
            f"The host of the pool endpoint, {host[:80]!r}, does not end in "
            f"{' or '.join(suffixes) or 'any suffix, for none is allowed'}.",
            remedy=f"{_COPY_IT}\nFor another cloud or a gateway of your own, add its suffix to "
            "endpoint_suffixes (ACA_ENDPOINT_SUFFIXES).",
        )


def _clean_path(path: str, *, is_loopback: bool) -> str:
    """The path with each segment percent-encoded once and no slash at its end."""
    path = path.rstrip("/")
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    for segment in segments:
        if segment in ("", ".", "..") or not segment.isprintable() or set(segment) & set("/\\?#%"):
            # docs/service.md 11: to a wrong path the service answers a 401 that says nothing
            raise _malformed("The path of the pool endpoint has an empty or illegal segment.")
    if "providers" in (segment.lower() for segment in segments) and not is_loopback:
        raise _malformed(
            "The pool endpoint has a /providers/ segment: it looks like the resource id, "
            "which the data plane does not know."
        )
    return "".join(f"/{quote(segment, safe='()')}" for segment in segments)
