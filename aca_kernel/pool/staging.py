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
from aca_kernel.pool.refusal_texts import clean

__all__ = ["OWN_CALL", "Seen", "Task", "append", "failed", "finish", "look", "place", "remove"]

OWN_CALL = "#aca-kernel-link own\n"
"""What code of ours begins with that the session interpreter itself is to run, past any guest."""

# Runs in the session; Python 3.8 or later. `task` is given.
_PROGRAM = r"""
import hashlib, json, os, shutil, sys, time
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
def digest(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()
def plain(path):
    return os.path.isfile(path) and not os.path.islink(path)
def check(path):
    size = os.path.getsize(path)
    if size != task["size"]:
        raise ValueError("it has %d bytes, not %d" % (size, task["size"]))
    if task["sha256"] and digest(path) != task["sha256"]:
        raise ValueError("its bytes are not those that were sent")
    return size
def finish():
    whole = inside(task["whole"])
    if os.path.lexists(whole):  # else this was done already
        check(whole)
        move(task["whole"], task["target"])
    for name in os.listdir(ROOT):
        if name.startswith(task["parts"]):  # a part that came once more
            os.unlink(inside(name))
    return check(inside(task["target"]))
def place():
    failed = {}
    for source, (target, size) in task["staged"].items():
        try:
            there = inside(target)
            if os.path.lexists(inside(source)):
                move(source, target)
            elif not plain(there) or os.path.getsize(there) != size:
                raise FileNotFoundError("what was uploaded is not there any more")
        except Exception as error:
            failed[source] = "%s: %s" % (type(error).__name__, error)
    return failed
def look():
    path = inside(task["path"])
    there = None
    if plain(path):
        size = os.path.getsize(path)
        is_worth = task["full"] or (task["sha256"] and size == task["size"])
        there = [task["path"], size, digest(path) if is_worth else ""]
    folder, above = os.path.dirname(path), os.path.dirname(task["path"])
    if not task["sha256"] or (there and there[2] == task["sha256"]) or not os.path.isdir(folder):
        return there
    wanted = os.path.basename(path).casefold()
    for name in sorted(os.listdir(folder), key=lambda name: name.casefold() != wanted):
        path = os.path.join(folder, name)  # stored under another name a moment ago
        is_ours = name.startswith(".aca-kernel-")  # parts that are joined
        if not is_ours and plain(path) and os.path.getsize(path) == task["size"]:
            is_new = time.time() - os.path.getmtime(path) < task["age"]
            if is_new and digest(path) == task["sha256"]:
                return [above + "/" + name if above else name, task["size"], task["sha256"]]
    return there
def remove():
    left = [name for name in os.listdir(ROOT) if name.startswith(task["parts"])]
    for name in task["names"] + left:
        try:
            os.unlink(inside(name))
        except FileNotFoundError:
            pass
try:
    tasks = {"append": append, "finish": finish, "look": look, "place": place, "remove": remove}
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

    def is_answered(self, execution: Execution) -> bool:
        """Whether the session said how it went."""
        return any(line.startswith(self.mark) for line in execution.stdout.splitlines())

    def value(self, execution: Execution) -> Any:
        """What the session answered. Raises TransferError when it failed there."""
        for line in execution.stdout.splitlines():
            if line.startswith(self.mark):
                answer = _parse(line[len(self.mark) :])
                if answer.get("done") is True:
                    return answer.get("value")
                raise failed(str(answer.get("why")))
        lines = execution.stderr.strip().splitlines() or [execution.status]
        raise failed(lines[-1])


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A file as the session itself sees it; ``sha256`` is "" where it was not asked for."""

    path: str
    size: int
    sha256: str

    @classmethod
    def parse(cls, value: object) -> Seen | None:
        """The value of `look`; None when there is no such file. Raises TransferError."""
        if value is None:
            return None
        if isinstance(value, list) and len(value) == 3:
            path, size, sha256 = value
            if isinstance(path, str) and type(size) is int and isinstance(sha256, str):
                return cls(path=path, size=size, sha256=sha256)
        raise failed("its answer is none that this can be")


def append(*, part: str, whole: str, offset: int, size: int) -> Task:
    """Write a part, a file in the root, into the file ``whole`` at an offset, and remove it."""
    return _task("append", part=part, whole=whole, offset=offset, size=size)


def finish(*, whole: str, target: str, parts: str, size: int, sha256: str = "") -> Task:
    """Move ``whole`` to its path, over a file that is there; its value is the size in bytes.

    Before that its size is checked, and its bytes where ``sha256`` is given. What is left of
    the parts, files in the root whose names begin with ``parts``, is removed.
    """
    return _task("finish", whole=whole, target=target, parts=parts, size=size, sha256=sha256)


def look(path: str, *, size: int = 0, sha256: str = "", age: float = 0, full: bool = False) -> Task:
    """Look at a file; see `Seen.parse` for the value.

    With ``sha256``, a file of that ``size`` and these bytes in the same directory counts too,
    when it is no older than ``age`` seconds: a service may store another name than was sent.
    ``full`` asks for the sha256 where none is given.
    """
    return _task("look", path=path, size=size, sha256=sha256, age=age, full=full)


def place(staged: Mapping[str, tuple[str, int]]) -> Task:
    """Move files from the root to paths, making directories on the way.

    ``staged`` has the path and the size of each. The value names those that could not be
    moved, and why. One that is in its place already, with that size, counts as moved.
    """
    return _task("place", staged={name: list(there) for name, there in staged.items()})


def remove(names: list[str], parts: str) -> Task:
    """Remove files as far as they exist, and those in the root whose names begin with ``parts``."""
    return _task("remove", names=names, parts=parts)


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


def failed(why: str) -> TransferError:
    """The error for what the session said that went wrong there."""
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
