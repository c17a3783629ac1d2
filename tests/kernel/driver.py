"""A real kernel process, driven over ZMQ as a front end does it."""

from __future__ import annotations

import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

import requests
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from aca_kernel.sessions.identity import derive_identifier

PATIENCE = 60.0
"""Seconds after which a test gives up; no test is about being that slow."""

AZURE = "azure-sessions-python"
LOCAL = "azure-sessions-python-local"

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Pool(Protocol):
    """A running pool, as the fixtures ``local_pool`` and ``start_pool`` give it."""

    endpoint: str
    token: str


def reach(pool: Pool) -> dict[str, str]:
    """The environment that points a kernel at ``pool``."""
    return {"ACA_POOL_MANAGEMENT_ENDPOINT": pool.endpoint, "ACA_ACCESS_TOKEN": pool.token}


DIRECT = {"ACA_KERNEL_MODE": "direct"}
LINKED = {"ACA_KERNEL_MODE": "linked"}


def ask_pool(
    pool: Pool, method: str, route: str, *, json: object = None, **query: str
) -> requests.Response:
    """One call of the pool's API, by a client that nobody here wrote."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            f"{pool.endpoint}/{route}",
            params={"api-version": "2025-10-02-preview", **query},
            headers={"Authorization": f"Bearer {pool.token}"},
            json=json,
            timeout=PATIENCE,
        )


def sessions_of(pool: Pool) -> set[str]:
    """The identifiers of all sessions that the pool has allocated."""
    answer = ask_pool(pool, "GET", "listSessions")
    answer.raise_for_status()
    return {entry["identifier"] for entry in answer.json()["sessions"]}


def delete_session(pool: Pool, identifier: str) -> None:
    """Delete a session, as another client of the pool might."""
    ask_pool(pool, "DELETE", "session", identifier=identifier).raise_for_status()


def wait_for(
    condition: Callable[[], object], what: str, seconds: float = PATIENCE, every: float = 0.02
) -> None:
    """Wait until ``condition`` holds: for what sends no event to wait for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(every)


@dataclass
class Ran:
    """What a cell's request brought: the reply's content, and the outputs in order."""

    reply: dict[str, Any]
    outputs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def kinds(self) -> list[str]:
        """The outputs' message types; streams by their name."""
        return [
            o["content"]["name"] if o["msg_type"] == "stream" else o["msg_type"]
            for o in self.outputs
        ]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [o["content"] for o in self.outputs if o["msg_type"] == kind]

    def _stream(self, name: str) -> str:
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)

    @property
    def stdout(self) -> str:
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        return self._stream("stderr")

    @property
    def result(self) -> str | None:
        """The text of Out[n]; None without one."""
        results = self.of("execute_result")
        assert len(results) <= 1
        return str(results[0]["data"]["text/plain"]) if results else None

    @property
    def displayed(self) -> str:
        """The plain text of all displays, in order."""
        shown = self.of("display_data") + self.of("update_display_data")
        return "\n".join(c["data"].get("text/plain", "") for c in shown)

    @property
    def ename(self) -> str:
        """The name of the one error, in the reply and in the output alike."""
        (error,) = self.of("error")
        assert error["ename"] == self.reply["ename"]
        assert error["evalue"] == self.reply["evalue"]
        assert error["traceback"] == self.reply["traceback"]
        return str(error["ename"])

    @property
    def evalue(self) -> str:
        return str(self.reply["evalue"])

    @property
    def traceback(self) -> str:
        """The whole text of the error, without colours."""
        return _ANSI.sub("", "\n".join(self.reply["traceback"]))


class Kernel:
    """One kernel as Jupyter keeps it: a process, its restarts, and a client of it."""

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        *,
        name: str = AZURE,
        cwd: Path | None = None,
        spec_environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = dict(os.environ) | dict(environment)
        # ipykernel reads it, and then leaves file descriptors alone.
        self.environment.pop("PYTEST_CURRENT_TEST", None)
        self.cwd = cwd or folder
        self.log = folder / "kernel.log"
        self.manager = KernelManager(
            kernel_name=name, connection_file=str(folder / "kernel-of-the-test.json")
        )
        if spec_environment is not None:
            spec = self.manager.kernel_spec
            assert spec is not None
            spec.env.update(spec_environment)
        self.sent: set[str] = set()
        """The message ids of all cells."""
        self._replies: dict[str, dict[str, Any]] = {}
        self._iopub: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.client: BlockingKernelClient

    # -- the process

    def start(self) -> Kernel:
        """Start it, and wait until it has answered kernel_info."""
        try:
            return self._start()
        except RuntimeError:
            # jupyter_client picks free ports and lets go of them before the kernel binds them:
            # with several suites on one machine another process may be quicker.
            if "Address already in use" not in self.log.read_text(errors="replace"):
                raise
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True, restart=True)  # else its sockets' context ends
            self.manager.cleanup_random_ports()
            self.log.write_text("")
            return self._start()

    def _start(self) -> Kernel:
        with self.log.open("ab") as log:
            self.manager.start_kernel(
                cwd=str(self.cwd), env=self.environment, stdout=log, stderr=log
            )
        self._connect()
        return self

    def _connect(self) -> None:
        self._replies.clear()  # a new client numbers its messages from 1 again
        self._iopub.clear()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        while not self._is_heard():  # else a busy machine loses the first cell's outputs
            pass

    def _is_heard(self) -> bool:
        """Whether iopub messages arrive, which wait_for_ready does not wait for."""
        sent = self.client.kernel_info()
        self.client.get_shell_msg(timeout=PATIENCE)
        with suppress(Empty):
            while True:
                got = self.client.get_iopub_msg(timeout=0.2)
                if got["parent_header"].get("msg_id") == sent:
                    return True
        return False

    @property
    def pid(self) -> int:
        provisioner: Any = self.manager.provisioner
        return int(provisioner.process.pid)

    @property
    def connection_file(self) -> Path:
        return Path(self.manager.connection_file)

    @property
    def identifier(self) -> str:
        """The identifier of the session that this kernel makes for itself."""
        return derive_identifier(self.connection_file, self.manager.session.key)

    @property
    def markers(self) -> list[str]:
        """What the kernel has left beside its connection file."""
        return sorted(p.name for p in self.connection_file.parent.glob("aca-restart-*"))

    def restart(self, *, now: bool = False) -> None:
        """Restart it as Jupyter does: another process, the same connection file."""
        self.client.stop_channels()
        with self.log.open("ab") as log:
            self.manager.restart_kernel(now=now, stdout=log, stderr=log)
        self._connect()

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_for_end(self) -> float:
        """Wait until the process has ended; seconds that took."""
        began = time.monotonic()
        wait_for(lambda: not self.manager.is_alive(), "the end of the kernel's process")
        return time.monotonic() - began

    def shutdown(self) -> float:
        """Shut it down as Jupyter does; seconds that took."""
        began = time.monotonic()
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        return time.monotonic() - began

    def close(self) -> None:
        """Shut it down if it still runs, and look through what it wrote to its log."""
        if self.manager.has_kernel:
            self.shutdown()
        self.manager.cleanup_resources()
        written = self.log.read_text(errors="replace") if self.log.exists() else ""
        for name in ("ACA_ACCESS_TOKEN", "ACA_SESSION_ID"):
            secret = self.environment.get(name, "")
            assert not secret or secret not in written
        assert self.identifier not in written
        assert not re.search(r'File ".*[/\\\\]aca_kernel[/\\\\]', written), written
        assert "ZMQError" not in written, written
        assert "Assertion failed" not in written, written

    # -- requests

    def send(self, code: str, **request: Any) -> str:
        """Send a cell without waiting for it; the message's id."""
        request.setdefault("allow_stdin", False)
        message = str(self.client.execute(code, **request))
        self.sent.add(message)
        return message

    def run(self, code: str, timeout: float = PATIENCE, **request: Any) -> Ran:
        """Run a cell and wait for its end."""
        began = time.monotonic()
        ran = self.finish(self.send(code, **request), timeout)
        ran.seconds = time.monotonic() - began
        return ran

    def finish(self, message: str, timeout: float = PATIENCE) -> Ran:
        """Wait for the reply and the idle of a request."""
        end = time.monotonic() + timeout
        while message not in self._replies:
            reply = self.client.get_shell_msg(timeout=max(0.01, end - time.monotonic()))
            self._replies[reply["parent_header"].get("msg_id", "")] = reply
        while not self._is_idle(message):
            self._read_iopub(max(0.01, end - time.monotonic()))
        return Ran(
            reply=self._replies.pop(message)["content"],
            outputs=[
                m
                for m in self._iopub.pop(message)
                if m["msg_type"] not in ("status", "execute_input")
            ],
        )

    def so_far(self, message: str) -> list[dict[str, Any]]:
        """The outputs of a request that has not ended, as far as they have come."""
        with suppress(Empty):
            while True:
                self._read_iopub(0.2)
        return [m for m in self._iopub[message] if m["msg_type"] not in ("status", "execute_input")]

    def _is_idle(self, message: str) -> bool:
        return any(
            m["msg_type"] == "status" and m["content"]["execution_state"] == "idle"
            for m in self._iopub[message]
        )

    def _read_iopub(self, timeout: float) -> None:
        got = self.client.get_iopub_msg(timeout=timeout)
        self._iopub[got["parent_header"].get("msg_id", "")].append(got)

    def wait_for_message(
        self, message: str, test: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE
    ) -> dict[str, Any]:
        """The first iopub message of a request that ``test`` is true for."""
        end = time.monotonic() + timeout
        while True:
            for got in self._iopub[message]:
                if test(got):
                    return got
            self._read_iopub(max(0.01, end - time.monotonic()))

    def input_count(self, message: str) -> int:
        """The number that the notebook shows beside the cell while it runs."""
        got = self.wait_for_message(message, lambda m: m["msg_type"] == "execute_input")
        return int(got["content"]["execution_count"])

    def begun(self, code: str, pool: Pool, **request: Any) -> str:
        """Send a cell and wait until its code runs in the session; the message's id.

        The session says so by a file, which the pool's API lists.
        """
        name = f"begun-{os.urandom(6).hex()}"
        message = self.send(f"open('/mnt/data/{name}', 'w').close()\n{code}", **request)
        identifier = self.environment.get("ACA_SESSION_ID") or self.identifier

        def is_there() -> bool:
            if identifier not in sessions_of(pool):
                return False  # to ask for its files would allocate it
            return name in ask_pool(pool, "GET", "files", identifier=identifier).text

        wait_for(is_there, "the cell's begin")
        return message

    def ask(self, kind: str, content: dict[str, Any], channel: str = "shell") -> dict[str, Any]:
        """Send any request and give its reply's content."""
        return self.answer_to(self.request(kind, content, channel), channel)

    def request(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        """Send any request without waiting for it; the message's id."""
        request = self.client.session.msg(kind, content)
        getattr(self.client, f"{channel}_channel").send(request)
        return str(request["header"]["msg_id"])

    def answer_to(self, message: str, channel: str = "shell") -> dict[str, Any]:
        """Wait for the reply to a request; its content."""
        via = getattr(self.client, f"{channel}_channel")
        end = time.monotonic() + PATIENCE
        while True:
            reply = via.get_msg(timeout=max(0.01, end - time.monotonic()))
            if reply["parent_header"].get("msg_id") == message:
                found: dict[str, Any] = reply["content"]
                return found
            self._replies[reply["parent_header"].get("msg_id", "")] = reply

    def interrupt(self) -> None:
        """Interrupt it by message, and wait for the interrupt's own reply."""
        assert self.ask("interrupt_request", {}, "control")["status"] == "ok"

    def answer(self, message: str, text: str) -> dict[str, Any]:
        """Wait for the cell's question on the stdin channel and answer it; the question."""
        question = self.client.get_stdin_msg(timeout=PATIENCE)
        assert question["parent_header"]["msg_id"] == message
        self.client.input(text)
        content: dict[str, Any] = question["content"]
        return content

    def has_question(self) -> bool:
        try:
            self.client.get_stdin_msg(timeout=0)
        except Empty:
            return False
        return True


def png_of(ran: Ran) -> dict[str, Any]:
    """The one image of a cell: its display_data content."""
    (shown,) = [c for c in ran.of("display_data") if "image/png" in c["data"]]
    return shown


def everything(ran: Ran) -> str:
    """All that a cell showed or replied, as one text to look for secrets in."""
    return json.dumps([ran.reply, [[o["msg_type"], o["content"]] for o in ran.outputs]])
