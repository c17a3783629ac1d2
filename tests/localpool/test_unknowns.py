"""The pool's switches of what is not known about the service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import PoolStarter

from .conftest import Caller, CallerMaker


@pytest.fixture
def switched(start_pool: PoolStarter, caller: CallerMaker, request: Any) -> Caller:
    """A session of a pool with switches."""
    return caller(pool=start_pool(*(f"--PoolApp.{one}" for one in request.param)))


def switches(*names: str) -> Any:
    return pytest.mark.parametrize("switched", [names], indirect=True)


@switches("max_request_size=4000", "output_limit_max=5000")
def test_requests_and_streams_can_be_bounded(switched: Caller) -> None:
    assert switched.execute("#" * 4000).status_code == 413
    refused = switched.execute("1", outputStreamsMaxLength=5001)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "SessionRequestValidationFailed"
    assert error["target"] == "outputStreamsMaxLength"
    assert switched.run("6 * 7", outputStreamsMaxLength=5000)["value"] == 42


@switches("unfinished_answers=True")
def test_answers_can_be_unfinished(switched: Caller) -> None:
    begun = switched.execute("import time; time.sleep(0.2); kept = 6")
    assert begun.status_code == 202
    switched.execute("kept * 7")
    last = switched.execute("kept + 1")
    assert last.json()["status"] in {"Running", "NotStarted"}
    route = last.headers["Operation-Location"].lstrip("/").partition("?")[0]
    while (answer := switched.call("GET", route).json())["status"] == "Running":
        pass
    assert answer["result"]["executionResult"] == 7


@switches("one_call_at_a_time=True", "session_guid_per_call=True", "no_session_calls=True")
def test_calls_can_be_refused_and_headers_differ(switched: Caller) -> None:
    first, second = switched.execute("1"), switched.execute("1")
    assert first.headers["x-ms-session-guid"] != second.headers["x-ms-session-guid"]
    with ThreadPoolExecutor() as pool:
        running = pool.submit(
            switched.execute,
            "import time\nopen('/mnt/data/b', 'w').close()\n"
            "while not __import__('os').path.exists('/mnt/data/end'): time.sleep(.01)",
        )
        while switched.call("GET", "files/b").status_code != 200:
            pass
        assert switched.execute("1").status_code == 409
        assert switched.upload("end", b"").status_code == 200
        assert running.result().json()["status"] == "Succeeded"
    assert switched.execute("1").status_code == 200
    assert switched.call("GET", "session").status_code == 404
    assert switched.call("DELETE", "session").status_code == 404


@switches("metadata_delay=1")
def test_a_files_description_can_be_late(switched: Caller) -> None:
    assert switched.upload("x", b"1").status_code == 200
    assert switched.call("GET", "files/x").status_code == 404
    while switched.call("GET", "files/x").status_code != 200:
        pass
