"""The local pool as a server: its directory, its certificate, its socket, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import tornado.httpserver
import tornado.netutil
import trustme

from ..errors import LocalPoolError
from . import files, isolation
from .handlers import BODY_BYTES, PREFIX, Served
from .interpreter import interpreter_at
from .routes import application
from .sessions import PoolOptions, Sessions

__all__ = ["Listening", "serve"]

_NAME = "aca-local-pool-"
_SOCKET_PATH_BYTES = 40


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A pool that accepts calls: the line that the command prints."""

    endpoint: str
    token: str
    certificate: str | None
    warning: str


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    """Make the pool's directory, lock it while it is in use, and remove it at the end.

    Directories that killed pools left behind are told by their free locks and removed.
    """
    import fcntl

    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > _SOCKET_PATH_BYTES:
        base = Path("/tmp")  # noqa: S108 (a socket's path has 107 bytes at most)
    name = f"{_NAME}{os.getuid()}-"
    for left in base.glob(f"{name}*"):
        with contextlib.suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                files.remove_tree(left)
            finally:
                os.close(lock)
    while True:
        directory = Path(tempfile.mkdtemp(prefix=name, dir=base))
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if directory.exists():  # else another pool took it for a left one in between
            break
        os.close(lock)
    try:
        yield directory
    finally:
        files.remove_tree(directory)
        os.close(lock)


def _checked_host(host: str) -> str:
    """Give the loopback address to listen on; LocalPoolError for any other."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise LocalPoolError(
            f"The local pool listens on this machine only, and {host} is not a loopback address.",
            left="Nothing was started.",
            remedy="Use --host 127.0.0.1 or ::1.",
        )
    return address


def _certificate(directory: Path, address: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for this server; its authority's PEM file is what clients trust."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", address))
    authority.issue_cert(*names).configure_cert(context)
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


async def serve(
    options: PoolOptions,
    *,
    host: str,
    port: int,
    token: str,
    network: bool,
    wanted_isolation: str,
    python: str,
    tls: bool,
    exit_when_idle: bool,
    listening: Callable[[Listening], Awaitable[None]],
) -> None:
    """Serve a session pool until cancelled, or with ``exit_when_idle`` until it is not used.

    ``port`` 0 takes a free one. ``listening`` is awaited once calls are accepted.
    LocalPoolError when it cannot start; nothing is left behind then.
    """
    address = _checked_host(host)
    with _directory() as directory:
        scratch = directory / "probe"
        runs = await asyncio.to_thread(interpreter_at, python)
        chosen = await asyncio.to_thread(
            isolation.choose, wanted_isolation, network=network, scratch=scratch, python=runs
        )
        try:
            sockets = tornado.netutil.bind_sockets(port, address)
        except OSError as error:
            raise LocalPoolError(
                f"The local pool cannot listen on {address} port {port} ({error.strerror}).",
                left="Nothing was started.",
                remedy="Use --port 0 for a free one.",
            ) from error
        port = sockets[0].getsockname()[1]
        context, pem = _certificate(directory, address) if tls else (None, None)
        sessions = Sessions(directory, options, chosen)
        shown = f"[{address}]" if ":" in address else address
        origin = f"{'https' if tls else 'http'}://{shown}:{port}"
        names = ("127.0.0.1", "localhost", "[::1]", shown)
        served = Served(
            sessions=sessions,
            options=options,
            token=token,
            origin=origin,
            hosts=frozenset(f"{name}:{port}" for name in names),
            created=datetime.now(timezone.utc),
            python=runs,
        )
        server = tornado.httpserver.HTTPServer(
            application(served), ssl_options=context, max_body_size=BODY_BYTES
        )
        server.add_sockets(sockets)
        try:
            sessions.fill()
            await listening(
                Listening(
                    endpoint=origin + PREFIX,
                    token=token,
                    certificate=str(pem) if pem else None,
                    warning=chosen.warning,
                )
            )
            await _until_idle(served, exit_when_idle=exit_when_idle)
        finally:
            # Open connections end with the process: whoever holds one sees that all is gone.
            server.stop()
            await sessions.close()


async def _until_idle(served: Served, *, exit_when_idle: bool) -> None:
    """Return after a whole cooldown without a call or a session; never unless asked."""
    loop = asyncio.get_running_loop()
    if not exit_when_idle:
        await loop.create_future()
    while True:
        left = served.last_call + served.options.cooldown - loop.time()
        if left <= 0 and not len(served.sessions):
            return
        await asyncio.sleep(left if left > 0 else min(1.0, served.options.cooldown))
