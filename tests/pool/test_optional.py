"""A service that refuses or bounds the optional fields of an execute call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aca_kernel.errors import AnswerLost, BadRequest, PayloadTooLarge, ServiceUnavailable

from .fault_server import FaultServer, answer, close
from .test_tolerance import (  # noqa: F401 - fixtures among them
    DONE,
    _quick_pauses,
    bodies,
    client_of,
    refusal,
    run,
    serve,
)

FIELD = "outputStreamsMaxLength"


def sent(server: FaultServer) -> list[int | None]:
    return [body.get(FIELD) for body in bodies(server)]


@pytest.mark.parametrize(
    ("status", "message", "asked"),
    [
        (400, f"{FIELD} exceeds the maximum of 123,456.", 123_456),
        (400, f"The request exceeds the limit: {FIELD} <= 500_000.", 500_000),
        (413, f"{FIELD} is too large, the most is 4096", 4096),
        (422, f"{FIELD} is not known in api-version 2025-10-02-preview (HTTP 422).", 1_000_000),
        (400, f"Line 1, position 523: {FIELD} is wrong.", 1_000_000),
    ],
)
def test_a_named_field_gets_the_bound_that_is_said(
    serve: Callable[..., FaultServer],  # noqa: F811
    status: int,
    message: str,
    asked: int,
) -> None:
    server = serve(answer(status, refusal("ValidationFailed", message)), answer(200, DONE))
    assert run(server).output_limit == asked
    assert sent(server) == [20_000_000, asked]


def test_a_field_is_left_out_when_no_value_is_taken(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    refused = answer(400, refusal("Bad", f"unknown {FIELD}"))
    server = serve(refused, refused, refused, answer(200, DONE))
    assert run(server).output_limit is None
    assert sent(server) == [20_000_000, 1_000_000, 123_456, None]


@pytest.mark.parametrize("field", ["request", "$", "body", "properties"])
def test_a_refusal_of_the_whole_body_is_tried_without_the_fields(
    serve: Callable[..., FaultServer],  # noqa: F811
    field: str,
) -> None:
    body = {"title": "One or more errors occurred.", "errors": {field: ["Not valid."]}}
    server = serve(answer(400, body), answer(400, body), answer(200, DONE))
    assert run(server).result == 42
    assert sent(server)[-1] is None


def test_ever_other_bounds_are_not_followed_for_ever(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(
        *[
            answer(400, refusal("Bad", f"{FIELD} above {n}"))
            for n in range(19_000_000, 18_999_900, -1)
        ]
    )
    with pytest.raises(BadRequest):
        run(server)
    assert len(server.received) < 10


def test_a_failure_of_the_second_try_is_told_and_nothing_is_learned(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(answer(400, b"something"), close, answer(200, DONE))
    with client_of(server) as client:
        with pytest.raises(AnswerLost):
            client.execute("identifier-1", "1")
        client.execute("identifier-1", "1")
    assert sent(server) == [20_000_000, 123_456, 20_000_000]


def test_another_refusal_of_the_second_try_is_the_one_that_is_told(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(
        answer(400, refusal("Bad", f"unknown {FIELD}")),
        answer(400, refusal("Bad", "The code is empty.", target="code")),
    )
    with pytest.raises(BadRequest, match="The code is empty"):
        run(server)


@pytest.mark.parametrize("status", [500, 400])
def test_code_runs_once_when_its_refusal_may_be_none(
    serve: Callable[..., FaultServer],  # noqa: F811
    status: int,
) -> None:
    """A failure (500) may come after the code began; so may any refusal of a later question."""
    failure = answer(status, refusal("Failed", f"{FIELD} is wrong"))
    first: list[Any] = [] if status == 500 else [answer(202, {"id": "e", "status": "Running"})]
    server = serve(*first, failure)
    with pytest.raises((ServiceUnavailable, BadRequest)):
        run(server)
    assert len(bodies(server)) == 1


def test_a_failure_that_names_a_field_is_learned_where_running_twice_does_no_harm(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(answer(500, refusal("Failed", f"{FIELD} above 65536")), answer(200, DONE))
    assert run(server, repeatable=True, repeats=0).output_limit == 65536


def test_a_request_that_is_too_large_is_not_about_a_field(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(answer(413, b"413 Request Entity Too Large"))
    with pytest.raises(PayloadTooLarge) as caught:
        run(server)
    assert caught.value.limit is None
    assert len(server.received) == 1
