"""What a record of a run comes to: works, degrades or fails, and what must not be. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .script import IDLE, SIZE, Record, Shown

WORKS, DEGRADES, FAILS = "works", "degrades", "fails"

CALLS_A_SECOND = 2.0
"""Calls a second that a kernel may make while nobody does anything."""

_NOTICE = re.compile(r"\[aca-kernel\] .*|^Direct mode, .*|^.*\bnot restarted\b.*", re.MULTILINE)
_FALLBACK = "Direct mode, because"
_GONE = re.compile(r"replaced this session|[Vv]ariables\b[^.;]*\bgone\b")
_NOT_RUN = re.compile(r"[Nn]othing (of (this cell|it) )?was run\b")
_NO_FILE = re.compile(r"[Nn]o (such )?file\b|[Nn]o /mnt/data/\S+|is not there\b")
_WAITS = re.compile(r"Interrupt the kernel to stop waiting")
"""A wait that is told and can be ended is no hang, though it is longer than our patience."""
_CUT = re.compile(r"std(out|err) ends here|the service cuts")
_OURS = re.compile(r"\baca_kernel[/\\][\w/\\]+\.py\b|<_aca_kernel_link\.\w+>")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict, the words that the user saw for it, and what must not be."""

    verdict: str
    words: str
    sins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What a variant makes true that would else be a sin."""

    session_left: bool = False
    """The session can't be deleted."""
    unknowable: tuple[str, ...] = ()
    """Steps of which no client could know that something is missing."""
    variables_lost: bool = False
    """The session or its interpreter is replaced in the middle."""


def judge(record: Record, allowed: Allowed | None = None) -> Judgement:
    """Give what ``record`` comes to."""
    return Judgement(
        verdict=_verdict(record),
        words=words(record),
        sins=tuple(_sins(record, allowed or Allowed())),
    )


def _verdict(record: Record) -> str:
    first = record.steps[:1]
    if record.gave_up or not first or not first[0].whole:
        return FAILS
    whole = all(step.whole for step in record.steps)
    said = any(_FALLBACK in step.said for step in record.steps)
    return WORKS if whole and not said else DEGRADES


def words(record: Record) -> str:
    """What the user was told: notices of cells, and errors of those that did not succeed."""
    told: list[str] = []
    for step in record.steps:
        found = [match.group() for match in _NOTICE.finditer(step.said)]
        if not step.whole:
            found = [step.said.strip() or "(nothing)"]
        told += [f"{step.name}: {one}" for one in found]
    return "\n".join(told)


def _sins(record: Record, allowed: Allowed) -> Iterator[str]:
    for step in record.steps:
        if step.hung and not _WAITS.search(step.said):
            yield f"hang: {step.name} had not ended after {step.seconds:.0f} s"
    twice = sorted({n for n in record.counted if record.counted.count(n) > 1})
    if twice:
        yield f"run twice: cells {twice}"
    for number, step in enumerate(record.steps, 1):
        yield from _of_step(record, step, number, allowed)
    if _OURS.search(record.log):
        yield f"a traceback of ours on stderr: {_around(_OURS, record.log)}"
    if record.idle_calls > CALLS_A_SECOND * IDLE:
        yield f"flood: {record.idle_calls} calls in {IDLE:.0f} s of idling"
    if record.left and not allowed.session_left:
        yield f"left behind: {len(record.left)} session(s) after the shutdown"


def _of_step(record: Record, step: Shown, number: int, allowed: Allowed) -> Iterator[str]:
    fresh = step.name == "fresh"
    if _OURS.search(step.said):
        yield f"a traceback of ours in {step.name}: {_around(_OURS, step.said)}"
    if not fresh and not allowed.variables_lost and _GONE.search(step.said):
        yield f"says what is not so in {step.name}: {_around(_GONE, step.said)}"
    if number in record.sent and number in record.counted and _NOT_RUN.search(step.said):
        yield f"says what is not so in {step.name}, which ran: {_around(_NOT_RUN, step.said)}"
    if step.whole and _CUT.search(step.said):
        yield f"says what is not so in {step.name}, which is whole: {_around(_CUT, step.said)}"
    if step.name in ("download", "files") and record.stored == SIZE and _NO_FILE.search(step.said):
        yield f"says what is not so in {step.name}: {_around(_NO_FILE, step.said)}"
    unknown = step.name in allowed.unknowable
    if step.status == "ok" and not step.whole and not unknown and not _NOTICE.search(step.said):
        what = "the restart took nothing away" if fresh else "its output is not whole"
        yield f"lost silently in {step.name}: {what}"
    if step.name == "upload" and step.whole and record.stored not in (SIZE, None):
        yield f"lost silently in upload: {record.stored} of {SIZE} bytes are there"


def _around(pattern: re.Pattern[str], text: str) -> str:
    """The line that a pattern is found in."""
    match = pattern.search(text)
    assert match is not None
    start = text.rfind("\n", 0, match.start()) + 1
    return text[start : (text.find("\n", match.end()) + 1 or len(text) + 1) - 1].strip()[:300]
