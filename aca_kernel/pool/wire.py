"""The transport below the client: TLS trust, deadlines, and what surely was not sent.

requests and urllib3 do the work; this module tells them three things that they do not
offer: a trust that nothing in the environment can change, a total deadline for a call,
and whether any byte of a request was written before it failed.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import certifi
import requests
import requests.adapters
import requests.auth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from aca_kernel.errors import ConfigurationError
from aca_kernel.pool.deadlines import Deadlines

__all__ = [
    "BLOCK",
    "SOCKET_OPTIONS",
    "Bearer",
    "Call",
    "PoolAdapter",
    "PoolSession",
    "proxies_for",
    "trust",
]


BLOCK = 256 * 2**10
"""Bytes that are read or written at once; of 16 KiB, urllib3's own, the overhead shows."""

MAX_IDLE = 20.0
"""Seconds after which an idle connection is replaced rather than used again.

A request on a connection that the service is just closing is lost, and nobody can tell
whether it arrived. Front ends close idle connections after a minute or more, so a
connection this young is surely not being closed for idleness.
"""

_SILENCE = 25
"""Seconds after which a peer that acknowledges nothing any more is taken for gone."""

SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", 10),
            ("TCP_KEEPALIVE", 10),  # macOS's name for it
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", _SILENCE * 1000),
        )
        if hasattr(socket, name)
    ),
]
"""What every connection gets: a laptop that slept, or a network that went away, is noticed
after `_SILENCE` seconds, and not only when a call's read deadline of minutes is over."""

_deadlines = Deadlines()
_here = threading.local()  # .call: the Call that this thread is making


def _current() -> Call | None:
    return getattr(_here, "call", None)


class Call:
    """One exchange on the wire, to be entered around it, by the thread that makes it.

    ``sent`` is True from the moment when the first byte may have been written: while it
    is False the service cannot have seen the request. ``abort`` ends the exchange from
    any thread; so does a total deadline (seconds; None for none), and then ``expired`` is
    True. ``write_timeout`` is the seconds that one block of the request may take.
    """

    def __init__(self, deadline: float | None = None, *, write_timeout: float = 60.0) -> None:
        self.write_timeout = write_timeout
        self.sent = False
        self.expired = False
        self._socket: Any = None
        self._is_aborted = False
        self._lock = threading.Lock()
        self._deadline = deadline
        self._watched: object = None
        self._outer: Call | None = None

    def __enter__(self) -> Call:
        self._outer, _here.call = _current(), self
        if self._deadline is not None:
            self._watched = _deadlines.set(self._deadline, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _here.call = self._outer
        _deadlines.cancel(self._watched)
        self.end()

    def begin(self, sock: Any) -> None:
        """Note that the request is about to be written to this socket.

        Raises TimeoutError when the call was aborted while it connected.
        """
        with self._lock:
            if self._is_aborted:
                raise TimeoutError
            self.sent = True
            self._socket = sock

    def end(self) -> None:
        """Note that the connection may serve another call from here on."""
        with self._lock:
            self._socket = None

    def abort(self) -> None:
        """End the exchange now: what blocks in it fails. Nothing happens once it is over."""
        with self._lock:
            self._is_aborted = True
            if self._socket is not None:
                with suppress(OSError, TypeError):  # TypeError: TLS inside TLS
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _expire(self) -> None:
        self.expired = True
        self.abort()


class _Noted:
    """Mixin for urllib3's connections: tells the Call when its request begins."""

    sock: Any
    timeout: Any
    last_used = 0.0

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        call = _current()
        if call is not None:
            self.timeout = call.write_timeout  # urllib3 would write with the connect timeout
            call.begin(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _PlainConnection(_Noted, HTTPConnection):
    pass


class _TlsConnection(_Noted, HTTPSConnection):
    pass


class _Fresh:
    """Mixin for urllib3's pools: an idle connection is used again only while it is young."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if connection.sock is not None and time.monotonic() - connection.last_used > MAX_IDLE:
            connection.close()  # urllib3 connects it anew
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.last_used = time.monotonic()
            if (call := _current()) is not None:
                call.end()
        super()._put_conn(conn)  # type: ignore[misc]


class _PlainPool(_Fresh, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(_Fresh, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


class Bearer(requests.auth.AuthBase):
    """The only place where a token is attached. Any ``auth`` keeps requests from .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach the token to one request."""
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


class PoolSession(requests.Session):
    """A session that ignores the environment, keeps no cookies and follows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update(
            {
                "User-Agent": f"aca-kernel/{metadata.version('aca-kernel')}",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
            }
        )

    def get_redirect_target(self, resp: Any) -> None:
        """None: even to look where a redirect leads, requests would read its whole body."""


class PoolAdapter(requests.adapters.HTTPAdapter):
    """Carries requests with one TLS context, whatever ``verify`` says."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)
        _hush()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, of our own kind."""
        super().init_poolmanager(
            *args,
            **kwargs,
            ssl_context=self._context,
            socket_options=SOCKET_OPTIONS,
            blocksize=BLOCK,
        )
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools behind a proxy, of our own kind."""
        kwargs.setdefault("ssl_context", self._context)
        kwargs.setdefault("socket_options", SOCKET_OPTIONS)
        kwargs.setdefault("blocksize", BLOCK)
        if not proxy.lower().startswith("socks"):
            kwargs.setdefault("proxy_ssl_context", self._context)
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Let no ``verify`` reach urllib3; the context judges."""
        host, _ = super().build_connection_pool_key_attributes(request, True, cert)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection as it is; the context judges."""


def trust(ca_bundle: str | None) -> ssl.SSLContext:
    """Whom to trust: the public authorities, and those in the file or directory ``ca_bundle``.

    Built from scratch, so that no environment variable (SSL_CERT_FILE, REQUESTS_CA_BUNDLE,
    SSLKEYLOGFILE, ...) has a part in it. Raises ConfigurationError when the bundle cannot
    be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and host names
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    if ca_bundle is not None:
        try:
            if Path(ca_bundle).is_dir():  # as OpenSSL's `rehash` makes them
                context.load_verify_locations(capath=ca_bundle)
            else:
                context.load_verify_locations(cafile=ca_bundle)
        except OSError as error:
            reason = error.strerror or "it holds no PEM certificate"
        else:
            return context
        raise ConfigurationError(
            f"The CA bundle {ca_bundle!r} cannot be used: {reason}.",
            left="Nothing was sent.",
            remedy="Give the path of a PEM file with the certificates to trust in addition, or of"
            " a directory of such files that `openssl rehash` has prepared.",
        )
    return context


def proxies_for(host: str, proxies: Mapping[str, str]) -> dict[str, str]:
    """The proxies to use for a host, from a mapping as ``urllib.request.getproxies`` gives it.

    None for a host that its "no" or "no_proxy" entry names.
    """
    exempt = proxies.get("no") or proxies.get("no_proxy") or ""
    if exempt and proxy_bypass_environment(host, {"no": exempt}):
        return {}
    return {key: value for key, value in proxies.items() if key not in ("no", "no_proxy")}


class _Hushed(logging.Filter):
    """Drops what urllib3 logs during a Call: its lines hold URLs, and so the identifier."""

    def filter(self, record: logging.LogRecord) -> bool:
        return _current() is None


_hushed = _Hushed()


def _hush() -> None:
    for module in ("connectionpool", "connection", "response", "util.retry", "poolmanager"):
        logging.getLogger(f"urllib3.{module}").addFilter(_hushed)  # once: it is the same object
