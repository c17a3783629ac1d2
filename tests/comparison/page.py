"""The page of the docs that says what differs from a local kernel, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .kinds import Kind

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"

_HEAD = """\
# What differs from a local kernel

<!-- `python -m tests.comparison` writes this page; what is written here by hand is lost. -->

{count} kinds of cells and requests are sent to a local ipykernel and to this kernel in linked \
mode, and their messages are compared: types, order and contents, colours and addresses apart. \
All but these {differing} are answered alike. A test fails when there is another difference.

| Kind | Code | What differs, and why |
|---|---|---|
"""


def page(kinds: Sequence[Kind], reasons: Mapping[str, str]) -> str:
    """Give the whole page."""
    rows = [
        f"| {kind.name} | {_code(kind)} | {reasons[kind.name]} |"
        for kind in kinds
        if kind.name in reasons
    ]
    return _HEAD.format(count=len(kinds), differing=len(rows)) + "\n".join(rows) + "\n"


def _code(kind: Kind) -> str:
    text = kind.code or str(kind.content.get("code", "")) or kind.request
    first, _, rest = text.partition("\n")
    short = first if not rest and len(first) <= 60 else first[:57].rstrip() + "..."
    safe = short.replace("|", "\\|").replace("\0", "\\0").replace("`", "'").replace("\r", "\\r")
    return f"`{safe}`" if safe.strip() else "(blank)"
