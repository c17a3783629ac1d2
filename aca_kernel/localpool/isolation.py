"""How a session's processes are kept away from this machine.

Three ways, best first: *bubblewrap* (a sandbox), *unshare* (a true /mnt/data but the
user's own rights) and *none* (Python's own file functions take /mnt/data for the
session's directory). ``choose`` finds out by running each of them.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import LocalPoolError
from .interpreter import OWN, Interpreter
from .namespaces import what_forbids

__all__ = ["Command", "Isolation", "Place", "choose"]

_START = Path(__file__).with_name("session_start.py")
_INHERITED = Path(__file__).with_name("inherited")
MAPPED = "SESSION_MNT_DATA"
"""The variable that names the directory which a session without isolation has as /mnt/data."""
_SOCKETS = "/run/kernel"
_START_INSIDE = "/run/session_start.py"
_TMPFS_BYTES = 1 << 30
_PROBE_SECONDS = 10
_HELP_SECONDS = 3
# Whatever one of these holds is looked up at run time, so a session needs it to be itself.
_ETC = (
    "alternatives",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "timezone",
)
_ETC_NETWORK = ("ca-certificates", "hosts", "nsswitch.conf", "pki", "resolv.conf", "ssl")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The directories of one session on this machine; each must exist when it starts."""

    data: Path
    """What the session sees as /mnt/data."""
    home: Path
    """The session's home and first working directory."""
    sockets: Path
    """The connection file and the sockets of one kernel process; a short path."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run for a program in a session: its words and its whole environment."""

    argv: list[str]
    env: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """One way to run session processes; ``name`` is bubblewrap, unshare or none."""

    name: str
    network: bool
    python: Interpreter = field(default_factory=lambda: OWN)
    """What runs in the sessions."""
    warning: str = ""
    """What a user has to know before code runs; empty when there is nothing to say."""

    def sockets(self, place: Place) -> str:
        """Give the path of ``place.sockets`` as the session's processes see it."""
        return _SOCKETS if self.name == "bubblewrap" else str(place.sockets)

    def command(
        self, place: Place, arguments: Sequence[str], *, lifeline: int | None = None
    ) -> Command:
        """Give the command that runs Python with ``arguments`` in the session at ``place``.

        It ends when the pipe ``lifeline``, a file descriptor that it inherits, is closed.
        """
        end = "-" if lifeline is None else str(lifeline)
        if self.name == "bubblewrap":
            return _bubblewrap(place, [end, "-", *arguments], self)
        if self.name == "unshare":
            return _unshare(place, [end, "-", *arguments], self)
        own = [self.python.executable, str(_START), end, str(place.home)]
        environment = _home_environment(place, self.python)
        # Every Python of the session, the guest kernel too, takes that for its /mnt/data.
        environment[MAPPED] = str(place.data)
        paths = [str(_INHERITED), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        return Command(argv=[*own, *arguments], env=environment)


def choose(
    wanted: str, *, network: bool, scratch: Path, python: Interpreter | None = None
) -> Isolation:
    """Find the isolation to use: ``wanted``, or with "auto" the best that works here.

    Each candidate is tried by running ``python``, by default this one, in it, in the empty
    directory ``scratch``. LocalPoolError when ``wanted`` does not work.
    """
    runs = python or OWN
    names = ("bubblewrap", "unshare", "none") if wanted == "auto" else (wanted,)
    reasons: list[str] = []
    for name in names:
        isolation = Isolation(name=name, network=network, python=runs)
        reason = _probe(isolation, scratch / name)
        if not reason:
            warning = _warning(isolation, reasons)
            return Isolation(name=name, network=network, python=runs, warning=warning)
        reasons.append(f"{name}: {reason}")
    raise LocalPoolError(
        f"Sessions cannot be isolated as asked ({'; '.join(reasons)}).",
        left="No code was run.",
        remedy=f"{_way_to_a_sandbox()} Or accept less with --isolation auto.",
    )


def _way_to_a_sandbox() -> str:
    if shutil.which("bwrap") is None:
        return "Install bubblewrap for a sandbox (apt install bubblewrap, dnf install bubblewrap)."
    return " ".join(["Bubblewrap is installed, but does not work here.", what_forbids()]).strip()


def _warning(isolation: Isolation, reasons: list[str]) -> str:
    if isolation.name == "bubblewrap":
        return ""
    parts = ["Sessions are NOT isolated: their code runs with your own rights on this machine."]
    if isolation.name == "none":
        parts.append(
            "/mnt/data exists for Python's own file functions only, and the network is open."
        )
    if reasons:
        parts.append(f"({'; '.join(reasons)})")
    parts.append(_way_to_a_sandbox())
    return " ".join(parts)


def _probe(isolation: Isolation, root: Path) -> str:
    """Run Python in ``isolation``; the reason why it does not work, or nothing."""
    place = Place(data=root / "data", home=root / "home", sockets=root / "k")
    for directory in (place.data, place.home, place.sockets):
        directory.mkdir(parents=True)
    if isolation.name == "bubblewrap" and _bubblewrap_hangs():
        return f"bwrap --help did not end within {_HELP_SECONDS} s"
    command = isolation.command(
        place, ["-c", "import zmq; open('/mnt/data/it-works', 'w').close()"]
    )
    if shutil.which(command.argv[0]) is None:
        return f"{command.argv[0]} is not installed"
    try:
        done = subprocess.run(
            command.argv,
            env=command.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except OSError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"it did not end within {_PROBE_SECONDS} s"
    if done.returncode or not (place.data / "it-works").exists():
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return ""


def _environment(home: str, python: Interpreter) -> dict[str, str]:
    """Build a session's whole environment: nothing of the pool's own gets in."""
    environment = {
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PATH": f"{python.prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM": "dumb",
        "USER": "session",
    }
    if python.packages_elsewhere:
        environment["PYTHONPATH"] = python.packages_elsewhere
    return environment


def _bubblewrap(place: Place, arguments: Sequence[str], isolation: Isolation) -> Command:
    """Wrap Python in a sandbox: own /mnt/data, /tmp, home and pids, the system read-only.

    Only the folders that are needed are bound, since a read-only bind of
    the whole root showed the user's home, and as root could be mounted writable again.
    """
    python, network = isolation.python, isolation.network
    environment = _environment("/home/session", python)
    argv = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--share-net"] if network else []
    argv += ["--hostname", "session", "--clearenv"]
    for key, value in environment.items():
        argv += ["--setenv", key, value]
    argv += ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if folder.is_symlink():
            argv += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.exists():
            argv += ["--ro-bind", str(folder), str(folder)]
    for name in _ETC + (_ETC_NETWORK if network else ()):
        argv += ["--ro-bind-try", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
    user = place.sockets / "passwd"
    user.write_text(f"session:x:{os.getuid()}:{os.getgid()}::/home/session:/bin/sh\n")
    argv += ["--ro-bind", str(user), "/etc/passwd"]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    for own in ("/dev/shm", "/tmp", "/mnt", "/home", "/run"):  # noqa: S108 (in the sandbox)
        argv += [*_size(), "--tmpfs", own]
    argv += ["--dir", "/home/session"]
    for folder in python.folders():
        argv += ["--ro-bind", str(folder), str(folder)]
    argv += ["--ro-bind", str(_START), _START_INSIDE]
    argv += ["--bind", str(place.data), "/mnt/data", "--bind", str(place.sockets), _SOCKETS]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/home/session", "--"]
    path = os.environ.get("PATH", os.defpath)
    return Command(argv=[*argv, python.executable, _START_INSIDE, *arguments], env={"PATH": path})


def _size() -> list[str]:
    return ["--size", str(_TMPFS_BYTES)] if _bubblewrap_knows_size() else []


@functools.cache
def _bubblewrap_help() -> str | None:
    """What bubblewrap says of itself; "" when it is not there, None when it hangs."""
    try:
        done = subprocess.run(
            ["bwrap", "--help"],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_HELP_SECONDS,
            check=False,
        )
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        return None
    return done.stdout + done.stderr


def _bubblewrap_hangs() -> bool:
    return _bubblewrap_help() is None


def _bubblewrap_knows_size() -> bool:
    """Tell whether this bubblewrap can limit a tmpfs (0.7 and later)."""
    return "--size" in (_bubblewrap_help() or "")


_MOUNT = (
    'mount -t tmpfs tmpfs /mnt && mkdir /mnt/data && mount --bind "$1" /mnt/data || exit 1; '
    'mount -t proc proc /proc 2>/dev/null; cd "$2" || exit 1; shift 2; exec "$@"'
)


def _home_environment(place: Place, python: Interpreter) -> dict[str, str]:
    return {**_environment(str(place.home), python), "TMPDIR": str(place.home)}


def _unshare(place: Place, arguments: Sequence[str], isolation: Isolation) -> Command:
    """Run Python with this user's rights in namespaces with a true /mnt/data."""
    # The chain of signals: the pool dies, so does unshare, so does process 1 of the
    # namespace, and with that everything in it.
    argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]
    argv += ["--kill-child"]
    argv += ["--user", "--map-root-user"] if os.getuid() else []
    argv += [] if isolation.network else ["--net"]
    argv += ["sh", "-c", _MOUNT, "sh", str(place.data), str(place.home)]
    argv += [isolation.python.executable, str(_START), *arguments]
    return Command(argv=argv, env=_home_environment(place, isolation.python))
