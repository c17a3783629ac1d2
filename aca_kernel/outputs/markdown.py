"""Markdown from a session, rendered here: no front end is given its source to interpret."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .colours import coloured
from .footnotes import add_notes, notes
from .html import inert
from .rawhtml import LEFT_OUT_IMAGE, SHOWN_IMAGE, RawTags
from .tasks import tasks

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["MAX_LENGTH", "judged", "rendered"]

MAX_LENGTH = 50_000
MAX_BRACKETS = 2_000
"""Characters, and opening brackets, above which Markdown is shown as its source.

The parser takes quadratic time on brackets, and about 10 microseconds a character elsewhere.
"""

_ENDS = {"$$": "$$", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}
_SHORT = re.compile(r"\$(?![\s$])[^$\n]{0,2000}(?<![\s\\])\$(?!\d)")
_ENVIRONMENT = re.compile(r"\\begin(\{[a-z]{1,20}\*?\})")
_MAX_FORMULA = 5000


def judged(text: str, pictures: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """``text`` as HTML that is inert in the notebook's page; None when it is none.

    Raw HTML in it that does not make a whole (a tag that is not closed) is shown as text.
    ``pictures`` has the data to show for the sources of `images`.
    """
    clean = inert(rendered(text, pictures=pictures))
    return inert(rendered(text, raw=False, pictures=pictures)) if clean is None else clean


def images(text: str) -> list[str]:
    """The sources of the pictures in ``text`` that do not bring their data along."""
    found: dict[str, str] = {}
    _run(text, raw=True, env={"wanted": found})
    return list(found)


def rendered(
    text: str, *, raw: bool = True, pictures: Mapping[str, str] = MappingProxyType({})
) -> str:
    """``text`` as HTML; its source when it is too long. ``raw``: HTML in it may be HTML.

    Formulas stay as they are for the page to typeset. A link shows its address behind its text
    and leads nowhere; a picture is one only when it holds its data. The result still has to be
    judged like any HTML.
    """
    return _run(text, raw=raw, env={"pictures": pictures})


def _run(text: str, *, raw: bool, env: dict[str, Any]) -> str:
    if len(text) > MAX_LENGTH or text.count("[") > MAX_BRACKETS:
        return f'<pre style="white-space: pre-wrap">{html.escape(text, quote=False)}</pre>'
    parser = _parser(raw)
    env["raw"] = RawTags(lambda source: _picture(source, env))
    return str(parser.render(text, env)) + notes(parser, env)


def _picture(source: str, env: Mapping[str, Any]) -> str:
    """The data of a picture to show; "" when there is none."""
    if SHOWN_IMAGE.match(source):
        return source
    if "wanted" in env:
        env["wanted"][source] = ""
    return str(env.get("pictures", {}).get(source, ""))


@functools.cache
def _parser(raw: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    options = {"html": raw, "linkify": False, "maxNesting": 40, "highlight": _highlighted}
    parser = MarkdownIt("commonmark", options)
    parser.enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    parser.block.ruler.before(
        "code", "formula", _block_formula, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    add_notes(parser)
    parser.core.ruler.push("tasks", tasks)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("link_close", _link_close)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("html_inline", _raw)
    parser.add_render_rule("html_block", _raw)
    return parser


def _highlighted(code: str, language: str, attributes: str) -> str:
    inner = coloured(code, language)
    return f"<pre><code>{inner}</code></pre>" if inner else ""


def _raw(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return str(env["raw"].shown(tokens[index].content))


def _inline_formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    end = _formula_end(state.src, state.pos, state.posMax)
    if end is None:
        return False
    if not silent:
        state.push("text", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _formula_end(text: str, start: int, stop: int) -> int | None:
    """Where the formula ends that begins at ``start``; None when none does."""
    stop = min(stop, start + _MAX_FORMULA)
    for opening, closing in _ENDS.items():
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening) + 1, stop)
            return None if end < 0 else end + len(closing)
    environment = _ENVIRONMENT.match(text, start)
    if environment:
        closing = f"\\end{environment[1]}"
        end = text.find(closing, environment.end(), stop)
        return None if end < 0 else end + len(closing)
    short = _SHORT.match(text, start, stop)
    return short.end() if short else None


def _block_formula(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula between lines of ``$$``: its lines are no lists or headings."""
    start = state.bMarks[first] + state.tShift[first]
    if not state.src.startswith("$$", start):
        return False
    end = state.src.find("$$", start + 2, start + _MAX_FORMULA) + 2
    if end < 2 or end > state.eMarks[last - 1]:
        return False
    line = first
    while state.eMarks[line] < end:
        line += 1
    if state.src[end : state.eMarks[line]].strip():
        return False
    if not silent:
        state.push("paragraph_open", "p", 1)
        inline = state.push("inline", "", 0)
        inline.content = state.src[start:end]
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
    return "" if address in (shown, f"mailto:{shown}") else f" ({html.escape(address)})"


def _image(
    renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]
) -> str:
    source, text = str(tokens[index].attrGet("src")), html.escape(tokens[index].content)
    if picture := _picture(source, env):
        return f'<img src="{html.escape(picture)}" alt="{text}">'
    return LEFT_OUT_IMAGE.format(text, html.escape(source[:200]))
