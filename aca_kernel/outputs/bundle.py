"""A mime bundle from a session, reduced to what ``isolated`` lets a front end render.

An allow-list: every mime type that is not named here is gone, since each type that a front-end
extension renders is active. A text/plain twin is always there, and says why and
what to do when it is all that is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from .budget import Budget
from .frames import MAX_LENGTH as MAX_HTML
from .frames import framed, shows_nothing
from .html import MAX_LENGTH as MAX_PARSED
from .html import inert
from .images import FORMAT_OF, ImageRefused, checked_image, lone_svg, svg_as_image
from .jsondata import NotJson, bounded_copy
from .markdown import judged
from .metadata import harmless_metadata
from .remedies import WIDGET, WIDGET_AS_PICTURE, Lost, library, lost_type, rank
from .streams import bare, encodable, plain
from .svg import described
from .tex import MAX_LENGTH as MAX_TEX
from .tex import is_active
from .twins import MAX_READ, Twin, twin_of, unwrapped

__all__ = ["isolated_bundle", "text_bundle", "text_of"]

MAX_TEXT = 20 * 1024 * 1024
"""Characters of text/plain above which it is cut."""

MAX_TYPES = 100
"""Entries of a bundle that are looked at."""

_LIBRARY_WITHIN = 200_000
"""Characters of HTML in which a library's name is looked for."""

_SHEET_COSTS = 4
"""Times as long as without a style sheet that it takes to judge HTML with one."""

_DOWNLOAD = "Write it to a file in /mnt/data, and %download that."
_AS_PNG = (
    "Save it as a PNG in the session, smaller if it is large, and show that:"
    " IPython.display.Image('NAME.png')."
)
_OBJECT = re.compile(r"<[\w.]{1,200} object(?: at 0x[0-9a-f]{1,16})?>")
_LOCAL = re.compile(r"(?![a-z][a-z0-9+.-]*:|/|\\)[^\x00-\x1f?#]{1,200}", re.IGNORECASE)
_MIME = re.compile(r"[a-z0-9]{1,30}/[a-z0-9.+_-]{1,80}")


def text_of(value: Any) -> str | None:
    """``value`` as the text of a mime type: a string, or a list of lines; None when neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return None


def text_bundle(data: Any, *, why: str = "") -> dict[str, Any]:
    """The text/plain of ``data`` alone; ``why`` stands in for one that is missing."""
    text = text_of(_normalised(data).get("text/plain"))
    if text is None:
        return {"text/plain": why} if why else {}
    return {"text/plain": _plain(text)}


def isolated_bundle(
    data: Any,
    metadata: Any,
    budget: Budget,
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``data`` and ``metadata`` of a display, as far as they are harmless.

    Of the metadata only how to show the data is kept. ``pictures`` has the data of Markdown's.
    """
    given = _normalised(data)
    shown: dict[str, Any] = {}
    lost: list[Lost] = []
    dropped: list[str] = []
    if "text/html" in given:
        _add_html(given["text/html"], shown, lost, budget)
    if "text/markdown" in given and "text/html" not in shown:
        _add_markdown(given["text/markdown"], shown, lost, budget, pictures)
    for mime, value in given.items():
        if mime in FORMAT_OF or mime == "image/svg+xml":
            _add_image(mime, value, shown, lost)
        elif mime == "text/latex":
            _add_latex(value, shown, lost)
        elif mime == "application/json":
            _add_json(value, shown, lost)
        elif mime not in ("text/plain", "text/html", "text/markdown"):
            dropped.append(mime)
    lost += [lost_type(mime, given[mime]) for mime in sorted(dropped, key=rank)]
    if shown.get("text/html") == "" and lost:
        del shown["text/html"]  # the place for what has been dropped
    text = _said(given)
    twin = "" if text is None else _plain(text)
    if lost and not shown:
        shown["text/html"] = lost[0].beside(twin)
        twin = "\n".join([twin, lost[0].text] if twin else [lost[0].text])
    elif any(one.what == WIDGET for one in lost):
        budget.remark(WIDGET_AS_PICTURE)
    if twin or text is not None:
        shown["text/plain"] = twin
    return shown, harmless_metadata(metadata, shown)


def _said(given: Mapping[str, Any]) -> str | None:
    """The text/plain of a bundle, or what says more than that it is an object."""
    text = text_of(given.get("text/plain"))
    if text is not None and _OBJECT.fullmatch(text):
        if source := text_of(given.get("text/markdown")):
            return source
        if drawing := text_of(given.get("image/svg+xml")):
            return described(bare(drawing))
    return text


def _normalised(data: Any) -> dict[str, Any]:
    """``data`` by mime type in its plain form: no parameters, no case, no spaces."""
    if not isinstance(data, Mapping):
        return {}
    entries = [(key, data[key]) for key in islice(data, MAX_TYPES) if isinstance(key, str)]
    exact = {key: value for key, value in entries if _MIME.fullmatch(key)}
    for key, value in entries:
        mime = key[:200].split(";")[0].strip().lower()
        exact.setdefault(mime if _MIME.fullmatch(mime) else "unknown", value)
    return exact


def _add_html(value: Any, shown: dict[str, Any], lost: list[Lost], budget: Budget) -> None:
    text = text_of(value)
    if text is None or len(text) > MAX_HTML:
        lost.append(Lost("HTML", "it is too large", _DOWNLOAD))
        return
    work = len(text) * (_SHEET_COSTS if "<style" in text else 1)
    parsed = len(text) <= MAX_PARSED and budget.take("parsed", work)
    if parsed and (clean := inert(bare(text))) is not None:
        shown["text/html"] = "" if shows_nothing(clean) else clean
    elif shows_nothing(text):
        shown["text/html"] = ""
    elif picture := lone_svg(bare(text)):
        shown["text/html"] = picture
    else:
        _add_frame(encodable(text), shown, lost, budget)


def _add_frame(text: str, shown: dict[str, Any], lost: list[Lost], budget: Budget) -> None:
    """Put ``text`` in a frame, with its inert twin as long as the cell has time for one."""
    text = unwrapped(text)
    known = budget.take("parsed", min(len(text), MAX_READ))
    twin = twin_of(text) if known else Twin(whole=False)
    if twin.missing and not twin.works:
        lost.append(_remote(text, twin.missing))
    elif not twin.height:
        shown["text/html"] = ""
    elif budget.take("frames"):
        shown["text/html"] = framed(text, twin)
    else:
        lost.append(
            Lost(
                "HTML",
                "the cell has too many frames",
                "IPython.display.clear_output() makes room; or show one of them in each cell.",
            )
        )


def _add_markdown(
    value: Any,
    shown: dict[str, Any],
    lost: list[Lost],
    budget: Budget,
    pictures: Mapping[str, str],
) -> None:
    text = text_of(value)
    clean = None
    if text is not None and budget.take("rendered", len(text)):
        clean = judged(bare(text), pictures)
    if clean is None:
        lost.append(Lost("Markdown", "it is too large", "Show less of it in one display()."))
    else:
        shown["text/html"] = clean


def _add_image(mime: str, value: Any, shown: dict[str, Any], lost: list[Lost]) -> None:
    text = text_of(value)
    try:
        if text is None:
            lost.append(Lost("An image", "its data is no text", _AS_PNG))
        elif mime in FORMAT_OF:
            shown[mime] = checked_image(mime, text)
        elif "text/html" not in shown:
            shown["text/html"] = svg_as_image(bare(text))
    except ImageRefused as refused:
        lost.append(Lost("An image", str(refused), _AS_PNG))


def _add_latex(value: Any, shown: dict[str, Any], lost: list[Lost]) -> None:
    text = text_of(value)
    if text is None or len(text) > MAX_TEX:
        lost.append(Lost("LaTeX", "it is too large", "print() it."))
    elif is_active(text):
        lost.append(
            Lost(
                "LaTeX",
                "it has links, styles or definitions",
                "Write the formula without them, or print() it.",
            )
        )
    else:
        # An exporter that forgets to escape must not find a tag; to TeX the space is nothing.
        shown["text/latex"] = re.sub(r"<(?=[A-Za-z/!?])", "< ", bare(text))


def _add_json(value: Any, shown: dict[str, Any], lost: list[Lost]) -> None:
    try:
        shown["application/json"] = bounded_copy(value)
    except NotJson:
        lost.append(
            Lost(
                "JSON",
                "it is too large or too deep",
                "Show a part of it, or json.dump() it to a file in /mnt/data and %download that.",
            )
        )


def _remote(text: str, addresses: Sequence[str]) -> Lost:
    """What to say of HTML that shows nothing without its parts from elsewhere."""
    local = [address for address in addresses if _LOCAL.fullmatch(address)]
    if len(local) == len(addresses):
        why = f"it loads {local[0]}, a file of the session"
        return Lost("HTML", why, f"Use embed=True where there is that, or: %download {local[0]}")
    what, remedy = library(text[:_LIBRARY_WITHIN].lower())
    why = f"it loads parts from the network ({plain(addresses[0])}), and output_policy is isolated"
    return Lost(what, why, remedy)


def _plain(text: str) -> str:
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + f"\n[aca-kernel] The rest of this text is left out. {_DOWNLOAD}"
    return plain(text)
