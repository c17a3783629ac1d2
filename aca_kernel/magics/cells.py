"""A cell's text into segments: code for the session, or magics that act here.

Only what stands in the cell's own text is obeyed, at the start of a line and outside strings:
that is decided by IPython's own tokenizer, on the lines as IPython would see them. Everything
else that begins with ``%`` or ``!`` is the session's. Pure: no I/O.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Code", "LineMagic", "Segment", "magic_line_start", "split"]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Lines for the session, verbatim. ``last`` when nothing but blank lines follows them."""

    text: str
    last: bool


@dataclass(frozen=True, kw_only=True)
class LineMagic:
    """A magic of ours: its name without ``%``, and the rest of its line.

    ``cell`` for a cell magic, whose ``body`` is all the lines below. ``help`` for ``%name?``.
    """

    name: str
    arguments: str
    cell: bool = False
    help: bool = False
    body: str = ""


Segment = Code | LineMagic

_NAME_ENDS = r"(?=[\s?]|\\\r?\n|\Z)"
"""What follows a magic's name. To IPython %upload"file" is no %upload, and so it is here: a
completion of the session's, which may hold no space, brings no argument in by that."""


def split(text: str, line_magics: Collection[str], cell_magics: Collection[str]) -> list[Segment]:
    """The segments of the cell ``text`` in order; [] when there is nothing to run.

    ``line_magics`` and ``cell_magics`` are the names that are obeyed, without percent signs.
    """
    if not text.strip():
        return []
    whole = _cell_magic(text, cell_magics)
    if whole is not None:
        return [whole]
    if text.lstrip("\r\n \t").startswith("%%") or not _may_hold(text, line_magics):
        return [Code(text=text, last=True)]
    lines = [line for line in re.split(r"(?<=\n)", text) if line]
    segments: list[Segment] = []
    start = 0
    for first, end in _magic_lines(lines, line_magics):
        segments += _code(lines[start:first])
        segments.append(_line_magic("".join(lines[first:end])))
        start = end
    segments += _code(lines[start:])
    if segments and isinstance(segments[-1], Code):
        segments[-1] = Code(text=segments[-1].text, last=True)
    return segments


def magic_line_start(text: str, offset: int, cell_magics: Collection[str]) -> int | None:
    """Where the line around ``offset`` starts if a magic is obeyed there, else None.

    The line begins with ``%``, may be half written, and is one with those that a backslash joins
    to it. With ``%%`` it must be the cell's first.
    """
    start = text.rfind("\n", 0, offset) + 1
    while start and re.search(r"\\\r?\n\Z", text[:start]):
        start = text.rfind("\n", 0, start - 1) + 1
    before = text[:start]
    if not text.startswith("%", start):
        return None
    if not before.strip():
        return start
    # What will be written is not known: ask whether some magic would be obeyed in its place.
    last = split(f"{before}%here\n", ["here"], cell_magics)[-1]
    is_obeyed = isinstance(last, LineMagic) and not last.cell
    return start if is_obeyed and not text.startswith("%%", start) else None


def _code(lines: list[str]) -> list[Code]:
    text = "".join(lines)
    return [Code(text=text, last=False)] if text.strip() else []


def _cell_magic(text: str, names: Collection[str]) -> LineMagic | None:
    first, _, body = re.sub(r"\A(?:[ \t]*\r?\n)+", "", text).partition("\n")
    match = re.match(rf"%%(\w+){_NAME_ENDS}(\?{{1,2}})?[ \t\r]*(.*)", first)
    if match is None or match[1] not in names:
        return None
    arguments = match[3].strip()
    asks = match[2] is not None or arguments in ("?", "??")
    return LineMagic(
        name=match[1], arguments="" if asks else arguments, cell=True, help=asks, body=body
    )


def _may_hold(text: str, names: Collection[str]) -> bool:
    # Tokenizing a cell of megabytes is slow, and nearly no cell has a magic of ours.
    return re.search(rf"^%\s*(?:{'|'.join(names)})\b", text, re.MULTILINE) is not None


def _line_magic(line: str) -> LineMagic:
    joined = re.sub(r"\\\r?\n", " ", line).strip()
    match = re.match(r"%\s*(\w+)(\?{1,2})?\s*(.*)", joined, re.DOTALL)
    assert match is not None  # noqa: S101 - _magic_lines gives only lines of this form
    asks = match[2] is not None or match[3] in ("?", "??")
    return LineMagic(name=match[1], arguments="" if asks else match[3], help=asks)


def _magic_lines(lines: list[str], names: Collection[str]) -> Iterator[tuple[int, int]]:
    """The line ranges, start and end, of the magics of ours, in order.

    IPython's syntax breaks Python's tokenizer (``!echo it's``), so it is asked for the first
    special line only; what follows is then tokenized on its own, or, where that line belongs to
    an indented block, again with the line replaced by ``pass``.
    """
    from IPython.core.inputtransformer2 import find_end_of_continued_line

    pattern = re.compile(rf"%\s*(?:{'|'.join(names)}){_NAME_ENDS}")
    rest, offset = list(lines), 0
    while (first := _next_special_line(rest)) is not None:
        end = find_end_of_continued_line(rest, first) + 1
        if pattern.match(rest[first]):
            yield offset + first, offset + end
        indentation = len(rest[first]) - len(rest[first].lstrip())
        if indentation:
            rest[first] = " " * indentation + "pass\n"
            rest[first + 1 : end] = ["\n"] * (end - first - 1)
        else:
            rest, offset = rest[end:], offset + end


def _next_special_line(lines: list[str]) -> int | None:
    """The first special line. Tokenizes no more of ``lines`` than it takes to be sure."""
    size = 0
    while size < len(lines):
        size *= 2
        while size < len(lines) and _LOOKS_SPECIAL.search(lines[size]) is None:
            size += 1
        size += 1
        first = _first_special_line(lines[:size])
        if first is not None:
            return first
    return None


_LOOKS_SPECIAL = re.compile(r"^\s*[!%?,;/]|=\s*[!%]|\?\s*$")


def _first_special_line(lines: list[str]) -> int | None:
    from IPython.core import inputtransformer2 as transforms

    # From Python 3.12 on the tokenizer stumbles over letters behind a lone carriage return.
    plain = [re.sub(r"[^\x00-\x7f]", "x", line) for line in lines]
    try:
        tokens = transforms.make_tokens_by_line(plain)
    except (SyntaxError, UnicodeDecodeError):
        return None  # the session's own Python will say what is wrong
    kinds: list[Any] = [
        transforms.MagicAssign,
        transforms.SystemAssign,
        transforms.EscapedCommand,
        transforms.HelpEnd,
    ]
    found = [one for kind in kinds if (one := kind.find(tokens)) is not None]
    if found:
        return int(min(one.start_line for one in found))
    broken = _unclosed_string(plain)
    if broken is None or broken >= len(lines):
        return None
    later = _first_special_line(lines[broken:])
    return None if later is None else broken + later


def _unclosed_string(lines: list[str]) -> int | None:
    """The number, from 1, of the line at whose unclosed string Python's tokenizer ends.

    Before Python 3.12 it goes on: the rest of the cell has its magics there too.
    """
    reading = iter([*lines, ""])
    try:
        for _ in tokenize.generate_tokens(reading.__next__):
            pass
    except tokenize.TokenError as error:
        text, (line, _) = error.args
        if text.startswith("unterminated string literal"):
            return int(line)
    except (SyntaxError, UnicodeDecodeError, StopIteration):
        return None
    return None
