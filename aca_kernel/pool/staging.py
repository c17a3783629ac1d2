"""Code that moves uploaded files inside a session, and what it answers.

Everything here is pure. The code is one expression for an execute call: it leaves no name
in the session, has no value, and needs nothing of the user's state (not the working
directory, no builtin that a cell may have hidden). Its answer is one line of JSON behind
a mark that only this call knows.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aca_kernel.errors import TransferError
from aca_kernel.pool.answers import Execution
from aca_kernel.pool.refusals import clean

__all__ = ["OWN_CALL", "Task", "append", "finish", "place", "remove"]

OWN_CALL = "#aca-kernel-link own\n"
"""What code of ours begins with that the session interpreter itself is to run, past any guest."""

# Runs in the session; Python 3.8 or later. `task` is given.
_PROGRAM = r"""
import json, os, shutil, sys
ROOT = os.path.realpath("/mnt/data")
def inside(path):
    full = os.path.join(ROOT, *path.split("/"))
    folder = os.path.realpath(os.path.dirname(full))
    if folder != ROOT and not folder.startswith(ROOT + os.sep):
        raise ValueError("a link on the way leads out of /mnt/data")
    return os.path.join(folder, os.path.basename(full))
def move(source, target):
    here, there = inside(source), inside(target)
    os.makedirs(os.path.dirname(there), exist_ok=True)
    if inside(target) != there:
        raise ValueError("the directory changed")
    if os.path.isdir(there) and not os.path.islink(there):
        raise ValueError("a directory of that name exists")
    os.replace(here, there)
def append():
    part, whole = inside(task["part"]), inside(task["whole"])
    offset, size = task["offset"], task["size"]
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(whole, flags, 0o644), "r+b") as target:
        end = target.seek(0, 2)
        if not os.path.lexists(part) and end == offset + size:
            return
        if end < offset:
            raise ValueError("an earlier part is missing")
        target.seek(offset)
        target.truncate()
        with open(part, "rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)
        if target.tell() != offset + size:
            raise ValueError("the part is %d bytes long, not %d" % (target.tell() - offset, size))
    os.unlink(part)
def finish():
    if os.path.lexists(inside(task["whole"])):  # else this was done already
        move(task["whole"], task["target"])
    return os.path.getsize(inside(task["target"]))
def place():
    for source, target in task["staged"].items():
        move(source, target)
def remove():
    for name in task["names"]:
        try:
            os.unlink(inside(name))
        except FileNotFoundError:
            pass
try:
    tasks = {"append": append, "finish": finish, "place": place, "remove": remove}
    answer = {"done": True, "value": tasks[task["do"]]()}
except Exception as error:
    answer = {"done": False, "why": "%s: %s" % (type(error).__name__, error)}
sys.stdout.write("\n" + task["mark"] + json.dumps(answer) + "\n")
sys.stdout.flush()
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to be done in the session: ``code`` for an execute call, and its ``mark``."""

    code: str
    mark: str

    def value(self, execution: Execution) -> Any:
        """What the session answered. Raises TransferError when it failed there."""
        for line in execution.stdout.splitlines():
            if line.startswith(self.mark):
                answer = _parse(line[len(self.mark) :])
                if answer.get("done") is True:
                    return answer.get("value")
                raise _failed(str(answer.get("why")))
        lines = execution.stderr.strip().splitlines() or [execution.status]
        raise _failed(lines[-1])


def append(*, part: str, whole: str, offset: int, size: int) -> Task:
    """Write a part, a file in the root, into the file ``whole`` at an offset, and remove it."""
    return _task("append", part=part, whole=whole, offset=offset, size=size)


def finish(*, whole: str, target: str) -> Task:
    """Move ``whole`` to its path, over a file that is there; its value is the size in bytes."""
    return _task("finish", whole=whole, target=target)


def place(staged: Mapping[str, str]) -> Task:
    """Move files from the root to paths, making directories on the way. Not to be repeated."""
    return _task("place", staged=dict(staged))


def remove(names: list[str]) -> Task:
    """Remove files, as far as they exist."""
    return _task("remove", names=names)


def _task(do: str, **fields: Any) -> Task:
    mark = f"aca-kernel:{secrets.token_hex(8)}:"
    task = json.dumps({"do": do, "mark": mark, **fields})
    program = f"import json\ntask = json.loads({task!r})\n{_PROGRAM}"
    # the cell may be anyone's: `exec` and `compile` are taken from where nobody hides them
    builtins = '__import__("builtins")'
    code = (
        f'{OWN_CALL}{builtins}.exec({builtins}.compile({program!a}, "<aca-kernel>", "exec"), {{}})'
    )
    return Task(code=code, mark=mark)


def _failed(why: str) -> TransferError:
    return TransferError(
        f"The session could not put the file in its place: {clean(why)}.",
        left="What was uploaded may be left in /mnt/data.",
        remedy="Upload it again; a session that was replaced meanwhile begins empty.",
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
