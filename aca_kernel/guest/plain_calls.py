"""The session interpreter's two doors: exchanges of the link, and plain calls of other clients.

While the session is shared, plain calls run in the guest kernel, where the notebook's cells do,
and are answered in the session interpreter's own shape. Sent into the session: Python 3.8 and
later, with what every ipykernel brings.
"""

from __future__ import annotations

import ast
import inspect
import sys
import time
from pathlib import Path
from typing import Any

from .protocol import PARTS, STOP_FILE
from .relay import Relay
from .routed import Routed

PATIENCE = 2.0  # seconds that a plain call waits for the notebook's cell to end
START = 20.0  # seconds that it waits for a guest kernel that is starting
LIMIT = 200.0  # seconds that it may run: the service gives up on it after 220, and tells less
STOP = 3.0  # seconds that interrupted code has to end; the local pool's patience is 5

_NUMBERS = (
    ast.Expression,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
)


def is_probe(code: str) -> bool:
    """Whether ``code`` is arithmetic with numbers: nothing, or a health check such as ``1+1``."""
    if not code.strip():
        return True
    try:
        nodes = list(ast.walk(ast.parse(code.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(
        isinstance(node, _NUMBERS) and not isinstance(getattr(node, "value", 0), (str, bytes))
        for node in nodes
    )


def publish(shell: Any, answer: str, way: str) -> None:
    """Give an answer as what the running call printed, or as its result."""
    content: dict[str, Any] = {"name": "stdout", "text": answer}
    kind = "stream"
    if way == "result":
        kind = "execute_result"
        content = {"execution_count": 0, "data": {"text/plain": answer}, "metadata": {}}
    shell.kernel.send_response(shell.kernel.iopub_socket, kind, content)


class Refused(Exception):
    """A plain call that ends in an error of ours: its name, what happened, and what to do."""

    def __init__(self, name: str, what: str, then: str) -> None:
        super().__init__(f"{what} {then}")
        self.name = name


class PlainCall:
    """One plain call that runs in the guest kernel."""

    def __init__(self, shell: Any, relay: Relay) -> None:
        self._shell = shell
        self._relay = relay
        self._routed: Routed | None = None
        self._stopped_at = 0.0
        self._why = ""  # what interrupted it

    def run(
        self, code: str, silent: bool, store_history: bool, user_expressions: Any
    ) -> dict[str, Any]:
        """The execute_reply's content; what the code showed has been published before."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": store_history and not silent,
            "user_expressions": user_expressions or {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        try:
            try:
                with self._relay.lock:
                    self._wait_until_free()
                    self._routed = self._relay.route(content)
            except KeyboardInterrupt:
                raise Refused(
                    "KeyboardInterrupt", "Interrupted while it waited.", "Nothing was run."
                ) from None
            return self._follow(self._routed)
        except Refused as refusal:
            return self._refuse(refusal, silent)
        except Exception as error:  # without a reply the caller waits until the service's cap
            failure = Refused(
                "SharingFailed",
                f"The answer of this call was lost ({type(error).__name__}). It may have run.",
                "Look at the variables before you send it again.",
            )
            return self._refuse(failure, silent)

    def _wait_until_free(self) -> None:
        began = time.monotonic()
        relay = self._relay
        while True:
            if relay.failure:
                raise Refused(
                    "SessionNotShared",
                    "This session is shared with a notebook, whose Python cannot be reached any"
                    " more. Nothing of this call was run.",
                    "Restart the notebook's kernel, or delete the session.",
                )
            if relay.is_ready and not relay.is_busy:
                return
            waited = time.monotonic() - began
            if not relay.is_ready and waited > START:
                raise Refused(
                    "SessionBusy",
                    f"The Python that this session shares with a notebook has not started within"
                    f" {START:.0f} s. Nothing of this call was run.",
                    "Send it again in a moment.",
                )
            if relay.is_ready and waited > PATIENCE:
                raise Refused(
                    "SessionBusy",
                    f"The notebook that shares this session is running a cell, which did not end"
                    f" within {PATIENCE:.0f} s. Nothing of this call was run.",
                    "Send it again later; what is urgent belongs into a session of its own.",
                )
            relay.lock.wait(0.1)

    def _follow(self, routed: Routed) -> dict[str, Any]:
        began = time.monotonic()
        while True:
            try:
                self._publish_next(routed)
                if routed.done and not routed.messages:
                    return self._end(routed)
                now = time.monotonic()
                if not self._why and self._is_stopped():
                    self._interrupt("The notebook's kernel is being restarted.")
                if not self._why and now - began > LIMIT:
                    self._interrupt(f"A call may run for {LIMIT:.0f} s in a shared session.")
                if self._why:
                    self._give_up(now - self._stopped_at)
            except KeyboardInterrupt:
                self._interrupt("It was interrupted, as after a timeout of the call.")

    def _publish_next(self, routed: Routed) -> None:
        with self._relay.lock:
            self._relay.lock.wait_for(lambda: routed.messages or routed.done, 0.1)
            messages = list(routed.messages)
            routed.messages.clear()
        kernel = self._shell.kernel
        for kind, content, metadata, buffers in messages:
            if kind == "execute_result":
                content["execution_count"] = self._shell.execution_count
            elif kind == "error" and self._why:
                content["traceback"] = [*content["traceback"], self._why]
            kernel.send_response(
                kernel.iopub_socket, kind, content, metadata=metadata, buffers=buffers
            )

    def _is_stopped(self) -> bool:
        try:
            Path("/mnt/data", STOP_FILE).unlink()
        except OSError:
            return False
        return True

    def _interrupt(self, why: str) -> None:
        self._stopped_at = time.monotonic()
        self._why = self._why or why
        with self._relay.lock:
            self._relay.interrupt()

    def _give_up(self, seconds: float) -> None:
        if seconds > STOP:
            raise Refused(
                "KeyboardInterrupt",
                f"{self._why} The code has not stopped yet, and still runs in the session.",
                "Calls and the notebook's cells wait until it ends.",
            )

    def _end(self, routed: Routed) -> dict[str, Any]:
        if routed.failed and self._why:
            raise Refused("KeyboardInterrupt", self._why, "It may have run in part.")
        if routed.failed:
            raise Refused(
                "KernelFailed",
                f"The session's Python failed while it handled this call: {routed.lost}.",
                "Variables stay. Look at them before you send it again.",
            )
        if routed.lost:
            raise Refused(
                "KernelDied",
                f"The Python that ran this call is gone: {routed.lost}. Variables are gone, the"
                " notebook's too; the files in /mnt/data are still there.",
                "Define anew what you need.",
            )
        with self._relay.lock:
            self._relay.leave()
        return dict(routed.reply or {}, execution_count=self._shell.execution_count)

    def _refuse(self, refusal: Refused, silent: bool) -> dict[str, Any]:
        rule = "-" * 75
        content = {
            "ename": refusal.name,
            "evalue": str(refusal),
            # In IPython's form, by which clients find an error's name.
            "traceback": [
                f"{rule}\n{refusal.name:<40}Traceback (most recent call last)",
                f"{refusal.name}: {refusal}",
            ],
        }
        if not silent:
            kernel = self._shell.kernel
            kernel.send_response(kernel.iopub_socket, "error", content)
        count = self._shell.execution_count
        return dict(content, status="error", execution_count=count, user_expressions={}, payload=[])


def install(shell: Any, mark: str, version: str, share: bool | None = None) -> Relay:
    """Start the relay, and hook the execute requests of the session interpreter.

    Exchanges are answered outside IPython, where they would leak. Plain calls go on as without
    the hook, but for those of other clients in a shared session.
    """
    inspect.signature(shell.kernel.do_execute)  # raises before anything is started
    relay = Relay(version, share)
    hook(shell, relay, mark)
    relay.begin()
    return relay


def forget(shell: Any, mark: str) -> None:
    """Take what the calls of the link have left out of the interpreter's history of inputs."""
    sys.__dict__.pop(PARTS, None)
    history = shell.history_manager
    for lines in (history.input_hist_parsed, history.input_hist_raw):
        for number, line in enumerate(lines):
            if line.startswith(f"#{mark} own"):
                lines[number] = ""


def hook(shell: Any, relay: Relay, mark: str) -> None:
    """Have execute requests pass the relay; nothing is done where they do so already."""
    kernel = shell.kernel
    if getattr(kernel.do_execute, "relay", None) is relay:
        return
    replaced = kernel.__dict__.get("do_execute")
    original = kernel.do_execute

    def answer(
        code: str, silent: bool, store_history: bool, user_expressions: Any
    ) -> dict[str, Any] | None:
        """The reply to a call that is not for the session interpreter itself; None for one."""
        if code.startswith(f"#{mark} 1 "):
            relay.confirmed = True
            sys.__dict__.pop(PARTS, None)
            publish(shell, *relay.exchanges.answer(code))
            count = shell.execution_count
            return {"status": "ok", "execution_count": count, "payload": [], "user_expressions": {}}
        if code.startswith(f"#{mark}") or is_probe(code) or relay.exchanges.is_announced(code):
            return None
        if not relay.share:
            return None
        try:
            return PlainCall(shell, relay).run(code, silent, store_history, user_expressions)
        finally:
            end(code)

    def end(code: str) -> None:
        """Note that a call has ended which may have kept an exchange from its turn."""
        if not is_probe(code):
            relay.plain_call_ended = time.monotonic()

    if inspect.iscoroutinefunction(original):

        async def do_execute(
            code: str,
            silent: bool,
            store_history: bool = True,
            user_expressions: Any = None,
            *more: Any,
            **named: Any,
        ) -> Any:
            reply = answer(code, silent, store_history, user_expressions)
            if reply is not None:
                return reply
            try:
                return await original(code, silent, store_history, user_expressions, *more, **named)
            finally:
                end(code)

    else:  # ipykernel before version 6, which awaits nothing

        def do_execute(  # type: ignore[misc]
            code: str,
            silent: bool,
            store_history: bool = True,
            user_expressions: Any = None,
            *more: Any,
            **named: Any,
        ) -> Any:
            reply = answer(code, silent, store_history, user_expressions)
            if reply is not None:
                return reply
            try:
                return original(code, silent, store_history, user_expressions, *more, **named)
            finally:
                end(code)

    def withdraw() -> None:
        """Make all as it was before."""
        if kernel.__dict__.get("do_execute") is do_execute:
            if replaced is None:
                del kernel.do_execute
            else:
                kernel.do_execute = replaced
        package = __name__.rpartition(".")[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        forget(shell, mark)
        relay.end()

    do_execute.relay = relay  # type: ignore[attr-defined]
    relay.withdraw = withdraw
    kernel.do_execute = do_execute
