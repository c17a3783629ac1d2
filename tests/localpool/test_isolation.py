"""What code in a session can reach of this machine: as root, as a normal user, in each way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import Caller, CallerMaker, lacking

PoolStarter = Callable[..., Any]
NOBODY = 65534


def bubblewrap_works() -> bool:
    if shutil.which("bwrap") is None:
        return False
    command = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def unshare_works() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# Python may be installed where a normal user may not look: in a mount namespace of its own,
# nobody finds in /root an open directory with nothing but this Python.
AS_NOBODY = """
home="$1"; shift
for folder in "$1" "$2"; do
    case "$folder" in /root/*)
        mkdir -p "$home/held$folder" && mount --bind "$folder" "$home/held$folder" || exit 1
    esac
done
shift 2
if [ -d "$home/held/root" ]; then mount --rbind "$home/held/root" /root || exit 1; fi
exec setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$home" "$@"
"""


@pytest.fixture(params=["this user", "nobody"], scope="module")
def user(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """The words before the pool's command that have it run as this user, or as nobody."""
    if request.param == "this user":
        yield ()
        return
    if os.getuid() != 0:
        lacking("only root can become nobody")
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, NOBODY, NOBODY)
        words = ("unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", home)
        yield (*words, sys.base_prefix, sys.prefix)


@pytest.fixture(scope="module")
def sandbox(user: tuple[str, ...], start_module_pool: PoolStarter) -> Any:
    """A pool whose sessions are in bubblewrap."""
    if not bubblewrap_works():
        lacking("bubblewrap does not work here")
    return start_module_pool("--isolation", "bubblewrap", prefix=user)


@pytest.fixture
def sandboxed(caller: CallerMaker, sandbox: Any) -> Caller:
    """A session of that pool."""
    return caller(pool=sandbox)


def test_system_cannot_be_made_writable(sandboxed: Caller) -> None:
    escape = """
import os, subprocess
attempts = [
    "mount -o remount,rw,bind /usr",
    "unshare -Urm sh -c 'mount -o remount,rw,bind /usr && touch /usr/escaped'",
    "touch /usr/escaped", "touch /etc/escaped", "touch /escaped", "umount /usr",
    "chroot / touch /usr/escaped", "mknod /tmp/disk b 8 0", "mount -t tmpfs none /usr",
]
done = [subprocess.run(a, shell=True, capture_output=True).returncode for a in attempts]
print(all(done), os.path.exists("/usr/escaped"))
"""
    assert sandboxed.run(escape)["stdout"] == "True False\n"
    assert not Path("/usr/escaped").exists()


def test_files_of_this_machine_are_not_there(sandboxed: Caller, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    shown = Path(__file__).resolve()
    paths = [
        str(secret),
        str(shown),
        "/etc/shadow",
        "/etc/hostname",
        "/var",
        "/root/.bashrc",
        "/srv",
    ]
    code = f"import os; [p for p in {paths!r} if os.path.exists(p)]"
    assert sandboxed.run(code)["value"] == []
    assert sandboxed.run("import os; os.listdir('/home')")["value"] == "['session']"


def test_python_cannot_be_changed(sandboxed: Caller) -> None:
    code = """
import sys, zmq, subprocess
failed = 0
for path in (zmq.__file__, sys.prefix + "/new", sys.base_prefix + "/new", sys.executable):
    try:
        open(path, "a").close()
    except OSError:
        failed += 1
failed
"""
    assert sandboxed.run(code)["value"] == 4


def test_capabilities_and_processes(sandboxed: Caller, user: tuple[str, ...]) -> None:
    assert sandboxed.run("import os; os.getuid()")["value"] == (NOBODY if user else os.getuid())
    code = """
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["CapEff"], 16), int(status["CapBnd"], 16))
print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) [-1] < 100)
print(sorted(name for name in os.environ))
"""
    lines = sandboxed.run(code)["stdout"].splitlines()
    assert lines[0] == "0 0"
    assert lines[1] == "True"
    for name in ("ACA_", "AZURE_", "TOKEN", "JPY_"):
        assert name not in lines[2]


def test_sessions_do_not_see_each_other(caller: CallerMaker, sandbox: Any) -> None:
    one, two = caller(pool=sandbox), caller(pool=sandbox)
    one.run("open('/tmp/a', 'w').close(); open('/mnt/data/a', 'w').close()")
    one.run("import subprocess; sleeper = subprocess.Popen(['sleep', '98765'])")
    code = """
import os, glob
found = [open(f, "rb").read() for f in glob.glob("/proc/[0-9]*/cmdline")]
print(os.listdir("/mnt/data"), os.path.exists("/tmp/a"), any(b"98765" in f for f in found))
print(sorted(os.listdir("/run")))
"""
    assert two.run(code)["stdout"] == "[] False False\n['kernel', 'session_start.py']\n"


NETWORK = """
import socket
def reach(address):
    try:
        socket.create_connection(address, timeout=3).close()
        return True
    except OSError:
        return False
"""


def test_network_is_closed_but_loopback_is_open(sandboxed: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"{NETWORK}\nprint(reach({server.getsockname()!r}))"
        assert sandboxed.run(code)["stdout"] == "False\n"
    for host in ("127.0.0.1", "localhost", "::1", socket.gethostname()):
        address = (host, urlsplit(sandboxed.pool.endpoint).port)
        assert sandboxed.run(f"{NETWORK}\nprint(reach({address!r}))")["stdout"] == "False\n"
    code = (
        f"{NETWORK}\nown = socket.create_server(('127.0.0.1', 0))\nprint(reach(own.getsockname()))"
    )
    assert sandboxed.run(code)["stdout"] == "True\n"


def test_egress_can_be_enabled(
    caller: CallerMaker, start_pool: PoolStarter, user: tuple[str, ...]
) -> None:
    if not bubblewrap_works():
        lacking("bubblewrap does not work here")
    flags = ("--isolation", "bubblewrap", "--network-status", "EgressEnabled")
    pool = start_pool(*flags, "--ready-sessions", "0", prefix=user)
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"{NETWORK}\nprint(reach({server.getsockname()!r}))"
        assert caller(pool=pool).run(code)["stdout"] == "True\n"


FILES = """
import os, pathlib, shutil, json
import pandas as pd
frame = pd.DataFrame({"a": [1, 2]})
frame.to_csv("/mnt/data/frame.csv", index=False)
pathlib.Path("/mnt/data/sub/deep").mkdir(parents=True)
shutil.copy("/mnt/data/frame.csv", "/mnt/data/sub/copy.csv")
os.rename("/mnt/data/sub/copy.csv", "/mnt/data/sub/moved.csv")
os.chdir("/mnt/data")
print(sorted(os.listdir("/mnt/data")), os.path.exists("/mnt/data/sub/moved.csv"))
print(len(pd.read_csv("frame.csv")), [p.name for p in pathlib.Path("/mnt/data/sub").iterdir()])
"""


@pytest.mark.parametrize("isolation", ["unshare", "none"])
def test_without_a_sandbox_mnt_data_works(
    caller: CallerMaker, start_pool: PoolStarter, user: tuple[str, ...], isolation: str
) -> None:
    if isolation == "unshare" and not unshare_works():
        lacking("unshare does not work here")
    pool = start_pool("--isolation", isolation, "--ready-sessions", "0", prefix=user)
    session = caller(pool=pool)
    session.upload("up.txt", b"uploaded")
    answer = session.run(FILES)
    assert answer["stdout"].startswith("['frame.csv', 'sub', 'up.txt'] True\n2 ["), answer
    assert session.run("open('/mnt/data/up.txt').read()")["value"] == "uploaded"
    assert session.call("GET", "files/frame.csv/content").content == b"a\n1\n2\n"
    assert not Path("/mnt/data/up.txt").exists()
    if isolation == "unshare":
        assert session.run("!cat /mnt/data/up.txt")["stdout"] == "uploaded"
        with socket.create_server(("127.0.0.1", 0)) as server:
            reach = f"{NETWORK}\nprint(reach({server.getsockname()!r}))"
            assert session.run(reach)["stdout"] == "False\n"
        own = f"{NETWORK}\nown = socket.create_server(('127.0.0.1', 0))\n"
        assert session.run(own + "print(reach(own.getsockname()))")["stdout"] == "True\n"
    pool.stop()
    assert "NOT isolated" in pool.stderr[0]


def test_environment_of_the_pool_stays_outside(
    caller: CallerMaker, start_pool: PoolStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "secret")
    for isolation in ("bubblewrap", "unshare", "none"):
        pool = start_pool("--isolation", isolation, "--ready-sessions", "0")
        answer = caller(pool=pool).run("import os; print(dict(os.environ))")
        assert "SOME_SECRET" not in answer["stdout"]
        assert pool.token not in answer["stdout"]


def test_auto_prefers_the_sandbox_and_falls_back_with_a_warning(start_pool: PoolStarter) -> None:
    if not bubblewrap_works():
        lacking("bubblewrap does not work here")
    pool = start_pool("--ready-sessions", "0")
    pool.stop()
    assert pool.stderr == [""]
    pool = start_pool("--ready-sessions", "0", prefix=("env", "PATH=/nowhere"))
    pool.stop()
    assert "NOT isolated" in pool.stderr[0]
    assert "bwrap is not installed" in pool.stderr[0]


ASK_FOR_BUBBLEWRAP = ["-m", "aca_kernel.commands.pool", "--isolation", "bubblewrap"]


def test_bubblewrap_is_not_replaced_by_less() -> None:
    done = subprocess.run(
        [*["env", "PATH=/nowhere"], sys.executable, *ASK_FOR_BUBBLEWRAP],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "bwrap is not installed" in done.stderr
    assert "apt install bubblewrap" in done.stderr
    assert done.stdout == ""


def test_bubblewrap_that_does_not_work_is_found_out(start_pool: PoolStarter) -> None:
    broken = tempfile.mkdtemp()
    fake = Path(broken, "bwrap")
    fake.write_text("#!/bin/sh\necho 'bwrap: no permissions' >&2; exit 1\n")
    fake.chmod(0o755)
    path = f"PATH={broken}:{os.environ['PATH']}"
    pool = start_pool("--ready-sessions", "0", prefix=("env", path))
    pool.stop()
    assert "bubblewrap: bwrap: no permissions" in pool.stderr[0]
    assert "Install bubblewrap" not in pool.stderr[0]
    assert "Bubblewrap is installed" in pool.stderr[0]
    shutil.rmtree(broken)


WITHOUT_NAMESPACES = """
echo 0 > /proc/sys/user/max_user_namespaces || exit 1
exec setpriv --bounding-set=-all --inh-caps=-all "$@"
"""


def test_what_forbids_bubblewrap_is_said(start_pool: PoolStarter) -> None:
    if not (bubblewrap_works() and unshare_works()):
        lacking("bubblewrap and unshare are needed")
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", WITHOUT_NAMESPACES, "sh")
    pool = start_pool("--ready-sessions", "0", prefix=prefix)
    pool.stop()
    assert "NOT isolated" in pool.stderr[0]
    assert "Install bubblewrap" not in pool.stderr[0]
    assert "user.max_user_namespaces=0 forbids" in pool.stderr[0]
    assert "sudo sysctl user.max_user_namespaces" in pool.stderr[0]


@pytest.mark.parametrize("argument", ["--help", "--unshare-all"])
def test_bubblewrap_that_hangs_does_not_hold_the_pool(
    start_pool: PoolStarter, tmp_path: Path, argument: str
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f'#!/bin/sh\ntest "$1" = {argument} && exec sleep 100\n')
    fake.chmod(0o755)
    began = time.monotonic()
    path = f"PATH={tmp_path}:{os.environ['PATH']}"
    pool = start_pool("--ready-sessions", "0", prefix=("env", path))
    assert time.monotonic() - began < 15
    pool.stop()
    assert "bubblewrap: " in pool.stderr[0]
    assert "did not end within" in pool.stderr[0]
    assert len(pool.stderr[0]) < 600
