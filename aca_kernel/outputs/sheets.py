"""Style sheets of HTML from a session, read into rules; for the look alone.

What a rule sets is judged declaration by declaration as in a style attribute (styles.py), and ends
as one (inlining.py): no sheet of a session reaches the page. So nothing here protects: a sheet
that is read wrongly looks wrong. What is not understood is said so, and the HTML gets its frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .styles import filtered_style

__all__ = ["MAX_SELECTORS", "Compound", "Declaration", "Rule", "Selector", "Unreadable", "rules_of"]

MAX_SELECTORS = 20_000
_MAX_LENGTH = 1024 * 1024
_MAX_PARTS = 10

_BLANK = re.compile(r"\s*")
_LEFT_OUT = re.compile(
    r"@(?:charset|namespace)\b[^;{}]*;"
    r"|@media\s+(?:print\b|\(prefers-reduced-motion[^{}()]*\)\s*)[^{};]*"
    r"\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}"
    r"|@(?:-\w+-)?keyframes\b[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}",
    re.IGNORECASE,
)
"""What applies to no page on a screen, at rest."""
_RULE = re.compile(r"([^{}@;]*)\{([^{}]*)\}")
_PART = re.compile(
    r"(\*|[A-Za-z][A-Za-z0-9-]*)?"
    r"((?:[#.][\w-]+|::?[A-Za-z-]+(?:\([^()]{0,40}\))?|\[[^\[\]]{0,100}\])*)",
    re.ASCII,
)
_SIMPLE = re.compile(r"([#.:\[]:?)([\w-]+)(?:\(([^()]*)\))?", re.ASCII)
_COMBINATOR = re.compile(r"\s*([>+~]|\s)\s*")
_NTH = re.compile(r"(?:([+-]?\d{0,5})n)?\s*([+-]?\s*\d{1,6})?", re.IGNORECASE)

_NEVER = frozenset(
    [
        "hover",
        "focus",
        "active",
        "visited",
        "focus-within",
        "focus-visible",
        "target",
        "root",
        "selection",
    ]
)
"""States of an element that nobody touches, and what lies outside an output."""
_NOTHING = re.compile(
    r"(?:-(?:webkit|moz|ms|o)-|transition|animation|will-change|z-index|zoom|pointer-events|orphans"
    r"|widows|scrollbar-|page-break-|--)",
)
"""Properties without which a page at rest looks the same, or nearly so."""


class Unreadable(ValueError):
    """The sheet has what this module does not understand."""


@dataclass(frozen=True)
class Declaration:
    """A property that can be set in a page as it is."""

    name: str
    setting: str
    important: bool


@dataclass(frozen=True)
class Compound:
    """What one element has to be. ``unknown``: and more, that can't be told here."""

    tag: str = ""
    names: frozenset[str] = frozenset()
    places: tuple[tuple[int, int, bool], ...] = ()
    unknown: bool = False
    never: bool = False


@dataclass(frozen=True)
class Selector:
    """``parts`` from right to left, and the combinator before each but the last."""

    parts: tuple[tuple[Compound, str], ...]
    weight: tuple[int, int, int]
    unknown: bool
    never: bool


@dataclass(frozen=True)
class Rule:
    """One selector with what it sets; ``declarations`` is None when some of that may not be."""

    selector: Selector
    declarations: tuple[Declaration, ...] | None
    order: int


def rules_of(sheet: str) -> list[Rule]:
    """The rules of ``sheet``, one for each selector, without those that can never apply."""
    if len(sheet) > _MAX_LENGTH or sheet.count(",") + sheet.count("{") > 2 * MAX_SELECTORS:
        raise Unreadable
    first, *commented = sheet.split("/*")
    rest = [part.partition("*/") for part in commented]
    if "\\" in sheet or "<" in sheet or not all(end for _, end, _ in rest):
        raise Unreadable
    text = " ".join([first, *(after for _, _, after in rest)])
    rules: list[Rule] = []
    position = _BLANK.match(text, 0).end()  # type: ignore[union-attr]
    while position < len(text):
        found = _LEFT_OUT.match(text, position)
        if found is None:
            found = _RULE.match(text, position)
            if found is None:
                raise Unreadable
            declarations = _declarations(found[2])
            for written in found[1].split(","):
                selector = _selector(written.strip())
                if not selector.never:
                    rules.append(Rule(selector, declarations, len(rules)))
            if len(rules) > MAX_SELECTORS:
                raise Unreadable
        position = _BLANK.match(text, found.end()).end()  # type: ignore[union-attr]
    return rules


def _declarations(text: str) -> tuple[Declaration, ...] | None:
    kept: dict[tuple[str, bool], Declaration] = {}
    for written in text.split(";"):
        name, _, setting = written.partition(":")
        name, setting = name.strip().lower(), setting.strip()
        if not written.strip():
            continue
        harmless = filtered_style(f"{name}: {setting}", whole=True)
        if harmless is None:
            if _NOTHING.match(name):
                continue
            return None
        important = setting.lower().endswith("important")
        kept.pop((name, important), None)
        kept[name, important] = Declaration(name, harmless.partition(":")[2].strip(), important)
    return tuple(kept.values())


def _selector(text: str) -> Selector:
    parts: list[tuple[Compound, str]] = []
    weights = [0, 0, 0]
    position, combinator = 0, ""
    while True:
        found = _PART.match(text, position)
        if found is None or not found[0] or len(parts) > _MAX_PARTS:
            raise Unreadable
        parts.append((_compound(found[1] or "", found[2], weights), combinator))
        position = found.end()
        if position == len(text):
            break
        between = _COMBINATOR.match(text, position)
        if between is None:
            raise Unreadable
        combinator, position = between[1] if between[1] in ">+~" else " ", between.end()
    return Selector(
        tuple(reversed(parts)),
        (weights[0], weights[1], weights[2]),
        unknown=any(compound.unknown for compound, _ in parts),
        never=any(compound.never for compound, _ in parts),
    )


def _compound(tag: str, rest: str, weights: list[int]) -> Compound:
    names, places, unknown, never = set(), [], False, tag.lower() in ("html", "body")
    weights[2] += bool(tag) and tag != "*"
    for kind, name, argument in _SIMPLE.findall(rest):
        weights[0] += kind == "#"
        weights[1] += kind in (".", ":", "[")
        if kind in "#.":
            names.add(kind + name)
        elif name in _NEVER or name.startswith("-"):
            never = True
        elif kind == ":" and (place := _place(name, argument)):
            places.append(place)
        elif kind == "[" or kind.startswith(":"):
            unknown = True
    return Compound(
        "" if tag == "*" else tag.lower(), frozenset(names), tuple(places), unknown, never
    )


def _place(name: str, argument: str) -> tuple[int, int, bool] | None:
    """The step and the start of the places of an element that are meant, and whether from last."""
    if name in ("first-child", "last-child"):
        return 0, 1, name == "last-child"
    if name not in ("nth-child", "nth-last-child"):
        return None
    written = {"odd": "2n+1", "even": "2n"}.get(argument.strip().lower(), argument.strip())
    found = _NTH.fullmatch(written)
    if not found or not written:
        return None
    step = found[1]
    steps = 0 if step is None else int(f"{step}1" if step in ("", "+", "-") else step)
    return steps, int((found[2] or "0").replace(" ", "")), name == "nth-last-child"
