"""What a failure of the network was, in our own words."""

from __future__ import annotations

import http.client
import http.cookiejar
import ssl
from collections.abc import Iterator

import requests
import requests.adapters
import requests.auth
import urllib3.exceptions

__all__ = ["NETWORK_ERRORS", "is_hopeless", "why"]

NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
"""What may come out of requests and urllib3 when the network fails.

Their texts hold URLs and so the identifier: they are told by `why` and never chained.
"""


def why(error: BaseException) -> str:
    """In our own words, why the network failed: the end of a sentence about the pool."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its TLS certificate is not trusted ({cause.verify_message or 'unknown issuer'})"
            )
    for kind, text in _WHY:
        if any(isinstance(cause, kind) for cause in causes):
            return text
    return "the connection failed"


def is_hopeless(error: BaseException) -> bool:
    """Whether repeating the request cannot help: the certificate or an option is wrong."""
    return any(isinstance(cause, _HOPELESS) for cause in _causes(error))


_HOPELESS = (
    ssl.SSLCertVerificationError,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
)


_WHY: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.InvalidSchema, "its proxy is of a kind that is not supported"),
    (requests.exceptions.InvalidURL, "the URL of its proxy is malformed"),
    (urllib3.exceptions.ProxyError, "the proxy before it failed or refused"),
    (urllib3.exceptions.NameResolutionError, "its host name cannot be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (urllib3.exceptions.ConnectTimeoutError, "connecting took too long"),
    (http.client.RemoteDisconnected, "it closed the connection without an answer"),
    (http.client.BadStatusLine, "it answered with something that is not HTTP"),
    (urllib3.exceptions.ReadTimeoutError, "no answer came in time"),
    (TimeoutError, "no answer came in time"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was reset"),
    (urllib3.exceptions.IncompleteRead, "the answer ended in its middle"),
    (http.client.IncompleteRead, "the answer ended in its middle"),
    (urllib3.exceptions.InvalidChunkLength, "the answer ended in its middle"),
    (ssl.SSLError, "TLS failed"),
    (urllib3.exceptions.SSLError, "TLS failed"),
    (urllib3.exceptions.NewConnectionError, "no connection could be made"),
    (urllib3.exceptions.DecodeError, "its answer could not be decompressed"),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps, in the several ways of requests and urllib3."""
    pending, seen = [error], set[int]()
    while pending and len(seen) < 50:
        item = pending.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        inner = [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
        pending += [cause for cause in inner if isinstance(cause, BaseException)]
