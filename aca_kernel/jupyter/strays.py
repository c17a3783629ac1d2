"""What comes to the kernel's channels and is no message of Jupyter's.

Another kernel may have had this port a moment ago, and its clients may still send to it. A client
may also break off in the middle of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipykernel.kernelbase import Kernel
from jupyter_client.session import DELIM
from zmq import Frame

__all__ = ["StrayTolerant"]


class StrayTolerant(Kernel):
    """Ignores such messages; ipykernel writes a traceback for each."""

    async def dispatch_shell(self, msg: Sequence[Frame], /, *args: Any, **kwargs: Any) -> None:
        """Handle a message of the shell channel."""
        if self._is_message(msg):
            await super().dispatch_shell(msg, *args, **kwargs)

    async def process_control(self, msg: Sequence[Frame]) -> None:
        """Handle a message of the control channel."""
        if self._is_message(msg):
            await super().process_control(msg)  # type: ignore[no-untyped-call]

    def _is_message(self, frames: Sequence[Frame]) -> bool:
        if any(len(frame) == len(DELIM) and frame.bytes == DELIM for frame in frames):
            return True
        self.log.warning("%d parts that are no Jupyter message came in, and were left", len(frames))
        return False
