"""Questions about what linked mode needs of a session: a hook, a first call, processes."""

from __future__ import annotations

import secrets

from ..guest.protocol import MARK, FrameError, pack, unpack
from ..link.bootstrap import bootstrap_code, bootstrap_parts
from .answered import Ran, brief
from .bench import Bench
from .experiment import Experiment, Finding

__all__ = ["EXPERIMENTS"]

_HOOK = """
import inspect, json
shell = get_ipython()
kernel = shell.kernel
original = kernel.do_execute
awaited = inspect.iscoroutinefunction(original)
if awaited:
    async def do_execute(code, *args, **more):
        if code.startswith("#aca-probe"):
            print("the hook was reached")
            return {"status": "ok", "execution_count": shell.execution_count, "payload": [],
                    "user_expressions": {}}
        return await original(code, *args, **more)
    kernel.do_execute = do_execute
print(json.dumps({"awaited": awaited}))
"""


def _hook(bench: Bench) -> Finding:
    session = bench.session()
    awaited = session.tell(_HOOK).get("awaited") is True
    if not awaited:
        return Finding(
            answer="Its execute request is no coroutine, so a hook of ours is not awaited.",
            holds=False,
            facts={"coroutine": False},
        )
    ran = session.execute("#aca-probe")
    reached = "the hook was reached" in ran.stdout
    return Finding(
        answer="Yes." if reached else "No: the call went past the replaced function.",
        holds=reached,
        facts={"coroutine": True, "second call": ran.verdict, "stdout": ran.stdout},
    )


_PROBE, _PROBE_OF_PARTS = 12_000, 300
"""Bytes of known size in the link's first answer; 12,000 are far above the default cut of 4096."""

_PART = 2000
"""Characters of each piece, where the whole does not get through: the link's smallest."""


def _link(bench: Bench) -> Finding:
    hello = {"op": "hello", "link": secrets.token_hex(8), "probe": _PROBE, "share": None}
    whole = bootstrap_code(pack(hello), MARK)
    ran, ways = _said_hello(bench, [whole])
    facts = {
        "characters of the code": len(whole),
        "answer": ran.verdict,
        "stderr": ran.stderr.strip()[-200:],
        "how it came back": ways,
        "seconds": round(ran.seconds, 2),
    }
    if "whole" in ways.values():
        return Finding(answer="Yes, with one.", holds=True, facts=facts)
    parts = bootstrap_parts(pack({**hello, "probe": _PROBE_OF_PARTS}), MARK, _PART)
    again, ways = _said_hello(bench, parts)
    facts |= {"answer in parts": again.verdict, "how it came back in parts": ways}
    if "whole" in ways.values():
        return Finding(
            answer=f"Not with one, which is answered {brief(ran.verdict)}, but with {len(parts)}.",
            holds=True,
            facts=facts,
        )
    return Finding(
        answer=f"No: one call is answered {brief(ran.verdict)}, and small ones"
        f" {brief(again.verdict)}.",
        holds=False,
        facts=facts,
    )


def _said_hello(bench: Bench, codes: list[str]) -> tuple[Ran, dict[str, str]]:
    """The last answer to some pieces of code, and in which ways the link's words came back."""
    session = bench.session()
    for code in codes:
        ran = session.execute(code, limit=20_000_000)
        if not ran.succeeded:
            break
    ways = {}
    for way, text in (("stdout", ran.stdout), ("result", str(ran.result))):
        try:
            unpack(text)
            ways[way] = "whole"
        except FrameError:
            ways[way] = "not readable"
    return ran, ways


_PROCESSES = """
import json, os, socket, subprocess, sys, tempfile, threading
found = {}
def tried(name, work):
    try:
        found[name] = work()
    except BaseException as error:
        found[name] = "%s: %s" % (type(error).__name__, str(error)[:100])
def python(code):
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30)
    return done.stdout.decode("utf-8", "replace").strip()[-150:]
def fork():
    child = os.fork()
    if not child:
        os._exit(7)
    return os.waitpid(child, 0)[1] >> 8 == 7
def talk(server, address):
    server.listen(1)
    client = socket.socket(server.family, socket.SOCK_STREAM)
    client.settimeout(5)
    client.connect(address or server.getsockname())
    other, _ = server.accept()
    other.sendall(b"x")
    return client.recv(1) == b"x"
def tcp():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    return talk(server, None)
def unix():
    path = os.path.join(tempfile.mkdtemp(prefix="k"), "s")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    return talk(server, path)
def thread():
    done = []
    one = threading.Thread(target=done.append, args=(1,))
    one.start()
    one.join(5)
    return done == [1]
def stays():
    global aca_probe_child
    aca_probe_child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(120)"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    return True
tried("subprocess", lambda: python("print(6 * 7)") == "42")
tried("ipykernel in a subprocess", lambda: python("import ipykernel; print(ipykernel.__version__)"))
tried("fork", fork)
tried("loopback socket", tcp)
tried("unix socket", unix)
tried("thread", thread)
tried("process that goes on", stays)
print(json.dumps(found))
"""

_NEEDED = ("subprocess", "unix socket", "thread", "process that goes on")


def _processes(bench: Bench) -> Finding:
    session = bench.session()
    told = session.tell(_PROCESSES)
    later = session.tell(
        "import json; print(json.dumps({'alive': aca_probe_child.poll() is None}));"
        " aca_probe_child.kill()"
    )
    told["process that goes on"] = later.get("alive") is True
    missing = [name for name in _NEEDED if told.get(name) is not True]
    if not str(told.get("ipykernel in a subprocess"))[:1].isdecimal():
        missing.append("ipykernel in a subprocess")
    return Finding(
        answer=f"Not possible: {', '.join(missing)}." if missing else "Yes, all of it.",
        holds=not missing,
        facts=told,
    )


EXPERIMENTS = (
    Experiment(
        name="hook",
        question="Does a replaced do_execute of the session's kernel get the next call?",
        section="14",
        assumption="The service's calls go through the kernel's do_execute.",
        module="aca_kernel/guest/plain_calls.py",
        means="Linked mode cannot work. Use ACA_KERNEL_MODE=direct.",
        calls=2,
        run=_hook,
    ),
    Experiment(
        name="link",
        question="Can the link's other end be put into a session, with one call or with some?",
        section="3.1",
        assumption="It can, in small pieces of code at least, and its words come back unchanged.",
        module="aca_kernel/link/bootstrap.py",
        means="Linked mode cannot work. Use ACA_KERNEL_MODE=direct.",
        calls=1,
        run=_link,
    ),
    Experiment(
        name="processes",
        question="May code start processes, fork, and use sockets of the same machine?",
        section="14",
        assumption="Processes, threads and unix sockets work, and a process outlives its call.",
        module="aca_kernel/guest/guest_kernel.py",
        means="Linked mode cannot work. Use ACA_KERNEL_MODE=direct.",
        calls=2,
        run=_processes,
    ),
)
