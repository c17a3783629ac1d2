"""The guest kernel's messages, taken apart and made. Pure; what comes in is hostile data."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ExecutionFailed, SessionLost
from ..guest.protocol import MAX_LINE_BYTES
from ..messages import Output, Reply, keyboard_interrupt
from ..outputs.notices import notice_output
from ..outputs.streams import bare, plain
from ..pool.refusal_texts import clean

__all__ = [
    "buffers",
    "cause",
    "completions",
    "death",
    "dropped",
    "guest_failed",
    "history_lines",
    "interrupted",
    "kernel_failed",
    "left_out",
    "link_taken",
    "not_passed_on",
    "others_calls",
    "prompt_of",
    "python_replaced",
    "reply_left_out",
    "reply_of",
    "session_replaced",
    "stale",
    "still_running",
    "timed_out",
]

MOST_MATCHES = 2000
LONGEST_MATCH = 1000
MOST_LINES = 10_000
LONGEST_LINE = 1_000_000
LONGEST_PROMPT = 10_000

_MAGIC_NAME = re.compile(r"%{1,2}[A-Za-z_]\w*")


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
        ename=_text(content.get("ename")) or "Error",
        evalue=_text(content.get("evalue")),
        traceback=[_text(line) for line in trace] if isinstance(trace, list) else (),
    )


def completions(content: Mapping[str, Any], code: str, cursor_pos: int) -> dict[str, Any]:
    """The content of a complete_reply that a front end may act on, whatever ``content`` is.

    JupyterLab puts a single match into the cell by itself. So a match changes nothing but the
    cursor's own line, has no line end, and brings no magic with arguments: ours act here.
    """
    given = content.get("matches")
    line = code.rfind("\n", 0, cursor_pos) + 1
    line_end = code.find("\n", cursor_pos)
    start = _within(content.get("cursor_start"), line, cursor_pos)
    end = _within(content.get("cursor_end"), cursor_pos, len(code) if line_end < 0 else line_end)
    if start is None or end is None or not isinstance(given, list):
        start = end = cursor_pos
        given = []
    before = code[line:start]
    matches = [match for match in given[:MOST_MATCHES] if _is_harmless(match, before)]
    return {
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": _kinds(content.get("metadata"), set(matches), start, end),
    }


def _within(value: Any, least: int, most: int) -> int | None:
    return value if type(value) is int and least <= value <= most else None


def _is_harmless(match: Any, before: str) -> bool:
    if not isinstance(match, str) or not 0 < len(match) <= LONGEST_MATCH:
        return False
    if not match.isprintable():
        return False
    if "%" in match:
        return _MAGIC_NAME.fullmatch(match) is not None
    return "%" not in before or " " not in match


def _kinds(metadata: Any, matches: set[str], start: int, end: int) -> dict[str, Any]:
    """What IPython says of its matches, and JupyterLab shows beside them: function, class, ..."""
    name = "_jupyter_types_experimental"
    given = metadata.get(name) if isinstance(metadata, dict) else None
    kinds = [
        {
            "start": start,
            "end": end,
            "text": entry["text"],
            "type": bare(_text(entry.get("type"))[:100]),
            "signature": bare(_text(entry.get("signature"))[:LONGEST_MATCH]),
        }
        for entry in (given[:MOST_MATCHES] if isinstance(given, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("text"), str)
        and entry["text"] in matches
        and (entry.get("start"), entry.get("end")) == (start, end)
    ]
    return {name: kinds} if kinds else {}


def history_lines(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a history_reply: (session, line, input or [input, output]) alone."""
    given = content.get("history")
    lines: list[list[Any]] = []
    for entry in given[-MOST_LINES:] if isinstance(given, list) else ():
        if not isinstance(entry, list) or len(entry) != 3:
            continue
        session, number, texts = entry
        texts = texts if isinstance(texts, list) else [texts]
        if type(session) is not int or type(number) is not int or len(texts) > 2:
            continue
        if not all(text is None or isinstance(text, str) for text in texts):
            continue
        shown = [None if text is None else bare(text[:LONGEST_LINE]) for text in texts]
        lines.append([session, number, shown if len(shown) == 2 else shown[0] or ""])
    return {"status": "ok", "history": lines}


def prompt_of(content: Mapping[str, Any]) -> tuple[str, bool]:
    """What an input_request asks, harmless to a terminal, and whether the answer is hidden."""
    return plain(_text(content.get("prompt"))[:LONGEST_PROMPT]), content.get("password") is True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def buffers(encoded: Any) -> list[bytes]:
    """A message's binary buffers; none when they are not base64 as a whole."""
    if not isinstance(encoded, list):
        return []
    try:
        return [base64.b64decode(part, validate=True) for part in encoded]
    except (binascii.Error, TypeError, ValueError):
        return []


def cause(code: Any) -> str:
    """What ended a guest kernel whose process gave ``code``, in words."""
    if code == -9:
        return "it was killed, most often because it ran out of memory"
    if code == -11:
        return "a segmentation fault"
    if type(code) is not int or not -256 < code < 256:
        return "it ended for a reason that it did not tell"
    if code < 0:
        return f"signal {-code}"
    return f"it ended itself with exit status {code}"


def death(event: Any, code: Any, why: Any = "") -> ExecutionFailed | None:
    """What a cell fails with when the guest kernel was replaced under it; None for other events.

    ``why`` is what it wrote to stderr when it did not even start.
    """
    left = "Variables are gone; the files in /mnt/data are still there."
    if event == "restarted":
        return ExecutionFailed(
            "The session's Python was restarted while this cell ran.",
            left=left,
            remedy="Run the notebook from the top.",
        )
    said = clean(why[:300]) if isinstance(why, str) else ""
    if event == "failed":
        return ExecutionFailed(
            f"The session's Python does not start: {said or cause(code)}.",
            left=f"{left} Nothing of this cell was run.",
            remedy="Run the cell again. If it stays so: %session new, for a new session.",
        )
    if event == "died":
        return ExecutionFailed(
            f"The session's Python died: {cause(code)}. It was started again.",
            left=left,
            remedy="Run the notebook from the top, without what ended it.",
        )
    return None


def dropped() -> Reply:
    """The reply of a cell that was interrupted before it began."""
    text = "stopped while it waited for another client's call; nothing of it was run."
    return keyboard_interrupt(text, text)


def left_out() -> Output:
    """What to say of a message that did not come through because of its size."""
    return notice_output(
        "A message of the session was left out: it was larger than"
        f" {MAX_LINE_BYTES >> 20} MB, or the service lets no answer pass that has a part of it."
        " Write large results to a file and %download it."
    )


def reply_left_out() -> ExecutionFailed:
    """What a cell fails with when its reply was left out."""
    return ExecutionFailed(
        "The cell has ended, but how is not known: its reply was too large.",
        left="Variables and files stay.",
        remedy="Run the next cell; raise errors with shorter texts.",
    )


def timed_out(limit: float) -> ExecutionFailed:
    """What a cell fails with that ran longer than ``execution_timeout``."""
    return ExecutionFailed(
        f"The cell ran longer than execution_timeout ({limit:g} s) and was interrupted.",
        left="Variables and files stay as far as it got.",
        remedy="Set ACA_EXECUTION_TIMEOUT higher, or to nothing for no limit.",
    )


def stale() -> ExecutionFailed:
    """What a cell fails with whose guest kernel was gone before it came."""
    return ExecutionFailed(
        "The session's Python had died before this cell, and was started again.",
        left="Variables are gone; the files in /mnt/data are still there. Nothing of this cell was"
        " run.",
        remedy="Run the notebook from the top.",
    )


def interrupted() -> Reply:
    """The reply of a cell that ipykernel has none for: SIGINT struck it beside the cell's code."""
    return keyboard_interrupt("", "")


def others_calls(number: Any) -> Output:
    """What to say of the plain calls that ran in the guest kernel since the last cell."""
    count = number if type(number) is int and 0 < number < 10**9 else 1
    calls = "A call of another client" if count == 1 else f"{count:,} calls of other clients"
    text = f"{calls} ran in this session since the last cell."
    return notice_output(text)


def still_running() -> Reply:
    """The reply of a cell whose code has not heeded an interrupt."""
    return keyboard_interrupt(
        "the code has not stopped; it still runs in the session",
        "the code has not stopped. It is in a place that Python cannot interrupt, and still runs in"
        " the session.",
        "Cells that you run now wait for it. Variables and files stay.",
        "To end it now: restart the kernel, or %session restart; files stay.",
    )


def link_taken() -> SessionLost:
    """What to tell when another kernel has attached to the session."""
    return SessionLost(
        "Another kernel has attached to this session and took it over.",
        left="Variables and files are still there, for that kernel.",
        remedy="To take it back, run the cell again; to leave it, use %session new.",
    )


def session_replaced(*, is_sure: bool = False) -> SessionLost:
    """What to tell when the guest is not there any more; ``is_sure``: the whole session is not."""
    if is_sure:
        return SessionLost(
            "The service replaced this session: it had been idle for longer than its cooldown"
            " period, or somebody deleted it.",
            left="Variables and the files in /mnt/data are gone. Nothing is run again by itself.",
            remedy=_FROM_THE_TOP,
        )
    return SessionLost(
        "The service replaced this session: it had been idle for longer than its cooldown"
        " period, somebody deleted it, or its Python died.",
        left="Variables are gone, and the files in /mnt/data if the session is a new one"
        " (%files shows them). Nothing is run again by itself.",
        remedy=_FROM_THE_TOP,
    )


_FROM_THE_TOP = (
    "Run the notebook from the top. `%session keep-alive` keeps a session awake for longer."
)


def python_replaced() -> ExecutionFailed:
    """What to tell when the session is the same, but not the Python that held the guest."""
    return ExecutionFailed(
        "The session's Python was started anew: it died, most often because it ran out of"
        " memory, or another client replaced it.",
        left="Variables are gone; the files in /mnt/data are still there. Nothing is run again"
        " by itself.",
        remedy="Run the notebook from the top, with less data at a time.",
    )


def guest_failed(detail: str) -> ExecutionFailed:
    """What to tell when the guest says that it has failed."""
    return ExecutionFailed(
        f"The part of aca-kernel that runs in the session has failed: {detail or 'no reason'}.",
        left="Variables are gone; the files in /mnt/data are still there.",
        remedy="Run the notebook from the top. If it happens again, please report it.",
    )


def kernel_failed(why: str) -> ExecutionFailed:
    """What a cell fails with when the guest kernel, which is there, gives no reply to it."""
    said = f": {why}" if why else ""
    return ExecutionFailed(
        f"The session's Python kernel failed while it handled this cell{said}.",
        left="The cell may have run, wholly or in part. Variables and files stay.",
        remedy="Run the next cell. If that fails too, restart the kernel. A local kernel has no"
        " answer to this cell either.",
    )


def not_passed_on() -> ExecutionFailed:
    """What to tell when the guest is there, but the session passes no exchange on to it."""
    return ExecutionFailed(
        "The session does not pass this kernel's calls on to the Python that the notebook uses.",
        left="Variables and files are still there. Whether this cell's code was run is not known.",
        remedy="Run the cell again: the link is made anew. If it stays so, set ACA_KERNEL_MODE to"
        " direct and restart the kernel.",
    )
