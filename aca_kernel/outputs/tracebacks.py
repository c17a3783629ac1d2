"""The error text of the execute API taken apart.

The service flattens an exception into stderr: ``str(evalue)`` and, with nothing between, the
IPython traceback without its colours (service.md 5.3). Text that the code itself wrote to
stderr comes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["CodeError", "coloured", "parse"]

RED, GREEN, OFF = "\x1b[31m", "\x1b[32m", "\x1b[0m"

_RULE = re.compile(r"-{70,}\r?\n")
_HEADER = re.compile(r"(?P<ename>[^\s:]+)[ \t]+Traceback \(most recent call last\)")
_SYNTAX_START = re.compile(r"  (?:Cell In\s?\[|File )")
_LAST_LINE = re.compile(r"^(?P<ename>[A-Za-z_][\w.]*)(?:: |:?$)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class CodeError:
    """An exception of the session's code. ``stderr`` is what the code had written before."""

    ename: str
    evalue: str
    traceback: str
    stderr: str


def parse(text: str) -> CodeError | None:
    """The exception that ``text``, the stderr of a failed execution, ends with.

    None when it holds no traceback: then the service itself gave up (a timeout, an abort).
    """
    rules = list(_RULE.finditer(text))
    for rule in rules:
        header = _HEADER.match(text, rule.end())
        if header is not None:
            return _split(text[: rule.start()], text[rule.start() :], header["ename"])
    start = _SYNTAX_START.search(text)
    if start is None:
        return None
    traceback = text[start.start() :]
    last = [m for m in _LAST_LINE.finditer(traceback) if m["ename"].endswith(_ENDINGS)]
    if not last:
        return None
    return _split(text[: start.start()], traceback, last[-1]["ename"])


_ENDINGS = ("Error", "Warning", "Exception", "Interrupt", "Exit")


def _split(before: str, traceback: str, ename: str) -> CodeError:
    """Part the evalue from the stderr that stands before it, with nothing between."""
    traceback = traceback.rstrip("\n")
    evalue = ""
    marks = [m.start() + 1 for m in re.finditer(rf"\n{re.escape(ename)}(?::|$)", traceback)]
    # An evalue may hold such a line itself: the right one is that whose rest ends `before`.
    for mark in marks:
        candidate = traceback[mark + len(ename) :].removeprefix(":").removeprefix(" ")
        if before.endswith(candidate):
            evalue = candidate
            return CodeError(
                ename=ename,
                evalue=evalue,
                traceback=traceback,
                stderr=before[: len(before) - len(evalue)],
            )
    # A SyntaxError's own text differs: `message (cell.py, line 6)` before, `message` behind.
    if marks:
        evalue = traceback[marks[-1] + len(ename) :].removeprefix(":").removeprefix(" ")
    first_line = evalue.split("\n", 1)[0]
    cut = before.rfind(first_line) if first_line else len(before)
    return CodeError(
        ename=ename,
        evalue=evalue or before.strip(),
        traceback=traceback,
        stderr=before[:cut] if cut >= 0 else before,
    )


def coloured(error: CodeError) -> list[str]:
    """The traceback with the colours that Jupyter's users expect, for an ``error`` message."""
    lines = []
    for line in error.traceback.split("\n"):
        if _RULE.match(line + "\n"):
            lines.append(f"{RED}{line}{OFF}")
        elif line.startswith(error.ename):
            lines.append(f"{RED}{error.ename}{OFF}{line[len(error.ename) :]}")
        elif re.match(r"-+> ?\d", line) or re.match(r"(Cell In|File )", line):
            lines.append(f"{GREEN}{line}{OFF}")
        else:
            lines.append(line)
    return ["\n".join(lines)]
