"""What goes out to the front end as the output of one cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ipykernel.kernelbase import Kernel

from .interpreters.base import Output, Reply
from .outputs.policy import OutputPolicy

__all__ = ["Emitter"]


class Emitter:
    """Shows Outputs in one cell, from any thread; a silent cell shows none.

    Called itself it shows what this kernel has to say; ``session`` takes what a session sends,
    which the output policy judges first.
    """

    def __init__(self, kernel: Kernel, parent: Any, policy: OutputPolicy, *, silent: bool) -> None:
        self._kernel = kernel
        self._parent = parent
        self._policy = policy
        self._silent = silent

    def __call__(self, output: Output) -> None:
        """Send one message to the front end, as a part of this cell's output."""
        if self._silent or self._kernel.session is None:
            return
        self._kernel.session.send(
            self._kernel.iopub_socket,
            output.msg_type,
            dict(output.content),
            parent=self._parent,
            ident=self._kernel._topic(output.msg_type),
            metadata=dict(output.metadata),
            buffers=list(output.buffers),
        )

    def session(self, output: Output) -> None:
        """Show what the policy makes of a session's message."""
        if output.own:
            self(output)
            return
        judged = self._policy.message(output.msg_type, output.content, output.metadata)
        trusted = self._policy.name == "trusted"
        for msg_type, content in judged:
            self(
                Output(
                    msg_type=msg_type,
                    content=content,
                    metadata=output.metadata if trusted else {},
                    buffers=output.buffers if trusted else (),
                )
            )

    def judged(self, reply: Reply) -> Reply:
        """A session's reply as the policy lets it reach the front end; what it may not is told."""
        if reply.ok:
            for msg_type, content in self._policy.about_payload(reply.payload):
                self(Output(msg_type=msg_type, content=content, own=True))
            return replace(
                reply,
                user_expressions=self._policy.user_expressions(reply.user_expressions),
                payload=self._policy.payload(reply.payload),
            )
        ename, evalue, traceback = self._policy.error(reply.ename, reply.evalue, reply.traceback)
        return replace(reply, ename=ename, evalue=evalue, traceback=traceback)

    def text(self, text: str) -> None:
        """Show ``text`` on stdout, with a line's end."""
        self(Output(msg_type="stream", content={"name": "stdout", "text": f"{text.rstrip()}\n"}))
