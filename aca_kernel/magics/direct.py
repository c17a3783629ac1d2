"""%%direct: a cell for the session interpreter itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..messages import CellRequest, Reply
from .base import Magic, MagicContext, MagicParser

__all__ = ["Direct"]


class Direct(Magic):
    """%%direct."""

    name = "%%direct"
    summary = "Run the cell in the session interpreter itself."

    def parser(self) -> MagicParser:
        """Give the parser of the line."""
        return MagicParser(
            prog=self.name,
            description=f"{self.summary} That is where other clients of the same session, such as"
            " an agent's tool, run their code: by one execute call, past the guest kernel.",
        )

    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Run the body by one execute call."""
        from ..interpreters.direct_call import run_direct

        if not context.body.strip():
            return None
        await context.session.start(context.emit)

        async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if function == context.client.execute:
                await context.interpreter.pass_by(args[1])
            return await context.call(function, *args, **kwargs)

        request = CellRequest(
            code=context.body,
            silent=context.request_silent,
            allow_stdin=context.allow_stdin,
            execution_count=context.execution_count,
        )
        return await run_direct(
            context.client,
            context.session.identifier,
            request,
            context.emit_session,
            call,
        )
