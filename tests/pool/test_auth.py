"""Where tokens come from, when they are renewed, and that they are never shown."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

from aca_kernel.errors import AuthenticationError, ConfigurationError
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint

from .fault_server import Fault, FaultServer, Wire, answer

CANARY = "canary-token-of-a-managed-identity"
POOL = "https://eastus.dynamicsessions.io/subscriptions/s/resourceGroups/g/sessionPools/p"


class Token(NamedTuple):
    token: str
    expires_on: int


class Credential:
    """A credential of azure-identity's kind that counts what it gives."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.scopes: list[str] = []
        self.lifetime = lifetime
        self.error: Exception | None = None

    def get_token(self, *scopes: str) -> Token:
        self.scopes += scopes
        if self.error is not None:
            raise self.error
        return Token(f"token-{len(self.scopes)}", int(time.time() + self.lifetime))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time that the token source sees forward."""
    started, real = time.time(), time.time
    ahead = 0.0
    monkeypatch.setattr("aca_kernel.pool.auth.time.time", lambda: real() + ahead)

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    assert real() >= started
    return forward


@pytest.fixture
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody has signed in and no Azure tool is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")  # without the probe for an Azure machine


def jwt(**payload: Any) -> str:
    parts = [{"alg": "none"}, payload, {"s": 1}]
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


def test_given_token_is_used_as_it_is() -> None:
    tokens = TokenSource(token=f" {CANARY}\n")
    assert tokens.get() == CANARY
    assert tokens.drop() is False
    assert tokens.get() == CANARY
    assert CANARY not in repr(tokens)


@pytest.mark.parametrize("token", ["two words", "line\r\nX: y", "ünicode", "nul\0"])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TokenSource(token=token)
    assert token not in str(caught.value)


def test_token_is_kept_until_five_minutes_before_its_end(clock: Callable[[float], None]) -> None:
    credential = Credential()
    tokens = TokenSource(credential=credential, scope="scope/.default")
    assert [tokens.get(), tokens.get()] == ["token-1", "token-1"]
    clock(3600 - 300 - 5)
    assert tokens.get() == "token-1"
    clock(10)
    assert tokens.get() == "token-2"
    assert credential.scopes == ["scope/.default"] * 2


def test_short_lived_token_is_not_fetched_for_every_call(clock: Callable[[float], None]) -> None:
    tokens = TokenSource(credential=Credential(lifetime=200))
    assert [tokens.get(), tokens.get()] == ["token-1", "token-1"]
    clock(120)
    assert tokens.get() == "token-2"


def test_old_token_serves_while_no_new_one_can_be_had(clock: Callable[[float], None]) -> None:
    credential = Credential()
    tokens = TokenSource(credential=credential)
    tokens.get()
    credential.error = RuntimeError("the network is down")
    clock(3400)
    assert tokens.get() == "token-1"
    clock(300)
    with pytest.raises(AuthenticationError):
        tokens.get()


def test_dropped_token_is_replaced() -> None:
    tokens = TokenSource(credential=Credential())
    tokens.get()
    assert tokens.drop() is True
    assert tokens.get() == "token-2"


def test_many_threads_share_one_fetch() -> None:
    credential = Credential()
    tokens = TokenSource(credential=credential)
    together = threading.Barrier(8)
    got: list[str] = []

    def run() -> None:
        together.wait()
        got.append(tokens.get())

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 8
    assert len(credential.scopes) == 1


@pytest.mark.parametrize("token", ["", "a\nb", None])
def test_credential_that_gives_no_token(token: Any) -> None:
    credential = Credential()
    credential.get_token = lambda *_: Token(token, 0)  # type: ignore[method-assign]
    with pytest.raises(AuthenticationError):
        TokenSource(credential=credential).get()


def test_code_of_entra_id_is_told_and_nothing_else() -> None:
    credential = Credential()
    credential.error = RuntimeError(f"AADSTS70043: refresh token {CANARY} of someone@example.com")
    with pytest.raises(AuthenticationError, match="AADSTS70043") as caught:
        TokenSource(credential=credential).get()
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    assert "someone" not in shown
    assert "az login" in shown
    assert caught.value.__context__ is None


@pytest.mark.usefixtures("no_login")
def test_missing_login_says_how_to_sign_in() -> None:
    with (
        PoolClient(parse_endpoint(POOL), TokenSource()) as client,
        pytest.raises(AuthenticationError, match="No Azure login") as caught,
    ):
        client.execute("identifier", "1")
    assert "az login" in caught.value.remedy
    assert "managed identity" in caught.value.remedy
    assert caught.value.left == "Nothing was sent."
    assert caught.value.__context__ is None


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A managed identity endpoint as App Service and Container Apps have it."""
    count = 0

    def issue(wire: Wire) -> bool:
        nonlocal count
        count += 1
        token = {
            "access_token": f"{CANARY}-{count}",
            "expires_on": str(int(time.time()) + 86_400),
            "resource": "https://dynamicsessions.io",
            "token_type": "Bearer",
        }
        return answer(200, token, {"Content-Type": "application/json"})(wire)

    with FaultServer(issue) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "secret-header")
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        yield server


def test_managed_identity_gives_a_token(
    identity: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = TokenSource()
    assert identity.received == []
    with caplog.at_level(logging.DEBUG):
        assert [tokens.get(), tokens.get()] == [f"{CANARY}-1"] * 2
    (request,) = identity.received
    assert "resource=https://dynamicsessions.io" in unquote(request.target)
    assert request.headers["x-identity-header"] == "secret-header"
    tokens.drop()
    assert tokens.get() == f"{CANARY}-2"  # azure-identity's own cache does not hold the old one
    assert CANARY not in caplog.text
    assert CANARY not in repr(tokens)


def test_refused_token_is_replaced_once(identity: FaultServer, tmp_path: Path) -> None:
    """A pool beyond a proxy, with a certificate of its own, refuses the first token."""
    import trustme

    from .test_faults import tls

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    done: Fault = answer(200, {"status": "Succeeded", "result": {}})
    with FaultServer(answer(401), done, tls=tls(authority, "pool.sessions.example")) as pool:
        tunnel = Tunnel(pool.port)
        with FaultServer(tunnel) as proxy:
            endpoint = parse_endpoint(
                f"https://pool.sessions.example:{pool.port}", suffixes=[".sessions.example"]
            )
            client = PoolClient(
                endpoint,
                TokenSource(),
                ca_bundle=str(tmp_path / "ca.pem"),
                proxies={"https": f"http://127.0.0.1:{proxy.port}"},
            )
            assert client.execute("identifier", "1").succeeded
            pool.script([answer(401)])
            with pytest.raises(AuthenticationError) as caught:
                client.execute("identifier", "1")
            client.close()
    used = [request.headers["authorization"] for request in pool.received]
    assert used == [f"Bearer {CANARY}-{n}" for n in (1, 2, 2, 3)]
    assert CANARY not in str(caught.value)
    for cause in ("az login", "az role assignment create", "api-version", "path of the endpoint"):
        assert cause in caught.value.remedy


class Tunnel:
    """A fault that is none: what an HTTP proxy does for CONNECT."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, wire: Wire) -> bool:
        import socket

        wire.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            back = threading.Thread(target=self._pump, args=(far, wire.sock))
            back.start()
            self._pump(wire.sock, far)
            back.join()
        return False

    @staticmethod
    def _pump(source: Any, sink: Any) -> None:
        import contextlib
        import socket

        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                sink.sendall(block)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


# -- this machine never gets a token of Entra ID


def test_local_pool_needs_its_own_token(identity: FaultServer) -> None:
    endpoint = parse_endpoint("http://127.0.0.1:1")
    for tokens in (TokenSource(), TokenSource(credential=Credential())):
        with pytest.raises(ConfigurationError, match="local pool"):
            PoolClient(endpoint, tokens)
    assert identity.received == []


@pytest.mark.parametrize(
    "payload",
    [
        {"iss": "https://login.microsoftonline.com/t/v2.0"},
        {"iss": "https://sts.windows.net/t/"},
        {"aud": "https://dynamicsessions.io"},
        {"aud": ["https://acasessions.io"]},
        {"aud": "2c7dd73f-7a21-485b-b97d-a2508fa152c3"},
    ],
)
def test_token_of_entra_id_is_not_sent_to_this_machine(payload: dict[str, Any]) -> None:
    token = jwt(**payload)
    for endpoint in ("http://localhost:1", "https://127.0.0.1:1", "http://[::1]:1"):
        with pytest.raises(ConfigurationError, match="Entra ID") as caught:
            PoolClient(parse_endpoint(endpoint), TokenSource(token=token))
        assert token not in str(caught.value)
    PoolClient(parse_endpoint(POOL), TokenSource(token=token)).close()


@pytest.mark.parametrize("token", ["plain", "a.b.c", "..", jwt(iss="someone"), "x.W10.y"])
def test_any_other_token_may_go_to_a_local_pool(token: str) -> None:
    PoolClient(parse_endpoint("http://localhost:1"), TokenSource(token=token)).close()
