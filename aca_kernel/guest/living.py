"""What the cells of a guest kernel have left running: threads, tasks and child processes.

Sent into the session: Python 3.8 and the standard library only.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

KEPT = (b"resource_tracker", b"forkserver")
"""Processes that Python keeps for later: they print nothing."""


def is_alive(pid: int, noted: str) -> bool:
    """Whether anything lives that cells of the process ``pid`` have started.

    The file ``noted`` has what that process says of itself: its threads by number, and "task"
    when a task waits in its event loop.
    """
    threads = Path(f"/proc/{pid}/task")
    for word in _words(noted):
        if word == "task" or (word.isdigit() and (threads / word).exists()):
            return True
    return any(map(_is_at_work, _words(f"{threads}/{pid}/children")))


def _is_at_work(child: str) -> bool:
    with suppress(OSError):
        state = Path(f"/proc/{child}/stat").read_bytes().rpartition(b")")[2].split()[:1]
        line = Path(f"/proc/{child}/cmdline").read_bytes()
        return state != [b"Z"] and not any(name in line for name in KEPT)
    return False


def _words(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as file:
            return file.read(100_000).decode("ascii", "replace").split()
    except OSError:
        return []
