"""The client of a pool's data plane: each operation of the API as a method."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from aca_kernel.errors import AcaKernelError, NotFound, ServiceError, UnexpectedAnswer
from aca_kernel.pool import answers, api
from aca_kernel.pool.auth import TokenSource
from aca_kernel.pool.endpoint import Endpoint, check_identifier
from aca_kernel.pool.listings import Budget, pages, walk
from aca_kernel.pool.names import check_directory, check_path, split_path
from aca_kernel.pool.optional import OptionalFields
from aca_kernel.pool.unfinished import Whereabouts, follow, whereabouts

if TYPE_CHECKING:
    from aca_kernel.pool.raw import RawAnswer, SmallBody
    from aca_kernel.pool.transport import Answer, Body, Transport

__all__ = ["UPLOAD_LIMIT", "PoolClient"]

_T = TypeVar("_T")

UPLOAD_LIMIT = 128 * 2**20
"""Bytes that the service takes in one upload (docs/service.md 6)."""

EXECUTION_CAP = 220  # seconds, the service's own limit of a synchronous call (docs/service.md 6)


class PoolClient:
    """The operations of one pool, over one kept-alive ``requests.Session``.

    TLS is always verified: ``ca_bundle`` adds certificates to trust, and nothing in the
    environment matters. ``proxies`` is a mapping as ``urllib.request.getproxies`` gives it;
    none is used on this machine. Timeouts are seconds.

    Every method raises the errors of `aca_kernel.errors`: ConfigurationError before
    anything is sent, NotSent and AnswerLost when the network fails, AuthenticationError
    and ServiceError when the service refuses, VersionLacks when the api-version has no
    such operation. May be used from several threads.

    Of every method ``timeout`` bounds the whole in seconds, repeats and further pages included
    (an execute's is its own). ``repeats`` is how often a call is sent again at most (4 when
    None): a caller with a patience of its own gives 0, and looks at `is_passing` of the error.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tokens: TokenSource,
        *,
        api_version: str = api.DEFAULT_API_VERSION,
        ca_bundle: str | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.tokens = tokens
        self.api_version = api_version
        self.upload_limit = UPLOAD_LIMIT  # lowered when the service takes less: `pool.uploads`
        self._api = api.Api(api_version)
        self._optional = OptionalFields()
        # Here, for HTTP takes long to import, and a kernel answers kernel_info without it.
        from aca_kernel.pool.transport import Transport

        self._transport: Transport = Transport(
            endpoint,
            tokens,
            ca_bundle=ca_bundle,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            proxies=proxies,
        )

    def __repr__(self) -> str:
        return f"<PoolClient: {self.endpoint.host}, api-version {self.api_version}>"

    def __enter__(self) -> PoolClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls in flight and pauses end with a TransportError."""
        self._transport.close()

    def supports(self, operation: str) -> bool:
        """Whether the api-version has an operation, by the name of its method here.

        Further names: "directories", "recursive" listings, "output_limit".
        """
        return self._api.supports(operation)

    # -- execution

    def execute(
        self,
        identifier: str,
        code: str,
        *,
        timeout: int | None = None,
        output_limit: int = 20_000_000,
        repeatable: bool = False,
        repeats: int | None = None,
    ) -> answers.Execution:
        """Run code in the session, wait for it, and tell the outcome.

        ``timeout`` is the service's timeoutInSeconds (220 when None); ``output_limit`` the
        characters of a stream that it returns, where the version has that. Both are left out
        where the service refuses them. The call is sent once, and again only when it surely was
        not carried out; ``repeatable`` says that running the code twice does no harm, and
        ``repeats`` how often it is sent again at most. An answer that comes before the end of
        the code is waited for.
        """
        check_identifier(identifier)
        seconds = EXECUTION_CAP if timeout is None else timeout
        end = time.monotonic() + seconds + 60.0
        execution, where, asked = self._begin(
            identifier, code, seconds, output_limit, repeatable, repeats
        )
        if execution.is_unfinished:
            execution = follow(
                execution,
                where,
                lambda path, remaining: self._progress(identifier, path, remaining),
                self._transport.pause,
                end=end,
                is_repeatable=repeatable,
            )
        return replace(execution, output_limit=asked)

    def _begin(
        self,
        identifier: str,
        code: str,
        seconds: int,
        output_limit: int,
        repeatable: bool,
        repeats: int | None,
    ) -> tuple[answers.Execution, Whereabouts, int | None]:
        """The first answer that is no refusal of an optional field, and the limit it was given."""

        def told(value: Any, answer: Answer) -> tuple[answers.Execution, Whereabouts]:
            execution = answers.parse_execution(value, answer.headers)
            return execution, whereabouts(value, answer.headers, self.endpoint.url)

        optional = self._optional
        learned, first = optional.state(), None
        while True:
            limit = optional.output_limit(output_limit) if self.supports("output_limit") else None
            timeout = optional.seconds(seconds)
            request = self._api.execute(
                identifier, code, timeout=timeout, output_limit=limit, repeatable=repeatable
            )
            failed: AcaKernelError
            try:
                answered = self._ask(request, told, read_timeout=seconds + 60.0, repeats=repeats)
            except AcaKernelError as error:
                failed = error  # raised below, without this one's context
            else:
                return (*answered, limit)
            first = first or failed
            if isinstance(failed, ServiceError) and optional.learn(
                failed, limit, timeout, is_repeatable=repeatable
            ):
                continue
            optional.restore(learned)  # it is about something else
            raise first if first.what == failed.what else failed

    def _progress(self, identifier: str, path: str, remaining: float) -> answers.Execution:
        return self._ask(
            self._api.progress(identifier, path),
            lambda value, answer: answers.parse_execution(value, answer.headers),
            timeout=remaining,
            repeats=0,
        )

    # -- files

    def list_files(
        self,
        identifier: str,
        directory: str = "",
        *,
        recursive: bool = False,
        timeout: float | None = None,
        repeats: int | None = None,
    ) -> Iterator[answers.RemoteFile]:
        """The files of a directory of /mnt/data, page by page; ``recursive``: of all below it."""
        check_identifier(identifier)
        check_directory(directory)
        budget = Budget(timeout)

        def listing(directory: str) -> Iterator[answers.RemoteFile]:
            request = self._api.list_files(identifier, directory, recursive=is_deep)
            return self._pages(
                request, lambda value: answers.parse_files(value, directory), budget, repeats
            )

        is_deep = recursive and self.supports("recursive")
        if is_deep == recursive:
            return listing(directory)
        self._api.need("directories")
        return walk(listing, directory)

    def file_metadata(
        self,
        identifier: str,
        path: str,
        *,
        timeout: float | None = None,
        repeats: int | None = None,
    ) -> answers.RemoteFile:
        """One file's size and time. Raises NotFound, and TransferError for an illegal path."""
        request = self._api.file_metadata(check_identifier(identifier), check_path(path))
        directory, _ = split_path(path)
        return self._ask(
            request,
            lambda value, _: answers.parse_file(value, directory),
            timeout=timeout,
            repeats=repeats,
        )

    def delete_file(
        self,
        identifier: str,
        path: str,
        *,
        timeout: float | None = None,
        repeats: int | None = None,
    ) -> None:
        """Remove one file. Raises NotFound, and TransferError for an illegal path."""
        request = self._api.delete_file(check_identifier(identifier), check_path(path))
        self._delete(request, timeout, repeats)

    def send_upload(
        self,
        identifier: str,
        directory: str,
        make_body: Callable[[], Body],
        *,
        repeats: int | None = None,
    ) -> answers.RemoteFile | None:
        """Upload one file; ``make_body`` gives its body from the start, for each attempt.

        Returns what the service says that it got; None when it says nothing that can be read,
        with a status that says that it took the file. See `uploads.upload`.
        """
        check_directory(directory)
        request = self._api.upload(check_identifier(identifier), directory)

        def attempt(remaining: float | None, _: bool) -> answers.RemoteFile | None:
            body = make_body()
            with (
                self._transport.exchange(
                    request, body=body, remaining=remaining, is_bounded=False
                ) as answer,
                suppress(UnexpectedAnswer),
            ):
                return _told(request, answer, lambda value, _: answers.parse_file(value, directory))
            return None

        return self._transport.repeat(request, attempt, repeats=repeats)

    def fetch(
        self,
        identifier: str,
        path: str,
        receive: Callable[[Iterator[bytes], Mapping[str, str]], _T],
        *,
        repeats: int | None = None,
    ) -> _T:
        """Download one file: ``receive`` gets its bytes in blocks, and the answer's headers.

        It is called again, from the start, when the connection broke. See `files.download`.
        """
        request = self._api.download(check_identifier(identifier), check_path(path))

        def attempt(remaining: float | None, _: bool) -> _T:
            with self._transport.exchange(request, remaining=remaining, is_bounded=False) as answer:
                return receive(answer.blocks(), answer.headers)

        return self._transport.repeat(request, attempt, repeats=repeats)

    # -- sessions

    def get_session(
        self, identifier: str, *, timeout: float | None = None, repeats: int | None = None
    ) -> answers.SessionInfo:
        """When the session began and when it ends. Raises NotFound when it is absent."""
        request = self._api.get_session(check_identifier(identifier))
        return self._ask(
            request,
            lambda value, _: answers.parse_session(value),
            timeout=timeout,
            repeats=repeats,
        )

    def delete_session(
        self, identifier: str, *, timeout: float | None = None, repeats: int | None = None
    ) -> bool:
        """End the session with its variables and files; False when it was absent."""
        request = self._api.delete_session(check_identifier(identifier))
        try:
            self._delete(request, timeout, repeats)
        except NotFound:
            return False
        return True

    def list_sessions(
        self, *, timeout: float | None = None, repeats: int | None = None
    ) -> Iterator[answers.SessionInfo]:
        """The sessions of the pool, page by page."""
        request = self._api.list_sessions()
        return self._pages(request, answers.parse_sessions, Budget(timeout), repeats)

    def metadata(
        self, *, timeout: float | None = None, repeats: int | None = None
    ) -> answers.PoolMetadata:
        """What the pool's sessions bring: runtimes and packages."""
        request = self._api.metadata()
        return self._ask(
            request,
            lambda value, _: answers.parse_metadata(value),
            timeout=timeout,
            repeats=repeats,
        )

    # -- whatever is asked

    def raw(
        self,
        request: api.Request,
        *,
        body: SmallBody | None = None,
        read_timeout: float | None = None,
    ) -> RawAnswer:
        """Send any request once, and give its answer, refusals too. See `raw.send`."""
        from aca_kernel.pool import raw

        return raw.send(self._transport, request, body=body, read_timeout=read_timeout)

    # -- what they share

    def _ask(
        self,
        request: api.Request,
        parse: Callable[[Any, Answer], _T],
        *,
        read_timeout: float | None = None,
        timeout: float | None = None,
        repeats: int | None = None,
    ) -> _T:
        """The parsed JSON answer."""
        from aca_kernel.pool.attempts import Failed

        def attempt(remaining: float | None, _: bool) -> _T:
            with self._transport.exchange(
                request, read_timeout=read_timeout, remaining=remaining
            ) as answer:
                try:
                    return _told(request, answer, parse)
                except UnexpectedAnswer as error:
                    raise Failed(
                        error, again="if repeatable" if error.is_passing else "no"
                    ) from None

        return self._transport.repeat(request, attempt, timeout=timeout, repeats=repeats)

    def _delete(self, request: api.Request, timeout: float | None, repeats: int | None) -> None:
        """Send a DELETE; an absence that an earlier, lost attempt explains is a success."""
        from aca_kernel.pool.attempts import Failed, what_is_left

        was_lost = False

        def attempt(remaining: float | None, may_be_done: bool) -> None:
            nonlocal was_lost
            was_lost = may_be_done
            with self._transport.exchange(request, remaining=remaining) as answer:
                if answers.is_page(answer.read()):  # it came from elsewhere: nothing is known
                    page = answers.web_page(answer.status)
                    page.left = what_is_left(request)
                    raise Failed(page, again="if repeatable")

        try:
            self._transport.repeat(request, attempt, timeout=timeout, repeats=repeats)
        except NotFound:
            if not was_lost:
                raise

    def _pages(
        self,
        request: api.Request,
        parse: Callable[[Any], tuple[list[_T], str]],
        budget: Budget,
        repeats: int | None,
    ) -> Iterator[_T]:
        def ask(page: api.Request, timeout: float | None) -> tuple[list[_T], str]:
            return self._ask(page, lambda value, _: parse(value), timeout=timeout, repeats=repeats)

        return pages(ask, request, self.endpoint.url, budget)


def _told(request: api.Request, answer: Answer, parse: Callable[[Any, Answer], _T]) -> _T:
    """The parsed JSON body of an answer; UnexpectedAnswer carries status and correlation id."""
    body = answer.read()
    try:
        return parse(answers.parse_json(body), answer)
    except UnexpectedAnswer as error:
        from aca_kernel.pool.attempts import what_is_left

        error.status = answer.status
        error.correlation_id = answer.correlation_id
        error.left = what_is_left(request)
        raise
