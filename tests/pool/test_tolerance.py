"""A service that differs from what is expected: survived, or told as what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aca_kernel.errors import (
    AcaKernelError,
    BadRequest,
    PayloadTooLarge,
    PoolFull,
    RefusedForNow,
    ServiceError,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from aca_kernel.pool import Execution, PoolClient, TokenSource, parse_endpoint
from aca_kernel.pool.answers import SessionInfo, parse_execution, parse_file
from aca_kernel.pool.kinds import kind_of_execution, kind_of_refusal
from aca_kernel.pool.refusal_texts import LONGEST_WAIT, retry_after
from aca_kernel.pool.wordings import stated_limit

from .fault_server import Fault, FaultServer, answer, hang

DONE = {"status": "Succeeded", "result": {"stdout": "out", "stderr": "", "executionResult": 42}}


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aca_kernel.pool.attempts._FIRST_PAUSE", 0.005)


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    running: list[FaultServer] = []

    def start(*script: Fault) -> FaultServer:
        server = FaultServer(*script)
        server.__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


def client_of(server: FaultServer) -> PoolClient:
    return PoolClient(parse_endpoint(f"{server.url}/pool"), TokenSource(token="t" * 20))


def run(server: FaultServer, **more: Any) -> Execution:
    with client_of(server) as client:
        return client.execute("identifier-1", "6 * 7", **more)


def fails(server: FaultServer, **more: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        run(server, **more)
    return caught.value


def bodies(server: FaultServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.received if one.method == "POST"]


def refusal(code: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


# -- refusals that pass


@pytest.mark.parametrize("status", [409, 423, 425, 429])
def test_a_refusal_for_now_is_repeated(serve: Callable[..., FaultServer], status: int) -> None:
    server = serve(answer(status), answer(200, DONE))
    assert run(server).result == 42
    assert len(server.received) == 2


def test_a_408_is_repeated_only_where_running_twice_does_no_harm(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve(answer(408), answer(200, DONE))
    error = fails(server)
    assert isinstance(error, RefusedForNow)
    assert "is not known" in error.left
    assert len(server.received) == 1
    assert run(serve(answer(408), answer(200, DONE)), repeatable=True).result == 42


def test_a_caller_can_have_no_repeats(serve: Callable[..., FaultServer]) -> None:
    server = serve(answer(409, b"", {"Retry-After": "90"}))
    error = fails(server, repeats=0)
    assert error.is_passing
    assert error.retry_after == 90
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("999999999", LONGEST_WAIT), ("-1", None), ("soon", None), ("1e9", None)],
)
def test_a_wait_that_cannot_be_is_not_believed(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, 0.0) == seconds


# -- a full pool, a version, a size, in other words


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"code": "SessionsCountExceedsLimit", "message": "x"}),
        (429, refusal("MaxSessionsReached")),
        (503, refusal("NoAvailableSessions")),
        (404, refusal("NotFound", "No available sessions in the pool.")),
        (404, refusal("SessionPoolExhausted")),
        (503, refusal("Busy", "The maximum number of concurrent sessions is reached.")),
    ],
)
def test_a_full_pool_is_known_in_other_words(
    serve: Callable[..., FaultServer], status: int, body: Any
) -> None:
    assert isinstance(fails(serve(answer(status, body))), PoolFull)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, refusal("NoSessionFoundError", "Could not find session with name 'x'.")), (503, b"")],
)
def test_a_plain_refusal_is_no_full_pool(
    serve: Callable[..., FaultServer], status: int, body: Any
) -> None:
    assert not isinstance(fails(serve(answer(status, body))), PoolFull)


def test_a_refused_version_names_the_option(serve: Callable[..., FaultServer]) -> None:
    body = refusal("UnsupportedApiVersion", "The API version is not supported.")
    headers = {"api-supported-versions": "2026-01-01, 2025-10-02-preview"}
    error = fails(serve(answer(400, body, headers)))
    assert "ACA_API_VERSION" in error.remedy
    assert "2026-01-01" in error.what


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, b""),
        (400, refusal("RequestEntityTooLarge", "The request body is too large: 2000 bytes.")),
        (400, refusal("Bad", "Maximum request length exceeded, the most is 2 KB")),
    ],
)
def test_a_request_that_is_too_large_is_known(
    serve: Callable[..., FaultServer], status: int, body: Any
) -> None:
    error = fails(serve(answer(status, body)))
    assert isinstance(error, PayloadTooLarge)
    assert error.limit in (None, 2000, 2048)


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("the most is 2 MB", 2 * 2**20),
        ("limit of 30,000,000 bytes", 30_000_000),
        ("1.5MiB at most", 3 * 2**19),
        ("no number", None),
        ("error 42", None),
    ],
)
def test_a_limit_is_read_from_words(message: str, limit: int | None) -> None:
    assert stated_limit(message) == limit


def test_the_named_field_is_told(serve: Callable[..., FaultServer]) -> None:
    body = refusal("SessionRequestValidationFailed", "It is wrong.", target="identifier")
    error = fails(serve(answer(400, body)))
    assert error.field == "identifier"
    assert "field identifier" in str(error)
    assert "It is wrong." in error.what


# -- what is no answer of the service


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
def test_a_web_page_is_named_as_one(serve: Callable[..., FaultServer], status: int) -> None:
    page = answer(status, b"\r\n<!DOCTYPE html><title>Welcome to the hotel</title>")
    error = fails(serve(page))
    assert isinstance(error, UnexpectedAnswer)
    assert ("web page" in error.what) or (status == 302 and "redirect" in error.what)
    assert "Welcome" not in str(error)
    assert status == 302 or error.is_passing


def test_a_gateways_page_is_an_outage(serve: Callable[..., FaultServer]) -> None:
    error = fails(serve(answer(502, b"<html>Bad Gateway")))
    assert isinstance(error, ServiceUnavailable)
    assert "web page" in error.what


def test_a_cut_answer_is_asked_for_again_where_that_does_no_harm(
    serve: Callable[..., FaultServer],
) -> None:
    cut = answer(200, json.dumps(DONE).encode()[:-9])
    assert run(serve(cut, answer(200, DONE)), repeatable=True).result == 42
    server = serve(cut, answer(200, DONE))
    assert fails(server).is_passing
    assert len(server.received) == 1


# -- optional fields


def test_a_bound_of_the_output_is_kept_to_and_remembered(
    serve: Callable[..., FaultServer],
) -> None:
    body = refusal(
        "SessionRequestValidationFailed",
        "The field outputStreamsMaxLength must be between 1 and 500000.",
        target="outputStreamsMaxLength",
    )
    server = serve(answer(400, body), answer(200, DONE))
    with client_of(server) as client:
        assert client.execute("identifier-1", "1").output_limit == 500_000
        assert client.execute("identifier-1", "1").output_limit == 500_000
    sent = [body["outputStreamsMaxLength"] for body in bodies(server)]
    assert sent == [20_000_000, 500_000, 500_000]
    assert all(body["timeoutInSeconds"] == 220 for body in bodies(server))


def test_a_service_that_knows_no_optional_field_works(serve: Callable[..., FaultServer]) -> None:
    server = serve(answer(400, b"unknown field"), answer(400, b"unknown field"), answer(200, DONE))
    with client_of(server) as client:
        assert client.execute("identifier-1", "1").output_limit is None
        client.execute("identifier-1", "1")
    assert "outputStreamsMaxLength" not in bodies(server)[2]
    assert "timeoutInSeconds" not in bodies(server)[2]
    assert len(server.received) == 4, "it is remembered"


def test_a_bound_of_the_time_is_kept_to(serve: Callable[..., FaultServer]) -> None:
    body = {"errors": {"timeoutInSeconds": ["The value must be at most 60."]}}
    server = serve(answer(400, body), answer(200, DONE))
    run(server)
    assert [body["timeoutInSeconds"] for body in bodies(server)] == [220, 60]


def test_a_refusal_about_something_else_is_told_and_changes_nothing(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve(answer(400, b"something"), answer(400, b"something"), answer(400, b"something"))
    with client_of(server) as client:
        with pytest.raises(BadRequest, match="something"):
            client.execute("identifier-1", "1")
        with pytest.raises(BadRequest):
            client.execute("identifier-1", "1")
    assert bodies(server)[3]["outputStreamsMaxLength"] == 20_000_000


# -- answers before the end


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "link", ["", "/executions/op-7?api-version=x", "{url}/pool/operations/op-7?api-version=x"]
)
@pytest.mark.parametrize("word", ["Running", "NotStarted"])
def test_an_unfinished_answer_is_waited_for(
    serve: Callable[..., FaultServer], status: int, link: str, word: str
) -> None:
    server = serve()
    headers = {"Operation-Location": link.format(url=server.url)} if link else {}
    begun = {"id": "op-7", "status": word, "result": {"stdout": "op-7"}}
    server.script(
        [answer(status, begun, headers), answer(200, {"status": "Running"}), answer(200, DONE)]
    )
    done = run(server)
    assert (done.result, done.stdout) == (42, "out")
    where = "operations" if "operations" in link else "executions"
    assert [one.target.partition("?")[0] for one in server.received[1:]] == [
        f"/pool/{where}/op-7"
    ] * 2


def test_an_operation_that_tells_only_its_end_leads_to_the_execution(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve(
        answer(202, {"id": "e-1", "status": "Running"}, {"Operation-Location": "/operations/o-1"}),
        answer(200, {"status": "Succeeded"}),
        answer(200, DONE),
    )
    assert run(server).result == 42
    assert server.received[-1].target.startswith("/pool/executions/e-1?")


def test_a_link_to_another_host_is_not_followed(serve: Callable[..., FaultServer]) -> None:
    headers = {"Operation-Location": "https://elsewhere.example/executions/x"}
    server = serve(answer(200, {"id": "e-1", "status": "Running"}, headers), answer(200, DONE))
    assert run(server).result == 42
    assert server.received[-1].target.startswith("/pool/executions/e-1?")


def test_an_end_that_nobody_tells_is_said(serve: Callable[..., FaultServer]) -> None:
    error = fails(serve(answer(200, {"id": "e-1", "status": "Running"}), answer(404)))
    assert isinstance(error, UnexpectedAnswer)
    assert '"Running"' in error.what
    assert "may still be running" in error.left


# -- results in other shapes


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({}, ""),
        ({"executionResult": 1}, 1),
        ({"executionOutput": 7}, 7),
        ({"a": 1, "b": 2}, ""),
        ({"executionResult": {"text/plain": "<DataFrame>"}}, "<DataFrame>"),
        ({"executionResult": {"a": 1}}, {"a": 1}),
    ],
)
def test_a_result_is_found(result: dict[str, Any], value: Any) -> None:
    answered = {"status": "Succeeded", "result": {"stdout": "", "stderr": "", **result}}
    assert parse_execution(answered, {}).result == value


@pytest.mark.parametrize(
    "image",
    [
        {"type": "image", "format": "png", "base64_data": "AAAA"},
        {"Type": "image", "Format": "png", "base64Data": "AAAA"},
        {"image/png": "AA\nAA", "text/plain": "<Figure>"},
        {"data": {"image/png": "AAAA"}, "metadata": {}},
        {"mimeType": "image/png", "base64Data": "AAAA"},
    ],
)
def test_an_image_is_known_in_each_shape(image: dict[str, Any]) -> None:
    answered = {"status": "Succeeded", "result": {"stdout": "", "executionResult": image}}
    known = {"type": "image", "format": "png", "base64_data": "AAAA"}
    assert parse_execution(answered, {}).result == known


# -- numbers


@pytest.mark.parametrize("seconds", [-3000, -1, 0, 0.5, 10**9])
def test_a_cooldown_that_cannot_be_is_none(seconds: float) -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    info = SessionInfo(
        identifier="x",
        created=now,
        last_accessed=now,
        expires=now + timedelta(seconds=seconds),
        etag="",
    )
    assert info.cooldown_seconds is None


@pytest.mark.parametrize("size", [None, -1, "many", 2**70, []])
def test_a_size_that_is_not_told_is_not_zero(size: Any) -> None:
    assert parse_file({"name": "a", "sizeInBytes": size}).size is None
    assert parse_file({"name": "a"}).size is None
    assert parse_file({"name": "a", "sizeInBytes": 0}).size == 0


# -- optional calls


def test_a_call_that_is_not_answered_ends_at_its_deadline(
    serve: Callable[..., FaultServer],
) -> None:
    with client_of(serve(hang)) as client, pytest.raises(AcaKernelError):
        client.get_session("identifier-1", timeout=0.5)


# -- kinds of pools


def test_another_kind_of_pool_is_told_from_its_answers() -> None:
    shell = parse_execution({"status": "1", "result": {"stdout": "", "stderr": "not found"}}, {})
    assert kind_of_execution(shell) == "Shell"
    said = "evalmachine.<anonymous>:1\nSyntaxError: Invalid or unexpected token"
    node = parse_execution({"status": "Failed", "result": {"stdout": "", "stderr": said}}, {})
    assert kind_of_execution(node) == "NodeLTS"
    assert kind_of_refusal("DynamicApisNotAllowed", "") == "CustomContainer"
    python = {"status": "Failed", "result": {"stderr": "NameError: name 'x' is not defined"}}
    assert kind_of_execution(parse_execution(python, {})) == ""
