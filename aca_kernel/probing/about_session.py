"""Questions about what is inside a session: its Python, its processes, its room."""

from __future__ import annotations

import zlib
from base64 import b64decode
from typing import Any

from ..pool.kinds import other_kind
from .answered import brief, read_execution
from .bench import Bench
from .experiment import Experiment, Finding, NotSettled
from .poolkind import CALCULATION, SHELL_FIELDS, kind_of

__all__ = ["EXPERIMENTS"]

_FIRST_SECONDS = 15.0
"""A first call that takes longer is longer than our handshake expects (docs/service.md 10)."""


def _kind(bench: Bench) -> Finding:
    session = bench.session()
    first = session.execute(CALCULATION)
    again = session.execute(CALCULATION)
    kind = kind_of(code=first.code, status=first.status, result=first.result)
    if not first.succeeded:
        answer = session.call("POST", "/executions", json=SHELL_FIELDS)
        kind = kind_of(code=first.code, shell=read_execution(answer).stdout)
    facts = {
        "container type, from this": kind or "unknown",
        "first answer": first.verdict,
        "result": first.result,
        "HTTP status": first.http,
        "fields": first.keys,
        "seconds of the first call": round(first.seconds, 2),
        "seconds of the second call": round(again.seconds, 2),
        "timings of the first call": {
            name: value
            for name, value in first.headers.items()
            if name.startswith("x-ms-") and "time" in name
        },
    }
    if not first.succeeded or kind != "PythonLTS":
        told = other_kind("" if kind == "PythonLTS" else kind)
        return Finding(
            answer=f"No, it answers {brief(first.verdict)}. {told.what}",
            holds=False,
            facts=facts,
            means=told.remedy,
            ends_all=True,
        )
    return Finding(
        answer=f"Yes. The first call took {first.seconds:.1f} s, the second {again.seconds:.1f} s.",
        holds=first.seconds <= _FIRST_SECONDS,
        facts=facts,
        means="The first cell of a notebook may go on without the link because its handshake takes"
        " too long. Run the first cell again if it fails.",
    )


_VERSIONS = """
import getpass, json, os, platform, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except Exception:
        return None
shell = get_ipython()
try:
    user = getpass.getuser()
except Exception:
    user = None
print(json.dumps({
    "python": platform.python_version(),
    "packages": {n: version(n) for n in (
        "ipykernel", "ipython", "jupyter_client", "pyzmq", "tornado", "traitlets", "comm",
        "debugpy", "matplotlib", "matplotlib-inline", "numpy", "pandas", "setuptools")},
    "system": platform.platform(),
    "folder": os.getcwd(),
    "uid": os.getuid(),
    "user": user,
    "executable": sys.executable,
    "/mnt/data": [os.path.isdir("/mnt/data"), os.access("/mnt/data", os.W_OK)],
    "counter": shell.execution_count,
    "underscore": repr(shell.user_ns.get("_"))[:40],
    "last input": (shell.user_ns.get("In") or [""])[-2:][0][:40],
    "kernel": type(getattr(shell, "kernel", None)).__name__,
}))
"""


def _versions(bench: Bench) -> Finding:
    told = bench.session().tell(_VERSIONS)
    packages = told.get("packages")
    packages = packages if isinstance(packages, dict) else {}
    python, kernel = str(told.get("python")), str(packages.get("ipykernel"))
    return Finding(
        answer=f"Python {python}, ipykernel {kernel}, IPython {packages.get('ipython')}.",
        holds=_number(python) >= (3, 8) and _number(kernel) >= (6,),
        facts=told,
    )


def _number(version: str) -> tuple[int, ...]:
    parts = []
    for part in version.split("."):
        if not part.isascii() or not part.isdecimal() or len(part) > 6:
            break
        parts.append(int(part))
    return tuple(parts)


_PACKED = """
import base64, json, zlib
from importlib import metadata
names = sorted({{"%s==%s" % (d.metadata["Name"], d.version) for d in metadata.distributions()}})
text = base64.b64encode(zlib.compress("\\n".join(names).encode(), 9)).decode()
print(json.dumps({{"count": len(names), "length": len(text), "part": text[{start}:{end}]}}))
"""
_PART = 3600  # characters: a stream may be cut after 4096
_MOST_PARTS = 10


def _packages(bench: Bench) -> Finding:
    session = bench.session()
    text, told = "", session.tell(_PACKED.format(start=0, end=_PART))
    length = told.get("length")
    for number in range(1, _MOST_PARTS + 1):
        text += str(told.get("part"))
        if not isinstance(length, int) or len(text) >= length or number == _MOST_PARTS:
            break
        told = session.tell(_PACKED.format(start=number * _PART, end=(number + 1) * _PART))
    try:
        unpacked = zlib.decompressobj().decompress(b64decode(text), 2**20)
    except (ValueError, zlib.error) as error:
        raise NotSettled("the list of packages did not come back whole") from error
    packages = unpacked.decode("utf-8", "replace").splitlines()
    facts: dict[str, Any] = {"packages": packages}
    if bench.client.supports("metadata"):
        answer = bench.call("GET", "/metadata")
        facts["GET /metadata"] = f"HTTP {answer.status}, {len(answer.body)} bytes"
    return Finding(answer=f"{len(packages)} packages are there.", facts=facts)


_ROOM = """
import json, os, shutil
found = {"processors": os.cpu_count()}
def text(path):
    try:
        with open(path) as file:
            return file.read().strip()[:100]
    except OSError as error:
        return type(error).__name__
def room(path):
    try:
        return {k: getattr(shutil.disk_usage(path), k) >> 20 for k in ("total", "free")}
    except OSError as error:
        return type(error).__name__
try:
    with open("/proc/meminfo") as file:
        for line in file:
            if line.split(":")[0] in ("MemTotal", "MemAvailable", "SwapTotal"):
                found["%s, MB" % line.split(":")[0]] = int(line.split()[1]) >> 10
except OSError as error:
    found["memory"] = type(error).__name__
found["memory.max"] = text("/sys/fs/cgroup/memory.max")
found["pids.max"] = text("/sys/fs/cgroup/pids.max")
found["cpu.max"] = text("/sys/fs/cgroup/cpu.max")
for path in ("/mnt/data", "/tmp", "/dev/shm"):
    found["%s, MB" % path] = room(path)
try:
    import resource
    found["processes"] = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    found["open files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
except (ImportError, OSError, ValueError):
    pass
print(json.dumps(found))
"""


def _room(bench: Bench) -> Finding:
    told = bench.session().tell(_ROOM)
    disk = told.get("/mnt/data, MB")
    free = disk.get("free") if isinstance(disk, dict) else "?"
    return Finding(
        answer=f"{told.get('processors')} processors, {told.get('MemTotal, MB', '?')} MB of memory,"
        f" {free} MB free in /mnt/data.",
        facts=told,
    )


_NETWORK = """
import json, socket
found = {}
try:
    found["name"] = bool(socket.getaddrinfo("example.com", 443))
except OSError as error:
    found["name"] = "%s: %s" % (type(error).__name__, str(error)[:100])
try:
    socket.create_connection(("example.com", 443), 5).close()
    found["connection"] = True
except OSError as error:
    found["connection"] = "%s: %s" % (type(error).__name__, str(error)[:100])
print(json.dumps(found))
"""


def _network(bench: Bench) -> Finding:
    told = bench.session().tell(_NETWORK)
    out = told.get("connection") is True
    return Finding(
        answer="Yes: it has EgressEnabled." if out else "No.",
        facts=told,
    )


EXPERIMENTS = (
    Experiment(
        name="kind",
        question="Does a session run Python, and how long do its first calls take?",
        section="10",
        assumption="A session runs Python, and its first call takes at most 15 s.",
        module="aca_kernel/interpreters/linked.py",
        means="Nothing can run in this pool as it is. Use one of container type PythonLTS.",
        calls=2,
        run=_kind,
    ),
    Experiment(
        name="versions",
        question="Which Python, ipykernel and IPython are there, and how do they run?",
        section="14",
        assumption="Python is 3.8 or later and ipykernel is 6 or later.",
        module="aca_kernel/guest/relay.py",
        means="Use direct mode: ACA_KERNEL_MODE=direct.",
        calls=1,
        run=_versions,
    ),
    Experiment(
        name="packages",
        question="Which packages are there?",
        section="14",
        calls=4,
        run=_packages,
    ),
    Experiment(
        name="room",
        question="How much memory, disk and processor does a session have?",
        section="14",
        calls=1,
        run=_room,
    ),
    Experiment(
        name="network",
        question="Does a session reach the internet?",
        section="14",
        calls=1,
        run=_network,
    ),
)
