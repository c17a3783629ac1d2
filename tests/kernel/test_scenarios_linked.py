"""Scenarios K1, K2, K4 to K10 and S5 in linked mode, through a real kernel and a real pool."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import PoolStarter

from .conftest import KernelStarter
from .driver import LINKED, Kernel, Pool, ask_pool, delete_session, reach, sessions_of, wait_for

INTERRUPTIBLE = {
    "a busy loop": "while True: pass",
    "time.sleep": "import time; time.sleep(60)",
    "a blocking system call": "import os; r, w = os.pipe(); os.read(r, 1)",
    "a subprocess": "import subprocess; subprocess.run(['sleep', '60'])",
    "a shell command": "!sleep 60",
    "a top-level await": "import asyncio; await asyncio.sleep(60)",
}


@pytest.fixture(scope="module")
def linked(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("linked")
    environment = reach(local_pool) | LINKED
    shared = Kernel(environment, folder).start()
    yield shared
    shared.close()


def test_k1_a_cell_looks_as_with_a_local_kernel(linked: Kernel) -> None:
    ran = linked.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7")
    assert (ran.stdout, ran.stderr, ran.result) == ("out\n", "err\n", "42")
    failed = linked.run("def f():\n    return 1 / 0\nf()")
    assert failed.ename == "ZeroDivisionError"
    assert failed.evalue == "division by zero"
    count = linked.run("0").reply["execution_count"]
    again = linked.run("1 / 0")
    assert f"In[{count + 1}]" in again.traceback.replace(" ", "")
    assert "\x1b[" in "".join(again.reply["traceback"])


def test_k2_an_uploaded_table_is_read_by_its_name(linked: Kernel) -> None:
    (linked.cwd / "local.csv").write_text("a,b\n1,2\n3,4\n")
    ran = linked.run("%upload local.csv\nimport pandas as pd\npd.read_csv('local.csv')")
    assert "/mnt/data/local.csv" in ran.stdout + ran.displayed
    (table,) = ran.of("execute_result")
    assert "<table" in table["data"]["text/html"]


def test_k4_lines_come_while_the_cell_runs(linked: Kernel) -> None:
    message = linked.send("import time\nfor i in range(4):\n    print(i)\n    time.sleep(0.5)")
    first = linked.wait_for_message(message, lambda m: m["msg_type"] == "stream")
    seen = time.monotonic()
    ran = linked.finish(message)
    assert first["content"]["text"] == "0\n"
    assert time.monotonic() - seen > 1, "the first line came with the last"
    assert ran.stdout == "0\n1\n2\n3\n"


def test_k4_a_progress_bar_moves(linked: Kernel) -> None:
    ran = linked.run(
        "import time\nfrom tqdm import tqdm\nfor i in tqdm(range(4), mininterval=0):\n"
        "    time.sleep(0.2)"
    )
    assert len([m for m in ran.of("stream") if "\r" in m["text"]]) >= 3
    assert "4/4" in ran.stderr


def test_k5_a_cell_outlives_the_services_cap(
    start_pool: PoolStarter, start_kernel: KernelStarter
) -> None:
    pool = start_pool("--max-execution-time", "3")
    kernel = start_kernel(pool, **LINKED)
    ran = kernel.run("import time\nfor i in range(8):\n    time.sleep(1)\n    print(i)\n'end'")
    assert ran.result == "'end'"
    assert ran.stdout.split() == [str(i) for i in range(8)]


@pytest.mark.parametrize("what", INTERRUPTIBLE)
def test_k6_an_interrupt_stops_it_and_keeps_variables(linked: Kernel, what: str) -> None:
    linked.run("kept = 1")
    marker = "import os; open('/tmp/begun', 'w').close(); print('begun', flush=True)\n"
    message = linked.send(marker + INTERRUPTIBLE[what])
    linked.wait_for_message(message, lambda m: m["msg_type"] == "stream")
    began = time.monotonic()
    linked.interrupt()
    ran = linked.finish(message)
    assert time.monotonic() - began < 4  # 2 s on a machine that is not busy
    if not INTERRUPTIBLE[what].startswith("!"):  # which ends with ^C and ok, as locally
        assert ran.ename in ("KeyboardInterrupt", "CancelledError")
    assert linked.run("kept").result == "1"


def test_k6_what_cannot_be_interrupted_is_said_and_a_restart_ends_it(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    message = kernel.send(
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
        "print('begun', flush=True)\ntime.sleep(60)"
    )
    kernel.wait_for_message(message, lambda m: m["msg_type"] == "stream")
    began = time.monotonic()
    kernel.interrupt()
    ran = kernel.finish(message)
    assert time.monotonic() - began < 12
    assert ran.ename == "KeyboardInterrupt"
    assert "still runs" in ran.traceback
    assert "restart" in ran.traceback
    kernel.restart()
    assert kernel.run("6 * 7").result == "42"


def test_an_interrupt_before_the_code_begins_is_not_lost(linked: Kernel) -> None:
    linked.run("import time")
    for _ in range(5):
        message = linked.send("time.sleep(60)")
        linked.wait_for_message(message, lambda m: m["msg_type"] == "execute_input")
        linked.interrupt()
        assert linked.finish(message, timeout=15).ename == "KeyboardInterrupt"


def test_k7_tab_and_shift_tab_know_the_sessions_names(linked: Kernel) -> None:
    linked.run("a_long_name = {'key': 1}\ndef documented():\n    '''Says what it does.'''")
    request = {"code": "a_long", "cursor_pos": 6}

    def found() -> bool:  # the first answers may be late, and then empty, while jedi warms up
        return "a_long_name" in linked.ask("complete_request", request)["matches"]

    wait_for(found, "the completion")
    shown = linked.ask(
        "inspect_request", {"code": "documented", "cursor_pos": 4, "detail_level": 0}
    )
    assert shown["found"]
    assert "Says what it does." in shown["data"]["text/plain"]
    assert set(shown["data"]) == {"text/plain"}


def test_k7_question_mark_opens_the_pager(linked: Kernel) -> None:
    ran = linked.run("len?")
    (page,) = ran.reply["payload"]
    assert page["source"] == "page"
    assert "number of items" in page["data"]["text/plain"]


def test_k7_history_is_the_sessions(linked: Kernel) -> None:
    linked.run("'remember me'")
    reply = linked.ask(
        "history_request",
        {"hist_access_type": "tail", "n": 1, "output": False, "raw": True},
    )
    assert reply["history"][0][2] == "'remember me'"


def test_k7_input_and_getpass_are_answered(linked: Kernel) -> None:
    message = linked.send("name = input('who? ')\nname.upper()", allow_stdin=True)
    question = linked.answer(message, "ada")
    assert (question["prompt"], question["password"]) == ("who? ", False)
    assert linked.finish(message).result == "'ADA'"
    message = linked.send("import getpass; len(getpass.getpass('word: '))", allow_stdin=True)
    assert linked.answer(message, "secret")["password"] is True
    assert linked.finish(message).result == "6"


def test_k7_input_without_stdin_is_jupyters_own_error(linked: Kernel) -> None:
    assert linked.run("input()", allow_stdin=False).ename == "StdinNotImplementedError"


def test_k7_an_interrupted_question_ends(linked: Kernel) -> None:
    message = linked.send("input('who? ')", allow_stdin=True)
    wait_for(linked.has_question, "the question")
    linked.interrupt()
    assert linked.finish(message).ename == "KeyboardInterrupt"
    message = linked.send("input('again? ')", allow_stdin=True)
    assert linked.answer(message, "yes")["prompt"] == "again? "
    assert linked.finish(message).result == "'yes'"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("who_is_here = 1\n%who", "who_is_here"),
        ("%timeit -n1 -r1 1", "per loop"),
        ("%%bash\necho from bash\npwd", "from bash\n/mnt/data"),
        ("!echo from the shell", "from the shell"),
        ("import asyncio\nawait asyncio.sleep(0)\nprint('awaited')", "awaited"),
        ("open('run_me.py', 'w').write('print(3 * 4)')\n%run run_me.py", "12"),
        ("%load_ext autoreload\n%autoreload 2\nprint('loaded')", "loaded"),
    ],
)
def test_what_ipython_offers_works_as_local(linked: Kernel, cell: str, shown: str) -> None:
    ran = linked.run(cell)
    assert ran.status == "ok", ran.reply
    assert shown in ran.stdout.replace("\r", "")


def test_the_number_beside_the_cell_is_the_sessions_own(linked: Kernel) -> None:
    first = linked.run("'one'").reply["execution_count"]
    linked.run("%files")
    linked.run("%upload nothing-there")
    third = linked.run("'three'")
    count = third.reply["execution_count"]
    assert count == first + 3
    assert third.of("execute_result")[0]["execution_count"] == count
    ran = linked.run(f"(Out[{first}], Out[{count}], In[{count}], _)")
    assert ran.result == "('one', 'three', \"'three'\", 'three')"


def test_a_magic_in_the_middle_keeps_the_cells_number(linked: Kernel) -> None:
    ran = linked.run("x = 5\n%files\nx")
    count = ran.reply["execution_count"]
    assert ran.of("execute_result")[0]["execution_count"] == count
    assert linked.run(f"Out[{count}]").result == "5"


def test_no_word_of_the_sessions_history_gets_into_a_cell(linked: Kernel) -> None:
    ran = linked.run("print('one')\n%files\nprint('two')\n%files\nprint('three')")
    assert [line for line in ran.stdout.splitlines() if line in ("one", "two", "three")] == [
        "one",
        "two",
        "three",
    ]
    # IPython's history thread would complain on stdout of a line that is there already.
    later = linked.run("import time\nget_ipython().history_manager.writeout_cache()\n'end'")
    assert "ERROR" not in ran.stdout + later.stdout
    assert later.result == "'end'"


def test_displays_are_updated_and_cleared(linked: Kernel) -> None:
    ran = linked.run(
        "from IPython.display import clear_output\n"
        "handle = display('before', display_id=True)\nhandle.update('after')\n"
        "clear_output(wait=True)\nprint('z')"
    )
    assert ran.kinds == ["display_data", "update_display_data", "clear_output", "stdout"]
    shown, updated = ran.of("display_data")[0], ran.of("update_display_data")[0]
    assert shown["transient"]["display_id"] == updated["transient"]["display_id"]


def test_s5_several_figures_in_order_then_the_table(linked: Kernel) -> None:
    ran = linked.run(
        "import matplotlib.pyplot as plt, pandas as pd\n"
        "for n in range(3):\n    plt.figure()\n    plt.plot([0, n])\n    plt.show()\n"
        "print('between')\npd.DataFrame({'a': [1, 2]})"
    )
    assert ran.kinds == ["display_data"] * 3 + ["stdout", "execute_result"]
    assert all("image/png" in shown["data"] for shown in ran.of("display_data"))
    assert "<table" in ran.of("execute_result")[0]["data"]["text/html"]


def test_k8_a_restart_empties_the_namespace_and_keeps_files(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("x = 1\nopen('kept.txt', 'w').write('kept')")
    kernel.restart()
    ran = kernel.run("'x' in globals(), open('kept.txt').read()")
    assert ran.result == "(False, 'kept')"
    assert ran.reply["execution_count"] == 1
    assert "Reattached" not in ran.displayed
    assert kernel.identifier in sessions_of(local_pool)


def test_k8_a_restart_while_a_cell_runs(local_pool: Pool, start_kernel: KernelStarter) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("x = 1\nopen('kept.txt', 'w').write('kept')")
    message = kernel.send("print('begun', flush=True)\nimport time; time.sleep(600)")
    kernel.wait_for_message(message, lambda m: m["msg_type"] == "stream")
    kernel.restart()
    assert kernel.run("'x' in globals(), open('kept.txt').read()").result == "(False, 'kept')"


def test_k8_session_restart_is_the_same_without_a_new_process(linked: Kernel) -> None:
    linked.run("x = 1\nopen('kept2.txt', 'w').write('kept')")
    assert linked.run("%session restart").status == "ok"
    ran = linked.run("'x' in globals(), open('kept2.txt').read()")
    assert ran.result == "(False, 'kept')"
    assert ran.of("execute_result")[0]["execution_count"] == ran.reply["execution_count"]


def test_a_crashed_kernel_process_comes_back_to_its_session(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("x = 'still here'")
    os.kill(kernel.pid, signal.SIGKILL)
    kernel.restart(now=True)
    ran = kernel.run("x")
    assert ran.result == "'still here'"
    assert "Reattached" in ran.displayed
    assert ran.reply["execution_count"] == 1
    assert ran.of("execute_result")[0]["execution_count"] == 1
    assert kernel.run("Out[1]").result == "'still here'"


def test_k10_a_session_that_cooled_down_is_told_and_nothing_is_run(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("x = 1")
    delete_session(local_pool, kernel.identifier)
    ran = kernel.run("open('ran.txt', 'w').write('it ran')")
    assert ran.ename == "SessionLost"
    assert "Variables and the files in /mnt/data are gone" in ran.traceback
    after = kernel.run("import os; os.path.exists('ran.txt'), 'x' in globals()")
    assert after.result == "(False, False)"


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "memory"),
    ],
)
def test_a_dying_guest_kernel_is_told_as_what_it_is(linked: Kernel, cell: str, cause: str) -> None:
    linked.run("x = 1\nopen('kept3.txt', 'w').write('kept')")
    ran = linked.run(cell)
    assert ran.ename == "ExecutionFailed"
    assert cause in ran.traceback
    assert linked.run("'x' in globals(), open('kept3.txt').read()").result == "(False, 'kept')"


def test_a_guest_kernel_that_dies_between_cells_is_told_and_nothing_is_run(
    linked: Kernel,
) -> None:
    linked.run(
        "import os, threading, signal\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()"
    )
    time.sleep(1.5)  # the death itself sends no event to this side
    ran = linked.run("open('ran4.txt', 'w').write('it ran')")
    assert ran.ename == "ExecutionFailed"
    assert linked.run("import os; os.path.exists('ran4.txt')").result == "False"


def test_a_second_kernel_takes_the_session_over_and_the_first_is_told(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    shared = LINKED | {"ACA_SESSION_ID": "two-kernels-one-session"}
    first = start_kernel(local_pool, **shared)
    first.run("x = 'of the first'")
    second = start_kernel(local_pool, **shared)
    assert second.run("x").result == "'of the first'"
    told = first.run("x")
    assert told.ename == "SessionLost"
    assert "took it over" in told.traceback
    assert first.run("x").result == "'of the first'"


def test_nothing_of_the_guest_shows_in_the_users_world(linked: Kernel) -> None:
    assert linked.run("%session restart").status == "ok"
    ran = linked.run("sorted(name for name in globals() if 'aca' in name.lower())")
    assert ran.result == "[]"
    assert "aca" not in linked.run("import os; os.listdir('/mnt/data')").result  # type: ignore[operator]


def test_10_mb_of_lines_come_whole(linked: Kernel) -> None:
    ran = linked.run("for i in range(200_000): print(f'{i:06}' + 'x' * 43)")
    lines = ran.stdout.splitlines()
    assert len(lines) == 200_000
    assert lines[123_456].startswith("123456x")
    assert [int(line[:6]) for line in lines] == list(range(200_000))


def test_a_display_of_20_mb_comes_whole(linked: Kernel) -> None:
    ran = linked.run("display({'text/plain': 'y' * 20_000_000}, raw=True)")
    assert len(ran.of("display_data")[0]["data"]["text/plain"]) == 20_000_000


def test_a_cell_of_5_mb_arrives_whole(linked: Kernel) -> None:
    assert linked.run("text = '" + "z" * 5_000_000 + "'\nlen(text)").result == "5000000"


def test_auto_mode_falls_back_to_direct_and_says_why(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    identifier = "a-session-without-jupyter-client"
    ask_pool(local_pool, "GET", "files", identifier=identifier).raise_for_status()
    spoil = {
        "codeInputType": "Inline",
        "executionType": "Synchronous",
        "code": "import sys; sys.modules['jupyter_client.connect'] = None",
    }
    requests.post(
        f"{local_pool.endpoint}/executions",
        params={"api-version": "2025-10-02-preview", "identifier": identifier},
        headers={"Authorization": f"Bearer {local_pool.token}"},
        json=spoil,
        timeout=60,
    ).raise_for_status()
    kernel = start_kernel(local_pool, ACA_KERNEL_MODE="auto", ACA_SESSION_ID=identifier)
    ran = kernel.run("6 * 7")
    assert ran.result == "42"
    assert "Direct mode" in ran.displayed
    assert "jupyter_client" in ran.displayed
    strict = start_kernel(local_pool, **LINKED, ACA_SESSION_ID=identifier)
    told = strict.run("6 * 7")
    assert told.status == "error"
    assert "ACA_KERNEL_MODE" in told.traceback


@pytest.mark.parametrize(
    "version", ["2024-02-02-preview", "2024-10-02-preview", "2025-02-02-preview"]
)
def test_every_api_version_carries_the_link(
    local_pool: Pool, start_kernel: KernelStarter, version: str
) -> None:
    kernel = start_kernel(local_pool, **LINKED, ACA_API_VERSION=version)
    ran = kernel.run("print('x' * 300_000)\n'text'")
    assert len(ran.stdout) == 300_001
    assert ran.result == "'text'"
