"""Magics as a part of cells: where they are obeyed, how they fail, what they ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import KernelStarter
from .driver import (
    LINKED,
    Kernel,
    Pool,
    delete_session,
    everything,
    sessions_of,
)


@pytest.fixture
def here(kernel: Kernel) -> Path:
    """The shared kernel's notebook directory."""
    return kernel.cwd


def test_code_and_magics_of_a_cell_run_in_order(kernel: Kernel, here: Path) -> None:
    (here / "local.csv").write_text("a,b\n1,2\n")
    ran = kernel.run(
        "print('first')\n"
        "%upload local.csv\n"
        "rows = open('/mnt/data/local.csv').read()\n"
        "print('second')\n"
        "%files\n"
        "rows"
    )
    assert ran.status == "ok"
    streams = [k for k in ran.kinds if k in ("stdout", "stderr")]
    assert streams[0] == "stdout"
    assert ran.stdout.index("first") < ran.stdout.index("/mnt/data/local.csv")
    assert ran.stdout.index("/mnt/data/local.csv") < ran.stdout.index("second")
    assert "local.csv" in ran.displayed
    assert ran.result == "'a,b\\n1,2\\n'"


def test_only_the_last_line_of_a_cell_has_a_result(kernel: Kernel) -> None:
    ran = kernel.run("'not shown'\n%session info")
    assert ran.result is None
    assert kernel.run("%session info\n'shown'").result == "'shown'"


def test_failing_magic_stops_the_rest_of_its_cell(kernel: Kernel) -> None:
    ran = kernel.run("before = 1\n%upload no-such-file\nafter = 1")
    assert ran.status == "error"
    assert ran.ename == "TransferError"
    assert "no-such-file" in ran.traceback
    assert kernel.run("'before' in dir(), 'after' in dir()").result == "(True, False)"


def test_failing_code_keeps_the_magic_behind_it_from_acting(kernel: Kernel, here: Path) -> None:
    (here / "unsent.txt").write_text("x")
    ran = kernel.run("1 / 0\n%upload unsent.txt")
    assert ran.ename == "ZeroDivisionError"
    assert kernel.run("import os; os.path.exists('/mnt/data/unsent.txt')").result == "False"


@pytest.mark.parametrize(
    "code",
    [
        "text = '''\n%upload secret.txt\n'''",
        'text = f"""\n%session stop\n"""',
        "text = (\n7\n%upload\n)",
        "# %upload secret.txt",
        "get_ipython().run_cell_magic",
    ],
)
def test_magic_in_a_string_is_not_obeyed(kernel: Kernel, here: Path, code: str) -> None:
    (here / "secret.txt").write_text("secret")
    kernel.run("upload = 5; kept = 1")
    ran = kernel.run(f"{code}\nimport os; os.path.exists('/mnt/data/secret.txt'), kept")
    assert ran.result == "(False, 1)", ran.reply


@pytest.mark.parametrize("code", ["%upload?", "%upload??", "%upload ?", "%upload -h"])
def test_magic_shows_its_help(kernel: Kernel, code: str) -> None:
    ran = kernel.run(code)
    assert ran.status == "ok"
    assert ran.stdout.startswith("usage: %upload")
    assert "--force" in ran.stdout


@pytest.mark.parametrize(
    ("code", "usage"),
    [
        ("%upload", "usage: %upload"),
        ("%upload a --frce", "usage: %upload"),
        ("%session dance", "usage: %session"),
        ("%session keep-alive soon", "usage: %session keep-alive"),
        ('%upload "a', "quotes"),
        ("%%direct --what\n1", "usage: %%direct"),
    ],
)
def test_wrong_arguments_show_the_usage(kernel: Kernel, code: str, usage: str) -> None:
    ran = kernel.run(code)
    assert ran.ename == "UsageError"
    assert usage in ran.traceback


def test_magics_of_the_session_are_left_to_it(kernel: Kernel) -> None:
    ran = kernel.run("!echo 'it is' $((6 * 7))\nlines = !echo one\n%time x = 5\nlines, x")
    assert ran.status == "ok", ran.traceback
    assert "it is 42" in ran.stdout
    assert ran.result == "(['one'], 5)"
    assert kernel.run("%%bash\necho from bash").stdout == "from bash\n"
    ran = kernel.run("%%writefile note.txt\n%upload is only text here\n")
    assert ran.status == "ok"
    assert kernel.run("open('note.txt').read()").result == "'%upload is only text here\\n'"


def test_direct_magic_runs_its_cell_in_the_session(kernel: Kernel) -> None:
    ran = kernel.run("%%direct\ndirectly = 6 * 7\nprint('said')\ndirectly")
    assert ran.status == "ok"
    assert ran.stdout == "said\n"
    assert ran.result == "42"
    assert kernel.run("directly").result == "42"
    assert kernel.run("%%direct\n1 / 0").ename == "ZeroDivisionError"
    assert kernel.run("%%direct").outputs == []


def test_a_direct_cell_tells_that_the_session_was_replaced_and_nothing_tells_it_again(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("old = 1")
    assert kernel.run("%%direct\nold = 2\nold").result == "2"
    delete_session(local_pool, kernel.identifier)
    assert kernel.run("%%direct\nold").ename == "SessionLost"
    assert kernel.run("'old' in dir()").result == "False"
    delete_session(local_pool, kernel.identifier)
    assert kernel.run("1").ename == "SessionLost"
    ran = kernel.run("%%direct\n'old' in dir()")
    assert ran.result == "False", ran.reply
    assert "Reattached" not in ran.displayed


def test_session_magic_can_restart_stop_and_renew(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    for action in ("restart", "new", "stop"):
        kernel.run("old = 1")
        ran = kernel.run(f"%session {action}")
        assert ran.status == "ok"
        assert kernel.identifier not in sessions_of(local_pool)
        ran = kernel.run("'old' in dir()")
        assert ran.result == "False"
        assert ran.kinds == ["execute_result"]
    kernel.shutdown()
    assert kernel.identifier not in sessions_of(local_pool)


@pytest.mark.parametrize(("answer", "is_attached"), [("y", True), ("no", False), ("", False)])
def test_attaching_asks_first(
    local_pool: Pool, start_kernel: KernelStarter, answer: str, is_attached: bool
) -> None:
    shared = "a-session-that-is-shared-by-two"
    one, two = start_kernel(local_pool, ACA_SESSION_ID=shared), start_kernel(local_pool)
    one.run("whose = 'shared'")
    two.run("whose = 'own'")
    message = two.send(f"%session attach {shared}\nwhose", allow_stdin=True)
    question = two.answer(message, answer)
    assert shared not in question["prompt"]
    ran = two.finish(message)
    assert ran.status == "ok"
    assert "may be in use elsewhere" in ran.stderr
    assert ran.result == ("'shared'" if is_attached else "'own'")
    assert shared not in everything(ran).replace(f"%session attach {shared}", "")


def test_attaching_without_stdin_is_its_own_consent(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    shared = "another-session-that-is-shared"
    one, two = start_kernel(local_pool, ACA_SESSION_ID=shared), start_kernel(local_pool)
    one.run("whose = 'shared'")
    ran = two.run(f"%session attach {shared}\nwhose")
    assert ran.result == "'shared'"
    assert "may be in use elsewhere" in ran.stderr
    assert not two.has_question()


def test_interrupted_question_leaves_the_next_one_intact(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    first = kernel.send("%session attach the-first-other-session", allow_stdin=True)
    assert kernel.client.get_stdin_msg(timeout=60)["parent_header"]["msg_id"] == first
    kernel.interrupt()
    assert kernel.finish(first).ename == "KeyboardInterrupt"
    kernel.client.input("an answer that comes too late")
    kernel.run("1")
    second = kernel.send("%session attach the-second-other-session", allow_stdin=True)
    kernel.answer(second, "y")
    ran = kernel.finish(second)
    assert ran.status == "ok"
    assert "Attached" in ran.stdout


def test_identifier_is_shown_in_full_only_on_request(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool)
    rans = [
        kernel.run(code)
        for code in (
            "%session info",
            "1",
            "%session",
            "%session list",
            "%session attach",
            f"%session atach {kernel.identifier}",
            f"%session attach {kernel.identifier}",
            "%session restart",
            "%session new",
            "%session stop",
            "%files no/such/folder",
            "%download no-such-file",
        )
    ]
    for ran in rans:
        assert kernel.identifier not in everything(ran)
    assert kernel.identifier in kernel.run("%session info --show-identifier").displayed


def test_upload_may_not_leave_the_notebook_folder_without_consent(
    local_pool: Pool, start_kernel: KernelStarter, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    (tmp_path / "notebooks").mkdir()
    kernel = start_kernel(local_pool, cwd=tmp_path / "notebooks")
    ran = kernel.run("%upload ../outside.txt")
    assert ran.status == "error"
    message = kernel.send("%upload ../outside.txt", allow_stdin=True)
    kernel.answer(message, "n")
    assert kernel.finish(message).status == "error"
    message = kernel.send("%upload ../outside.txt", allow_stdin=True)
    kernel.answer(message, "y")
    assert kernel.finish(message).status == "ok"
    assert kernel.run("open('/mnt/data/outside.txt').read()").result == "'outside'"


def test_transfer_root_may_be_configured(
    local_pool: Pool, start_kernel: KernelStarter, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "data.txt").write_text("in the root")
    kernel = start_kernel(local_pool, ACA_TRANSFER_ROOT=str(tmp_path / "root"))
    assert kernel.run("%upload data.txt").status == "ok"
    assert kernel.run("open('/mnt/data/data.txt').read()").result == "'in the root'"
