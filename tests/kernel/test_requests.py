"""What execute requests ask for beside their code: counts, silence, queues, expressions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .driver import DIRECT, LINKED, Kernel, Pool, reach


@pytest.fixture(scope="module", params=[DIRECT, LINKED], ids=["direct", "linked"])
def kernel(
    request: pytest.FixtureRequest,
    local_pool: Pool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Kernel]:
    """Give one kernel in each mode: nobody may notice the difference."""
    shared = Kernel(request.param | reach(local_pool), tmp_path_factory.mktemp("shared")).start()
    yield shared
    shared.close()


def test_execution_count_rises_by_one_a_cell_magics_included(kernel: Kernel) -> None:
    first = kernel.run("1").reply["execution_count"]
    assert kernel.run("%session info").reply["execution_count"] == first + 1
    assert kernel.run("%no_such").reply["execution_count"] == first + 2
    assert kernel.run("# nothing").reply["execution_count"] == first + 3
    message = kernel.send("'last'")
    assert kernel.input_count(message) == first + 4
    ran = kernel.finish(message)
    assert ran.reply["execution_count"] == first + 4
    assert ran.of("execute_result")[0]["execution_count"] == first + 4


def test_number_is_not_used_up_without_store_history(kernel: Kernel) -> None:
    first = kernel.run("1").reply["execution_count"]
    ran = kernel.run("'unstored'", store_history=False)
    assert ran.result == "'unstored'"
    assert ran.reply["execution_count"] == first  # the last one's, as with ipykernel
    assert kernel.run("2").reply["execution_count"] == first + 1


def test_silent_cell_shows_nothing_and_has_no_number(kernel: Kernel) -> None:
    first = kernel.run("1").reply["execution_count"]
    ran = kernel.run("print('unseen'); silently = 1\nsilently", silent=True)
    assert ran.status == "ok"
    assert ran.outputs == []
    assert kernel.run("%session info", silent=True).outputs == []
    failed = kernel.run("1 / 0", silent=True)
    assert failed.status == "error"
    assert failed.outputs == []
    ran = kernel.run("silently")
    assert ran.result == "1"
    assert ran.reply["execution_count"] == first + 1


def test_silent_cell_is_not_echoed(kernel: Kernel) -> None:
    message = kernel.send("1", silent=True)
    kernel.wait_for_message(
        message,
        lambda m: m["msg_type"] == "status" and m["content"]["execution_state"] == "idle",
    )
    kinds = {m["msg_type"] for m in kernel._iopub[message]}
    assert kinds == {"status"}
    kernel.finish(message)


def test_failing_cell_aborts_all_that_wait_behind_it(kernel: Kernel) -> None:
    kernel.run("ran = []")
    failing = kernel.send("import time; time.sleep(0.5); ran.append(0); 1 / 0")
    waiting = [kernel.send(f"ran.append({n})") for n in range(1, 21)]
    assert kernel.finish(failing).ename == "ZeroDivisionError"
    for message in waiting:
        ran = kernel.finish(message)
        assert ran.status == "aborted"
        assert ran.outputs == []
    assert kernel.run("ran").result == "[0]"


def test_failing_magic_aborts_all_that_wait_behind_it(kernel: Kernel) -> None:
    kernel.run("ran = []")
    failing = kernel.send("import time; time.sleep(0.5)\n%upload no-such-file.csv")
    waiting = [kernel.send(f"ran.append({n})") for n in range(5)]
    assert kernel.finish(failing).ename == "TransferError"
    assert [kernel.finish(message).status for message in waiting] == ["aborted"] * 5
    assert kernel.run("ran").result == "[]"


def test_queue_goes_on_behind_a_failure_that_was_expected(kernel: Kernel) -> None:
    kernel.run("ran = []")
    failing = kernel.send("import time; time.sleep(0.3); 1 / 0", stop_on_error=False)
    waiting = [kernel.send(f"ran.append({n})") for n in range(5)]
    assert kernel.finish(failing).status == "error"
    assert [kernel.finish(message).status for message in waiting] == ["ok"] * 5
    assert kernel.run("ran").result == "[0, 1, 2, 3, 4]"


def test_many_quick_cells_run_in_order_with_their_own_output(kernel: Kernel) -> None:
    kernel.run("order = []")
    messages = [kernel.send(f"order.append({n}); print({n})") for n in range(20)]
    rans = [kernel.finish(message) for message in messages]
    assert [ran.stdout for ran in rans] == [f"{n}\n" for n in range(20)]
    counts = [ran.reply["execution_count"] for ran in rans]
    assert counts == list(range(counts[0], counts[0] + 20))
    assert kernel.run("order == list(range(20))").result == "True"


def test_user_expressions_are_answered_one_by_one(kernel: Kernel) -> None:
    ran = kernel.run(
        "answer = 42",
        user_expressions={"good": "answer + 1", "bad": "1 / 0", "quoted": "'it\\'s \"x\"\\n'"},
    )
    assert ran.status == "ok"
    assert ran.outputs == []
    found = ran.reply["user_expressions"]
    assert found["good"]["status"] == "ok"
    assert found["good"]["data"]["text/plain"] == "43"
    assert found["bad"]["status"] == "error"
    assert found["bad"]["ename"] == "ZeroDivisionError"
    assert found["quoted"]["data"]["text/plain"] == "'it\\'s \"x\"\\n'"


def test_user_expressions_are_answered_for_an_empty_cell_and_a_magic(kernel: Kernel) -> None:
    for code in ("", "%session info"):
        ran = kernel.run(code, silent=True, user_expressions={"six": "2 * 3"})
        assert ran.reply["user_expressions"]["six"]["data"]["text/plain"] == "6"


def test_user_expressions_leave_no_name_behind(kernel: Kernel) -> None:
    before = kernel.run("sorted(n for n in dir() if not n.startswith('_'))").result
    kernel.run("'a string'", user_expressions={"x": "1"})
    assert kernel.run("sorted(n for n in dir() if not n.startswith('_'))").result == before


def test_underscore_is_the_last_result(kernel: Kernel) -> None:
    kernel.run("'a string'", user_expressions={"x": "1"})
    assert kernel.run("_ + '!'").result == "'a string!'"
