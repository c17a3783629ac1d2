"""Requests that ipykernel gives no reply to, or no end: each ends here, and the next cell runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy

from .conftest import KernelStarter
from .driver import LINKED, Kernel, Pool, reach

OBJECTS = r"""
import time
class Documented:
    @property
    def __doc__(self): raise RuntimeError('x')
class Closed:
    def __getattribute__(self, name): raise RuntimeError(name)
class Classless:
    @property
    def __class__(self): raise RuntimeError('x')
class Meta(type):
    def __getattribute__(self, name): raise RuntimeError(name)
class OfMeta(metaclass=Meta): pass
class Half:
    @property
    def __doc__(self): return 'a' + chr(0xd83d)
class HalfShown:
    def __repr__(self): return chr(0xd83d)
class Slow:
    @property
    def __doc__(self): time.sleep(60)
documented, closed, classless, half, half_shown, slow = (
    Documented(), Closed(), Classless(), Half(), HalfShown(), Slow())
"""


@pytest.fixture
def linked(local_pool: Pool, start_kernel: KernelStarter) -> Kernel:
    """Give a kernel in linked mode that has begun."""
    kernel = start_kernel(local_pool, **LINKED)
    assert kernel.run("6 * 7").result == "42"
    return kernel


@pytest.fixture(scope="module")
def objects(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel whose session has objects that no help can be had on."""
    kernel = Kernel(LINKED | reach(local_pool), tmp_path_factory.mktemp("objects")).start()
    assert kernel.run(OBJECTS).status == "ok"
    yield kernel
    kernel.close()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = " + "+".join(["1"] * 3000), "RecursionError"),
        ("get_ipython().set_next_input('\\ud83d')", "UnicodeEncodeError"),
        (
            "get_ipython().payload_manager.write_payload({'source': 'page', 'data': object()})",
            "ValueError",
        ),
    ],
)
def test_a_cell_without_a_reply_ends_as_an_error(linked: Kernel, code: str, why: str) -> None:
    linked.run("kept = 1")
    ran = linked.run(code)
    if ran.status == "ok":
        pytest.skip("this ipykernel answers that cell")
    assert ran.ename == "ExecutionFailed"
    assert "The session's Python kernel failed while it handled this cell" in ran.evalue
    assert why in ran.evalue
    assert "Variables and files stay" in ran.traceback
    assert ran.seconds < 1
    assert linked.run("kept + 1").result == "2"


def test_a_nul_byte_in_a_cell_keeps_no_later_cell_from_its_turn(linked: Kernel) -> None:
    assert linked.run("a\0b").status == "error"
    assert linked.run("6 * 7").result == "42"


def test_what_waits_behind_such_a_cell_is_aborted(linked: Kernel) -> None:
    first = linked.send("get_ipython().set_next_input('\\ud83d')")
    second = linked.send("1")
    assert linked.finish(first).status == "error"
    assert linked.finish(second).status == "aborted"
    assert linked.run("2").result == "2"


def test_a_stdout_that_cannot_be_flushed_takes_one_cell_only(linked: Kernel) -> None:
    replaced = linked.run(
        "import sys\nkept = sys.stdout\n"
        "class Stdout:\n    def write(self, text): return len(text)\n"
        "sys.stdout = Stdout()"
    )
    assert replaced.ename == "ExecutionFailed"
    assert "flush" in replaced.evalue + replaced.stderr
    assert linked.run("sys.stdout = kept\n6 * 7").result == "42"


def test_no_stdout_at_all_fails_each_cell_at_once_until_a_restart(linked: Kernel) -> None:
    """IPython itself cannot begin a cell any more, here as in a local kernel."""
    linked.run("import sys\nsys.stdout = None")
    for _ in range(2):
        ran = linked.run("1")
        assert ran.status == "error"
        assert ran.seconds < 2
    linked.restart()
    assert linked.run("6 * 7").result == "42"


@pytest.mark.parametrize(
    "name", ["documented", "closed", "classless", "OfMeta", "half", "half_shown"]
)
def test_help_on_an_odd_object_comes_or_not_and_the_next_cell_runs(
    objects: Kernel, name: str
) -> None:
    began = time.monotonic()
    content = {"code": name, "cursor_pos": len(name), "detail_level": 0}
    assert objects.ask("inspect_request", content)["status"] == "ok"
    assert time.monotonic() - began < 1.5
    assert objects.run("6 * 7").result == "42"


def test_help_that_takes_long_is_given_up_and_holds_nothing(objects: Kernel) -> None:
    began = time.monotonic()
    reply = objects.ask("inspect_request", {"code": "slow", "cursor_pos": 4, "detail_level": 0})
    assert (reply["status"], reply["found"]) == ("ok", False)
    assert time.monotonic() - began < 3
    assert objects.run("6 * 7").seconds < 2


def test_an_interrupt_ends_help_at_once_in_the_session_too(objects: Kernel) -> None:
    content = {"code": "slow", "cursor_pos": 4, "detail_level": 0}
    question = objects.request("inspect_request", content)
    objects.wait_for_message(question, lambda m: m["msg_type"] == "status")
    began = time.monotonic()
    objects.interrupt()
    reply = objects.answer_to(question)
    assert (reply["status"], reply["found"]) == ("ok", False)
    assert objects.run("6 * 7").result == "42"
    assert time.monotonic() - began < 1.9


@pytest.mark.parametrize("content", [{}, {"hist_access_type": "range"}, {"hist_access_type": 7}])
def test_history_that_is_asked_for_in_part_is_answered(
    objects: Kernel, content: dict[str, object]
) -> None:
    assert objects.ask("history_request", content)["status"] == "ok"
    assert objects.run("6 * 7").result == "42"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("inspect_request", {"code": "x", "cursor_pos": 1, "detail_level": 0}),
        ("complete_request", {"code": "x.", "cursor_pos": 2}),
        ("history_request", {"hist_access_type": "tail", "n": 3, "raw": True, "output": False}),
    ],
)
def test_a_frozen_pool_holds_no_question_for_long(
    local_pool: Pool, start_kernel: KernelStarter, kind: str, content: dict[str, object]
) -> None:
    with Proxy(local_pool.endpoint) as proxy:
        kernel = start_kernel(local_pool, **LINKED, ACA_POOL_MANAGEMENT_ENDPOINT=proxy.endpoint)
        assert kernel.run("x = 1\nx").result == "1"
        proxy.stuck = ("executions", "session", "files")
        began = time.monotonic()
        assert kernel.ask(kind, content)["status"] == "ok"
        assert time.monotonic() - began < 3
        proxy.stuck = ()
        assert kernel.run("x + 1").result == "2"


def test_a_frozen_pool_holds_no_interrupt(local_pool: Pool, start_kernel: KernelStarter) -> None:
    with Proxy(local_pool.endpoint) as proxy:
        kernel = start_kernel(local_pool, **LINKED, ACA_POOL_MANAGEMENT_ENDPOINT=proxy.endpoint)
        assert kernel.run("x = 1\nx").result == "1"
        cell = kernel.send("import time\ntime.sleep(3)")
        kernel.input_count(cell)
        proxy.stuck = ("executions", "session", "files")
        began = time.monotonic()
        kernel.interrupt()
        assert kernel.finish(cell).status == "error"
        assert time.monotonic() - began < 5
        proxy.stuck = ()
        assert kernel.run("x + 1").result == "2"
