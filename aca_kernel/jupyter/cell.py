"""One cell: its code in the session, its magics here, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import AcaKernelError, TransportError, UsageError
from ..magics import (
    CELL_MAGICS,
    LINE_MAGICS,
    MagicContext,
    check_arguments,
    magic_help,
    run_magic,
)
from ..magics.cells import Code, LineMagic, split
from ..messages import CellRequest, Output, Reply, error_reply, keyboard_interrupt
from ..outputs.guides import guide
from ..sessions.life import State
from .fetching import Fetching
from .stdin import ask
from .surrogates import replace_surrogates

if TYPE_CHECKING:
    from .kernel import AzureSessionsKernel

__all__ = ["Cell"]


class Cell:
    """A cell that ``kernel`` was asked to run. It may be run once."""

    def __init__(self, kernel: AzureSessionsKernel, request: CellRequest) -> None:
        self._kernel = kernel
        self._remote = kernel.remote
        self._request = request
        self._fetching = Fetching(self._remote)
        self._emit = kernel.emitter_for(
            kernel.get_parent("shell"),  # type: ignore[no-untyped-call]
            silent=request.silent,
            fetch=self._fetching.fetch,
        )
        self._work: asyncio.Task[Reply] | None = None

    async def run(self) -> Reply:
        """Run it, show what it puts out, and its error if it has one. How it ended."""
        self._work = asyncio.ensure_future(self._run())
        try:
            return await self._work
        except asyncio.CancelledError:
            self._remote.worker.abandon()  # its call may go on for long; no cell must wait for it
            reply = keyboard_interrupt("", "stopped on request.")
        except AcaKernelError as error:
            reply = error_reply(error)
            is_outage = isinstance(error, TransportError) and self._remote.life.state is State.MET
            if error.steps and not is_outage:
                content = guide(error.steps)
                self._emit(Output(msg_type="display_data", content=content, own=True))
        except Exception as error:
            self._kernel.log.exception("A cell failed inside the kernel")
            reply = _own_failure(error)
        finally:
            self._fetching.close()
        self._emit(reply.error_output())
        return reply

    def interrupt(self) -> None:
        """Stop it: by SIGINT in the session, or here, where it waits or runs a magic."""
        if not self._remote.interrupt() and self._work is not None:
            self._work.cancel()

    async def _run(self) -> Reply:
        request = self._request
        if replace_surrogates(request.code) != request.code:
            raise UsageError(
                "The cell holds half of a character (a lone surrogate), which cannot be sent.",
                left="Nothing was run.",
                remedy="Delete the character, most often an emoji that was cut, and type it anew.",
            )
        segments = split(request.code, LINE_MAGICS, CELL_MAGICS)
        if request.user_expressions and not (segments and isinstance(segments[-1], Code)):
            segments.append(Code(text="", last=True))  # for these are answered in the session
        reply = Reply()
        for segment in segments:
            if isinstance(segment, LineMagic):
                reply = await self._run_magic(segment) or Reply()
            else:
                reply = await self._run_code(segment)
            if not reply.ok:
                return reply
        return reply

    async def _run_code(self, segment: Code) -> Reply:
        request, kernel = self._request, self._kernel
        piece = CellRequest(
            code=segment.text,
            silent=request.silent,
            store_history=request.store_history,
            user_expressions=request.user_expressions if segment.last else {},
            allow_stdin=request.allow_stdin,
            execution_count=request.execution_count,
            ask=(lambda prompt, hidden: ask(kernel, prompt, password=hidden))
            if request.allow_stdin
            else None,
            shows_result=segment.last,
        )
        if not self._remote.life.is_ready:
            await self._remote.start(self._emit)
        try:
            reply = await self._remote.execute(piece, self._emit.session)
        finally:
            await self._emit.settled()
        return self._emit.judged(reply)

    async def _run_magic(self, magic: LineMagic) -> Reply | None:
        help_text = (
            magic_help(magic.name) if magic.help else check_arguments(magic.name, magic.arguments)
        )
        if help_text is not None:
            self._emit.text(help_text)
            return None
        request = self._request
        context = MagicContext(
            client=await self._remote.connected(),
            session=self._remote,
            emit=self._emit,
            emit_session=self._emit.session,
            root=self._kernel.root(),
            ask=self._ask,
            call=self._remote.worker.call,
            execution_count=request.execution_count,
            request_silent=request.silent,
            allow_stdin=request.allow_stdin,
            body=magic.body,
        )
        try:
            reply = await run_magic(magic.name, magic.arguments, context)
            await self._emit.settled()
            return self._emit.judged(reply) if reply is not None else None
        finally:
            if self._remote.life.may_exist:
                self._remote.touch()

    async def _ask(self, prompt: str) -> str | None:
        return await ask(self._kernel, prompt) if self._request.allow_stdin else None


def _own_failure(error: Exception) -> Reply:
    text = (
        f"The kernel itself failed ({type(error).__name__}); this is a bug in aca-kernel.\n"
        "The session is as far as the cell got. The Jupyter server's log has the details:"
        " please report them."
    )
    return Reply(
        status="error",
        ename="InternalError",
        evalue=text.splitlines()[0],
        traceback=text.splitlines(),
    )
