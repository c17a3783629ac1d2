"""``%load_ext aca_kernel`` in a local Python kernel: its cells, and what it may not do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.kernel.driver import LINKED, Kernel, reach, sessions_of

from .conftest import Pool, sessions
from .running import PYTHON, REMOTE, cells, execute, notebook_of, plain, text_of

LOAD = "%load_ext aca_kernel"


def run(folder: Path, *sources: str, kernel: str = PYTHON) -> list[list[Any]]:
    """The outputs of each cell of a notebook, executed in ``folder``; failures are outputs too."""
    notebook = notebook_of(*sources)
    for cell in notebook.cells:
        cell.metadata.tags = ["raises-exception"]
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    return [outputs for _, outputs in cells(execute(path, kernel))]


def error_of(outputs: list[Any]) -> str:
    """The text of the one error, without colours: what stands in the notebook."""
    [error] = outputs
    assert error.output_type == "error"
    return plain("\n".join(error.traceback))


@pytest.fixture
def local(pool: Pool, tmp_path: Path) -> Iterator[Kernel]:
    """A local Python kernel with the extension, over the wire."""
    kernel = Kernel(reach(pool), tmp_path / "kernel", name=PYTHON).start()
    assert kernel.run(LOAD).status == "ok"
    yield kernel
    kernel.close()


HOSTILE = (
    "from IPython.display import HTML, Javascript, Markdown, Image, SVG, display\nHTML"
    "('<script>document.title=1</script><b>bold</b>')",
    "HTML('<img src=x onerror=alert(1)>')",
    "HTML('<p onclick=\"alert(1)\">text</p>')",
    "Javascript('alert(1)')",
    "Markdown('**bold** <script>alert(1)</script>')",
    "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>')",
    "display({'text/plain': 'a widget', 'application/vnd.jupyter.widget-view+json':"
    " {'model_id': '1', 'version_major': 2, 'version_minor': 0}}, raw=True)",
    "print('\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m\\x1b[2J')",
    "display({'text/plain': 'one', 'text/html': '<a href=\"javascript:alert(1)\">one</a>'},"
    " raw=True)",
    "raise RuntimeError('<script>alert(1)</script>\\x1b]0;title\\x07')",
)


def comparable(output: Any) -> Any:
    """What an output holds, whichever kernel showed it."""
    if output.output_type == "stream":
        return (output.name, output.text)
    if output.output_type == "error":
        return plain("\n".join(output.traceback))
    return (output.data, output.metadata)


def test_hostile_output_is_framed_and_cleaned_as_in_our_own_kernel(
    tmp_path: Path, pool: Pool
) -> None:
    # Numbers of cells stand in tracebacks: the same number of cells before each.
    there = run(tmp_path, *HOSTILE, kernel=REMOTE)
    _, *here = run(tmp_path, LOAD, *(f"%%session\n{source}" for source in HOSTILE))
    for source, ours, theirs in zip(HOSTILE, here, there, strict=True):
        assert [comparable(o) for o in ours] == [comparable(o) for o in theirs], source
    assert 'sandbox="allow-scripts"' in here[0][0].data["text/html"]
    assert "application/javascript" not in json.dumps(here)
    assert "widget-view" not in json.dumps([o.data for o in here[6] if "data" in o])


def test_streams_displays_and_their_updates_come_in_order(tmp_path: Path, pool: Pool) -> None:
    _, streams, shown, cleared = run(
        tmp_path,
        LOAD,
        "print('here')\nget_ipython().run_cell_magic('session', '',"
        " 'import sys\\nprint(1)\\nprint(2, file=sys.stderr, flush=True)\\n3')\nprint('and here')",
        "%%session\nhandle = display('first', display_id=True)\ndisplay('second')\n"
        "handle.update('third')",
        "%%session\nfrom IPython.display import clear_output\n"
        "print('gone')\nclear_output()\nprint('stays')",
    )
    assert text_of([o for o in streams if o.get("name") == "stderr"]) == "2\n"
    assert text_of([o for o in streams if o.get("name") == "stdout"]) == "here\n1\nand here\n"
    assert [o.data["text/plain"] for o in streams if o.output_type != "stream"] == ["3"]
    assert [o.data["text/plain"] for o in shown] == ["'third'", "'second'"]
    assert text_of(cleared) == "stays\n"


def test_an_error_is_the_sessions_own_and_nothing_is_lost(tmp_path: Path, pool: Pool) -> None:
    _, _, error, after, caught = run(
        tmp_path,
        LOAD,
        "%%session\nx = 7\ndef f():\n    return x / 0",
        "%%session\nf()",
        "%%session\nprint(x)",
        "from aca_kernel.errors import ErrorInSession\ntry:\n"
        "    get_ipython().run_cell_magic('session', '', 'f()')\n"
        "except ErrorInSession as error:\n    print(error.ename, '|', error)",
    )
    text = error_of(error)
    assert "----> 3     return x / 0" in text
    assert text.endswith("ZeroDivisionError: division by zero")
    assert "aca_kernel" not in text
    assert text_of(after) == "7\n"
    assert text_of(caught) == "ZeroDivisionError | ZeroDivisionError: division by zero\n"


def test_magics_go_to_the_session_as_they_are_written(tmp_path: Path, pool: Pool) -> None:
    (tmp_path / "{name} $name.txt").write_text("12345")
    _, up, files, wrong, mixed, alone, helped = run(
        tmp_path,
        LOAD,
        'name = "no"\n%upload "{name} $name.txt" --as there.txt',
        "%files",
        "%upload {name}",
        "%%session\nprint(open('there.txt').read())\n%files --delete there.txt\n%files",
        "%%session print(1)\nprint(2)",
        "print(get_ipython().find_line_magic('upload').__doc__)",
    )
    assert "/mnt/data/there.txt" in str(up)
    assert "there.txt" in str(files)
    assert error_of(wrong).startswith("TransferError: There is no file {name}.")
    assert text_of(mixed).startswith("12345\n")
    assert text_of(mixed).endswith("/mnt/data is empty.\n")
    assert error_of(alone).startswith("UsageError: The line %%session stands alone.")
    assert "--force" in text_of(helped)


def test_without_an_endpoint_nothing_runs_and_the_text_says_what_to_do(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    _, cell, call = run(
        tmp_path,
        LOAD,
        f"%%session\nopen({str(trace)!r}, 'w').close()",
        "import aca_kernel\naca_kernel.connect()",
    )
    for outputs in (cell, call):
        text = error_of(outputs)
        assert text.startswith("ConfigurationError: No session pool is configured")
        assert "ACA_POOL_MANAGEMENT_ENDPOINT" in text
        assert "extension.py" not in text
    assert not trace.exists()


def test_a_session_that_was_named_is_shared_and_left(
    tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "named-by-the-user-0123456789abcdef"
    monkeypatch.setenv("ACA_SESSION_ID", name)
    _, shown, _ = run(
        tmp_path,
        LOAD,
        "from aca_kernel import connect\nsession = connect()\nprint(session.session_id)\nsession",
        "%%session\n1",
    )
    assert text_of(shown) == f"{name}\n"
    [value] = [o.data["text/plain"] for o in shown if "data" in o]
    assert value.startswith("<Connection: session ")
    assert name not in value
    assert pool.token not in value
    assert sessions_of(pool) == {name}


def test_unloading_lets_the_session_go_and_another_comes(tmp_path: Path, pool: Pool) -> None:
    _, before, _, after = run(
        tmp_path,
        LOAD,
        "%%session\nx = 1\nprint('x' in globals())",
        "%reload_ext aca_kernel",
        "%%session\nprint('x' in globals())",
    )
    assert text_of(before) == "True\n"
    assert text_of(after) == "False\n"
    assert sessions(pool) == 0


def test_what_would_leave_the_session_is_refused(tmp_path: Path, pool: Pool) -> None:
    _, made, *refused, listed, after = run(
        tmp_path,
        LOAD,
        "%%session\nx = 1",
        "%session new",
        "%session attach some-other-session-0123456789",
        "%%session\nx = 2\n%session new",
        "%session attach",
        "%%session\nprint(x)",
    )
    for outputs in refused:
        assert error_of(outputs).startswith("UsageError: %session ")
        assert "%session stop makes way" in error_of(outputs)
    assert listed
    assert text_of(after) == "1\n"


def test_an_interrupt_stops_the_sessions_cell_and_keeps_its_variables(local: Kernel) -> None:
    message = local.send("%%session\nx = 5\nprint('begun', flush=True)\nwhile True:\n    pass")
    local.wait_for_message(message, lambda m: m["content"].get("text") == "begun\n")
    local.manager.interrupt_kernel()
    ran = local.finish(message)
    assert ran.status == "error"
    assert "KeyboardInterrupt" in ran.traceback
    assert "aca_kernel" not in ran.traceback
    assert local.run("%%session\nprint(x)").stdout == "5\n"
    local.manager.interrupt_kernel()  # our handler is gone with the cell
    assert local.run("import time\nprint('fine')").stdout == "fine\n"


def test_questions_reach_the_user_hidden_where_they_should_be(local: Kernel) -> None:
    message = local.send(
        "%%session\nname = input('who? ')\nfrom getpass import getpass\n"
        "secret = getpass('word? ')\nprint(name, len(secret))",
        allow_stdin=True,
    )
    assert local.answer(message, "Ada") == {"prompt": "who? ", "password": False}
    assert local.answer(message, "secret") == {"prompt": "word? ", "password": True}
    assert local.finish(message).stdout == "Ada 6\n"


def test_who_interrupts_a_question_interrupts_the_cell(local: Kernel) -> None:
    message = local.send("%%session\ninput('who? ')", allow_stdin=True)
    local.client.get_stdin_msg(timeout=60)
    local.manager.interrupt_kernel()
    ran = local.finish(message)
    assert ran.status == "error"
    assert "KeyboardInterrupt" in ran.traceback


def test_with_nobody_there_a_question_fails_in_the_session(local: Kernel) -> None:
    ran = local.run("%%session\ninput('who? ')")
    assert ran.status == "error"
    assert "StdinNotImplementedError" in ran.traceback


def test_help_of_an_object_opens_the_pager(local: Kernel) -> None:
    local.run("%%session\ndef f():\n    'What f is for.'")
    [payload] = local.run("%%session\nf?").reply["payload"]
    assert payload["source"] == "page"
    assert "What f is for." in payload["data"]["text/plain"]


def test_a_page_without_text_is_no_failure_in_a_terminal(pool: Pool) -> None:
    page = "{'source': 'page', 'data': {'text/html': '<b>x</b>'}, 'start': 0}"
    cell = f"%%session\nget_ipython().payload_manager.write_payload({page})"
    code = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell\n"
        f"shell = Shell.instance()\nshell.run_cell({LOAD!r})\n"
        f"print('ran', shell.run_cell({cell!r}).success)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | reach(pool) | LINKED,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ran True" in done.stdout, done.stdout + done.stderr


def test_a_lost_process_is_said_and_the_next_cell_finds_the_session_again(local: Kernel) -> None:
    local.run("%%session\nx = 5")
    [child] = [p for p in psutil.Process(local.pid).children() if "aca_kernel" in p.cmdline()]
    child.kill()
    ran = local.run("%%session\nprint(x)")
    assert "The process through which this notebook reaches its session has ended." in ran.traceback
    assert local.run("%%session\nprint(x)").stdout.endswith("5\n")


def test_no_process_has_the_identifier_in_its_environment_or_command_line(
    local: Kernel, pool: Pool
) -> None:
    made = local.run("from aca_kernel import connect\nprint(connect().session_id)").stdout.strip()
    assert made in sessions_of(pool)
    for process in (psutil.Process(local.pid), *psutil.Process(local.pid).children(recursive=True)):
        assert made not in str(process.environ())
        assert made not in str(process.cmdline())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no unix sockets that zmq can use")
def test_its_process_can_be_connected_to_by_this_user_alone(local: Kernel) -> None:
    local.run("%%session\n1")
    [child] = [p for p in psutil.Process(local.pid).children() if "aca_kernel" in p.cmdline()]
    sockets = {str(one.laddr) for one in child.net_connections("unix")}
    channels = {Path(name) for name in sockets if "aca-kernel-" in name}
    assert len(channels) == 5  # none of them is a port
    [folder] = {channel.parent for channel in channels}
    assert folder.stat().st_mode & 0o777 == 0o700
    local.close()
    assert not folder.exists()


def test_a_killed_notebook_leaves_no_session_no_process_and_no_file(
    local: Kernel, pool: Pool
) -> None:
    made = local.run("from aca_kernel import connect\nprint(connect().session_id)").stdout.strip()
    local.send("%%session\nimport time; time.sleep(600)")
    [child] = [p for p in psutil.Process(local.pid).children() if "aca_kernel" in p.cmdline()]
    connection_file = Path(child.cmdline()[-1])
    channels = {Path(str(one.laddr)) for one in child.net_connections("unix")}
    [folder] = {one.parent for one in channels if "aca-kernel-" in str(one)}
    assert made in sessions_of(pool)
    assert connection_file.exists()
    local.kill(signal.SIGKILL)
    assert psutil.wait_procs([child], timeout=10)[1] == []
    assert made not in sessions_of(pool)
    assert not connection_file.exists()
    assert not folder.exists()


def test_connect_outside_a_notebook_says_where_it_belongs() -> None:
    code = (
        "import sys, aca_kernel\n"
        "assert not {'zmq', 'jupyter_client', 'IPython'} & set(sys.modules)\n"
        "aca_kernel.connect()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "UsageError: aca_kernel.connect() is for notebooks" in done.stderr
