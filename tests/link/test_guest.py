"""The guest in a real session: what it brings across, and what it leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from aca_kernel.guest import protocol
from aca_kernel.link.answers import GuestGone, LinkTaken, NoGuest, Transient
from aca_kernel.pool import API_VERSIONS
from tests.conftest import PoolStarter
from tests.faults.proxy import Proxy
from tests.kernel.driver import Pool, wait_for

from .conftest import Driver, DriverStarter, Ran

GUESTS = (  # the guest kernels of a session, by /proc: their number is the exit's text
    "import glob\n"
    "lines = [open(path, 'rb').read() for path in glob.glob('/proc/[0-9]*/cmdline')]\n"
    "print(sum(b'HistoryManager.hist_file' in line for line in lines))\n"
    "del glob, lines"
)


# -- what it brings across


def test_cell_runs_in_the_guest_kernel(driver: Driver) -> None:
    ran = driver.run("print('é🎉')\n6 * 7")
    assert ran.stdout == "é🎉\n"
    kinds = [message["header"]["msg_type"] for message in ran.messages]
    assert kinds == ["stream", "execute_result"]
    assert ran.messages[1]["content"]["data"] == {"text/plain": "42"}
    assert driver.value("import os; print(os.getcwd())") == "/mnt/data"


def test_error_comes_as_jupyter_has_it(driver: Driver) -> None:
    ran = driver.run("1 / 0")
    assert ran.reply["ename"] == "ZeroDivisionError"
    assert "\x1b[" in "".join(ran.reply["traceback"])


def test_text_that_is_no_utf_8_comes_as_in_jupyter(driver: Driver) -> None:
    """Names of files that are not in UTF-8 have such characters."""
    assert driver.run("print('a\\udcffb')").stdout == "a\ufffdb\n"
    ran = driver.finish(driver.send("raise ValueError('a\\udcffb')"), most=20)
    assert ran.reply["evalue"] == "a\ufffdb"


def test_flush_while_the_text_is_being_sent_raises_nothing(driver: Driver) -> None:
    ran = driver.run(
        "import sys, threading, time\n"
        "interval = sys.getswitchinterval()\n"
        "sys.setswitchinterval(1e-5)\n"
        "end = time.monotonic() + 6\n"
        "def other():\n"
        "    while time.monotonic() < end: print(end='.'); time.sleep(0)\n"
        "thread = threading.Thread(target=other)\n"
        "thread.start()\n"
        "while time.monotonic() < end: print(end='.', flush=True)\n"
        "thread.join()\n"
        "sys.setswitchinterval(interval)"
    )
    assert ran.reply["status"] == "ok", ran.reply


def test_buffers_come_across(driver: Driver) -> None:
    ran = driver.run(
        "from IPython import get_ipython\n"
        "get_ipython().kernel.session.send(get_ipython().kernel.iopub_socket, 'display_data',"
        " {'data': {}, 'metadata': {}}, parent=get_ipython().kernel.get_parent(),"
        " buffers=[b'\\x00\\xff', b'']);"
    )
    (shown,) = ran.messages
    assert shown["buffers"] == ["AP8=", ""]


@pytest.mark.parametrize("version", API_VERSIONS)
def test_megabytes_come_back_whole_in_every_version(
    start_link: DriverStarter, version: str
) -> None:
    driver = start_link(version=version)
    ran = driver.run("for i in range(40_000): print(f'{i:060}')")
    assert ran.stdout == "".join(f"{i:060}\n" for i in range(40_000))


@dataclass(frozen=True)
class ChangingPool:
    """A pool that changes the texts of its answers."""

    proxy: Proxy
    token: str

    @property
    def endpoint(self) -> str:
        return self.proxy.endpoint


@contextmanager
def _changing(pool: Pool, change: Callable[[str], str]) -> Iterator[ChangingPool]:
    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        return change(value) if isinstance(value, str) else value

    def rewrite(body: bytes) -> bytes:
        return json.dumps(changed(json.loads(body))).encode() if body else body

    with Proxy(pool.endpoint, rewrite=rewrite) as proxy:
        yield ChangingPool(proxy, pool.token)


@pytest.fixture
def cutting_pool(local_pool: Pool, request: pytest.FixtureRequest) -> Iterator[ChangingPool]:
    """A pool that cuts texts at so many characters, whatever a call asks for."""
    with _changing(local_pool, lambda text: text[: request.param]) as pool:
        yield pool


NOISE = """
import base64, hashlib, os
from IPython.display import display
for _ in range(10):
    data = base64.b64encode(os.urandom(150_000))
    digest = hashlib.sha256(data).hexdigest()
    display({'text/plain': data.decode(), 'text/x-digest': digest}, raw=True)
"""


def _noises(ran: Ran) -> list[str]:
    """The texts that a cell with `NOISE` displayed, each as it was sent."""
    shown = [message["content"]["data"] for message in ran.messages]
    for data in shown:
        digest = hashlib.sha256(data["text/plain"].encode()).hexdigest()
        assert digest == data["text/x-digest"]
    return [data["text/plain"] for data in shown]


def test_what_compression_does_not_shorten_comes_whole(driver: Driver) -> None:
    assert len(_noises(driver.run(NOISE))) == 10


@pytest.fixture
def breaking_pool(local_pool: Pool) -> Iterator[ChangingPool]:
    """A pool that breaks lines in its own way."""
    with _changing(local_pool, lambda text: text.strip().replace("\n", "\r\n")) as pool:
        yield pool


def test_pool_that_changes_line_ends_takes_no_message(
    breaking_pool: ChangingPool, start_link: DriverStarter
) -> None:
    driver = start_link(breaking_pool)
    sent = driver.send(NOISE)
    with pytest.raises(Transient):  # once: the kernel repeats the exchange
        driver.finish(sent)
    assert len(_noises(driver.finish(sent))) == 10


@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("cutting_pool", [4096], indirect=True)
def test_pool_that_cuts_every_answer_short_is_learnt(
    cutting_pool: ChangingPool, start_link: DriverStarter, version: str
) -> None:
    """As one of the default limit that takes no other: printed and result alike."""
    driver = start_link(cutting_pool, version=version)
    ran = driver.run("import os; print(os.urandom(20_000).hex())")
    assert len(ran.stdout) == 40_001
    assert ran.stdout[:-1].strip("0123456789abcdef") == ""
    assert driver.exchanges < 40


@pytest.mark.parametrize("cutting_pool", [100], indirect=True)
def test_pool_that_lets_next_to_nothing_through_holds_no_guest(
    cutting_pool: ChangingPool, start_link: DriverStarter
) -> None:
    driver = start_link(cutting_pool, greet=False)
    with pytest.raises(NoGuest, match="whole"):
        driver.hello()


def test_message_larger_than_a_call_goes_up_in_parts(driver: Driver) -> None:
    text = "".join(chr(33 + i * i % 90) for i in range(200_000)) * 20
    ran = driver.run(f"text = {text!r}\nprint(len(text), hash(text) == hash(text[:]))")
    assert ran.stdout == "4000000 True\n"


def test_output_that_nobody_fetched_is_delivered_afterwards(driver: Driver) -> None:
    """150 MB: above what is held in memory, so that the rest waits in a file without a name."""
    message = driver.send(
        "import os, sys\n"
        "blocks = [os.urandom(500_000).hex() + '\\n' for _ in range(3)]\n"
        "for i in range(150): sys.stdout.write(blocks[i % 3]); sys.stdout.flush()"
    )
    driver.exchange()
    before = _session_rss(driver)
    wait_for(lambda: int(driver.plain(_SPILLED)) > 80_000_000, "what is above 64 MB in the file")
    assert _session_rss(driver) - before < 200
    ran = driver.finish(message)
    lines = ran.stdout.split("\n")
    assert [len(line) for line in lines] == [1_000_000] * 150 + [0]
    assert all(lines[i] == lines[i % 3] for i in range(150))
    driver.exchange(wait=0)
    assert driver.plain(_SPILLED) == "0"
    assert driver.plain("print(os.listdir('/mnt/data'))") == "[]"


_SPILLED = (  # bytes in files without a name that the session interpreter has open
    "import os\n"
    "links = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')]\n"
    "links = [n for n in links if os.path.islink(n) and os.readlink(n).endswith('(deleted)')]\n"
    "print(sum(os.stat(n).st_size for n in links))"
)


def _session_rss(driver: Driver) -> float:
    """Megabytes of the session interpreter, as they are now."""
    return float(
        driver.plain("print(int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6)")
    )


# -- what it leaves alone


def test_a_second_hello_finds_the_guest_that_is_there(start_link: DriverStarter) -> None:
    driver = start_link()
    driver.value("x = 17")
    boot = driver.link.boot
    again = start_link(identifier=driver.identifier)
    assert again.link.boot == boot
    assert again.value("print(x)") == "17"
    assert driver.plain(GUESTS) == "1"


def test_nothing_of_it_shows_in_the_session_interpreter(start_link: DriverStarter) -> None:
    driver = start_link(greet=False)
    look = (
        "import json as _j, os as _o\n"
        "print(_j.dumps([sorted(set(dir()) - set(dir(__builtins__))), _o.getcwd(),"
        " _o.listdir('/mnt/data'), _, list(Out)]))"
    )
    driver.client.execute(driver.identifier, "'their own last result'")
    driver.plain(look)
    before = driver.plain(look)
    count = int(driver.plain("print(get_ipython().execution_count)"))
    driver.hello()
    for number in range(5):
        driver.value(f"print({number})")
    after = driver.plain(look)
    # The hello is one cell; the exchanges are none.
    assert int(driver.plain("print(get_ipython().execution_count)")) == count + 3
    names = [set(json.loads(text)[0]) for text in (before, after)]
    assert {name for name in names[1] - names[0] if not name.startswith("_i")} == set()
    assert json.loads(before)[1:] == json.loads(after)[1:]


def test_session_interpreter_stays_as_large_as_it_was(driver: Driver) -> None:
    """400 exchanges of 50 KB: as ordinary cells they would leave 140 MB and more behind."""

    def exchange() -> None:
        assert len(driver.value("print(os.urandom(25_000).hex())")) == 50_000

    driver.value("import os")
    for _ in range(50):
        exchange()
    before = _session_rss(driver)
    for _ in range(400):
        exchange()
    assert _session_rss(driver) - before < 10


def test_plain_cells_of_others_are_as_without_it(start_link: DriverStarter) -> None:
    driver = start_link()
    client, identifier = driver.client, driver.identifier
    assert client.execute(identifier, "6 * 7").result == 42
    failed = client.execute(identifier, "print('a')\n1 / 0")
    assert (failed.succeeded, failed.stdout) == (False, "a\n")
    assert "ZeroDivisionError" in failed.stderr
    assert client.execute(identifier, "# aca-kernel-link\n1 + 1").result == 2
    image = client.execute(
        identifier, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    )
    assert image.result["type"] == "image"
    # What begins as an exchange does and is none is told so, and harms nothing.
    broken = client.execute(identifier, f"#{protocol.MARK} 1 4 00000000 AAAA")
    assert protocol.unpack(broken.stdout)[0]["error"] == "frame"
    assert driver.value("print(1)") == "1"


def test_it_survives_a_reset_of_the_session_interpreter(driver: Driver) -> None:
    driver.value("x = 5")
    driver.plain("%reset -f")
    assert driver.value("print(x)") == "5"


def test_another_clients_failing_call_harms_no_exchange(driver: Driver) -> None:
    driver.value("x = 5")
    thread = threading.Thread(
        target=driver.client.execute,
        args=(driver.identifier, "import time; time.sleep(1)\n1 / 0"),
    )
    thread.start()
    message = driver.send("print(x)")
    for _ in range(20):
        try:
            ran = driver.finish(message)
            break
        except Transient:
            continue
    thread.join()
    assert ran.stdout == "5\n"


# -- how it ends


def test_guest_kernel_that_dies_is_told_and_replaced(driver: Driver) -> None:
    driver.value("x = 1")
    driver.send("import os; os._exit(3)")
    assert driver.event() == {"event": "died", "code": 3, "kernel": 2}
    driver.send("print(x)")  # meant for the kernel that is gone
    assert driver.event()["event"] == "stale"
    driver.kernel = 2
    assert driver.run("x").reply["ename"] == "NameError"


def test_guest_kernel_that_is_killed_while_idle_is_told(driver: Driver) -> None:
    pid = driver.value("import os; print(os.getpid())")
    driver.plain(f"import os; os.kill({pid}, 9)")
    assert driver.event() == {"event": "died", "code": -9, "kernel": 2}
    assert driver.plain(GUESTS) == "1"


def test_guest_ends_with_the_session_interpreter(
    start_pool: PoolStarter, start_link: DriverStarter
) -> None:
    """Also while it is busy. Without a sandbox, which would end it in any case."""
    driver = start_link(start_pool("--isolation", "none"))
    guest = int(driver.value("import os; print(os.getpid())"))
    session = int(driver.plain("import os; print(os.getpid())"))
    driver.send("while True: pass")
    driver.exchange(wait=0.1)
    assert psutil.Process(guest).ppid() == session
    began = time.monotonic()
    os.kill(session, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(guest), "the guest kernel's end", 10)
    assert time.monotonic() - began < 5


def test_lost_session_is_told(driver: Driver) -> None:
    driver.value("x = 1")
    driver.client.delete_session(driver.identifier)
    with pytest.raises(GuestGone):
        driver.exchange()
    driver.hello()
    assert driver.run("x").reply["ename"] == "NameError"


def test_second_link_takes_over_and_can_be_taken_back_from(start_link: DriverStarter) -> None:
    first = start_link()
    first.value("x = 1")
    second = start_link(identifier=first.identifier)
    with pytest.raises(LinkTaken):
        first.exchange()
    assert second.value("print(x)") == "1"
    first.hello()
    assert first.value("print(x + 1)") == "2"
    with pytest.raises(LinkTaken):
        second.exchange()


def test_restart_replaces_the_guest_kernel_once(driver: Driver) -> None:
    driver.value("x = 1")
    driver.send("import time; time.sleep(100)")
    driver.exchange(wait=0.2)
    restart = driver.link.restart_call()
    began = time.monotonic()
    assert restart() == 2
    assert restart() == 2  # the same restart, repeated after a lost answer
    assert time.monotonic() - began < 10
    driver.kernel = 2
    assert driver.event()["event"] == "restarted"
    assert driver.run("x").reply["ename"] == "NameError"


# -- where there can be none


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.modules.update({'jupyter_client': None, 'jupyter_client.connect': None})",
        "get_ipython().builtin_trap.auto_builtins['get_ipython'] = lambda: None",
    ],
)
def test_session_that_lacks_what_a_guest_needs_says_so(
    start_link: DriverStarter, code: str
) -> None:
    driver = start_link(greet=False)
    driver.plain(code)
    with pytest.raises(NoGuest) as caught:
        driver.hello()
    assert caught.value.what
    assert "\n" not in caught.value.what
    # Nothing is left behind of the attempt.
    assert (
        driver.plain("print([n for n in __import__('sys').modules if 'aca_kernel' in n])") == "[]"
    )


def test_exchange_waits_a_second_at_most(driver: Driver) -> None:
    began = time.monotonic()
    driver.exchange(wait=30)
    assert time.monotonic() - began < 5


def test_first_output_comes_before_the_cells_end(driver: Driver) -> None:
    driver.value("import time")
    message = driver.send("print('now')\ntime.sleep(3)\nprint('then')")
    began = time.monotonic()
    shown = ""
    while "now" not in shown:
        for got in driver.exchange(message):
            shown += got["content"].get("text", "")
    assert time.monotonic() - began < 2
    assert "then" not in shown
    assert driver.finish(message).stdout == "then\n"
