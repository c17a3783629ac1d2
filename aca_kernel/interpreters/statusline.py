"""One line that says how a wait goes, and in the end how it ended."""

from __future__ import annotations

import uuid

from ..outputs.notices import notice
from .base import Emit, Output

__all__ = ["StatusLine"]


class StatusLine:
    """A display in the running cell that each further text replaces. Without ``emit`` none."""

    def __init__(self, emit: Emit | None) -> None:
        self._emit = emit
        self._display_id = ""

    @property
    def is_shown(self) -> bool:
        """Whether anything has been said."""
        return bool(self._display_id)

    def say(self, text: str) -> None:
        """Show ``text`` in place of what was said before."""
        if self._emit is None:
            return
        content = notice(text)
        kind = "update_display_data" if self._display_id else "display_data"
        self._display_id = self._display_id or f"aca-kernel-{uuid.uuid4().hex}"
        content["transient"] = {"display_id": self._display_id}
        self._emit(Output(msg_type=kind, content=content, own=True))
