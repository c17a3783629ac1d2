"""A call that is answered before its end: followed to its end, and never told as not run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from aca_kernel.errors import AcaKernelError, ServiceError, TransportError, UnexpectedAnswer

from .fault_server import Fault, FaultServer, answer, close
from .test_tolerance import (  # noqa: F401 - fixtures among them
    DONE,
    _quick_pauses,
    bodies,
    client_of,
    run,
    serve,
)

BEGUN = answer(202, {"id": "e-1", "status": "Running"})


def fails(server: FaultServer) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        run(server)
    return caught.value


@pytest.mark.parametrize("fault", [close, answer(503), answer(429), answer(200, b"<html>")])
def test_an_outage_while_it_runs_ends_nothing(
    serve: Callable[..., FaultServer],  # noqa: F811
    fault: Fault,
) -> None:
    server = serve(BEGUN, *[fault] * 6, answer(200, DONE))
    assert run(server).result == 42
    assert len(bodies(server)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 501])
def test_a_refusal_while_it_runs_does_not_say_that_nothing_runs(
    serve: Callable[..., FaultServer],  # noqa: F811
    status: int,
) -> None:
    server = serve(BEGUN, answer(status))
    with pytest.raises(AcaKernelError) as caught:
        run(server)
    assert "may still be running" in caught.value.left
    assert f"HTTP {status}" in str(caught.value)
    assert not caught.value.is_passing
    assert len(bodies(server)) == 1


@pytest.mark.parametrize("number", ["..", ".", "a/b", "x" * 500, "é", ["x"], ""])
def test_an_id_that_is_none_is_not_asked_about(
    serve: Callable[..., FaultServer],  # noqa: F811
    number: Any,
) -> None:
    server = serve(
        answer(202, {"id": number, "status": "Running"}, {"Operation-Location": "/executions/.."}),
        answer(200, DONE),
    )
    error = fails(server)
    assert isinstance(error, UnexpectedAnswer)
    assert '"Running"' in error.what
    assert len(server.received) == 1


def test_an_id_is_found_whatever_its_case_and_place(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    server = serve(
        answer(200, {"Id": "e-2", "Status": "notStarted"}),
        answer(200, {"id": "e-2", "status": "Succeeded", "properties": {"result": DONE["result"]}}),
    )
    assert run(server).result == 42
    assert server.received[-1].target.startswith("/pool/executions/e-2?")


def test_an_end_in_an_unknown_word_is_told(
    serve: Callable[..., FaultServer],  # noqa: F811
) -> None:
    done = run(serve(BEGUN, answer(200, {"status": "Canceled"})))
    assert (done.succeeded, done.status) == (False, "Canceled")


def test_closing_ends_the_wait(serve: Callable[..., FaultServer]) -> None:  # noqa: F811
    server = serve(BEGUN)
    client = client_of(server)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            client.execute("identifier-1", "6 * 7")
        except AcaKernelError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while len(server.received) < 4:
        time.sleep(0.01)
    client.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(caught[0], TransportError)
