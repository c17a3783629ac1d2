"""Callers of a local pool: plain HTTP, as curl would."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

import pytest
import requests

NEWEST = "2025-10-02-preview"


class Pool(Protocol):
    @property
    def endpoint(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def certificate(self) -> str | None: ...


def lacking(what: str) -> NoReturn:
    """Skip a test that this machine cannot run; on CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must be able to run this: {what}")
    pytest.skip(what)


class Caller:
    """One session of a pool, seen by HTTP calls of one api-version."""

    def __init__(self, pool: Pool, version: str = NEWEST, identifier: str | None = None) -> None:
        self.pool = pool
        self.version = version
        self.identifier = identifier or uuid.uuid4().hex
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {pool.token}"
        self.http.verify = pool.certificate or True

    def call(self, method: str, operation: str, **options: Any) -> requests.Response:
        params = {"api-version": self.version, "identifier": self.identifier}
        params |= options.pop("params", {})
        url = f"{self.pool.endpoint}/{operation}"
        return self.http.request(method, url, params=params, timeout=60, **options)

    def execute(self, code: str, **fields: Any) -> requests.Response:
        body = {"codeInputType": "inline", "executionType": "synchronous", "code": code, **fields}
        if self.version < "2024-10":
            return self.call("POST", "code/execute", json={"properties": body})
        return self.call("POST", "executions", json=body)

    def run(self, code: str, **fields: Any) -> dict[str, Any]:
        """Execute and give the whole answer's object with status, and its result's members."""
        answer = self.execute(code, **fields)
        answer.raise_for_status()
        body = answer.json()
        if self.version < "2024-10":
            properties: dict[str, Any] = body["properties"]
            return {**properties, "value": properties["result"]}
        return {
            **body["result"],
            "status": body["status"],
            "value": body["result"]["executionResult"],
        }

    def upload(self, name: str, content: bytes, **params: str) -> requests.Response:
        operation = "files/upload" if self.version < "2024-10" else "files"
        return self.call("POST", operation, files={"file": (name, content)}, params=params)

    def delete(self) -> requests.Response:
        return self.call("DELETE", "session", params={"api-version": NEWEST})


CallerMaker = Callable[..., Caller]


@pytest.fixture
def caller(local_pool: Pool) -> Iterator[CallerMaker]:
    """Make callers with sessions of their own, of any api-version; the sessions are deleted."""
    made: list[Caller] = []

    def make(version: str = NEWEST, *, pool: Pool = local_pool, identifier: str = "") -> Caller:
        made.append(Caller(pool, version, identifier or None))
        return made[-1]

    yield make
    for one in made:
        if one.pool is local_pool:
            one.delete()
        one.http.close()


@pytest.fixture
def session(caller: CallerMaker) -> Caller:
    """One session of the shared pool, in the newest api-version."""
    return caller()
