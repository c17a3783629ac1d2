"""What a refusal says, in whatever shape it comes, and what it does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aca_kernel.errors import NotFound, PayloadTooLarge, PoolFull
from aca_kernel.pool.wordings import is_about_version, is_full, stated_limit

from .fault_server import FaultServer, answer
from .test_tolerance import _quick_pauses, client_of, fails, refusal, serve  # noqa: F401


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (
            {"error": {"code": "Bad", "message": "Wrong.", "details": [
                {"code": "Range", "target": "code", "message": "It is empty."}]}},
            "code",
            ["Wrong.", "It is empty."],
        ),
        (
            {"title": "Bad Request", "status": 400, "detail": "The body has no code."},
            "",
            ["Bad Request", "The body has no code."],
        ),
        ({"error": "invalid_thing", "error_description": "Too odd."}, "", ["Too odd."]),
        ({"errorCode": "Odd", "Message": "Too odd."}, "", ["Too odd."]),
        ({"error": {"code": 7, "message": ["no", "text"]}}, "", []),
        ({"error": {"code": {"a": 1}, "message": "x", "details": "none", "target": 5}}, "", ["x"]),
    ],
)  # fmt: skip
def test_each_shape_of_a_refusal_is_read(
    serve: Callable[..., FaultServer],  # noqa: F811
    body: Any,
    field: str,
    words: list[str],
) -> None:
    error = fails(serve(answer(400, body)))
    assert error.field == field
    assert all(word in error.what for word in words)


def test_a_full_pool_ran_nothing_whatever_its_status(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    error = fails(serve(answer(503, refusal("NoAvailableSessions"))))
    assert isinstance(error, PoolFull)
    assert error.left == "Nothing was run."


def test_the_known_code_is_a_full_pool_with_any_status() -> None:
    assert is_full(500, "SessionsCountExceedsLimit", "")


def test_a_path_that_is_repeated_names_no_version(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    said = b"Cannot GET /pool/files/a.txt/metadata?api-version=2025-10-02-preview"
    with client_of(serve(answer(404, said))) as client, pytest.raises(NotFound):
        client.file_metadata("identifier-1", "a.txt")
    assert is_about_version(400, "The API version is not supported.")
    assert is_about_version(400, "UnsupportedApiVersion")
    assert is_about_version(400, "InvalidApiVersionParameter")


@pytest.mark.parametrize(
    ("message", "headers", "limit"),
    [
        ("413 Request Entity Too Large", {}, None),
        ("too large (2025), line 1000", {}, None),
        ("limit 2097152", {}, 2 * 2**20),
        ("the most is 300 bytes", {}, 300),
        ("too large", {"X-Max-Body-Size": "65536"}, 65536),
        ("too large", {"Content-Length": "99999", "X-RateLimit-Limit-Requests": "9999"}, None),
    ],
)
def test_a_limit_is_no_status_and_no_year(
    message: str, headers: dict[str, str], limit: int | None
) -> None:
    assert stated_limit(message, headers) == limit


def test_a_limit_of_a_header_is_told(serve: Callable[..., FaultServer]) -> None:  # noqa: F811
    error = fails(serve(answer(413, b"", {"X-Max-Body-Size": "2 MB"})))
    assert isinstance(error, PayloadTooLarge)
    assert error.limit == 2 * 2**20
    assert "2,097,152 bytes" in error.what
