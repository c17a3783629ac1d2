"""The page of the docs that says what works, what degrades and what fails, as text."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .run import MODES, Result
from .variant import Variant

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"

_LONGEST = 220

_HEAD = """\
# What was tried

<!-- `make matrix` writes this page; what is written here by hand is lost. -->

Nobody here can reach the real service, so aca-kernel is tried against many services that might \
be it. A proxy before the local pool, or a pool that is started otherwise, makes {count} variants \
of the service, its sessions and its answers. Each is met by a real kernel that runs the same \
script in auto mode and in direct mode: results, both streams, an exception, three seconds of \
output, 30,000 characters, an image, an upload and a download of 300 KB, a listing, idling and a \
restart.

**Works** is when all of it came. **Degrades** is when some of it is missing, or direct mode \
stands in for linked mode, and the user is told so. **Fails** is when the session can't be used, \
and the user is told why.

{counts}
"""

_ANY = (
    (re.compile(r"/tmp/\S*?(?=/sent|/back|[\s'\",]|$)"), "FOLDER"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"\b\d+\.\d+ s\b"), "some s"),
)


_PASSING = re.compile(
    r"The session (is starting|started)|Waited \d|^\w+: (to out|to err)$|^Out: None$"
)
"""Lines that say nothing of why something is missing, where there are others."""


def page(variants: Sequence[Variant], results: Mapping[tuple[str, str], Result]) -> str:
    """Give the whole page."""
    parts = [_HEAD.format(count=len(variants), counts=_counts(results))]
    for group, members in itertools.groupby(variants, key=lambda v: v.group):
        parts.append(f"## {group.capitalize()}\n")
        parts.append("| Variant | What differs | Auto mode | Direct mode |\n|---|---|---|---|")
        parts += [_row(variant, results) for variant in members]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def names_in(text: str) -> list[str]:
    """The variants that a page has rows for."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def _counts(results: Mapping[tuple[str, str], Result]) -> str:
    lines = ["| Mode | Works | Degrades | Fails |", "|---|---|---|---|"]
    for mode in MODES:
        counts = Counter(row.verdict for (_, m), row in results.items() if m == mode)
        lines.append(f"| {mode} | {counts['works']} | {counts['degrades']} | {counts['fails']} |")
    return "\n".join(lines)


def _row(variant: Variant, results: Mapping[tuple[str, str], Result]) -> str:
    cells = [_verdict(results[variant.name, mode]) for mode in MODES]
    return f"| `{variant.name}` | {_plain(variant.differs)} | {' | '.join(cells)} |"


def _verdict(result: Result) -> str:
    told = _told(result.words) if result.verdict != "works" else ""
    bad = f" **Not as it should be: {_plain('; '.join(result.sins))}**" if result.sins else ""
    return f"{result.verdict}{f': {told}' if told else ''}{bad}"


def _told(words: str) -> str:
    """The first thing that was told, on one line."""
    lines = [line for line in words.splitlines() if re.search(r"\w", line)]
    telling = [line for line in lines if not _PASSING.search(line)]
    lines = telling or lines
    if not lines:
        return ""
    for pattern, word in _ANY:
        lines[0] = pattern.sub(word, lines[0])
    text = lines[0]
    return _plain(text if len(text) <= _LONGEST else text[: _LONGEST - 3].rstrip() + "...")


def _plain(text: str) -> str:
    """Text in a cell of a table, where nothing of it is markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#$])", r"\\\1", text.replace("\n", " "))
