r"""TeX from a session: kept from acting on the page that shows it.

MathJax typesets every HTML output of JupyterLab and of nbconvert's pages, not only text/latex,
and its macros make links (``\href{javascript:...}``), set styles, classes and ids, load packages,
and define macros for the whole page, other notebooks' formulas included.
"""

from __future__ import annotations

import re

__all__ = ["MAX_LENGTH", "defused", "is_active"]

MAX_LENGTH = 64 * 1024
"""Characters above which a formula is not typeset."""

_LINKS = ("href", "url", "data", "htmlData", "includegraphics")
_STYLES = ("style", "class", "cssId", "bbox", "htmlStyle", "htmlClass", "htmlId")
_PARTS = ("mmlToken", "texttip", "mathtip", "toggle", "unicode", "texHTML")
_LOADING = ("require", "Require", "csname", "mathtoolsset")
_FILES = (
    *("input", "include", "InputIfFileExists", "openin", "openout", "read", "write", "immediate"),
    *("verbatiminput", "lstinputlisting", "special", "directlua", "catcode"),
)
"""What TeX itself has besides, which an export to LaTeX or PDF would run on this machine."""
_DEFINING = (
    *("def", "edef", "gdef", "xdef", "let", "futurelet", "global"),
    *("newcommand", "renewcommand", "providecommand", "newenvironment", "renewenvironment"),
    *("DeclareMathOperator", "DeclarePairedDelimiter", "DeclarePairedDelimiters"),
    *("DeclarePairedDelimitersX", "DeclarePairedDelimitersXPP"),
    *("newtagform", "renewtagform", "usetagform", "definecolor", "begingroup", "endgroup"),
)
_ACTIVE = re.compile(
    r"\\(?=(?:"
    + "|".join((*_LINKS, *_STYLES, *_PARTS, *_LOADING, *_FILES, *_DEFINING))
    + r")(?![A-Za-z]))"
)
_FORMULA = re.compile(r"\$|\\[(\[]|\\begin|\\(?:eq)?ref")
_WORD_JOINER = "\u2060"


def is_active(text: str) -> bool:
    """Whether ``text`` has a macro that does more than show a formula."""
    return _ACTIVE.search(text) is not None


def defused(text: str) -> str:
    """``text`` that reads the same, in which no such macro is one: a word joiner is put in.

    Text without a formula, such as a path of Windows, stays as it is.
    """
    if not _FORMULA.search(text):
        return text
    return _ACTIVE.sub(lambda slash: slash[0] + _WORD_JOINER, text)
