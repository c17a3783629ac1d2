"""HTML with style sheets, written anew with what they set in the elements' own style attributes.

So a styled table needs no frame, no sheet gets near the page, and JupyterLab, which takes sheets
out of notebooks that it does not trust, shows the same there. The result is judged like any other
HTML of a session (html.py): nothing here protects.
"""

from __future__ import annotations

import functools
import html
import re

from .markup import (
    ATTRIBUTE,
    CLOSE,
    COMMENT,
    DROPPED_TAGS,
    MAX_ATTRIBUTES,
    MAX_TAGS,
    OPEN,
    TAGS,
    TEXT_RUN,
    VOID,
    closed,
    opened,
)
from .sheets import Compound, Declaration, Rule, Selector, Unreadable, rules_of

__all__ = ["without_sheets"]

_SHEET = re.compile(
    r"<style(?![^<>]{0,200}\b(?:media|disabled|title)\b)(?:\s[^<>]{0,200})?>([^<]*)</style\s{0,9}>",
    re.IGNORECASE,
)
_OUTSIDE = frozenset({".output_html"})
"""The classes of what stands around an output, by which libraries find their own."""

_STEPS = 3
"""How often an element is compared with a rule's, for each character; more is too much."""

_GROWS = 8
"""Times as long as before that the HTML may get."""

_PAPER = re.compile(r"#[0-9A-Fa-f]{3,6}|rgb\([\d\s,.%]{1,40}\)|[A-Za-z]{3,20}")
_LIGHT = 150
_INK = "color: #111"
_GROUNDS = ("background", "background-color")
_BASES = {
    "pre": "color: inherit; background: transparent",
    "tr": "background: transparent",
}
"""What JupyterLab paints in its theme's colours, unless it is told not to."""


class _Element:
    """An element, where it is in the tree and in the text, and what rules set."""

    __slots__ = (
        *("before", "children", "found", "ground", "insert", "names", "own", "parent", "place"),
        "tag",
    )

    def __init__(self, tag: str, parent: _Element | None, insert: int) -> None:
        self.tag = tag
        self.parent = parent
        self.insert = insert
        self.names: frozenset[str] = frozenset()
        self.own: tuple[int, int, str] | None = None
        self.found: list[tuple[bool, tuple[int, int, int], int, Declaration]] = []
        self.children = 0
        self.place = 1
        self.before: _Element | None = None
        self.ground = False


def without_sheets(text: str) -> str:
    """``text`` with each style sheet's declarations in the elements; ``text`` when that can't be.

    It can't when something in a sheet that applies is not understood, or may not be set in a page.
    Time is linear in the length.
    """
    sheets: list[str] = []

    def taken(found: re.Match[str]) -> str:
        sheets.append(found[1])
        return ""

    rest = _SHEET.sub(taken, text)
    if not sheets or "<style" in rest.lower():
        return text
    elements = _elements(rest)
    if elements is None:
        return text
    try:
        rules = rules_of("\n".join(sheets))
        _Matcher(rules, _STEPS * len(text) + 1000).apply(elements)
    except Unreadable:
        return text
    written = _written(rest, elements)
    return written if len(written) <= _GROWS * len(text) + 1000 else text


def _elements(text: str) -> list[_Element] | None:
    """The elements of ``text``, after that around all; None when not all can be in a page."""
    root = _Element("", None, 0)
    root.names = _OUTSIDE
    elements, names, parents = [root], [""], [root]
    last: dict[int, _Element] = {}
    position = tags = 0
    del names[0]
    while position < len(text):
        run = TEXT_RUN.match(text, position) or COMMENT.match(text, position)
        if run:
            position = run.end()
            continue
        opening = OPEN.match(text, position)
        tags += 1
        if opening is None or tags > MAX_TAGS:
            return None
        name = opening[2].lower()
        element = _Element(name, None, opening.end())
        end = _read(text, opening.end(), element)
        if end is None or name not in TAGS | DROPPED_TAGS:
            return None
        position = end
        if name in DROPPED_TAGS:
            continue
        if opening[1]:
            if not closed(names, name):
                return None
            del parents[len(names) + 1 :]
            continue
        if not opened(names, name):
            return None
        del parents[len(names) + (name in VOID) :]
        _join(element, parents, last, elements)
        if name not in VOID:
            parents.append(element)
    return elements


def _join(
    element: _Element,
    parents: list[_Element],
    last: dict[int, _Element],
    elements: list[_Element],
) -> None:
    """Give ``element`` its place under the last of ``parents``."""
    parent = parents[-1]
    if element.tag == "tr" and parent.tag == "table":
        body = last.get(id(parent))
        if body is None or body.insert >= 0 or body.tag != "tbody":
            body = _Element("tbody", parent, -1)  # which a browser makes
            _join(body, parents, last, elements)
        parent = body
    parent.children += 1
    element.parent, element.place, element.before = parent, parent.children, last.get(id(parent))
    last[id(parent)] = element
    elements.append(element)


def _read(text: str, position: int, element: _Element) -> int | None:
    """Read an element's attributes; where its tag ends, or None when that is odd."""
    seen: dict[str, str] = {}
    for _ in range(MAX_ATTRIBUTES):
        if close := CLOSE.match(text, position):
            names = {f".{name}" for name in seen.get("class", "").split()}
            element.names = frozenset(
                {*names, *(f"#{seen[name]}" for name in seen if name == "id")}
            )
            return close.end()
        attribute = ATTRIBUTE.match(text, position)
        if attribute is None:
            return None
        name, raw = attribute[1].lower(), attribute[2] or ""
        if name in ("id", "class", "style") and name not in seen:
            try:
                seen[name] = html.unescape(raw[1:-1] if raw[:1] in "\"'" else raw)
            except ValueError:
                return None
            if name == "style":
                element.own = (position, attribute.end(), seen[name])
        position = attribute.end()
    return None


class _Matcher:
    """Gives elements the declarations of the rules that are about them, within ``steps``."""

    def __init__(self, rules: list[Rule], steps: int) -> None:
        self._steps = steps
        self._by_key: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_key.setdefault(_key(rule.selector.parts[0][0]), []).append(rule)

    def apply(self, elements: list[_Element]) -> None:
        for element in elements:
            keys = [*element.names, element.tag, ""] if element.parent else element.names
            for rule in (rule for key in keys for rule in self._by_key.get(key, ())):
                if not self._matches(rule.selector, 0, element):
                    continue
                if rule.declarations is None or rule.selector.unknown:
                    raise Unreadable
                self._step(len(rule.declarations))
                element.found += [
                    (one.important, rule.selector.weight, rule.order, one)
                    for one in rule.declarations
                ]

    def _step(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0:
            raise Unreadable

    def _matches(self, selector: Selector, part: int, element: _Element) -> bool:
        self._step()
        compound, combinator = selector.parts[part]
        if not _is(element, compound):
            return False
        if part == len(selector.parts) - 1:
            return True
        other = element.parent if combinator in " >" else element.before
        while other is not None:
            if self._matches(selector, part + 1, other):
                return True
            if combinator in ">+":
                return False
            other = other.parent if combinator == " " else other.before
        return False


def _key(compound: Compound) -> str:
    """One of the names that an element must have; its tag, or "", when there is none."""
    return min(compound.names, default=compound.tag)  # an id, if there is one


def _is(element: _Element, compound: Compound) -> bool:
    if compound.tag and compound.tag != element.tag:
        return False
    if not compound.names <= element.names:
        return False
    for step, start, from_last in compound.places:
        siblings = element.parent.children if element.parent else 1
        offset = (siblings - element.place + 1 if from_last else element.place) - start
        if offset != 0 and (step == 0 or offset % step or offset // step < 0):
            return False
    return True


def _written(text: str, elements: list[_Element]) -> str:
    parts: list[str] = []
    copied = 0
    for element in elements:
        grounds = any(one.name in _GROUNDS for *_, one in element.found)
        around = element.parent is not None and element.parent.ground
        element.ground = grounds or around
        base = _BASES.get(element.tag, "") if around and not grounds else ""
        if not (element.found or base) or element.insert < 0 or element.parent is None:
            continue
        style = html.escape("; ".join(part for part in (base, _style(element)) if part))
        parts += [text[copied : element.insert], f' style="{style}"']
        copied = element.insert
        if element.own:
            parts.append(text[copied : element.own[0]])
            copied = element.own[1]
    inner = "".join([*parts, text[copied:]])
    outside = _style(elements[0])
    return f'<div style="{html.escape(outside)}">{inner}</div>' if outside else inner


def _style(element: _Element) -> str:
    """All that ``element`` is to have in its style attribute, in the cascade's order."""
    settings: dict[tuple[bool, str], str] = {}
    for important, _, _, one in sorted(element.found, key=lambda found: found[:3]):
        settings.pop((important, one.name), None)
        settings[important, one.name] = f"{one.name}: {one.setting}"
    own = [element.own[2].strip().strip(";")] if element.own and element.own[2].strip() else []
    first = [setting for (important, _), setting in settings.items() if not important]
    last = [setting for (important, _), setting in settings.items() if important]
    ink = [_INK] if _needs_ink(element, settings) else []
    return "; ".join([*ink, *first, *own, *last])


def _needs_ink(element: _Element, settings: dict[tuple[bool, str], str]) -> bool:
    """Whether ``element`` is light and leaves its text's colour to a page, which may be dark."""
    grounds = [
        setting.partition(":")[2].strip()
        for (_, name), setting in settings.items()
        if name in _GROUNDS
    ]
    if not grounds or not _is_light(grounds[-1]):
        return False
    around: _Element | None = element
    while around is not None:
        if any(one.name == "color" for *_, one in around.found):
            return False
        if around.own and re.search(r"(?:^|;)\s{0,9}color\s{0,9}:", around.own[2]):
            return False
        around = around.parent
    return True


@functools.lru_cache(maxsize=1000)
def _is_light(colour: str) -> bool:
    if not _PAPER.fullmatch(colour):
        return False
    from PIL import ImageColor

    try:
        red, green, blue, *_ = ImageColor.getrgb(colour)
    except ValueError:
        return False
    return (red * 299 + green * 587 + blue * 114) / 1000 > _LIGHT
