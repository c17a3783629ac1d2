"""Two doors, one room: plain calls of other clients in the namespace of the notebook's cells."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from .conftest import KernelStarter
from .driver import LINKED, PATIENCE, Kernel, Pool, Ran, ask_pool, everything, reach, wait_for

with warnings.catch_warnings():
    # The package says that it has a successor; programs that use it are still about.
    warnings.simplefilter("ignore", DeprecationWarning)
    from langchain_azure_dynamic_sessions import SessionsPythonREPLTool


@dataclass
class Client:
    """Another client of one session: plain execute calls, as an agent's program sends them."""

    pool: Pool
    identifier: str
    version: str = "2025-10-02-preview"

    def call(self, code: str, *, timeout: int = 60) -> dict[str, Any]:
        """The answer to one execute call; its result without what differs from call to call."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{self.pool.endpoint}/executions",
                params={"api-version": self.version, "identifier": self.identifier},
                headers={"Authorization": f"Bearer {self.pool.token}"},
                json={
                    "codeInputType": "Inline",
                    "executionType": "Synchronous",
                    "code": code,
                    "timeoutInSeconds": timeout,
                    "outputStreamsMaxLength": 1_000_000,
                },
                timeout=PATIENCE,
            )
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        found = {k: body["result"][k] for k in ("stdout", "stderr", "executionResult")}
        return {"status": body["status"], **found}

    def value(self, code: str) -> Any:
        """The result of code that succeeded."""
        answer = self.call(code)
        assert answer["status"] == "Succeeded", answer
        return answer["executionResult"]

    def error(self, code: str, *, timeout: int = 60) -> str:
        """The stderr of code that failed."""
        answer = self.call(code, timeout=timeout)
        assert answer["status"] == "Failed", answer
        assert answer["executionResult"] is None
        return str(answer["stderr"])

    def wait_for_file(self, name: str) -> None:
        """Wait until the session has a file of that name."""
        query = {"identifier": self.identifier}
        wait_for(lambda: name in ask_pool(self.pool, "GET", "files", **query).text, name)

    @contextlib.contextmanager
    def held(self) -> Iterator[Held]:
        """A call that runs in the session until it is let go, or interrupted."""
        name = uuid.uuid4().hex
        code = f"""
import os, time
open('/mnt/data/{name}-begun', 'w').close()
while not os.path.exists('/mnt/data/{name}-go'):
    time.sleep(0.02)
done_by_agent = '{name}'
done_by_agent"""
        held = Held(self, name)
        thread = threading.Thread(target=lambda: held.answers.append(self.call(code)))
        thread.start()
        try:
            self.wait_for_file(f"{name}-begun")
            yield held
        finally:
            held.let_go()
            thread.join(PATIENCE)


@dataclass
class Held:
    """A running call of another client."""

    client: Client
    name: str
    answers: list[dict[str, Any]] = field(default_factory=list)

    def let_go(self) -> None:
        """Make its code end, by a file that appears beside it."""
        pool = self.client.pool
        with requests.Session() as session:
            session.trust_env = False
            session.post(
                f"{pool.endpoint}/files",
                params={
                    "api-version": self.client.version,
                    "identifier": self.client.identifier,
                },
                headers={"Authorization": f"Bearer {pool.token}"},
                files={"file": (f"{self.name}-go", b"")},
                timeout=PATIENCE,
            ).raise_for_status()


@dataclass
class Room:
    """A kernel in linked mode, and a client that has its session's identifier."""

    kernel: Kernel
    client: Client

    def stop(self) -> None:
        self.kernel.close()
        ask_pool(self.client.pool, "DELETE", "session", identifier=self.client.identifier)


def open_room(pool: Pool, folder: Any) -> Room:
    identifier = f"shared-{uuid.uuid4().hex}"
    environment = reach(pool) | {"ACA_SESSION_ID": identifier}
    kernel = Kernel(environment, folder).start()
    assert kernel.run("0").status == "ok"
    return Room(kernel, Client(pool, identifier))


@pytest.fixture(scope="module")
def room(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Give one shared session to all tests that leave it as they found it."""
    shared = open_room(local_pool, tmp_path_factory.mktemp("room"))
    yield shared
    shared.stop()


@pytest.fixture
def own_room(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Give a shared session to one test."""
    shared = open_room(local_pool, tmp_path_factory.mktemp("room"))
    yield shared
    shared.stop()


def langchain_tool(client: Client) -> SessionsPythonREPLTool:
    return SessionsPythonREPLTool(
        pool_management_endpoint=client.pool.endpoint,
        session_id=client.identifier,
        access_token_provider=lambda: client.pool.token,
    )


# -- one namespace


def test_an_agents_tool_and_the_notebook_see_each_others_variables(room: Room) -> None:
    tool = langchain_tool(room.client)
    room.kernel.run("price = 40")
    assert json.loads(tool.invoke("total = price + 2\nprint('summed')\ntotal")) == {
        "result": 42,
        "stdout": "summed\n",
        "stderr": "",
    }
    assert room.kernel.run("total").result == "42"
    assert room.client.value("total") == 42
    assert tool.execute("undefined_name")["status"] == "Failure"


def test_messages_of_odd_shapes_do_not_end_the_sharing(room: Room) -> None:
    room.client.call("print('a\\udcffb')")
    room.client.call(
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_socket, 'display_data', {'data': {}, 'metadata': {}},"
        " parent=k.get_parent(), ident=b'x', metadata={'x': 'a' * 1_200_000})\n"
        "del k"
    )
    assert room.client.value("1 + len('x')") == 2


def test_a_figure_comes_back_as_the_apis_image(room: Room) -> None:
    tool = langchain_tool(room.client)
    room.kernel.run("points = [1, 4, 9]")
    code = "import matplotlib.pyplot as plt\nplt.plot(points)\nplt.show()"
    assert json.loads(tool.invoke(code))["result"] == {"type": "image", "format": "png"}
    assert tool.execute(code)["result"]["base64_data"].startswith("iVBOR")


def test_the_notebook_is_told_what_ran_and_sees_none_of_its_output(room: Room) -> None:
    room.kernel.run("0")
    room.client.call("print('of the agent')\n'value of the agent'")
    room.client.call("import sys; print('of the agent', file=sys.stderr)")
    ran = room.kernel.run("'mine'")
    assert "2 calls of other clients ran in this session" in ran.displayed
    assert "of the agent" not in everything(ran)
    assert ran.result == "'mine'"
    assert room.kernel.run("'mine'").displayed == ""


def test_numbers_and_results_of_the_notebook_stay_its_own(room: Room) -> None:
    count = room.kernel.run("'first'").reply["execution_count"]
    assert room.client.value("'of the ' + 'agent'") == "of the agent"
    assert room.client.value("_ + '!'") == "of the agent!"
    assert "In [" not in room.client.error("1 / 0 + 0 * _")
    ran = room.kernel.run(f"Out[{count}], {count + 1} in Out, len(In)")
    assert ran.reply["execution_count"] == count + 1
    assert ran.result == f"('first', False, {count + 2})"
    (shown,) = ran.of("execute_result")
    assert shown["execution_count"] == count + 1
    assert room.kernel.run(f"Out[{count + 1}][0]").result == "'first'"
    failed = room.kernel.run("1 / 0")
    assert f"In[{count + 3}]" in failed.traceback.replace(" ", "")


KINDS = {
    "a number": "n = 6\nn * 7",
    "a float": "n / 4",
    "nan": "float('nan')",
    "a string": "'te' + 'xt'",
    "a string with line ends": "'a\\nb' * n",
    "None": "None if n else 1",
    "a list": "[n, 'a', None]",
    "a dictionary": "{'n': n, 'a': [1.5, True]}",
    "a long list": "list(range(n * 300))",
    "a suppressed result": "n;",
    "the last result": "_",
    "a table": "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "nothing": "",
    "a comment": "# nothing",
    "streams": "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\nn",
    "flushed streams": "import sys\nfor i in range(3):\n    print(i, flush=True)\n"
    "    print(-i, file=sys.stderr, flush=True)",
    "many lines": "for i in range(5000):\n    print(i)",
    "letters": "print('é🎉\\x1b[31mred')\n'ü'",
    "a figure": "import matplotlib.pyplot as plt\n_ = plt.plot([n, 1])\nplt.show()",
    "a figure and a result": "_ = plt.plot([1, 2])\nn",
    "two figures": "for i in (1, 2):\n    plt.figure()\n    _ = plt.plot([i, n])\n    plt.show()",
    "a saved figure": "_ = plt.plot([3, n])\nplt.savefig('figure.png')",
    "displays": "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\ndisplay(n)",
    "an updated display": "handle = display('a', display_id=True)\nhandle.update('b')",
    "a cleared output": "from IPython.display import clear_output\nprint('x')\nclear_output()\nn",
    "an error": "print('before')\nn / 0",
    "a chained error": "try:\n    n / 0\nexcept Exception as e:\n    raise ValueError(n) from e",
    "a syntax error": "n = = 1",
    "an exit": "import sys\nsys.exit(3)",
    "an input": "input('name? ')",
    "a warning": "import warnings\nwarnings.warn('careful')",
    "a timing": "%timeit -n 1 -r 1 n",
    "arithmetic before a magic": "1+1\n%time n",
    "a shell command": "!echo shell",
    "a shell cell": "%%bash\necho shell\necho failed >&2",
    "a written file": "%%writefile doors.txt\nsome text\n",
    "a captured cell": "%%capture got\nprint('caught')",
    "a system call": "import os\nos.system('echo system')",
    "help": "len?",
    "a top-level await": "import asyncio\nawait asyncio.sleep(0.01)\nn",
    "a function": "def f(x):\n    return x / 0\nf(n)",
    "a progress bar": "from tqdm import tqdm\nfor i in tqdm([1, 2], disable=True):\n    print(i)",
}


def normal(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without cell numbers, times, and what the length of numbers moves."""
    text = json.dumps(answer)
    text = re.sub(r"In\s?\[\d+\]", "In[]", text)
    text = re.sub(r"ipykernel_\d+/\d+", "ipykernel", text)
    text = re.sub(r"[\d.]+(?:e[+-]?\d+)? (ns|μs|us|ms|s)\b", "0 s", text)
    text = re.sub(r"[\d.]+ \\u[0-9a-f]{4}s", "0 s", text)
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_kind_of_cell_is_answered_as_without_a_notebook(room: Room, local_pool: Pool) -> None:
    alone = Client(local_pool, f"alone-{uuid.uuid4().hex}")
    alone.call("import os; os.chdir('/mnt/data')")
    differing = {}
    for name, code in KINDS.items():
        expected, answer = normal(alone.call(code)), normal(room.client.call(code))
        if answer != expected:
            differing[name] = (expected, answer)
    assert differing == {}
    assert room.kernel.run("n").result == "6", "they did not run in the notebook's namespace"


def test_a_health_check_is_left_to_the_session_interpreter(room: Room) -> None:
    count = room.kernel.run("0").reply["execution_count"]
    for probe in ("1+1", " 1+1 ", "(2 * 3) > 4", ""):
        assert room.client.call(probe)["status"] == "Succeeded"
    ran = room.kernel.run("0")
    assert ran.displayed == ""  # no call of another client, as far as the guest knows
    assert ran.reply["execution_count"] == count + 1


# -- neither hurts the other


def test_a_busy_notebook_is_said_and_nothing_is_run(room: Room, local_pool: Pool) -> None:
    go = "import os, time\nwhile not os.path.exists('/mnt/data/busy-go'): time.sleep(0.02)"
    message = room.kernel.begun(go, local_pool)
    assert room.client.value("1+1") == 2
    said = room.client.error("never = 1")
    assert "SessionBusy: The notebook that shares this session is running a cell" in said
    assert "Nothing of this call was run." in said
    assert "Send it again later" in said
    Held(room.client, "busy").let_go()
    assert room.kernel.finish(message).status == "ok"
    assert room.kernel.run("'never' in dir()").result == "False"
    assert room.client.value("never = 2\nnever") == 2


def test_a_refused_call_neither_shows_in_the_running_cell_nor_keeps_it_from_an_interrupt(
    room: Room, local_pool: Pool
) -> None:
    room.kernel.run("0")
    message = room.kernel.begun("import time\nfor i in range(600): time.sleep(0.1)", local_pool)
    calls = [threading.Thread(target=room.client.error, args=("0 * x",)) for _ in range(3)]
    for call in calls:
        call.start()
    calls[0].join()
    room.kernel.interrupt()
    ran = room.kernel.finish(message)
    assert ran.ename == "KeyboardInterrupt"
    assert "range(600)" in ran.traceback
    assert ran.displayed == ""
    for call in calls:
        call.join()


def test_a_call_waits_for_a_short_cell(room: Room, local_pool: Pool) -> None:
    message = room.kernel.begun("import time; time.sleep(0.7); short = 'done'", local_pool)
    assert room.client.value("short") == "done"
    assert room.kernel.finish(message).status == "ok"


def test_a_cell_that_waits_for_a_call_says_why(room: Room) -> None:
    with room.client.held() as held:
        message = room.kernel.send("done_by_agent")
        told = room.kernel.wait_for_message(message, lambda m: m["msg_type"] == "display_data")
        text = told["content"]["data"]["text/plain"]
        assert "Another client's call in this session may be the reason" in text
        held.let_go()
        ran = room.kernel.finish(message)
    assert held.answers[0]["executionResult"] == held.name
    assert ran.result == repr(held.name)
    assert "The session answers again after" in ran.displayed  # the same line, at its end
    assert "ran in this session since the last cell." in ran.displayed


def test_a_cell_that_waits_for_a_call_can_be_interrupted_and_never_runs(room: Room) -> None:
    with room.client.held() as held:
        message = room.kernel.send("dropped_cell = 1")
        room.kernel.wait_for_message(message, lambda m: m["msg_type"] == "display_data")
        room.kernel.interrupt()
        ran = room.kernel.finish(message)
        assert ran.ename == "KeyboardInterrupt"
        assert "nothing of it was run" in ran.evalue
        assert held.answers == []
        held.let_go()
        # The session has got the cell, and drops it when it hears of the interrupt.
        assert room.kernel.run("'dropped_cell' in dir()").result == "False"
    assert held.answers[0]["executionResult"] == held.name


def test_a_call_that_runs_for_too_long_is_interrupted_before_the_services_cap(
    own_room: Room,
) -> None:
    own_room.kernel.run(
        "%%direct\nimport sys\nsys.modules['_aca_kernel_link.plain_calls'].LIMIT = 1"
    )
    own_room.kernel.run("stays = 1")
    said = own_room.client.error("print('begun')\nwhile True: pass")
    assert "KeyboardInterrupt" in said
    assert "A call may run for 1 s in a shared session." in said
    assert own_room.client.value("stays") == 1
    assert own_room.kernel.run("stays").result == "1"


def test_a_call_that_times_out_does_not_run_on_in_the_notebooks_python(own_room: Room) -> None:
    own_room.kernel.run("stays = 1")
    said = own_room.client.error("import time\nwhile True: time.sleep(0.01)", timeout=1)
    assert "timed out" in said
    ran = own_room.kernel.run("stays")
    assert ran.result == "1"
    assert own_room.client.value("stays") == 1


def test_a_call_that_kills_the_python_says_so_and_so_does_the_notebook(own_room: Room) -> None:
    own_room.kernel.run("stays = 1")
    said = own_room.client.error("import os; os._exit(3)")
    assert "KernelDied: The Python that ran this call is gone" in said
    ran = own_room.kernel.run("stays")
    assert ran.ename == "ExecutionFailed"
    assert "died" in ran.evalue
    assert own_room.kernel.run("stays").ename == "NameError"
    assert "NameError" in own_room.client.error("stays")


def test_a_call_that_breaks_what_reads_its_messages_is_answered_at_once(own_room: Room) -> None:
    own_room.kernel.run("stays = 1")
    said = own_room.client.error(
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_socket, 'display_data', b'no JSON', parent=k.get_parent())\n"
        "import time; time.sleep(1000)",
        timeout=20,
    )
    assert "KernelDied: The Python that ran this call is gone" in said
    assert "JSONDecodeError" in said
    ran = own_room.kernel.run("stays")
    assert ran.ename == "ExecutionFailed"
    assert "The part of aca-kernel that runs in the session has failed" in ran.traceback
    assert "Variables are gone" in ran.traceback
    assert own_room.kernel.run("6 * 7").result == "42"
    assert own_room.client.value("6 * 7") == 42


def test_what_a_thread_of_a_call_prints_later_is_not_lost(own_room: Room) -> None:
    own_room.client.call(
        "import threading, time\ndef late():\n    time.sleep(0.3); print('late')\n"
        "thread = threading.Thread(target=late)\nthread.start()"
    )
    # It goes where ipykernel says: to the call, or to the notebook's last cell.
    shown = own_room.client.call("thread.join()")["stdout"] + own_room.kernel.run("0").stdout
    assert "late" in shown


def test_what_a_notebooks_thread_prints_after_a_call_stays_the_notebooks(own_room: Room) -> None:
    begun = own_room.kernel.send(
        "import threading\ngo = threading.Event()\ndef late():\n    go.wait()\n"
        "    print('of the notebook', flush=True)\n    open('/mnt/data/printed', 'w').close()\n"
        "threading.Thread(target=late).start()"
    )
    own_room.kernel.finish(begun)
    own_room.client.call("threading.Timer(0.3, go.set).start()")
    own_room.client.wait_for_file("printed")
    assert "of the notebook" not in own_room.client.call("print('x')")["stdout"]
    after = own_room.kernel.run("0")
    late = own_room.kernel.so_far(begun)  # under the cell that it is of
    texts = [output["content"].get("text", "") for output in late]
    assert after.stdout + "".join(texts) == "of the notebook\n"


# -- who shares, and what they are told


def test_a_session_of_the_notebooks_own_is_shared_on_request(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("my_own = 1")
    client = Client(local_pool, kernel.identifier)
    assert "NameError" in client.error("my_own")
    assert client.value("theirs = 2\ntheirs") == 2
    ran = kernel.run("%session share")
    assert "Shared: plain calls of other clients" in ran.stdout
    assert kernel.identifier not in everything(ran)
    assert client.value("my_own") == 1
    assert "NameError" in client.error("theirs")
    assert "yes: plain calls of other clients" in kernel.run("%session info").displayed
    assert "Not shared" in kernel.run("%session share off").stdout
    assert "NameError" in client.error("my_own")
    assert client.value("theirs") == 2
    assert "no: other clients have a Python of their own" in kernel.run("%session").displayed


def test_a_session_that_was_attached_to_is_shared(
    room: Room, local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    client = Client(local_pool, f"attached-{uuid.uuid4().hex}")
    assert client.value("earlier = 1\nearlier") == 1
    assert kernel.run(f"%session attach {client.identifier}").status == "ok"
    assert kernel.run("later = 2").status == "ok"
    assert client.value("later") == 2
    assert "NameError" in client.error("earlier")
    assert kernel.run("%%direct\nearlier").result == "1"


def test_the_code_that_is_shown_enters_the_session(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = room.client.pool.token
    room.kernel.run("shown = 'through the snippet'")
    short = room.kernel.run("%session info")
    assert "SessionsPythonREPLTool(" in short.stdout
    for secret in (room.client.identifier, token):
        assert secret not in everything(short)
    full = room.kernel.run("%session share --show-identifier")
    assert token not in everything(full)
    text = full.stdout[full.stdout.index("# An agent's tool") :]
    monkeypatch.setenv("ACA_ACCESS_TOKEN", token)
    names: dict[str, Any] = {}
    exec(text, names)
    assert names["tool"].execute("shown")["result"] == "through the snippet"
    curl = text[text.index("# curl") :].replace("# ", "").replace("6 * 7", "shown")
    done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["result"]["executionResult"] == "through the snippet"


def test_the_direct_magic_runs_past_the_routing(room: Room) -> None:
    room.kernel.run("where = 'guest'")
    for code in ("%%direct\nwhere = 'session'\nwhere", "%%direct\nwhere"):
        assert room.kernel.run(code).result == "'session'"
    assert room.kernel.run("%%direct\n%%bash\necho shell").stdout == "shell\n"
    assert room.kernel.run("where").result == "'guest'"
    assert room.client.value("where") == "guest"


def test_uploads_into_folders_pass_the_routing_by(room: Room) -> None:
    (room.kernel.cwd / "part.txt").write_text("text")
    room.kernel.run("0")
    assert room.kernel.run("%upload part.txt --to some/folder").status == "ok"
    ran = room.kernel.run("open('some/folder/part.txt').read()")
    assert (ran.result, ran.displayed) == ("'text'", "")


def test_sharing_outlives_a_restart(own_room: Room) -> None:
    own_room.kernel.run("old = 1")
    own_room.kernel.restart()
    assert own_room.kernel.run("new = 2").status == "ok"
    assert own_room.client.value("new") == 2
    assert "NameError" in own_room.client.error("old")
    own_room.kernel.run("%session share off")
    own_room.kernel.restart()
    own_room.kernel.run("newer = 3")
    assert "NameError" in own_room.client.error("newer")


@pytest.mark.parametrize("how", ["the kernel's Restart", "%session restart"])
def test_a_restart_does_not_wait_for_a_call_that_runs(own_room: Room, how: str) -> None:
    own_room.kernel.run("old = 1")
    with own_room.client.held() as held:
        if how.startswith("%"):
            assert own_room.kernel.run(how, timeout=20).status == "ok"
        else:
            own_room.kernel.restart()
        assert own_room.kernel.run("old", timeout=20).ename == "NameError"
        wait_for(lambda: held.answers, "the call's end")
    assert held.answers[0]["status"] == "Failed"
    assert "KeyboardInterrupt" in held.answers[0]["stderr"]
    assert "The notebook's kernel is being restarted." in held.answers[0]["stderr"]
    assert "aca-kernel-stop" not in own_room.kernel.run("%files").displayed
    assert own_room.client.value("'still ' + 'shared'") == "still shared"


def test_another_notebook_and_a_direct_one_enter_the_same_room(
    own_room: Room, local_pool: Pool, start_kernel: KernelStarter
) -> None:
    own_room.kernel.run("x = 'ours'")
    identifier = own_room.client.identifier
    second = start_kernel(local_pool, **LINKED, ACA_SESSION_ID=identifier)
    assert second.run("x").result == "'ours'"
    assert own_room.client.value("x") == "ours"
    direct = start_kernel(local_pool, ACA_SESSION_ID=identifier)
    ran: Ran = direct.run("x")
    assert ran.result == "'ours'"
    message = second.begun("import time; time.sleep(4)", local_pool)
    refused = direct.run("x")
    assert refused.ename == "SessionBusy"
    done = second.finish(message)
    assert done.status == "ok", done.reply


def test_a_session_that_was_replaced_is_shared_as_before(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    kernel.run("%session share")
    client = Client(local_pool, kernel.identifier)
    ask_pool(local_pool, "DELETE", "session", identifier=kernel.identifier)
    assert kernel.run("x = 2").ename == "SessionLost"
    assert kernel.run("x = 3").status == "ok"
    assert client.value("x") == 3
