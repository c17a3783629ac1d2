"""A session that cannot hold a guest, in each of its ways: auto mode ends in direct mode."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aca_kernel.pool import Execution, PoolClient, TokenSource, parse_endpoint
from tests.faults.proxy import Proxy
from tests.kernel.conftest import KernelStarter
from tests.kernel.driver import LINKED, Kernel, Pool, Ran, reach, wait_for

AUTO = {"ACA_KERNEL_MODE": "auto"}

KEPT = """
kernel = get_ipython().kernel
class Kept(type(kernel)):
    def __setattr__(self, name, value):
        if name != "do_execute":
            super().__setattr__(name, value)
kernel.__class__ = Kept
del kernel, Kept
"""
"""Makes the session's kernel one whose ``do_execute`` nobody can replace."""

SILENT = """
import sys, os
with open("/mnt/data/python", "w") as python:
    python.write("#!/bin/sh\\nexec sleep 1000\\n")
os.chmod("/mnt/data/python", 0o755)
sys.executable = "/mnt/data/python"
del python
"""
"""Makes each guest kernel a process that never says a word."""

ORPHAN = """
import sys
sys.executable = "/usr/bin/python3"
"""


class Session:
    """One session, prepared by plain calls before a kernel comes to it."""

    def __init__(self, pool: Pool, name: str) -> None:
        self.identifier = f"handshake-{name}-{time.monotonic_ns()}"
        self.environment = {**reach(pool), "ACA_SESSION_ID": self.identifier}
        self._client = PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token))

    def run(self, code: str) -> Execution:
        done = self._client.execute(self.identifier, code)
        assert done.succeeded, done.stderr
        return done

    def is_as_before(self) -> bool:
        """Whether nothing of the link is left in the session interpreter."""
        said = self.run(
            "#aca-kernel-link own\nimport sys; [m for m in sys.modules if 'aca_kernel_link' in m],"
            " 'do_execute' in vars(get_ipython().kernel),"
            " [line for line in In if 'b64decode' in line and 'in In' not in line]"
        ).result
        return str(said) == "([], False, [])"

    def close(self) -> None:
        self._client.delete_session(self.identifier)
        self._client.close()


@pytest.fixture
def session(local_pool: Pool, request: pytest.FixtureRequest) -> Iterator[Session]:
    session = Session(local_pool, "x")
    yield session
    session.close()


def start(session: Session, start_kernel: KernelStarter, pool: Pool, **more: str) -> Kernel:
    return start_kernel(pool, **{**AUTO, "ACA_SESSION_ID": session.identifier, **more})


def check_direct(first: Ran, kernel: Kernel, reason: str) -> None:
    assert first.result == "42", first.reply
    assert "Direct mode, because this session cannot be linked to:" in first.displayed
    assert reason in first.displayed
    again = kernel.run("x = 6 * 7; x")
    assert again.result == "42"
    assert "Direct mode" not in again.displayed, "it is said once"
    assert kernel.run("x").result == "42"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (KEPT, "the link's calls do not reach the guest"),
        ("import sys; sys.executable = '/bin/false'", "its guest kernel does not start"),
        ("import sys; sys.executable = '/nowhere/python'", "No such file"),
        (
            "import os, zmq\nos.environ['PYTHONPATH'] = '/mnt/data'\n"
            "open('/mnt/data/ipykernel.py', 'w').close()",
            "ipykernel",
        ),
    ],
    ids=["hook", "dies", "missing", "ipykernel"],
)
def test_a_session_that_cannot_hold_a_guest_ends_in_direct_mode(
    session: Session, start_kernel: KernelStarter, local_pool: Pool, prepare: str, reason: str
) -> None:
    session.run(prepare)
    kernel = start(session, start_kernel, local_pool)
    check_direct(kernel.run("6 * 7"), kernel, reason)
    assert session.is_as_before()


def test_a_guest_kernel_that_never_answers_ends_in_direct_mode_with_a_status_line(
    session: Session, start_kernel: KernelStarter, local_pool: Pool
) -> None:
    session.run(SILENT)
    kernel = start(session, start_kernel, local_pool)
    first = kernel.run("6 * 7")
    assert "The session is starting, 3 s so far." in first.displayed
    assert "Waited 20 s." in first.displayed
    assert 20 <= first.seconds < 40
    check_direct(first, kernel, "its guest kernel has not answered within 20 s")
    assert session.is_as_before()


def test_a_handshake_can_be_interrupted(
    session: Session, start_kernel: KernelStarter, local_pool: Pool
) -> None:
    session.run(SILENT)
    kernel = start(session, start_kernel, local_pool)
    message = kernel.send("6 * 7")
    kernel.wait_for_message(message, lambda m: m["msg_type"] == "display_data")
    kernel.interrupt()
    began = time.monotonic()
    assert kernel.finish(message).ename == "KeyboardInterrupt"
    assert time.monotonic() - began < 2


def test_linked_mode_says_the_same_as_an_error(
    session: Session, start_kernel: KernelStarter, local_pool: Pool
) -> None:
    session.run("import sys; sys.executable = '/bin/false'")
    kernel = start(session, start_kernel, local_pool, **LINKED)
    ran = kernel.run("6 * 7")
    assert ran.ename == "NoGuest"
    assert "its guest kernel does not start" in ran.evalue
    assert "Nothing of this cell was run." in ran.traceback
    assert session.is_as_before()


def test_a_guest_that_nobody_confirms_goes_by_itself(
    session: Session, start_kernel: KernelStarter, local_pool: Pool
) -> None:
    """As where a hooked call is answered by nobody: no call of ours could take it away."""
    kernel = start(session, start_kernel, local_pool, **LINKED)
    assert kernel.run("6 * 7").result == "42"
    session.run(
        "#aca-kernel-link own\n"
        "import sys; relay = sys.modules['_aca_kernel_link'].relay\n"
        "relay.confirmed, relay._greeted = False, -1000.0\ndel relay"
    )
    wait_for(session.is_as_before, "the guest's own end")
    ran = kernel.run("1")
    assert ran.ename == "ExecutionFailed", ran.reply
    assert "Variables are gone" in ran.traceback
    assert kernel.run("6 * 7").result == "42"


def test_a_request_limit_below_the_bootstrap_is_kept_to(
    session: Session, start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path
) -> None:
    def refuse(operation: str, body: bytes) -> tuple[int, bytes] | None:
        said = b'{"error": {"code": "RequestEntityTooLarge", "message": "too large"}}'
        return (413, said) if operation == "executions" and len(body) > 4000 else None

    with Proxy(local_pool.endpoint, refuse=refuse) as proxy:
        kernel = Kernel(
            {**session.environment, **LINKED, "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint},
            tmp_path,
        ).start()
        try:
            assert kernel.run("6 * 7").result == "42"
            long = "x" * 20_000
            assert kernel.run(f"len('{long}')").result == "20000"
            refused = [call for call in proxy.calls if call.fault == "refused"]
            assert 0 < len(refused) < 12
        finally:
            kernel.close()
