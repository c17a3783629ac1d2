"""An SVG of a session as a drawing alone, for exporters that take no HTML (LaTeX, PDF).

What can act, load or be a page of its own is left out: only elements that draw stay, and of their
attributes only those that lead nowhere.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

__all__ = ["drawing"]

MAX_LENGTH = 4 * 1024 * 1024
MAX_DEPTH = 100

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_ELEMENTS = frozenset(
    [
        *("svg", "g", "defs", "symbol", "use", "title", "desc", "text", "tspan", "path", "rect"),
        *("circle", "ellipse", "line", "polyline", "polygon", "clipPath", "mask", "marker"),
        *("linearGradient", "radialGradient", "stop", "pattern", "image"),
    ]
)
_HREFS = ("href", f"{{{_XLINK}}}href")
_LEADS_NOWHERE = re.compile(r"#[\w.:-]{1,200}")
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*")
_NAME = re.compile(r"(?!on)[a-zA-Z][a-zA-Z-]{0,40}")
_ELSEWHERE = re.compile(r"(?i)url\s*\((?!\s*[\"']?#)|[\\@]|image-set|src\s*\(|expression|<")


def drawing(text: str) -> str | None:
    """The SVG document ``text`` with what draws alone; None when it cannot be read as one."""
    if len(text) > MAX_LENGTH or "<!ENTITY" in text:
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above
    except (ElementTree.ParseError, ValueError):
        return None
    if _name(root) != "svg":
        return None
    todo = [(root, 1)]
    while todo:
        element, depth = todo.pop()
        if depth > MAX_DEPTH:
            return None
        element.tag = f"{{{_SVG}}}{_name(element)}"
        _clean(element)
        for child in list(element):
            if _name(child) in _ELEMENTS:
                todo.append((child, depth + 1))
            else:
                element.remove(child)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def _name(element: ElementTree.Element) -> str:
    """The element's name when it is SVG's, or has no namespace; else ""."""
    if not isinstance(element.tag, str):
        return ""  # a comment, a processing instruction
    namespace, _, name = element.tag.rpartition("}")
    return name if namespace in ("", f"{{{_SVG}") else ""


def _clean(element: ElementTree.Element) -> None:
    for name, value in list(element.attrib.items()):
        if name in _HREFS:
            is_image = _name(element) == "image"
            is_kept = (_PICTURE if is_image else _LEADS_NOWHERE).fullmatch(value.strip())
        else:
            is_kept = _NAME.fullmatch(name) if not _ELSEWHERE.search(value) else None
        if not is_kept:
            del element.attrib[name]
