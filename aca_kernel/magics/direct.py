"""%%direct: a cell for the session interpreter itself."""

from __future__ import annotations

import argparse

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
        if not context.body.strip():
            return None
        await context.session.start(context.emit)
        request = CellRequest(
            code=context.body,
            silent=context.request_silent,
            allow_stdin=context.allow_stdin,
            execution_count=context.execution_count,
        )
        return await context.session.execute_direct(request, context.emit_session)
