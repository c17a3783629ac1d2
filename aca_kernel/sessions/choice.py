"""Which interpreter a session has: in mode auto the linked one, or direct if that fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..config.options import Settings
from ..errors import (
    AcaKernelError,
    AnswerLost,
    BadRequest,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from ..interpreters.base import Interpreter
from ..interpreters.direct import DirectInterpreter
from ..interpreters.linked import LinkedInterpreter
from ..link.answers import NoGuest
from ..messages import Emit, SessionEvent
from ..outputs.notices import notice_output
from ..pool import PoolClient
from ..pool.staging import OWN_CALL
from ..worker import Worker

__all__ = ["InterpreterChoice"]

_PERHAPS_THE_LINK = (AnswerLost, BadRequest, ServiceUnavailable, UnexpectedAnswer)
"""What the link's first call may meet where a short call of direct mode gets through."""


class InterpreterChoice:
    """The interpreters of one session: the ``current`` one, and the one for cells of %%direct.

    ``is_shared`` is whether other clients are meant to find the session. ``report`` is called
    with each event in the session's life.
    """

    def __init__(
        self,
        settings: Settings,
        client: PoolClient,
        identifier: str,
        *,
        outage_tolerance: float,
        is_shared: bool,
        worker: Worker,
        report: Callable[[SessionEvent], None],
    ) -> None:
        self.identifier = identifier
        self._may_fall_back = settings.mode == "auto"
        self._report = report
        self._has_linked = False
        self._why = ""  # why it is direct mode, until that has been told

        self._new_linked = partial(
            LinkedInterpreter,
            client,
            identifier,
            outage_tolerance=outage_tolerance,
            execution_timeout=settings.execution_timeout,
            share=True if is_shared else None,
            comms=settings.output_policy == "trusted",
            worker=worker,
            report=self._linked_reports,
        )
        self.direct = DirectInterpreter(
            client,
            identifier,
            outage_tolerance=outage_tolerance,
            execution_timeout=settings.execution_timeout,
            worker=worker,
            report=self._direct_reports,
            announce=self._announce,
        )
        """Runs cells in the session interpreter itself, whatever the mode is."""
        self.current: Interpreter = self.direct if settings.mode == "direct" else self._new_linked()

    async def start(self, emit: Emit | None = None) -> None:
        """Start the link, or direct mode when the session cannot hold a guest. AcaKernelError."""
        try:
            await self.current.start(emit)
        except (NoGuest, *_PERHAPS_THE_LINK) as error:
            if not self._falls_back(error):
                raise
            await self._fall_back(error, emit)
        else:
            self._has_linked = self._has_linked or self.current is not self.direct
        self.tell(emit)

    async def reset(self) -> None:
        """Give the next cell a fresh Python state. Raises AcaKernelError."""
        try:
            await self.current.reset()
        except (NoGuest, *_PERHAPS_THE_LINK) as error:
            if not self._falls_back(error):
                raise
            await self._fall_back(error, None)
            await self.current.reset()

    def tell(self, emit: Emit | None) -> None:
        """Say once, in the first cell, why it is direct mode."""
        if self._why and emit is not None:
            emit(notice_output(self._why))
            self._why = ""

    def close(self) -> None:
        """Let go of connections and threads, not of the session."""
        self.current.close()
        self.direct.close()

    def _falls_back(self, error: AcaKernelError) -> bool:
        """Return whether direct mode may help, which it does not for a link that once worked."""
        if not self._may_fall_back or self.current is self.direct:
            return False
        return isinstance(error, NoGuest) or not self._has_linked

    async def _fall_back(self, error: AcaKernelError, emit: Emit | None) -> None:
        """Go on in direct mode. If that fails too, the link is not the reason, and it stays."""
        linked, self.current = self.current, self.direct
        try:
            await self.direct.start(emit)
        except BaseException:
            self.current = linked
            raise
        reason = error.reason if isinstance(error, NoGuest) else error.what.rstrip(".")
        self._why = f"Direct mode, because this session cannot be linked to: {reason}."

    async def _announce(self, code: str) -> None:
        """Keep a plain call out of the guest kernel, into which a shared session lets those."""
        if isinstance(self.current, LinkedInterpreter) and not code.startswith(OWN_CALL):
            await self.current.pass_by(code)

    def _linked_reports(self, event: SessionEvent) -> None:
        if event is SessionEvent.LOST:
            self.direct.forget()  # the user is told once
        self._report(event)

    def _direct_reports(self, event: SessionEvent) -> None:
        if self.current is self.direct:
            self._report(event)
        elif event is SessionEvent.LOST:  # and the guest with it
            self.current.close()
            self.current = self._new_linked(share=self.current.shared)
            self._report(event)
