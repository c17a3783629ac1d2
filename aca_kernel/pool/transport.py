"""One request's way to the pool and back: deadlines, repeats, and where the token is attached.

What may be repeated, and when (the sent / not-sent split of azure-core, but stricter):

    what happened                     a read or a delete    an execute or an upload
    surely not sent (NotSent)         repeated              repeated
    429, but the pool is not full     repeated              repeated
    409 423 425                       repeated              repeated
    401                               once, with a fresh token
    answer lost, 408 500 502 503 504  repeated              never: it may have been done
    a web page, or JSON that was cut  repeated              never: it may have been done
    anything else                     never                 never

"Repeated" is up to 4 times, with growing pauses or as Retry-After says; a caller that has more
patience asks for none, and repeats by itself what `AcaKernelError.is_passing`.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar
from urllib.parse import quote

import requests

from aca_kernel.errors import (
    NotSent,
    PermissionRefused,
    ServiceError,
    UnexpectedAnswer,
)
from aca_kernel.pool import steps
from aca_kernel.pool.answers import is_page
from aca_kernel.pool.api import Request
from aca_kernel.pool.attempts import Failed, closed, lost, pause_before, what_is_left, when_again
from aca_kernel.pool.auth import TokenSource, principal_of
from aca_kernel.pool.endpoint import Endpoint, shorten
from aca_kernel.pool.network_errors import NETWORK_ERRORS, is_hopeless, why
from aca_kernel.pool.refusal_texts import correlation_id, named_field, parse_refusal, retry_after
from aca_kernel.pool.refusals import Refusal, explain
from aca_kernel.pool.wire import BLOCK, Bearer, Call, PoolAdapter, PoolSession, proxies_for, trust

__all__ = ["Answer", "Body", "Transport"]

_log = logging.getLogger("aca_kernel.pool")
_T = TypeVar("_T")

ANSWER_LIMIT = 256 * 2**20  # bytes of a JSON answer
_REFUSAL_LIMIT = 64 * 2**10  # bytes that are read of a refusal


class Body(Protocol):
    """What an upload sends: a multipart body that knows its length and reads in blocks."""

    content_type: str
    len: int

    @property
    def failure(self) -> BaseException | None:
        """What was raised while it was read."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``."""


class Answer:
    """A successful answer (2xx), whose body is still to be read."""

    def __init__(self, response: requests.Response, call: Call, request: Request, id_: str) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.correlation_id = id_
        self._response = response
        self._call = call
        self._request = request

    def read(self, limit: int = ANSWER_LIMIT) -> bytes:
        """The whole body. Raises UnexpectedAnswer when it is above ``limit`` bytes."""
        body = bytearray()
        for block in self.blocks():
            body += block
            if len(body) > limit:
                raise UnexpectedAnswer(
                    f"The service's answer is larger than {limit} bytes, and was not read.",
                    left=what_is_left(self._request),
                    status=self.status,
                    correlation_id=self.correlation_id,
                )
        return bytes(body)

    def blocks(self) -> Iterator[bytes]:
        """The body in blocks of at most 256 KiB."""
        blocks = self._response.iter_content(BLOCK)
        while True:
            failed = None
            try:
                block = next(blocks, None)
            except NETWORK_ERRORS as error:
                failed = lost(self._request, self._call, why(error))
            if failed is not None:
                raise failed
            if block is None:
                return
            yield block


class Transport:
    """Sends requests to one endpoint over one kept-alive ``requests.Session``.

    See `aca_kernel.pool.client.PoolClient` for the arguments.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tokens: TokenSource,
        *,
        ca_bundle: str | None,
        connect_timeout: float,
        read_timeout: float,
        proxies: Mapping[str, str] | None,
    ) -> None:
        tokens.check(endpoint)
        self._endpoint = endpoint
        self._tokens = tokens
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._proxies = {} if endpoint.is_loopback else proxies_for(endpoint.host, proxies or {})
        self._session = PoolSession()
        scheme = endpoint.url.partition("://")[0]
        self._session.mount(f"{scheme}://", PoolAdapter(trust(ca_bundle)))
        self._closed = threading.Event()
        self._identifiers: set[str] = set()
        self._calls: set[Call] = set()
        self._calls_lock = threading.Lock()

    def close(self) -> None:
        """Close all connections; calls in flight and pauses end with a TransportError."""
        self._closed.set()
        with self._calls_lock:
            for call in self._calls:
                call.abort()
        self._session.close()

    def repeat(
        self,
        request: Request,
        attempt: Callable[[float | None, bool], _T],
        *,
        timeout: float | None = None,
        repeats: int | None = None,
    ) -> _T:
        """What ``attempt`` returns, called again as the table above allows.

        That is ``repeats`` times at most (4 when None). It gets the seconds that remain of
        ``timeout`` (None for no bound), and whether an earlier attempt may have been carried out.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        done, has_renewed, may_be_done = 0, False, False
        while True:
            remaining = None if deadline is None else max(0.01, deadline - time.monotonic())
            failed: Failed
            try:
                return attempt(remaining, may_be_done)
            except Failed as error:
                failed = error
            if failed.again == "with a fresh token" and self._tokens.drop() and not has_renewed:
                has_renewed = True
                continue
            if failed.again == "if repeatable":
                may_be_done = True
            can = failed.again == "yes" or (failed.again == "if repeatable" and request.repeatable)
            can = can and (repeats is None or done < repeats)
            pause = pause_before(done, failed.retry_after, _jitter()) if can else None
            if pause is None or (deadline is not None and time.monotonic() + pause > deadline):
                raise failed.error
            done += 1
            self.pause(pause)

    def pause(self, seconds: float) -> None:
        """Wait; TransportError when the client is closed meanwhile."""
        if self._closed.wait(seconds):
            raise closed()

    @contextmanager
    def exchange(
        self,
        request: Request,
        *,
        body: Body | None = None,
        read_timeout: float | None = None,
        remaining: float | None = None,
        is_bounded: bool = True,
        is_judged: bool = True,
    ) -> Iterator[Answer]:
        """Send a request once; gives its answer when that is a success, to be read inside.

        ``read_timeout`` is for silence on the line; ``remaining`` and ``is_bounded`` are for
        the whole exchange, so that an answer that drips for ever ends too. In `repeat` only.
        Without ``is_judged`` an answer of any status is given.
        """
        silence = self._read_timeout if read_timeout is None else read_timeout
        total = self._connect_timeout + 2 * silence if is_bounded else None
        if remaining is not None:
            total = min(remaining, total or remaining)
        token = self._tokens.get()
        own_id = str(uuid.uuid4())
        prepared = self._prepare(request, body, token, own_id)
        with Call(total, write_timeout=silence) as call:
            with self._calls_lock:
                self._calls.add(call)
            try:
                if self._closed.is_set():
                    raise closed()
                response = self._send(prepared, request, call, body, silence, remaining)
                try:
                    if is_judged:
                        self._check(response, request, call, token, own_id)
                    found = _harmless_id(
                        correlation_id(response.headers, "", own_id),
                        own_id,
                        self._secrets(request, token),
                    )
                    yield Answer(response, call, request, found)
                finally:
                    response.close()
            finally:
                with self._calls_lock:
                    self._calls.discard(call)

    def _prepare(
        self, request: Request, body: Body | None, token: str, own_id: str
    ) -> requests.PreparedRequest:
        headers = {"x-ms-client-request-id": own_id}
        if request.operation == "download":
            headers["Accept-Encoding"] = "identity"
        if body is not None:
            headers["Content-Type"] = body.content_type
        elif request.body is not None:
            headers["Content-Type"] = "application/json"
        return self._session.prepare_request(
            requests.Request(
                request.method,
                self._endpoint.url + request.target,
                headers=headers,
                data=request.body if body is None else body,
                auth=Bearer(token),
            )
        )

    def _send(
        self,
        prepared: requests.PreparedRequest,
        request: Request,
        call: Call,
        body: Body | None,
        silence: float,
        remaining: float | None,
    ) -> requests.Response:
        """The answer's status and headers."""
        bound = float("inf") if remaining is None else remaining
        timeout = (min(self._connect_timeout, bound), min(silence, bound))
        response, reason, hopeless = None, "", False
        try:
            response = self._session.send(
                prepared,
                stream=True,
                timeout=timeout,
                allow_redirects=False,
                proxies=dict(self._proxies),
            )
        except NETWORK_ERRORS as error:
            reason, hopeless = why(error), is_hopeless(error)
        if body is not None and body.failure is not None:
            if response is not None:
                response.close()
            raise body.failure
        if response is not None:
            return response
        if self._closed.is_set():
            raise closed()
        if call.sent:
            raise lost(request, call, reason)
        unsent = NotSent(
            f"The pool at {self._endpoint.host} could not be reached: {reason}.",
            left="Nothing was sent.",
            remedy="If its certificate is signed by your organisation, add that authority "
            "with the CA bundle option."
            if "certificate" in reason
            else "Check the network and the endpoint, and whether a proxy is needed.",
            steps=[]
            if self._endpoint.is_loopback
            else steps.reach(self._endpoint.resource_id, reason),
        )
        unsent.is_passing = not hopeless
        raise Failed(unsent, again="no" if hopeless else "yes")

    def _secrets(self, request: Request, token: str) -> dict[str, str]:
        """What no text of the service may show, and what is shown in its place."""
        identifier = dict(request.query).get("identifier")
        if identifier:
            self._identifiers.add(identifier)
        secrets = {token: "…"}
        for known in tuple(self._identifiers):  # a service may name others than the one asked for
            secrets[known] = secrets[quote(known, safe="")] = shorten(known)
        return secrets

    def _check(
        self, response: requests.Response, request: Request, call: Call, token: str, own_id: str
    ) -> None:
        """Log the answer, and raise what it means when it is not a success."""
        status, headers = response.status_code, response.headers
        secrets = self._secrets(request, token)
        found = _harmless_id(correlation_id(headers, "", own_id), own_id, secrets)
        _log.debug(
            "%s %s: %d after %.0f ms, correlation id %s",
            request.method,
            request.operation,
            status,
            response.elapsed.total_seconds() * 1000,
            found,
        )
        if 200 <= status < 300:
            return
        body = bytearray()
        with suppress(Failed):  # the status counts, even when the words about it break off
            for block in Answer(response, call, request, found).blocks():
                body += block
                if len(body) > _REFUSAL_LIMIT:
                    break
        code, message, trace = parse_refusal(status, headers, bytes(body), secrets)
        error = explain(
            Refusal(
                status=status,
                code=code,
                message=message,
                correlation_id=_harmless_id(
                    correlation_id(headers, trace, own_id), own_id, secrets
                ),
                operation=request.operation,
                api_version=dict(request.query)["api-version"],
                endpoint=self._endpoint,
                identifier=dict(request.query).get("identifier"),
                field=named_field(bytes(body), secrets),
                sent=len(request.body or b""),
                supported_versions=headers.get("api-supported-versions", ""),
                is_page=is_page(bytes(body)),
                headers=headers,
                token_is_given=self._tokens.is_given,
                principal=principal_of(token),
            )
        )
        if isinstance(error, PermissionRefused):
            self._tokens.drop()  # a role that is given counts with a new token (docs/service.md 12)
        pause = retry_after(headers, time.time())
        if isinstance(error, ServiceError):
            error.retry_after = pause
        raise Failed(error, again=when_again(error, status), retry_after=pause)


def _jitter() -> float:
    return random.random()  # noqa: S311 - it spreads clients, it hides nothing


def _harmless_id(found: str, own_id: str, secrets: Mapping[str, str]) -> str:
    """The correlation id of an answer; ours when the service put a secret into its own."""
    return own_id if any(secret in found for secret in secrets) else found
