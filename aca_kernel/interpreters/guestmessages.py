"""The guest kernel's messages, taken apart and made. Pure; what comes in is hostile data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from .base import Reply

__all__ = ["buffers", "cause", "count_request", "reply_of"]


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


def count_request(number: int) -> dict[str, Any]:
    """A silent request that makes the next cell In[number], its history padded up to there."""
    pad = (
        f"[s.__setattr__('execution_count', {number}) or [(l.__delitem__(slice({number}, None)),"
        f" l.extend([''] * ({number} - len(l)))) for l in (s.history_manager.input_hist_parsed,"
        " s.history_manager.input_hist_raw)] and None for s in [get_ipython()]]"
    )
    # Its database wants each line's number once a session, so going back begins another one.
    anew = (
        "[(s.history_manager.writeout_cache(), s.history_manager.new_session())"
        f" for s in [get_ipython()] if s.execution_count > {number}] and None"
    )
    return {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"history": anew, "count": pad},
        "allow_stdin": False,
        "stop_on_error": False,
    }


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
