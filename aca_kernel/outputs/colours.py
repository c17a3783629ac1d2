"""Code in Markdown with colours, written into the tags: no style sheet is there to give them."""

from __future__ import annotations

import html
from typing import Any

__all__ = ["LEXERS", "coloured"]

MAX_LENGTH = 10_000
MAX_LINE = 1000
"""Characters of code, and of a line of it, above which it has no colours (regular expressions)."""

LEXERS = {
    **dict.fromkeys(("python", "py", "python3", "ipython", "ipython3"), "PythonLexer"),
    **dict.fromkeys(("bash", "sh", "shell", "zsh"), "BashLexer"),
    **dict.fromkeys(("javascript", "js"), "JavascriptLexer"),
    **dict.fromkeys(("typescript", "ts"), "TypeScriptLexer"),
    **dict.fromkeys(("yaml", "yml"), "YamlLexer"),
    **dict.fromkeys(("c", "h"), "CLexer"),
    **dict.fromkeys(("cpp", "c++"), "CppLexer"),
    **dict.fromkeys(("ini", "cfg"), "IniLexer"),
    "json": "JsonLexer",
    "sql": "SqlLexer",
    "toml": "TOMLLexer",
    "r": "SLexer",
    "css": "CssLexer",
    "html": "HtmlLexer",
    "diff": "DiffLexer",
    "java": "JavaLexer",
    "rust": "RustLexer",
    "go": "GoLexer",
}
"""The languages that are coloured, and Pygments' class for each."""

# Each reads on white and on black.
_COLOURS = {
    "Keyword": "#2b8a3e",
    "Name.Builtin": "#2b8a3e",
    "Name.Function": "#4377d6",
    "Name.Class": "#4377d6",
    "Name.Tag": "#2b8a3e",
    "Name.Attribute": "#4377d6",
    "Name.Decorator": "#9b59d0",
    "Literal.String": "#c0504d",
    "Literal.Number": "#2b8a3e",
    "Operator": "#9b59d0",
    "Comment": "#4d8a8a",
    "Generic.Deleted": "#c0504d",
    "Generic.Inserted": "#2b8a3e",
}


def coloured(code: str, language: str) -> str:
    """HTML of ``code`` with colours; "" when the language is not known or the code too long."""
    name = LEXERS.get(language.lower())
    if name is None or len(code) > MAX_LENGTH or max(map(len, code.split("\n"))) > MAX_LINE:
        return ""
    from pygments import lexers

    tokens = getattr(lexers, name)(stripnl=False, ensurenl=False).get_tokens(code)
    return "".join(_span(_colour(kind), text) for kind, text in tokens)


def _colour(kind: Any) -> str | None:
    while kind:
        colour = _COLOURS.get(str(kind).removeprefix("Token."))
        if colour:
            return colour
        kind = kind.parent
    return None


def _span(colour: str | None, text: str) -> str:
    escaped = html.escape(text, quote=False)
    return f'<span style="color: {colour}">{escaped}</span>' if colour else escaped
