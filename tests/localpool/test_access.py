"""Who may call the local pool, and what the others are answered."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .conftest import Caller, lacking


def is_empty_401(answer: Any) -> bool:
    return (
        answer.status_code == 401
        and answer.content == b""
        and "WWW-Authenticate" in answer.headers
        and "mise-correlation-id" in answer.headers
    )


@pytest.mark.parametrize("value", [None, "Bearer wrong", "Basic x", "bearer", "Bearer \xff"])
def test_token_is_needed(session: Caller, value: str | None) -> None:
    session.http.headers["Authorization"] = value  # type: ignore[assignment]
    assert is_empty_401(session.call("GET", "files"))
    assert is_empty_401(session.execute("1"))
    assert is_empty_401(session.upload("a.txt", b"x" * 1_000_000))
    assert is_empty_401(session.call("GET", "nowhere"))


def test_unknown_version_is_401(session: Caller) -> None:
    for version in ("2023-08-01-preview", "", None):
        assert is_empty_401(session.call("GET", "files", params={"api-version": version}))
        answer = session.call("POST", "files", params={"api-version": version}, data=b"x")
        assert is_empty_401(answer)


def test_unknown_paths(session: Caller) -> None:
    assert session.call("GET", "nowhere").status_code == 404
    assert is_empty_401(session.call("GET", "/files"))
    assert session.call("GET", "executions").status_code == 405
    url = session.pool.endpoint.replace("sessionPools/local", "sessionPools/localfiles")
    assert is_empty_401(session.http.get(url, params={"api-version": session.version}))


def test_pages_in_a_browser_are_refused(session: Caller) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert session.call("GET", "files", headers=headers).status_code == 403
    for host in ("evil.example", "evil.example:80", "127.0.0.1"):
        assert session.call("GET", "files", headers={"Host": host}).status_code == 403
    port = urlsplit(session.pool.endpoint).port
    assert session.call("GET", "files", headers={"Host": f"localhost:{port}"}).ok


def test_only_loopback_listens(local_pool: Any) -> None:
    port = urlsplit(local_pool.endpoint).port
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
    for family, address in ((socket.AF_INET, "127.0.0.2"),):
        with socket.socket(family) as sock, pytest.raises(OSError, match="refused"):
            sock.connect((address, port))


@pytest.mark.parametrize("identifier", [None, "", "abc", "x" * 129, "white space", "한국어한국어"])
def test_identifiers_that_are_none(session: Caller, identifier: str | None) -> None:
    for answer in (
        session.call("GET", "files", params={"identifier": identifier}),
        session.call("GET", "session", params={"identifier": identifier}),
        session.call("POST", "executions", json={"code": "1"}, params={"identifier": identifier}),
    ):
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["code"] == "SessionRequestValidationFailed"
        assert error["target"] == "identifier"
        assert error["traceId"]


@pytest.mark.parametrize("identifier", ["abcd", "x" * 128, "a|b-c&d^e%f$g#h(i)j{k}l[m]n;o<p>q"])
def test_identifiers_that_are(session: Caller, identifier: str) -> None:
    params = {"identifier": identifier}
    assert session.call("GET", "files", params=params).ok
    assert session.call("GET", "session", params=params).json()["identifier"] == identifier
    assert session.call("DELETE", "session", params=params).status_code == 204


@pytest.mark.parametrize("operation", ["files", "executions"])
@pytest.mark.parametrize("chunked", [True, False])
def test_not_much_is_read_from_a_caller_without_the_token(
    session: Caller, operation: str, chunked: bool
) -> None:
    sent = 0
    piece = b"x" * 1_000_000

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while sent < 1_000_000_000:
            sent += len(piece)
            yield piece

    session.http.headers["Authorization"] = "Bearer wrong"
    headers = {} if chunked else {"Content-Length": "1000000000"}
    request = requests.Request(
        "POST",
        f"{session.pool.endpoint}/{operation}",
        params={"api-version": session.version, "identifier": session.identifier},
        headers={**session.http.headers, **headers},
        data=pieces(),
    ).prepare()
    if not chunked:
        del request.headers["Transfer-Encoding"]
    with contextlib.suppress(requests.ConnectionError):  # closed while it was still being sent
        assert is_empty_401(session.http.send(request, timeout=60))
    assert sent < 100_000_000
    assert is_empty_401(session.call("GET", "files"))


ANOTHER_USER = r"""
exec 3<>/dev/tcp/127.0.0.1/"$1" || exit 1
printf 'GET %s/listSessions?api-version=2025-10-02-preview HTTP/1.0\r\n' "$2" >&3
printf 'Host: 127.0.0.1:%s\r\nAuthorization: Bearer guessed\r\n\r\n' "$1" >&3
head -1 <&3
tr '\0' ' ' < "/proc/$3/cmdline"; echo
cat "/proc/$3/environ" "/proc/$3/mem" 2>/dev/null | head -c 100
shift 3
ls "$@" 2>/dev/null
cat "$@" 2>/dev/null
"""


def test_another_users_process_finds_no_way_in(session: Caller, local_pool: Any) -> None:
    if os.getuid() != 0:
        lacking("only root can become another user")
    session.run("open('/mnt/data/mine', 'w').write('mine')")
    place = urlsplit(local_pool.endpoint)
    # Directories alone: beside them may be the file of a Jupyter's pool, which has a name to list.
    folders = [str(one) for one in Path(tempfile.gettempdir()).glob("aca-local-pool-*-*")]
    assert folders
    words = [str(place.port), place.path, str(local_pool.process.pid), *folders]
    done = subprocess.run(
        ["bash", "-c", ANOTHER_USER, "bash", *words],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    status, command, *more = done.stdout.splitlines()
    assert "401" in status
    assert "aca_kernel.commands.pool" in command
    assert local_pool.token not in command
    assert more == []
