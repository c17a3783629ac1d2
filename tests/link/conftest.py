"""Links to guests in sessions of a real local pool."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aca_kernel.link.answers import Hello
from aca_kernel.link.client import Link
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from tests.kernel.driver import PATIENCE, Pool

Message = dict[str, Any]


class Ran:
    """What a cell's request brought over the link."""

    def __init__(self, messages: list[Message], reply: Message) -> None:
        self.messages = messages
        self.reply = reply

    @property
    def stdout(self) -> str:
        return "".join(
            message["content"]["text"]
            for message in self.messages
            if message["header"]["msg_type"] == "stream"
        )


class Driver:
    """One session with a guest, driven by the link itself, and plain calls beside it."""

    def __init__(
        self, pool: Pool, *, version: str | None = None, identifier: str | None = None
    ) -> None:
        self.client = PoolClient(
            parse_endpoint(pool.endpoint),
            TokenSource(token=pool.token),
            **({"api_version": version} if version else {}),  # type: ignore[arg-type]
        )
        self.identifier = identifier or f"link-{uuid.uuid4().hex}"
        self.link = Link(self.client, self.identifier, asyncio.to_thread)
        self.kernel = 0
        self.exchanges = 0

    def close(self) -> None:
        self.client.close()

    def hello(self) -> Hello:
        hello = asyncio.run(self.link.hello())
        self.kernel = hello.kernel
        return hello

    def send(self, code: str, **content: Any) -> str:
        """Queue a cell for the guest kernel; the message's id."""
        return self.ask("execute_request", {"code": code, "silent": False, **content})

    def ask(self, kind: str, content: Message) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": "s",
            "username": "u",
            "date": "2026-01-01T00:00:00.000000Z",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.link.peer.send(
            {"op": "send", "channel": "shell", "kernel": self.kernel, "message": message}
        )
        return str(header["msg_id"])

    def exchange(self, until: str | None = None, wait: float = 1.0) -> list[Message]:
        self.exchanges += 1
        return asyncio.run(self.link.exchange(until=[until] if until else [], wait=wait))

    def finish(self, message: str, most: int = 2000) -> Ran:
        """Exchange until the reply and the idle of a request are there."""
        messages: list[Message] = []
        reply: Message | None = None
        is_idle = False
        for _ in range(most):
            for got in self.exchange(message):
                assert got.get("event", "calls") == "calls", got
                if "event" in got:
                    continue
                if got["parent_header"].get("msg_id") != message:
                    continue
                if got["channel"] == "shell":
                    reply = got["content"]
                elif got["header"]["msg_type"] == "status":
                    is_idle = True
                else:
                    messages.append(got)
            if reply is not None and is_idle:
                return Ran(messages, reply)
        raise AssertionError(f"no end after {most} exchanges")

    def run(self, code: str) -> Ran:
        """Run a cell in the guest kernel."""
        return self.finish(self.send(code))

    def value(self, code: str) -> str:
        """What a cell printed in the guest kernel, which ran to its end."""
        ran = self.run(code)
        assert ran.reply["status"] == "ok", ran.reply
        return ran.stdout.strip()

    def plain(self, code: str) -> str:
        """What a plain call printed in the session interpreter, which ran to its end."""
        done = self.client.execute(self.identifier, code)
        assert done.succeeded, done.stderr
        return done.stdout.strip()

    def event(self, most: int = 60) -> Message:
        """The next event of the guest."""
        for _ in range(most):
            for got in self.exchange():
                if "event" in got:
                    return got
        raise AssertionError("no event came")


DriverStarter = Callable[..., Driver]


@pytest.fixture
def start_link(local_pool: Pool) -> Iterator[DriverStarter]:
    """Start links to new sessions, of the shared pool or another one."""
    drivers: list[Driver] = []

    def start(pool: Pool | None = None, *, greet: bool = True, **options: Any) -> Driver:
        driver = Driver(pool or local_pool, **options)
        drivers.append(driver)
        if greet:
            driver.hello()
        return driver

    yield start
    for identifier in {driver.identifier for driver in drivers}:
        last = [driver for driver in drivers if driver.identifier == identifier][-1]
        if last.client.supports("get_session"):
            last.client.delete_session(identifier, timeout=PATIENCE)
    for driver in drivers:
        driver.close()


@pytest.fixture
def driver(start_link: DriverStarter) -> Driver:
    return start_link()
