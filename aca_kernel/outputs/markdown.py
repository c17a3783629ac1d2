"""Markdown from a session, rendered here: no front end is given its source to interpret."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["MAX_LENGTH", "rendered"]

MAX_LENGTH = 200_000
"""Characters above which Markdown is not rendered: the parser is not linear."""

_FORMULA = re.compile(
    r"\$\$[^$]{1,10000}\$\$|\$(?![\s$])[^$\n]{0,2000}(?<![\s\\])\$(?!\d)"
    r"|\\\\\((?:(?!\\\\\)).){1,2000}\\\\\)|\\\\\[(?:(?!\\\\\]).){1,5000}\\\\\]"
    r"|\\begin\{([a-z]{1,20}\*?)\}(?:(?!\\end\{).){1,10000}\\end\{\1\}",
    re.DOTALL,
)
_SHOWN_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,")


def rendered(text: str) -> str | None:
    """``text`` as HTML, raw HTML in it shown as text; None when it is too long.

    Formulas stay as they are for the page to typeset. A link shows its address behind its text
    and leads nowhere; a picture is one only when it holds its data. The result still has to be
    judged like any HTML.
    """
    if len(text) > MAX_LENGTH:
        return None
    return str(_parser().render(text))


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 40})
    parser.enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    parser.block.ruler.before(
        "code", "formula", _block_formula, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("link_close", _link_close)
    parser.add_render_rule("image", _image)
    return parser


def _inline_formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    formula = _FORMULA.match(state.src, state.pos, state.posMax)
    if formula is None:
        return False
    if not silent:
        state.push("text", "", 0).content = formula[0]
    state.pos = formula.end()
    return True


def _block_formula(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula between lines of ``$$``: its lines are no lists or headings."""
    start = state.bMarks[first] + state.tShift[first]
    if not state.src.startswith("$$", start):
        return False
    for line in range(first, min(last, first + 200)):
        content = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        if content.rstrip().endswith("$$") and (line > first or len(content.strip()) > 3):
            break
    else:
        return False
    if not silent:
        state.push("paragraph_open", "p", 1)
        inline = state.push("inline", "", 0)
        inline.content = state.src[start : state.eMarks[line]]
        inline.children = []
        state.push("paragraph_close", "p", -1)
    state.line = line + 1
    return True


def _link_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    env.setdefault("addresses", []).append(tokens[index].attrGet("href"))
    return ""


def _link_close(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    address = str(env["addresses"].pop())
    shown = tokens[index - 1].content if index else ""
    return "" if address in (shown, f"mailto:{shown}") else f" ({_escaped(address)})"


def _image(
    renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]
) -> str:
    source, text = str(tokens[index].attrGet("src")), _escaped(tokens[index].content)
    if _SHOWN_IMAGE.match(source):
        return f'<img src="{_escaped(source)}" alt="{text}">'
    return f"[image not shown: {text} {_escaped(source[:200])}]"


def _escaped(text: str) -> str:
    from markdown_it.common.utils import escapeHtml

    return escapeHtml(text)
