"""One ipykernel process and its sockets: start it, run code in it, end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session as Wire

from ..errors import LocalPoolError
from .isolation import Isolation, Place
from .outcomes import Outcome

__all__ = ["KernelDied", "KernelProcess"]

_START_SECONDS = 60.0
_HEARD_SECONDS = 0.2
_LAUNCH_OPTIONS = ("--HistoryManager.enabled=False",)
_CHANNELS = {"shell": 1, "iopub": 2, "control": 3, "stdin": 4, "hb": 5}


class KernelDied(Exception):
    """The kernel process ended while something was running in it, or before."""


class _Request:
    """A request that waits for its reply and for the idle that ends its output."""

    def __init__(self, msg_id: str, outcome: Outcome | None) -> None:
        loop = asyncio.get_running_loop()
        self.msg_id = msg_id
        self.outcome = outcome
        self.reply: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.idle: asyncio.Future[None] = loop.create_future()


class KernelProcess:
    """An ipykernel in a session, reached over ipc sockets.

    ``started`` is the task that ends when it is ready (LocalPoolError when it does not
    get so far), ``ended`` the one that ends with the process.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        isolation: Isolation,
        place: Place,
        *,
        lifeline: int,
        warm_up: int,
    ) -> None:
        self._context = context
        self._isolation = isolation
        self._place = place
        self._lifeline = lifeline
        self._wire = Wire(key=secrets.token_hex(32).encode(), username="session")
        self._process: asyncio.subprocess.Process | None = None
        self._sockets: dict[str, zmq.asyncio.Socket] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._requests: dict[str, _Request] = {}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = asyncio.create_task(self._start(warm_up))
        self._watch: asyncio.Task[None] | None = None

    async def _start(self, warm_up: int) -> None:
        try:
            await asyncio.wait_for(self._make_ready(warm_up), _START_SECONDS)
        except (asyncio.TimeoutError, KernelDied, OSError) as error:
            await self.kill()
            raise LocalPoolError(
                f"A session's kernel process did not start ({type(error).__name__}: {error})."
            ) from error
        except asyncio.CancelledError:
            await self.kill()
            raise

    async def _make_ready(self, warm_up: int) -> None:
        sockets = self._isolation.sockets(self._place)
        connection_file = f"{sockets}/connection.json"
        command = self._isolation.command(
            self._place,
            ["-m", "ipykernel_launcher", "-f", connection_file, *_LAUNCH_OPTIONS],
            lifeline=self._lifeline,
        )
        write_connection_file(
            str(self._place.sockets / "connection.json"),
            ip=f"{sockets}/s",
            key=self._wire.key,
            transport="ipc",
            shell_port=_CHANNELS["shell"],
            iopub_port=_CHANNELS["iopub"],
            control_port=_CHANNELS["control"],
            stdin_port=_CHANNELS["stdin"],
            hb_port=_CHANNELS["hb"],
        )
        # Output at the level of file descriptors is echoed by ipykernel to those it
        # inherited: they lead nowhere, so that the pool's own stdout stays its own.
        self._process = await asyncio.create_subprocess_exec(
            *command.argv,
            env=command.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(self._lifeline,),
        )
        self._watch = asyncio.create_task(self._wait(self._process))
        self._connect()
        while True:  # until our subscription to iopub is heard: earlier messages would be lost
            request = await self._send("shell", "kernel_info_request", {})
            await self._race(request.reply)
            with contextlib.suppress(asyncio.TimeoutError):
                await self._race(asyncio.wait_for(request.idle, _HEARD_SECONDS))
                break
        self._requests.clear()
        for _ in range(warm_up):
            await self.execute("1+1", Outcome(limit=0))

    def _connect(self) -> None:
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "iopub": zmq.SUB}
        for channel, kind in kinds.items():
            sock = self._context.socket(kind)
            sock.linger = 0
            sock.rcvhwm = 0  # a full queue drops messages, the last idle too
            sock.sndhwm = 0
            sock.reconnect_ivl = 20
            if kind == zmq.SUB:
                sock.subscribe(b"")
            sock.connect(f"ipc://{self._place.sockets}/s-{_CHANNELS[channel]}")
            self._sockets[channel] = sock
            self._readers.append(asyncio.create_task(self._read(channel, sock)))

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self.ended.set_result(None)

    async def _race(self, what: Any) -> Any:
        """Wait for ``what``; KernelDied when the process ends first."""
        task = asyncio.ensure_future(what)
        try:
            await asyncio.wait({task, self.ended}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise KernelDied
        finally:
            task.cancel()

    async def _send(
        self, channel: str, msg_type: str, content: dict[str, Any], outcome: Outcome | None = None
    ) -> _Request:
        message = self._wire.msg(msg_type, content)
        request = _Request(message["header"]["msg_id"], outcome)
        self._requests[request.msg_id] = request
        await self._sockets[channel].send_multipart(self._wire.serialize(message))
        return request

    async def _read(self, channel: str, sock: zmq.asyncio.Socket) -> None:
        while True:
            frames = await sock.recv_multipart()
            try:
                message = self._wire.deserialize(self._wire.feed_identities(frames)[1])
                request = self._requests.get(message["parent_header"].get("msg_id", ""))
                if request is not None:
                    self._take(channel, message, request)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                continue  # the session's code can write to these sockets too, and anything

    @staticmethod
    def _take(channel: str, message: dict[str, Any], request: _Request) -> None:
        msg_type, content = message["header"]["msg_type"], message["content"]
        if channel != "iopub":
            if not request.reply.done() and msg_type.endswith("_reply"):
                request.reply.set_result(content)
        elif msg_type == "status":
            if content["execution_state"] == "idle" and not request.idle.done():
                request.idle.set_result(None)
        elif request.outcome is not None:
            request.outcome.take(msg_type, content)

    async def execute(self, code: str, outcome: Outcome) -> None:
        """Run ``code`` as one cell and fill ``outcome``; KernelDied when the process ends.

        It ends with the reply and the idle, whichever comes last. ipykernel sends no reply
        when its own handler raises: that is a failure (docs/service.md does not know of it).
        Cancelling it stops the waiting, not the code.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        request = await self._send("shell", "execute_request", content, outcome)
        try:
            await self._race(request.idle)
            reply = await self._reply_of(request)
        finally:
            del self._requests[request.msg_id]
        outcome.finish(reply)

    async def _reply_of(self, request: _Request) -> dict[str, Any]:
        """The reply to a request whose idle has come; an error when there is none.

        Replies keep their order, so that the one to a later request shows that none will come.
        """
        if not request.reply.done():
            later = await self._send("shell", "kernel_info_request", {})
            try:
                await self._race(later.reply)
            finally:
                del self._requests[later.msg_id]
        if request.reply.done():
            return request.reply.result()
        return {"status": "error", "evalue": "The kernel gave no reply.", "traceback": ()}

    async def interrupt(self) -> None:
        """Ask the kernel to interrupt the running cell (a signal would stop at the sandbox).

        KernelDied when the process has ended.
        """
        request = await self._send("control", "interrupt_request", {})
        try:
            await self._race(request.reply)
        finally:
            del self._requests[request.msg_id]

    async def kill(self) -> None:
        """End the process and everything it started, and close the sockets."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        for task in self._readers:
            task.cancel()
        for sock in self._sockets.values():
            sock.close()
