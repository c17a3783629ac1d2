"""The error text of the execute API taken apart.

The service flattens an exception into stderr: ``str(evalue)`` and, with nothing between, the
IPython traceback without its colours (docs/service.md 5). Text that the code itself wrote to
stderr comes before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["CodeError", "coloured", "parse"]

RED, GREEN, OFF = "\x1b[31m", "\x1b[32m", "\x1b[0m"

# All patterns are linear: the text is as long and as hostile as a session likes.
_RULE = re.compile(r"-{70,75}\r?\n")
_HEADER = re.compile(r"^(?P<ename>[^\s:]+)[ \t]+Traceback \(most recent call last\)", re.MULTILINE)
_SYNTAX_START = re.compile(r"  (?:Cell In\s?\[|File )")
_LAST_LINE = re.compile(r"^(?P<ename>[A-Za-z_][\w.]*)(?:: |:?$)", re.MULTILINE)
_ENDINGS = ("Error", "Warning", "Exception", "Interrupt", "Exit")
_NAME_END = re.compile(r"(Error|Warning|Exception|Interrupt|Exit): ")
_GROUP = re.compile(r"^  \+ Exception Group Traceback \(most recent call last\):\n", re.MULTILINE)
_GROUP_LINE = re.compile(r"^  \| (?P<ename>[A-Za-z_][\w.]*): (?P<evalue>.*)$", re.MULTILINE)
_EXIT = "An exception has occurred, use %tb to see the full traceback.\n\n"
_USAGE = "UsageError: "

_MOST = 20
"""Tracebacks in one text, names in one traceback and so on that are looked at."""


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
    return (
        _runtime_error(text)
        or _syntax_error(text)
        or _group(text)
        or _without_traceback(text)
        or _last_line_alone(text)
    )


def _runtime_error(text: str) -> CodeError | None:
    """An ordinary exception, chained ones included."""
    starts = [rule.start() for rule in _RULE.finditer(text) if _HEADER.match(text, rule.end())]
    if not starts:
        return None
    # The code may have shown tracebacks before, a chain has several, and an evalue may hold
    # some: the right one has the longest evalue at its end that is also before its start.
    exact = [error for start in reversed(starts[-_MOST:]) for error in _exact(text, start)]
    if exact:
        return max(exact, key=lambda error: len(error.evalue))
    before, traceback = text[: starts[-1]], text[starts[-1] :].rstrip("\n")
    return _guess(before, traceback, list(_HEADER.finditer(traceback))[-1]["ename"])


def _syntax_error(text: str) -> CodeError | None:
    start = _SYNTAX_START.search(text)
    if start is None:
        return None
    before, traceback = text[: start.start()], text[start.start() :].rstrip("\n")
    last = [m for m in _LAST_LINE.finditer(traceback) if m["ename"].endswith(_ENDINGS)]
    return _guess(before, traceback, last[-1]["ename"]) if last else None


def _group(text: str) -> CodeError | None:
    """An ExceptionGroup, which IPython shows as plain Python does, with the evalue behind it."""
    start = _GROUP.search(text)
    last = _GROUP_LINE.search(text, start.end()) if start else None
    if start is None or last is None:
        return None
    return CodeError(
        ename=last["ename"],
        evalue=last["evalue"],
        traceback=text[start.start() :].removesuffix(last["evalue"]).rstrip("\n"),
        stderr=text[: start.start()],
    )


def _without_traceback(text: str) -> CodeError | None:
    """SystemExit and a magic's UsageError, of which IPython shows one line only."""
    before, exits, behind = text.rpartition(_EXIT)
    line = behind.strip("\n")
    if exits and (line == "SystemExit" or line.startswith("SystemExit: ")):
        evalue = line.removeprefix("SystemExit").removeprefix(": ")
        return CodeError(
            ename="SystemExit",
            evalue=evalue,
            traceback=f"{_EXIT}{line}",
            stderr=before.removesuffix(evalue),
        )
    before, usage, behind = text.rpartition(_USAGE)
    evalue = behind[: len(behind) // 2]
    if not usage or behind != f"{evalue}\n{evalue}":
        return None
    return CodeError(
        ename="UsageError", evalue=evalue, traceback=f"{_USAGE}{evalue}", stderr=before
    )


def _last_line_alone(text: str) -> CodeError | None:
    """An error of which IPython shows one line, as after ``%xmode Minimal``: its evalue twice."""
    for end in list(_NAME_END.finditer(text))[-_MOST:]:
        head, evalue = text[: end.end(1)], text[end.end() :].rstrip("\n")
        for start in range(len(head) - len(end[1]), max(-1, len(head) - 100), -1):
            if evalue and head[start:].isidentifier() and head[:start].endswith(evalue):
                return CodeError(
                    ename=head[start:],
                    evalue=evalue,
                    traceback=f"{head[start:]}: {evalue}",
                    stderr=head[: start - len(evalue)],
                )
    return None


def _exact(text: str, start: int) -> Iterator[CodeError]:
    """Readings of the traceback at ``start`` whose last line repeats what stands before it."""
    before, traceback = text[:start], text[start:].removesuffix("\n")
    names = dict.fromkeys(header["ename"] for header in _HEADER.finditer(traceback))
    for ename in list(names)[-_MOST:]:
        for mark in _marks(traceback, ename)[:_MOST]:
            evalue = _behind(traceback, mark, ename)
            if before.endswith(evalue):
                yield CodeError(
                    ename=ename,
                    evalue=evalue,
                    traceback=traceback,
                    stderr=before[: len(before) - len(evalue)],
                )


def _guess(before: str, traceback: str, ename: str) -> CodeError:
    """The error when the two differ: a SyntaxError's, one with notes, or a text that was cut.

    A SyntaxError has `message (cell.py, line 6)` before and `message` behind.
    """
    marks = _marks(traceback, ename)
    evalue = _behind(traceback, marks[-1], ename) if marks else before.rpartition("\n")[2]
    first_line = evalue.split("\n", 1)[0]
    cut = before.rfind(first_line) if first_line else len(before)
    return CodeError(
        ename=ename,
        evalue=evalue or before.strip(),
        traceback=traceback,
        stderr=before[:cut] if cut >= 0 else before,
    )


def _marks(traceback: str, ename: str) -> list[int]:
    """Where lines begin with ``ename``. An evalue may hold such a line itself."""
    return [m.start() + 1 for m in re.finditer(rf"\n{re.escape(ename)}(?::|$)", traceback)]


def _behind(traceback: str, mark: int, ename: str) -> str:
    return traceback[mark + len(ename) :].removeprefix(":").removeprefix(" ")


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
