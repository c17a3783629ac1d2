"""A mime bundle from a session, reduced to what ``isolated`` lets a front end render.

An allow-list: every mime type that is not named here is gone, since each type that a front-end
extension renders is active. A text/plain twin is always there, and says why and
what to do when it is all that is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from .budget import Budget
from .frames import MAX_LENGTH as MAX_HTML
from .frames import framed, shows_nothing
from .html import MAX_LENGTH as MAX_PARSED
from .html import inert
from .images import FORMAT_OF, ImageRefused, checked_image, lone_svg, svg_as_image
from .jsondata import NotJson, bounded_copy
from .markdown import rendered
from .streams import bare, encodable, plain
from .tex import MAX_LENGTH as MAX_TEX
from .tex import is_active
from .twins import MAX_READ, Twin, twin_of, unwrapped

__all__ = ["isolated_bundle", "text_bundle", "text_of"]

MAX_TEXT = 20 * 1024 * 1024
"""Characters of text/plain above which it is cut."""

MAX_TYPES = 100
"""Entries of a bundle that are looked at."""

_MAX_PIXELS_SHOWN = 10_000

_KNOWN = (
    (
        re.compile(r"vega"),
        "Vega chart",
        "Show it as a picture: alt.renderers.enable('png').",
    ),
    (
        re.compile(r"bokeh|holoviews"),
        "Bokeh plot",
        "IPython.display.HTML(bokeh.embed.file_html(plot, bokeh.resources.INLINE)) shows it.",
    ),
    (
        re.compile(r"plotly"),
        "Plotly chart",
        "IPython.display.HTML(fig.to_html(include_plotlyjs=True)) shows it.",
    ),
    (
        re.compile(r"leaflet"),
        "Map",
        "Its tiles come from the network: map.save('map.html'), %download that, and open it in a"
        " browser if you trust it.",
    ),
    (re.compile(r"widget"), "Widget", "Widgets need a kernel that trusts the session."),
    (re.compile(r"javascript|ecmascript"), "JavaScript", "Put it in HTML: it then has a frame."),
)
"""What a mime type, or HTML that loads a library, stands for, and how it shows; best one first."""
_LIBRARIES = _KNOWN[:4]
_LIBRARY_WITHIN = 200_000
"""Characters of HTML in which a library's name is looked for."""

_LOCAL = re.compile(r"(?![a-z][a-z0-9+.-]*:|/|\\)[^\x00-\x1f?#]{1,200}", re.IGNORECASE)
_WHAT_TO_DO = "Display it as HTML, an image or text."
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
    data: Any, metadata: Any, budget: Budget
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``data`` and ``metadata`` of a display, as far as they are harmless.

    Of the metadata only an image's width and height are kept.
    """
    given = _normalised(data)
    shown: dict[str, Any] = {}
    lost: list[str] = []
    dropped: list[str] = []
    if "text/html" in given:
        _add_html(given["text/html"], shown, lost, budget)
    if "text/markdown" in given and "text/html" not in shown:
        _add_markdown(given["text/markdown"], shown, lost, budget)
    for mime, value in given.items():
        if mime in FORMAT_OF or mime == "image/svg+xml":
            _add_image(mime, value, shown, lost)
        elif mime == "text/latex":
            _add_latex(value, shown, lost)
        elif mime == "application/json":
            _add_json(value, shown, lost)
        elif mime not in ("text/plain", "text/html", "text/markdown"):
            dropped.append(mime)
    lost += map(_dropped, sorted(dropped, key=_rank))
    if shown.get("text/html") == "" and lost:
        del shown["text/html"]  # the place for what has been dropped
    text = text_of(given.get("text/plain"))
    twin = [] if text is None else [_plain(text)]
    if lost and not shown:
        twin += lost[:1]
    if twin:
        shown["text/plain"] = "\n".join(twin)
    return shown, _image_sizes(metadata, shown)


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


def _add_html(value: Any, shown: dict[str, Any], lost: list[str], budget: Budget) -> None:
    text = text_of(value)
    if text is None or len(text) > MAX_HTML:
        lost.append(_notice("HTML", "it is too large", "Save it to a file and %download that."))
        return
    parsed = len(text) <= MAX_PARSED and budget.take("parsed", len(text))
    if parsed and (clean := inert(bare(text))) is not None:
        shown["text/html"] = "" if shows_nothing(clean) else clean
    elif shows_nothing(text):
        shown["text/html"] = ""
    elif picture := lone_svg(bare(text)):
        shown["text/html"] = picture
    else:
        _add_frame(encodable(text), shown, lost, budget)


def _add_frame(text: str, shown: dict[str, Any], lost: list[str], budget: Budget) -> None:
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
        lost.append(_notice("HTML", "the cell has too many frames", "Use clear_output()."))


def _add_markdown(value: Any, shown: dict[str, Any], lost: list[str], budget: Budget) -> None:
    text = text_of(value)
    clean = None
    if text is not None and budget.take("rendered", len(text)):
        clean = inert(rendered(bare(text)))
    if clean is None:
        lost.append(_notice("Markdown", "it is too large", "Show less of it at once."))
    else:
        shown["text/html"] = clean


def _add_image(mime: str, value: Any, shown: dict[str, Any], lost: list[str]) -> None:
    text = text_of(value)
    try:
        if text is None:
            lost.append("[aca-kernel] An image was left out: its data is no text.")
        elif mime in FORMAT_OF:
            shown[mime] = checked_image(mime, text)
        elif "text/html" not in shown:
            shown["text/html"] = svg_as_image(bare(text))
    except ImageRefused as refused:
        lost.append(f"[aca-kernel] {refused}")


def _add_latex(value: Any, shown: dict[str, Any], lost: list[str]) -> None:
    text = text_of(value)
    if text is None or len(text) > MAX_TEX:
        lost.append(_notice("LaTeX", "it is too large", "Print it as text."))
    elif is_active(text):
        lost.append(
            _notice("LaTeX", "it has links, styles or definitions", "Write the formula without.")
        )
    else:
        # An exporter that forgets to escape must not find a tag; to TeX the space is nothing.
        shown["text/latex"] = re.sub(r"<(?=[A-Za-z/!?])", "< ", bare(text))


def _add_json(value: Any, shown: dict[str, Any], lost: list[str]) -> None:
    try:
        shown["application/json"] = bounded_copy(value)
    except NotJson:
        lost.append(_notice("JSON", "it is too large or too deep", "Show a part of it."))


def _remote(text: str, addresses: Sequence[str]) -> str:
    """What to say of HTML that shows nothing without its parts from elsewhere."""
    local = [address for address in addresses if _LOCAL.fullmatch(address)]
    if len(local) == len(addresses):
        return _notice(
            "HTML",
            f"it loads {local[0]}, a file of the session",
            f"Use embed=True where there is that, or: %download {local[0]}",
        )
    why = f"it loads parts from the network ({plain(addresses[0])}), and output_policy is isolated"
    begin = text[:_LIBRARY_WITHIN].lower()
    for pattern, what, remedy in _LIBRARIES:
        if pattern.search(begin):
            return _notice(what, why, remedy)
    return _notice("HTML", why, "Show an image, or HTML with its library inside.")


def _rank(mime: str) -> int:
    """Where ``mime`` stands in `_KNOWN`: of several that are dropped, the most telling is named."""
    ranks = (rank for rank, (pattern, _, _) in enumerate(_KNOWN) if pattern.search(mime))
    return next(ranks, len(_KNOWN))


def _dropped(mime: str) -> str:
    for pattern, what, remedy in _KNOWN:
        if pattern.search(mime):
            return _notice(what, "output_policy is isolated", remedy)
    return _notice(mime, "output_policy is isolated", _WHAT_TO_DO)


def _notice(what: str, why: str, remedy: str) -> str:
    return f"[aca-kernel] {what} not shown: {why}. {remedy}"


def _plain(text: str) -> str:
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "\n[aca-kernel] The rest of this text is left out."
    return plain(text)


def _image_sizes(metadata: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(metadata, Mapping):
        return {}
    sizes = {}
    for mime in FORMAT_OF:
        given = metadata.get(mime)
        if mime in shown and isinstance(given, Mapping):
            size = {
                side: int(given[side])
                for side in ("width", "height")
                if type(given.get(side)) in (int, float) and 1 <= given[side] <= _MAX_PIXELS_SHOWN
            }
            if size:
                sizes[mime] = size
    return sizes
