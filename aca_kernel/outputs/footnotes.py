"""Footnotes in Markdown: ``[^name]`` in the text, ``[^name]: note`` in a paragraph of its own."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

__all__ = ["add_notes", "notes"]

MAX_NOTES = 500
_BEGIN = re.compile(r"\[\^([^\]\s]{1,50})\]:[ \t]*")
_REFERENCE = re.compile(r"\[\^([^\]\s]{1,50})\]")


def add_notes(parser: MarkdownIt) -> None:
    """Have ``parser`` collect footnotes in its env, for `notes`."""
    parser.block.ruler.before("reference", "footnote", _definition, {"alt": ["paragraph"]})
    parser.inline.ruler.before("link", "footnote", _reference)


def notes(parser: MarkdownIt, env: MutableMapping[str, Any]) -> str:
    """The notes that the text has referred to, as HTML to put below it."""
    texts, order = env.get("notes", {}), env.get("noted", {})
    done: list[str] = []
    while len(done) < len(order):  # a note may refer to a further one
        done.append(f"<li>{parser.renderInline(texts[list(order)[len(done)]], env)}</li>")
    return f"<hr><ol>{''.join(done)}</ol>\n" if done else ""


def _definition(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    start = state.bMarks[first] + state.tShift[first]
    found = _BEGIN.match(state.src, start, state.eMarks[first])
    if found is None or state.is_code_block(first):
        return False
    texts = state.env.setdefault("notes", {})
    if len(texts) >= MAX_NOTES and found[1] not in texts:
        return False
    if silent:
        return True
    line = first + 1
    while line < last and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        if _BEGIN.match(state.src, state.bMarks[line] + state.tShift[line], state.eMarks[line]):
            break
        line += 1
    text = state.getLines(first, line, state.blkIndent, False).strip()
    texts.setdefault(found[1], _BEGIN.sub("", text, count=1))
    state.line = line
    return True


def _reference(state: StateInline, silent: bool) -> bool:
    found = _REFERENCE.match(state.src, state.pos, state.posMax)
    if found is None or found[1] not in state.env.get("notes", {}):
        return False
    if not silent:
        order = state.env.setdefault("noted", {})
        number = order.setdefault(found[1], len(order) + 1)
        state.push("sup_open", "sup", 1)
        state.push("text", "", 0).content = f"[{number}]"
        state.push("sup_close", "sup", -1)
    state.pos = found.end()
    return True
