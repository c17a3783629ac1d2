"""What a user is told, and what is sent again, when the pool or the network fails."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from aca_kernel.errors import (
    AcaKernelError,
    AnswerLost,
    AuthenticationError,
    BadRequest,
    ConfigurationError,
    NotFound,
    NotSent,
    PayloadTooLarge,
    PermissionRefused,
    PoolFull,
    ServiceError,
    ServiceUnavailable,
    TooManyRequests,
    TransportError,
    UnexpectedAnswer,
)
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from aca_kernel.pool.attempts import pause_before
from aca_kernel.pool.transport import Answer
from aca_kernel.pool.wire import Call, trust

from .fault_server import Fault, FaultServer, answer, close, cut, drip, hang, raw, reset

DATA = Path(__file__).parent / "data"
IDENTIFIER = "canary-identifier-0123456789abcdef"
TOKEN = "canary-token-0123456789abcdef"
PATH = "/subscriptions/sub-1/resourceGroups/rg-1/sessionPools/pool-1"

OK = answer(200, {"status": "Succeeded", "result": {"stdout": "hi\n", "executionResult": ""}})
FILES = answer(200, {"value": [{"name": "a.txt", "sizeInBytes": 1}]})


def client_of(server: FaultServer | str, **options: Any) -> PoolClient:
    url = server if isinstance(server, str) else server.url
    return PoolClient(parse_endpoint(url + PATH), TokenSource(token=TOKEN), **options)


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aca_kernel.pool.attempts._FIRST_PAUSE", 0.005)


class Kept(logging.Handler):
    """Every record of every logger, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {self.format(record)}")


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What is logged; whatever a test does, neither token nor identifier is in it."""
    kept = Kept()
    with caplog.at_level(logging.DEBUG):
        logging.root.addHandler(kept)
        yield kept.lines
        logging.root.removeHandler(kept)
    assert not [line for line in kept.lines if IDENTIFIER in line or TOKEN in line]


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    running: list[FaultServer] = []

    def start(*script: Fault, **options: Any) -> FaultServer:
        server = FaultServer(*script, **options).__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


def failure(call: Callable[[], Any]) -> AcaKernelError:
    """The error of a call, after a look that it gives nothing away."""
    with pytest.raises(AcaKernelError) as caught:
        call()
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    assert IDENTIFIER not in shown
    assert TOKEN not in shown
    assert error.__context__ is None
    assert error.__cause__ is None
    return error


def read(client: PoolClient) -> list[Any]:
    return list(client.list_files(IDENTIFIER))


def execute(client: PoolClient) -> Any:
    return client.execute(IDENTIFIER, "1")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_log_tells_the_call_and_only_that(
    serve: Callable[..., FaultServer], logged: list[str]
) -> None:
    server = serve(answer(200, {"status": "Succeeded"}, {"mise-correlation-id": "c-1"}))
    with client_of(server) as client:
        execute(client)
    (line,) = logged
    assert line.startswith("aca_kernel.pool: POST execute: 200 after ")
    assert line.endswith(" ms, correlation id c-1")


def test_request_on_the_wire(serve: Callable[..., FaultServer]) -> None:
    server = serve(OK)
    with client_of(server) as client:
        assert execute(client).stdout == "hi\n"
        execute(client)
        assert TOKEN not in repr(client)
    first, second = server.received
    assert server.connections == 1
    assert first.method == "POST"
    assert first.target == (
        f"{PATH}/executions?api-version=2025-10-02-preview&identifier={IDENTIFIER}"
    )
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.headers["user-agent"].startswith("aca-kernel/")
    assert first.headers["x-ms-client-request-id"] != second.headers["x-ms-client-request-id"]
    assert json.loads(first.body) == {
        "codeInputType": "Inline",
        "executionType": "Synchronous",
        "code": "1",
        "timeoutInSeconds": 220,
        "outputStreamsMaxLength": 20_000_000,
    }


@pytest.mark.parametrize(
    ("version", "path", "wrapped", "limited"),
    [
        ("2024-02-02-preview", "/code/execute", True, False),
        ("2024-10-02-preview", "/executions", False, False),
        ("2025-02-02-preview", "/executions", False, False),
        ("2025-10-02-preview", "/executions", False, True),
    ],
)
def test_execute_request_of_each_version(
    serve: Callable[..., FaultServer], version: str, path: str, wrapped: bool, limited: bool
) -> None:
    server = serve(OK)
    client = client_of(server, api_version=version)
    client.execute(IDENTIFIER, "x", timeout=5)
    client.close()
    (request,) = server.received
    assert request.target.startswith(f"{PATH}{path}?api-version={version}&")
    sent = json.loads(request.body)
    assert ("properties" in sent) is wrapped
    fields = sent.get("properties", sent)
    assert fields["timeoutInSeconds"] == 5
    assert ("outputStreamsMaxLength" in fields) is limited


@pytest.mark.parametrize(
    "code",
    ["\0", "\ud800 lone", "한국어", "#" * 5_000_000],
    ids=["nul", "surrogate", "korean", "5 MB"],
)
def test_code_arrives_as_it_is(serve: Callable[..., FaultServer], code: str) -> None:
    server = serve(OK)
    with client_of(server) as client:
        client.execute(IDENTIFIER, code)
    assert json.loads(server.received[0].body)["code"] == code


# -- before anything is sent


def test_refused_connection_is_surely_not_sent() -> None:
    with client_of(f"http://127.0.0.1:{closed_port()}") as client:
        for call in (read, execute):
            error = failure(lambda call=call: call(client))  # type: ignore[misc]
            assert isinstance(error, NotSent)
            assert "refused" in error.what


def test_unknown_host_is_surely_not_sent() -> None:
    endpoint = parse_endpoint("https://no-such-host.invalid", suffixes=["no-such-host.invalid"])
    with PoolClient(endpoint, TokenSource(token=TOKEN)) as client:
        error = failure(lambda: execute(client))
    assert isinstance(error, NotSent)
    assert "resolved" in error.what


def test_execute_is_sent_once_the_pool_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port opens after the first attempt was refused."""
    port = closed_port()
    with client_of(f"http://127.0.0.1:{port}") as client, FaultServer(OK) as server:
        pauses = []

        def open_the_port(pause: float | None = None) -> bool:
            pauses.append(pause)
            server.listen_at(port)
            return False

        monkeypatch.setattr(client._transport._closed, "wait", open_the_port)
        assert execute(client).succeeded
    assert len(pauses) == 1
    assert len(server.received) == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_certificate_of_an_added_authority_is_trusted(
    serve: Callable[..., FaultServer], authority: trustme.CA, bundle: str
) -> None:
    server = serve(OK, tls=tls(authority, "127.0.0.1"))
    with client_of(server, ca_bundle=bundle) as client:
        assert execute(client).succeeded


def test_a_directory_of_authorities_is_trusted(
    serve: Callable[..., FaultServer], authority: trustme.CA, tmp_path: Path
) -> None:
    name = "certificate.pem"
    authority.cert_pem.write_to_path(str(tmp_path / name))
    asked = ["openssl", "x509", "-noout", "-hash", "-in", name]
    found = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    (tmp_path / f"{found.strip()}.0").symlink_to(name)
    server = serve(OK, tls=tls(authority, "127.0.0.1"))
    with client_of(server, ca_bundle=str(tmp_path)) as client:
        assert execute(client).succeeded


@pytest.mark.parametrize("names", [("127.0.0.1",), ("other.example",)])
def test_certificate_that_is_not_trusted_ends_it_before_the_token(
    serve: Callable[..., FaultServer],
    authority: trustme.CA,
    bundle: str,
    names: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither an option nor the environment switches that off."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, bundle)
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    server = serve(OK, tls=tls(authority, *names))
    extra = bundle if names == ("other.example",) else None
    with client_of(server, ca_bundle=extra) as client:
        client._transport._session.verify = False
        for call in (read, execute):
            error = failure(lambda call=call: call(client))  # type: ignore[misc]
            assert isinstance(error, NotSent)
            assert "certificate" in error.what
    assert server.received == []
    assert server.connections == 2


def test_added_bundle_keeps_the_public_authorities(bundle: str) -> None:
    public, extended = trust(None), trust(bundle)
    assert len(extended.get_ca_certs()) == len(public.get_ca_certs()) + 1
    assert len(public.get_ca_certs()) > 50


def test_unreadable_bundle_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    for path in (tmp_path / "x.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match="CA bundle"):
            client_of("http://127.0.0.1:1", ca_bundle=str(path))


# -- after the request was sent


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (close, "without an answer"),
        (reset, "reset"),
        (cut(), "middle"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "not HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), "middle"),
    ],
)
def test_lost_answer(serve: Callable[..., FaultServer], fault: Fault, words: str) -> None:
    """A read is repeated; an execute never, for it may have been run."""
    server = serve(fault, fault, FILES)
    with client_of(server) as client:
        assert [file.name for file in read(client)] == ["a.txt"]
        assert len(server.received) == 3
        server.script([fault])
        error = failure(lambda: execute(client))
        assert isinstance(error, AnswerLost)
        assert words in error.what
        assert "run" in error.left
        assert len(server.received) == 4
        assert isinstance(failure(lambda: read(client)), AnswerLost)
        assert len(server.received) == 4 + 5


@pytest.mark.parametrize("fault", [hang, drip])
def test_silence_and_dripping_end_at_the_deadline(
    serve: Callable[..., FaultServer], fault: Fault
) -> None:
    server = serve(fault)
    with client_of(server, read_timeout=0.1, connect_timeout=0.1) as client:
        error = failure(lambda: read(client))
        assert isinstance(error, AnswerLost)
        assert "in time" in error.what


def test_delete_session_ends_within_its_timeout(serve: Callable[..., FaultServer]) -> None:
    server = serve(drip)
    with client_of(server) as client:
        error = failure(lambda: client.delete_session(IDENTIFIER, timeout=0.3))
        assert isinstance(error, AnswerLost)


def test_close_ends_a_call_in_flight(serve: Callable[..., FaultServer]) -> None:
    server = serve(hang)
    client = client_of(server)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            execute(client)
        except TransportError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    server.wait_for_request()
    client.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(errors) == 1
    assert isinstance(failure(lambda: execute(client)), TransportError)


def test_call_that_was_closed_while_it_connected_sends_nothing() -> None:
    with Call() as call, socket.socket() as sock:
        call.abort()
        with pytest.raises(TimeoutError):
            call.begin(sock)
        assert not call.sent


def test_connection_that_the_service_closed_is_not_used_again(
    serve: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(OK)
    with client_of(server) as client:
        execute(client)
        monkeypatch.setattr("aca_kernel.pool.wire.MAX_IDLE", -1.0)
        execute(client)
    assert server.connections == 2


def test_redirect_is_not_followed(serve: Callable[..., FaultServer]) -> None:
    other = serve(OK)
    for status in (301, 302, 303, 307, 308):
        server = serve(answer(status, b"", {"Location": f"{other.url}/x"}))
        with client_of(server) as client:
            error = failure(lambda: execute(client))
            assert isinstance(error, UnexpectedAnswer)
            assert error.status == status
    assert other.received == []


@pytest.mark.parametrize(
    "fault", [answer(200), answer(200, b"<html>hello"), answer(200, b"[" * 99_999), answer(204)]
)
def test_answer_that_is_not_json(serve: Callable[..., FaultServer], fault: Fault) -> None:
    server = serve(fault)
    with client_of(server) as client:
        for call in (read, execute):
            error = failure(lambda call=call: call(client))  # type: ignore[misc]
            assert isinstance(error, UnexpectedAnswer)
            assert error.status in (200, 204)
            assert error.correlation_id
    # A read is repeated, because it may have been cut; an execute call may have been carried out.
    assert [one.method for one in server.received] == ["GET"] * 5 + ["POST"]


def test_answer_of_another_shape(serve: Callable[..., FaultServer]) -> None:
    with client_of(serve(answer(200, {"sessions": "none"}))) as client:
        for call in (read, execute):
            error = failure(lambda call=call: call(client))  # type: ignore[misc]
            assert isinstance(error, UnexpectedAnswer)
        error = failure(lambda: client.get_session(IDENTIFIER))
        assert isinstance(error, UnexpectedAnswer)
        error = failure(lambda: list(client.list_sessions()))
        assert isinstance(error, UnexpectedAnswer)


def test_answer_without_end_is_not_read(
    serve: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answer.read, "__defaults__", (1000,))
    with client_of(serve(answer(200, b" " * 2000))) as client:
        error = failure(lambda: execute(client))
    assert "larger than" in error.what


# -- refusals


def refused(name: str, status: int | None = None) -> Fault:
    payload = json.loads((DATA / f"{name}.json").read_text())
    body = {key: value for key, value in payload.items() if not key.startswith("_")}
    headers = {"mise-correlation-id": "11112222-3333-4444-5555-666677778888"}
    code = status or payload.get("_http", 400)
    return answer(code, body or b"", headers)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (refused("error-400-FilePathInvalid"), BadRequest, ["/.ade/bin", "without dots"]),
        (refused("error-400-problem-json"), BadRequest, ["validation errors occurred"]),
        (refused("error-404-DeleteFileError"), NotFound, []),
        (refused("error-404-NoSessionFoundError"), NotFound, []),
        (refused("error-SessionWithIdentifierNotFound"), NotFound, []),
        (refused("error-DynamicApisNotAllowed"), BadRequest, ["not dynamic", "PythonLTS"]),
        (refused("error-SessionMCPServerNotEnabled"), BadRequest, ["MCP Server"]),
        (refused("error-SessionPropertiesMissing"), BadRequest, ["ACA_API_VERSION"]),
        (
            answer(403),
            PermissionRefused,
            [
                'az role assignment create --role "Azure ContainerApps Session Executor"',
                '--scope "/subscriptions/sub-1/resourceGroups/rg-1/providers/Microsoft.App'
                '/sessionPools/pool-1"',
            ],
        ),
        (answer(404), NotFound, ["pool-1"]),
        (answer(413), PayloadTooLarge, ["or its answer, is too large"]),
        (answer(400, b"Shell execution is not supported"), BadRequest, ["Shell execution"]),
        (answer(400, "a bare string"), BadRequest, ["a bare string"]),
        (answer(418, {"ERROR": {"Code": "Tea", "MESSAGE": "pot"}}), BadRequest, ["pot", "Tea"]),
        (answer(500, b"<html><body>oops"), ServiceUnavailable, ["HTTP 500"]),
        (answer(501), ServiceUnavailable, []),
        (raw(b"HTTP/1.1 403 X\r\nContent-Length: 99\r\n\r\n{"), PermissionRefused, []),
    ],
)
def test_refusal_is_explained(
    serve: Callable[..., FaultServer], fault: Fault, kind: type[ServiceError], words: list[str]
) -> None:
    server = serve(fault)
    with client_of(server) as client:
        error = failure(lambda: execute(client))
    assert type(error) is kind
    assert error.status >= 400
    assert error.correlation_id
    assert "run" in error.left
    for word in words:
        assert word in str(error)
    # A 400 that names no field may be about an optional one: it is sent without those, twice.
    has_doubt = error.status == 400 and error.code in ("", "SessionMCPServerNotEnabled")
    assert len(server.received) == (3 if has_doubt else 1)


def test_absent_session_and_file_are_named(serve: Callable[..., FaultServer]) -> None:
    with client_of(serve(refused("error-404-NoSessionFoundError"))) as client:
        error = failure(lambda: client.get_session(IDENTIFIER))
        assert isinstance(error, NotFound)
        assert "canary-iden…" in error.what
        assert client.delete_session(IDENTIFIER) is False
    with client_of(serve(refused("error-404-DeleteFileError"))) as client:
        assert "no such file" in str(failure(lambda: client.delete_file(IDENTIFIER, "x")))


def test_full_pool_is_told_at_once_with_its_limit(serve: Callable[..., FaultServer]) -> None:
    server = serve(refused("error-429-SessionsCountExceedsLimit"))
    with client_of(server) as client:
        for call in (read, execute):
            error = failure(lambda call=call: call(client))  # type: ignore[misc]
            assert isinstance(error, PoolFull)
            assert "all 5 sessions" in error.what
            assert "--name pool-1 --resource-group rg-1 --max-sessions" in error.remedy
            assert error.code == "SessionsCountExceedsLimit"
    assert len(server.received) == 2


@pytest.mark.parametrize("call", [read, execute])
def test_too_many_requests_are_repeated(
    serve: Callable[..., FaultServer], call: Callable[[PoolClient], Any]
) -> None:
    server = serve(answer(429, b"", {"Retry-After": "0"}), FILES if call is read else OK)
    with client_of(server) as client:
        assert call(client)
        assert len(server.received) == 2
        server.script([answer(429, {"code": "Throttled"})])
        error = failure(lambda: call(client))
        assert type(error) is TooManyRequests
        assert len(server.received) == 2 + 5


def test_long_retry_after_is_told_not_waited_for(serve: Callable[..., FaultServer]) -> None:
    server = serve(answer(429, b"", {"Retry-After": "3600"}))
    with client_of(server) as client:
        failure(lambda: read(client))
    assert len(server.received) == 1


def test_pauses_grow_and_follow_the_service() -> None:
    pauses = [pause_before(n, None, 0.0) for n in range(5)]
    assert pauses == [0.005, 0.01, 0.02, 0.04, None]
    assert pause_before(0, None, 1.0) == 0.0025
    assert pause_before(0, 7.0, 0.0) == 7.0
    assert pause_before(0, 61.0, 0.0) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_failing_service_is_asked_again_for_reads_only(
    serve: Callable[..., FaultServer], status: int
) -> None:
    server = serve(answer(status), answer(status), FILES)
    with client_of(server) as client:
        assert read(client)
        assert len(server.received) == 3
        server.script([answer(status)])
        error = failure(lambda: execute(client))
        assert isinstance(error, ServiceUnavailable)
        assert "not known" in error.left
        assert len(server.received) == 4


def test_delete_that_was_done_but_lost_its_answer_succeeds(
    serve: Callable[..., FaultServer],
) -> None:
    with client_of(serve(close, answer(404))) as client:
        assert client.delete_session(IDENTIFIER) is True
    with client_of(serve(reset, answer(404))) as client:
        client.delete_file(IDENTIFIER, "x.txt")


def test_refused_token_names_its_causes(serve: Callable[..., FaultServer]) -> None:
    server = serve(refused("error-401-empty-body"))
    with client_of(server) as client:
        error = failure(lambda: execute(client))
    assert isinstance(error, AuthenticationError)
    assert "HTTP 401" in error.what
    assert "11112222-" in error.what
    assert "local pool" in error.remedy
    assert len(server.received) == 1


def test_hostile_words_of_the_service_are_tamed(serve: Callable[..., FaultServer]) -> None:
    message = f"\x1b[31m\x00 {IDENTIFIER} {IDENTIFIER.upper()} Bearer {TOKEN}\n" + "x" * 9999
    body = {"error": {"code": "A\x1b]0;B" + "C" * 500, "message": message}}
    headers = {"mise-correlation-id": f"<{TOKEN}>"}
    with client_of(serve(answer(400, body, headers))) as client:
        error = failure(lambda: execute(client))
    assert isinstance(error, BadRequest)
    assert "canary-iden…" in error.what
    assert len(str(error)) < 700
    assert "\x1b" not in str(error)
    assert "\x00" not in str(error)


# -- listings in pages


def page(names: list[str], link: str | None) -> Fault:
    return answer(200, {"value": [{"name": n, "sizeInBytes": 1} for n in names], "nextLink": link})


def test_pages_are_followed_on_the_same_endpoint(serve: Callable[..., FaultServer]) -> None:
    server = serve(answer(200))
    links = [f"{server.url}{PATH}/files?skip=2&identifier=other", "?skip=4", None]
    server.script([page([str(n)], link) for n, link in enumerate(links)])
    with client_of(server) as client:
        assert [file.name for file in read(client)] == ["0", "1", "2"]
    assert [r.target.partition("&")[2] for r in server.received] == [
        f"identifier={IDENTIFIER}",
        f"identifier={IDENTIFIER}&skip=2",
        f"identifier={IDENTIFIER}&skip=4",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/files?skip=1",
        "//evil.example/files",
        "/files?skip=1",
        f"{PATH}/../../../x/files",
        f"{PATH}/session",
        "http://user@127.0.0.1/files",
        "http://[::1",
    ],
)
def test_page_elsewhere_is_refused(serve: Callable[..., FaultServer], link: str) -> None:
    server = serve(page(["a"], link))
    with client_of(server) as client:
        error = failure(lambda: read(client))
    assert isinstance(error, UnexpectedAnswer)
    assert len(server.received) == 1


def test_listing_without_end_is_told(serve: Callable[..., FaultServer]) -> None:
    server = serve(page(["a"], "?skip=1"))
    with client_of(server) as client:
        assert isinstance(failure(lambda: read(client)), UnexpectedAnswer)
    assert len(server.received) == 2


# -- the environment


def test_netrc_and_proxies_of_the_environment_change_nothing(
    serve: Callable[..., FaultServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    dead = f"http://someone:else@127.0.0.1:{closed_port()}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, dead)
    server = serve(OK)
    with client_of(server, proxies={"http": dead, "https": dead}) as client:
        assert execute(client).succeeded
    (request,) = server.received
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "proxy-authorization" not in request.headers


def test_given_proxy_gets_a_tunnel_and_never_the_token(serve: Callable[..., FaultServer]) -> None:
    proxy = serve(answer(407))
    endpoint = parse_endpoint(f"https://eastus.dynamicsessions.io{PATH}")
    proxies = {"https": f"http://someone:else@127.0.0.1:{proxy.port}"}
    with PoolClient(endpoint, TokenSource(token=TOKEN), proxies=proxies) as client:
        error = failure(lambda: execute(client))
    assert isinstance(error, NotSent)
    assert "proxy" in error.what
    assert {request.method for request in proxy.received} == {"CONNECT"}
    assert all("authorization" not in request.headers for request in proxy.received)
    assert all("proxy-authorization" in request.headers for request in proxy.received)
