"""Calls that a cell can do without: they end, whatever the service does with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aca_kernel.errors import AcaKernelError, ServiceUnavailable, UnexpectedAnswer
from aca_kernel.pool import PoolClient, listings

from .fault_server import Fault, FaultServer, Wire, answer, hang
from .test_tolerance import _quick_pauses, client_of, serve  # noqa: F401

CALLS: list[Callable[[PoolClient, dict[str, Any]], Any]] = [
    lambda client, how: client.get_session("identifier-1", **how),
    lambda client, how: client.delete_session("identifier-1", **how),
    lambda client, how: client.metadata(**how),
    lambda client, how: list(client.list_sessions(**how)),
    lambda client, how: list(client.list_files("identifier-1", **how)),
    lambda client, how: client.file_metadata("identifier-1", "a", **how),
    lambda client, how: client.delete_file("identifier-1", "a", **how),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_not_answered_ends_in_its_time(
    serve: Callable[..., FaultServer],  # noqa: F811
    call: Callable[[PoolClient, dict[str, Any]], Any],
) -> None:
    with client_of(serve(hang)) as client:
        began = time.monotonic()
        with pytest.raises(AcaKernelError):
            call(client, {"timeout": 0.5})
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_not_repeated_for_who_does_that_himself(
    serve: Callable[..., FaultServer],  # noqa: F811
    call: Callable[[PoolClient, dict[str, Any]], Any],
) -> None:
    server = serve(answer(503, b"", {"Retry-After": "7"}))
    with client_of(server) as client, pytest.raises(ServiceUnavailable) as caught:
        call(client, {"repeats": 0})
    assert (caught.value.is_passing, caught.value.retry_after) == (True, 7)
    assert len(server.received) == 1


def endless(entries: int = 1) -> Iterator[Fault]:
    """Pages that each lead to a further one."""
    value = [{"name": "f", "sizeInBytes": 1}] * entries
    return (
        answer(200, {"value": value, "nextLink": f"/pool/files?skip={n}"}) for n in range(1, 500)
    )


def test_all_pages_together_end_in_the_time_of_a_listing(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    def slowly(fault: Fault) -> Fault:
        def play(wire: Wire) -> bool:
            wire.stopped.wait(0.1)
            return fault(wire)

        return play

    server = serve(*map(slowly, endless()))
    with client_of(server) as client, pytest.raises(AcaKernelError):
        list(client.list_files("identifier-1", timeout=1))
    assert 2 <= len(server.received) <= 15


@pytest.mark.parametrize(("name", "most"), [("_MOST_PAGES", 20), ("_MOST_ENTRIES", 60)])
def test_a_listing_without_end_is_told(
    serve: Callable[..., FaultServer],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    most: int,
) -> None:
    monkeypatch.setattr(listings, name, most)
    server = serve(*endless(3))
    with client_of(server) as client, pytest.raises(UnexpectedAnswer, match="has no end"):
        list(client.list_files("identifier-1"))
    assert len(server.received) <= 21


def test_a_page_of_a_network_is_no_deletion(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    with client_of(serve(answer(200, b"<html>Welcome"))) as client:
        with pytest.raises(UnexpectedAnswer, match="web page"):
            client.delete_session("identifier-1")
        with pytest.raises(UnexpectedAnswer, match="web page"):
            client.delete_file("identifier-1", "a")
    with client_of(serve(answer(200, b"<html>Welcome"), answer(204))) as client:
        assert client.delete_session("identifier-1")
