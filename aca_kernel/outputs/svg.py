"""What an SVG of a session says in words, for exporters that take no HTML (LaTeX, PDF).

The drawing itself is not for them: nbconvert makes a PDF of it with Inkscape, and fails, for the
whole notebook, where there is none.
"""

from __future__ import annotations

from xml.etree import ElementTree

__all__ = ["described"]

_MAX_LENGTH = 4 * 1024 * 1024
_MAX_WORDS = 300
_SAYING = frozenset({"title", "desc", "text", "tspan"})


def described(text: str) -> str:
    """A line that stands for the SVG document ``text``, with the words that are in it."""
    words = " ".join(_words(text).split())
    if len(words) > _MAX_WORDS:
        words = words[:_MAX_WORDS] + " ..."
    return f"An SVG drawing, which HTML shows{': ' if words else '.'}{words}"


def _words(text: str) -> str:
    if len(text) > _MAX_LENGTH or "<!ENTITY" in text:
        return ""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above
    except (ElementTree.ParseError, ValueError):
        return ""
    return " ".join(
        element.text or ""
        for element in root.iter()
        if isinstance(element.tag, str) and element.tag.rpartition("}")[2] in _SAYING
    )
