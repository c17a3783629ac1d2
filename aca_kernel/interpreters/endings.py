"""Our own words for how a cell in a session ended: notices, replies and errors. Pure.

What a session says stands in them only as words that are cleaned.
"""

from __future__ import annotations

from typing import Any

from ..errors import ALL_STAYS, FILES_STAY, FROM_THE_TOP, ExecutionFailed, SessionLost
from ..guest.protocol import MAX_LINE_BYTES
from ..messages import Output, Reply, keyboard_interrupt
from ..outputs.notices import notice_output
from ..pool.refusal_texts import clean

__all__ = [
    "KEEP_AWAKE",
    "LESS_DATA",
    "cause",
    "death",
    "dropped",
    "guest_failed",
    "interrupted",
    "kernel_failed",
    "left_out",
    "link_taken",
    "not_passed_on",
    "others_calls",
    "python_replaced",
    "reply_left_out",
    "session_replaced",
    "stale",
    "still_running",
    "timed_out",
]

KEEP_AWAKE = f"{FROM_THE_TOP} `%session keep-alive` keeps a session awake for longer."
"""What to do when the service has replaced an idle session."""

LESS_DATA = "Run the notebook from the top, with less data at a time."
"""What to do when memory ran out."""


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
    left = FILES_STAY
    if event == "restarted":
        return ExecutionFailed(
            "The session's Python was restarted while this cell ran.",
            left=left,
            remedy=FROM_THE_TOP,
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
        left=ALL_STAYS,
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
        left=f"{FILES_STAY} Nothing of this cell was run.",
        remedy=FROM_THE_TOP,
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
        f"Cells that you run now wait for it. {ALL_STAYS}",
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
            remedy=KEEP_AWAKE,
        )
    return SessionLost(
        "The service replaced this session: it had been idle for longer than its cooldown"
        " period, somebody deleted it, or its Python died.",
        left="Variables are gone, and the files in /mnt/data if the session is a new one"
        " (%files shows them). Nothing is run again by itself.",
        remedy=KEEP_AWAKE,
    )


def python_replaced() -> ExecutionFailed:
    """What to tell when the session is the same, but not the Python that held the guest."""
    return ExecutionFailed(
        "The session's Python was started anew: it died, most often because it ran out of"
        " memory, or another client replaced it.",
        left=f"{FILES_STAY} Nothing is run again by itself.",
        remedy=LESS_DATA,
    )


def guest_failed(detail: str) -> ExecutionFailed:
    """What to tell when the guest says that it has failed."""
    return ExecutionFailed(
        f"The part of aca-kernel that runs in the session has failed: {detail or 'no reason'}.",
        left=FILES_STAY,
        remedy=f"{FROM_THE_TOP} If it happens again, please report it.",
    )


def kernel_failed(why: str) -> ExecutionFailed:
    """What a cell fails with when the guest kernel, which is there, gives no reply to it."""
    said = f": {why}" if why else ""
    return ExecutionFailed(
        f"The session's Python kernel failed while it handled this cell{said}.",
        left=f"The cell may have run, wholly or in part. {ALL_STAYS}",
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
