"""When a kernel's sessions are kept for `%session attach`: at most once a minute each."""

from __future__ import annotations

import time
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from .recent_sessions import RecentSessions

__all__ = ["Memory"]

REMEMBER_EVERY = 60.0
"""Seconds between two notes of when the session was last used."""


class Memory:
    """What a kernel writes about its sessions into the user's list; nothing unless ``is_on``."""

    def __init__(self, *, is_on: bool) -> None:
        self.recent = RecentSessions(Path(jupyter_data_dir(), "aca-kernel")) if is_on else None
        """The list; None where sessions are not remembered."""
        self._last = ("", 0.0)

    def remember(self, identifier: str, endpoint: str, notebook: str) -> None:
        """Note that the session is in use, by the notebook with the path ``notebook``."""
        if self.recent is None:
            return
        last, since = self._last
        now = time.monotonic()
        if identifier != last or now - since > REMEMBER_EVERY:
            self._last = (identifier, now)
            self.recent.remember(identifier, endpoint, "/".join(Path(notebook).parts[-2:]))

    def forget(self, identifier: str, endpoint: str) -> None:
        """Take a session that was deleted off the list."""
        self._last = ("", 0.0)
        if self.recent is not None:
            self.recent.forget(identifier, endpoint)
