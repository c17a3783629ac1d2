"""Tags of HTML from a session, as far as they are plain: what they are, and how they nest."""

from __future__ import annotations

import re

__all__ = [
    "ATTRIBUTE",
    "CLOSE",
    "COMMENT",
    "DROPPED_TAGS",
    "MAX_ATTRIBUTES",
    "MAX_DEPTH",
    "MAX_TAGS",
    "MAY_STAY_OPEN",
    "ONLY_PARTS",
    "OPEN",
    "TAGS",
    "TEXT_RUN",
    "VOID",
    "closed",
    "opened",
]

MAX_DEPTH = 256
MAX_TAGS = 150_000
MAX_ATTRIBUTES = 40

VOID = frozenset({"br", "hr", "img", "col", "source"})
_TEXT = frozenset(
    [
        *("b", "i", "em", "strong", "u", "s", "del", "ins", "sub", "sup", "small", "big", "mark"),
        *("kbd", "samp", "var", "tt", "code", "pre", "abbr", "cite", "q", "blockquote", "p"),
        *("div", "span", "center", "section", "article", "header", "footer"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd"),
        *("figure", "figcaption", "details", "summary", "font"),
    ]
)
_CELLS = ("td", "th", "tr", "thead", "tbody", "tfoot", "caption", "colgroup")
_TABLE = frozenset(["table", "col", *_CELLS])
_MEDIA = frozenset({"img", "audio", "video", "source"})
TAGS = _TEXT | _TABLE | _MEDIA | {"br", "hr", "progress", "meter"}
"""The tags that can be shown in the page."""

DROPPED_TAGS = frozenset({"a", "html", "head", "body"})
"""Tags that go while their content stays: a link leads nowhere, and is not one (see links.py)."""

_IMPLIED = {
    "li": {"li"},
    "p": {"p"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr", "thead", "tbody", "colgroup", "caption"},
    "thead": {"colgroup", "caption"},
    "tfoot": {"td", "th", "tr", "tbody", "thead"},
}
_ROW_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_PARENTS = {
    **dict.fromkeys(("td", "th"), frozenset({"tr"})),
    "tr": _ROW_GROUPS | {"table"},
    **dict.fromkeys((*_ROW_GROUPS, "caption", "colgroup"), frozenset({"table"})),
    "col": frozenset({"table", "colgroup"}),
}
"""Where the parts of a table may be: elsewhere a browser moves them, and nh3 takes long."""

ONLY_PARTS = _ROW_GROUPS | {"table", "tr", "colgroup"}
MAY_STAY_OPEN = frozenset(["li", "p", "dt", "dd", *_CELLS])

TEXT_RUN = re.compile(r"[^<]+")
COMMENT = re.compile(r"<!--(?![->])(?:(?!--).)*?-->|<!(?i:doctype)[ A-Za-z]{0,20}>", re.DOTALL)
OPEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,20})")
ATTRIBUTE = re.compile(
    r"[\s/]+([^\s\"'<>/=]{1,100})(?:\s{0,20}=\s{0,20}(\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?"
)
CLOSE = re.compile(r"\s{0,20}/?>")


def opened(stack: list[str], name: str) -> bool:
    """Put ``name`` on the stack; False when it may not be there, or is too deep."""
    while stack and stack[-1] in _IMPLIED.get(name, ()):
        stack.pop()
    parent = stack[-1] if stack else ""
    if name in _PARENTS:
        if parent not in _PARENTS[name]:
            return False
    elif parent in ONLY_PARTS:
        return False
    if name not in VOID:
        stack.append(name)
    return len(stack) <= MAX_DEPTH


def closed(stack: list[str], name: str) -> bool:
    """Take ``name`` off the stack; False when it is not what has to be closed next."""
    if name in VOID:
        return name == "br"
    while stack:
        top = stack.pop()
        if top == name:
            return True
        if top not in MAY_STAY_OPEN:
            return False
    return False
