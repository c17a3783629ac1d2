"""What goes out to the front end as the output of one cell."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from ipykernel.kernelbase import Kernel

from ..messages import Output, Reply
from ..outputs.notices import missing_files, notice_output
from ..outputs.policy import COMM_TYPES, OutputPolicy
from ..outputs.sessionfiles import NOT_THERE, Inlined, names_in
from .shown import Shown

__all__ = ["Emitter"]

Fetch = Callable[[list[str]], Coroutine[Any, Any, dict[str, bytes | str]]]
"""The bytes of files of the session by name, or in words why there are none."""

_SHOWING = ("display_data", "execute_result", "update_display_data")


class Emitter:
    """Shows Outputs in one cell, from any thread; a silent cell shows none.

    An output that shows files of the session waits for them, and what comes after it waits with
    it: see `settled`.
    """

    def __init__(
        self,
        kernel: Kernel,
        parent: Any,
        policy: OutputPolicy,
        *,
        silent: bool,
        fetch: Fetch | None = None,
    ) -> None:
        self._kernel = kernel
        self._parent = parent
        self._policy = policy
        self._silent = silent
        self._fetch = fetch
        self._shown = Shown()
        # What waits for files, or behind what does: an own output, or a session's and its files.
        self._waiting: deque[tuple[Output, list[str] | None]] = deque()
        self._pump: asyncio.Task[None] | None = None

    def show_own(self, output: Output) -> None:
        """Show what this kernel has to say, after all that came before it."""
        if self._waiting:
            self._waiting.append((output, None))
        else:
            self._put(output)

    def show_session(self, output: Output) -> None:
        """Show what the policy makes of a session's message, after all that came before it."""
        names = self._names(output)
        if not names and not self._waiting:
            self._show(output)
            return
        self._waiting.append((output, names))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._show_waiting())

    def _put(self, output: Output) -> None:
        """Send one message to the front end, as a part of this cell's output."""
        if self._silent:
            return
        for one in self._shown.take(output):
            self._send(one)

    def _send(self, output: Output) -> None:
        if self._kernel.session is None:
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

    async def settled(self) -> None:
        """Wait until all that was to be shown is shown. When cancelled, files are left out."""
        try:
            if self._pump is not None:
                await self._pump
        finally:
            while self._waiting:
                output, names = self._waiting.popleft()
                self._put(output) if names is None else self._show(output)

    def _names(self, output: Output) -> list[str]:
        if self._fetch is None or self._silent or output.msg_type not in _SHOWING:
            return []
        return [] if self._policy.name == "text" else names_in(output.content.get("data"))

    async def _show_waiting(self) -> None:
        while self._waiting:
            output, names = self._waiting[0]
            if names is None:
                self._put(output)
            elif not names or self._fetch is None:
                self._show(output)
            else:
                files = await self._fetch(names)
                inlined = Inlined(
                    output.content["data"], files, for_page=self._policy.name == "trusted"
                )
                self._show(output, inlined)
            self._waiting.popleft()

    def _show(self, output: Output, inlined: Inlined | None = None) -> None:
        content, pictures = output.content, {}
        if inlined is not None:
            content, pictures = {**content, "data": inlined.data}, inlined.pictures
        judged = self._policy.message(output.msg_type, content, output.metadata, pictures)
        trusted = self._policy.name == "trusted"
        for msg_type, shown in judged:
            if msg_type in COMM_TYPES:
                shown = self._as_of_this_request(shown)
            elif inlined is not None and "data" in shown:
                shown["data"] = inlined.filled(shown["data"])
            self._put(
                Output(
                    msg_type=msg_type,
                    content=shown,
                    metadata=output.metadata if trusted else {},
                    buffers=output.buffers if trusted else (),
                    widget=output.widget,
                )
            )
        missing = {} if inlined is None else inlined.missing
        if trusted:  # Jupyter's server may have it, as with a local kernel
            missing = {name: why for name, why in missing.items() if why != NOT_THERE}
        if missing:
            self._put(notice_output(missing_files(missing)))

    def _as_of_this_request(self, content: dict[str, Any]) -> dict[str, Any]:
        """A widget's message that captures outputs by their request names the front end's."""
        data = content.get("data")
        state = data.get("state") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(state, dict) or not state.get("msg_id"):
            return content
        state = {**state, "msg_id": self._parent["header"]["msg_id"]}
        return {**content, "data": {**data, "state": state}}

    def judged(self, reply: Reply) -> Reply:
        """A session's reply as the policy lets it reach the front end; what it may not is told."""
        if reply.ok:
            for msg_type, content in self._policy.about_payload(reply.payload):
                self._put(Output(msg_type=msg_type, content=content))
            return replace(
                reply,
                user_expressions=self._policy.user_expressions(reply.user_expressions),
                payload=self._policy.payload(reply.payload),
            )
        ename, evalue, traceback = self._policy.error(reply.ename, reply.evalue, reply.traceback)
        return replace(reply, ename=ename, evalue=evalue, traceback=traceback)

    def text(self, text: str) -> None:
        """Show ``text`` on stdout, with a line's end."""
        self._put(
            Output(msg_type="stream", content={"name": "stdout", "text": f"{text.rstrip()}\n"})
        )
