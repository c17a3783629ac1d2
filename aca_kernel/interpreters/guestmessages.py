"""The guest kernel's messages, taken apart and made. Pure; what comes in is hostile data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ..errors import ExecutionFailed, SessionLost
from ..outputs.notices import notice
from .base import Output, Reply

__all__ = [
    "buffers",
    "cause",
    "death",
    "dropped",
    "link_taken",
    "others_calls",
    "reply_of",
    "session_replaced",
    "still_running",
]


def reply_of(content: Mapping[str, Any]) -> Reply:
    """The Reply that the content of an execute_reply tells of, whatever shape it has."""
    if content.get("status") == "ok":
        expressions, payload = content.get("user_expressions"), content.get("payload")
        return Reply(
            user_expressions=expressions if isinstance(expressions, dict) else {},
            payload=payload if isinstance(payload, list) else (),
        )
    trace = content.get("traceback")
    return Reply(
        status="error",
        ename=str(content.get("ename", "Error")),
        evalue=str(content.get("evalue", "")),
        traceback=[str(line) for line in trace] if isinstance(trace, list) else (),
    )


def buffers(encoded: Any) -> list[bytes]:
    """A message's binary buffers; none when they are not base64 as a whole."""
    if not isinstance(encoded, list):
        return []
    try:
        return [base64.b64decode(str(part), validate=True) for part in encoded]
    except (binascii.Error, ValueError):
        return []


def cause(code: Any) -> str:
    """What ended a guest kernel whose process gave ``code``, in words."""
    if code == -9:
        return "it was killed, most often because it ran out of memory"
    if code == -11:
        return "a segmentation fault"
    if isinstance(code, int) and code < 0:
        return f"signal {-code}"
    return f"it ended itself with exit status {code}"


def death(event: Any, code: Any) -> ExecutionFailed | None:
    """What a cell fails with when the guest kernel was replaced under it; None for other events."""
    left = "Variables are gone; the files in /mnt/data are still there."
    if event == "restarted":
        return ExecutionFailed(
            "The session's Python was restarted while this cell ran.",
            left=left,
            remedy="Run the notebook from the top.",
        )
    if event in ("died", "failed"):
        return ExecutionFailed(
            f"The session's Python died: {cause(code)}. It was started again.",
            left=left,
            remedy="Run the notebook from the top, without what ended it.",
        )
    return None


def dropped() -> Reply:
    """The reply of a cell that was interrupted before it began."""
    text = "stopped while it waited for another client's call; nothing of it was run."
    return Reply(
        status="error",
        ename="KeyboardInterrupt",
        evalue=text,
        traceback=[f"\x1b[31mKeyboardInterrupt\x1b[0m: {text}"],
    )


def others_calls(number: Any) -> Output:
    """What to say of the plain calls that ran in the guest kernel since the last cell."""
    count = number if isinstance(number, int) else 0
    calls = "A call of another client" if count == 1 else f"{count:,} calls of other clients"
    text = f"{calls} ran in this session since the last cell."
    return Output(msg_type="display_data", content=notice(text), own=True)


def still_running() -> Reply:
    """The reply of a cell whose code has not heeded an interrupt."""
    return Reply(
        status="error",
        ename="KeyboardInterrupt",
        evalue="the code has not stopped; it still runs in the session",
        traceback=[
            "\x1b[31mKeyboardInterrupt\x1b[0m: the code has not stopped. It is in a place"
            " that Python cannot interrupt, and still runs in the session.",
            "Cells that you run now wait for it. Variables and files stay.",
            "To end it now: restart the kernel, or %session restart; files stay.",
        ],
    )


def link_taken() -> SessionLost:
    """What to tell when another kernel has attached to the session."""
    return SessionLost(
        "Another kernel has attached to this session and took it over.",
        left="Variables and files are still there, for that kernel.",
        remedy="To take it back, run the cell again; to leave it, use %session new.",
    )


def session_replaced() -> SessionLost:
    """What to tell when the guest is not there any more."""
    return SessionLost(
        "The service replaced this session: it had been idle for longer than its cooldown"
        " period, somebody deleted it, or its Python died.",
        left="Variables are gone, and the files in /mnt/data if the session is a new one"
        " (%files shows them). Nothing is run again by itself.",
        remedy="Run the notebook from the top. `%session keep-alive` keeps a session awake"
        " for longer.",
    )
