"""Files of the session that an output names: `Video("v.mp4")`, `![](p.png)`, `IFrame("p.html")`.

A browser would ask the Jupyter server for them, which does not have them. Here is found which
they are, and their bytes are put into the output, before and after it is judged: pictures and
sound as a short stand-in that is judged like the data it stands for, pages, scripts and style
sheets as the HTML that they are. Pure: who fetches gives the bytes.
"""

from __future__ import annotations

import base64
import html
import posixpath
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .images import FORMAT_OF, ImageRefused, checked_image, svg_as_image
from .markdown import images

__all__ = ["MAX_BYTES", "MAX_FILES", "NOT_THERE", "Inlined", "is_page", "names_in", "names_in_page"]

MAX_BYTES = 10 * 1000 * 1000
"""Bytes of one file above which it is not shown."""

NOT_THERE = "the session has no such file in /mnt/data"

MAX_FILES = 20
"""Files that one output may name, a page's own included."""

_MAX_SCANNED = 2 * 1024 * 1024
_MAX_SCRIPTS = 500

_TYPES = {
    **{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif"},
    **{"webp": "image/webp", "svg": "image/svg+xml"},
    **{"mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg"},
    **{"mov": "video/quicktime", "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg"},
    **{"oga": "audio/ogg", "flac": "audio/flac", "m4a": "audio/mp4", "aac": "audio/aac"},
}
_PAGES = ("html", "htm")

_TAG = re.compile(
    r"<script\b(?P<script>[^<>]{0,2000})>(?P<code>.*?)</script\s*>"
    r"|<style\b[^<>]{0,2000}>.*?</style\s*>|<!--.*?-->"
    r"|<(?P<name>img|video|audio|source|iframe|link)\b(?P<rest>[^<>]{0,4000})>",
    re.IGNORECASE | re.DOTALL,
)
_SOURCE = re.compile(
    r"(?P<before>\s)(?:src|href)\s{0,3}=\s{0,3}(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#|\?")
_IFRAME_END = re.compile(r"\s*</iframe\s*>", re.IGNORECASE)
_OWN = "/mnt/data/"
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")


def names_in(data: Any) -> list[str]:
    """The files of the session that a bundle's HTML or Markdown shows, in order."""
    if not isinstance(data, Mapping):
        return []
    names: dict[str, None] = {}
    markup, text = data.get("text/html"), data.get("text/markdown")
    if isinstance(markup, str):
        names.update(dict.fromkeys(names_in_page(markup)))
    elif isinstance(text, str) and ("![" in text or "<img" in text):
        names.update((name, None) for source in images(text) if (name := _name(source)))
    return list(names)[:MAX_FILES]


def names_in_page(markup: str, folder: str = "") -> list[str]:
    """The files that HTML which lies in ``folder`` shows or loads."""
    return list(dict.fromkeys(name for _, _, name in _found(markup, folder)))[:MAX_FILES]


def is_page(name: str) -> bool:
    """Whether a file is HTML, which may itself name files."""
    return _ending(name) in _PAGES


def _found(markup: str, folder: str) -> Iterator[tuple[re.Match[str], re.Match[str], str]]:
    """The tags with a file's name, its attribute, and the name from /mnt/data on."""
    if len(markup) > _MAX_SCANNED or len(re.findall("(?i)<(?:script|style|!--)", markup)) > (
        _MAX_SCRIPTS
    ):
        return
    for tag in _TAG.finditer(markup):
        attribute = _SOURCE.search(tag["script"] or tag["rest"] or "")
        is_other_link = (tag["name"] or "").lower() == "link" and "stylesheet" not in tag["rest"]
        if attribute is None or is_other_link:
            continue
        name = _name(html.unescape(attribute["value"].strip("\"'")), folder)
        if name:
            yield tag, attribute, name


def _name(source: str, folder: str = "") -> str:
    """The path from /mnt/data on that ``source`` means; "" when it is no file of the session."""
    source = source.strip()
    if not 0 < len(source) <= 1000 or _ELSEWHERE.match(source):
        return ""
    path = unquote(re.split(r"[?#]", source)[0])
    if path.startswith(_OWN):
        folder, path = "", path[len(_OWN) :]
    path = posixpath.normpath(posixpath.join(folder, path)) if path else ""
    is_file = _ENDING.search(path) and not path.startswith(("/", ".."))
    return path if is_file else ""


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


class Inlined:
    """One output with its files put in.

    ``files`` has their bytes, or in words why there are none. ``for_page``: the front end shows
    HTML as it is, so that a page keeps a document of its own.
    """

    def __init__(
        self, data: Mapping[str, Any], files: Mapping[str, bytes | str], *, for_page: bool = False
    ) -> None:
        self._files = files
        self._for_page = for_page
        self._stand_ins: dict[str, str] = {}
        self._named: dict[str, str | None] = {}
        self.missing: dict[str, str] = {}
        """Why a file is not shown, by name."""
        self.data = dict(data)
        """The bundle to be judged."""
        self.pictures: dict[str, str] = {}
        """What to show for the sources of Markdown's pictures."""
        markup, text = self.data.get("text/html"), self.data.get("text/markdown")
        if isinstance(markup, str):
            self.data["text/html"] = self._page(markup, "", 0)
        elif isinstance(text, str):
            for source in images(text):
                if (name := _name(source)) and (uri := self._uri(name)):
                    self.pictures[source] = uri

    def filled(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        """A judged bundle with the files' data in place of what stood in for them."""
        filled = dict(shown)
        for mime in ("text/html", "text/markdown"):
            if isinstance(filled.get(mime), str):
                for stand_in, uri in self._stand_ins.items():
                    filled[mime] = filled[mime].replace(stand_in, uri)
        return filled

    def _page(self, markup: str, folder: str, depth: int) -> str:
        parts, done = [], 0
        for tag, attribute, name in _found(markup, folder):
            end = tag.end()
            if (tag["name"] or "").lower() == "iframe" and (
                closing := _IFRAME_END.match(markup, end)
            ):
                end = closing.end()
            shown = self._shown(tag, attribute, name, depth)
            if self._for_page and name in self.missing:
                shown = markup[tag.start() : end]  # Jupyter's server may have it
            parts += [markup[done : tag.start()], shown]
            done = end
        return "".join([*parts, markup[done:]])

    def _shown(self, tag: re.Match[str], attribute: re.Match[str], name: str, depth: int) -> str:
        kind = (tag["name"] or "script").lower()
        if kind in ("script", "link"):
            text = self._text(name)
            if text is None:
                return ""
            code = re.sub(f"(?i)</(?={'script' if kind == 'script' else 'style'})", r"<\\/", text)
            return f"<script>{code}</script>" if kind == "script" else f"<style>{code}</style>"
        if kind == "iframe":
            return self._framed(tag, attribute, name, depth)
        uri = self._uri(name)
        given = f'{attribute["before"]}src="{uri}"' if uri else ""
        return f"<{tag['name']}{_SOURCE.sub(lambda _: given, tag['rest'], count=1)}>"

    def _framed(self, tag: re.Match[str], attribute: re.Match[str], name: str, depth: int) -> str:
        if not is_page(name):
            uri = self._uri(name)
            return f'<img src="{uri}">' if uri else ""
        text = self._text(name)
        if text is None or depth:
            return ""
        page = self._page(text, posixpath.dirname(name), depth + 1)
        if not self._for_page:
            return page
        given = f'{attribute["before"]}srcdoc="{html.escape(page)}"'
        return f"<iframe{_SOURCE.sub(lambda _: given, tag['rest'], count=1)}></iframe>"

    def _bytes(self, name: str) -> bytes | None:
        content = self._files.get(name, "it is one file too many")
        if isinstance(content, str):
            self.missing[name] = content
            return None
        return content

    def _text(self, name: str) -> str | None:
        content = self._bytes(name)
        return None if content is None else content.decode("utf-8", "replace")

    def _uri(self, name: str) -> str | None:
        """What stands in for a picture or a sound; None when it cannot be shown."""
        if name not in self._named:
            self._named[name] = self._new_uri(name)
        return self._named[name]

    def _new_uri(self, name: str) -> str | None:
        content = self._bytes(name)
        if content is None:
            return None
        mime = _TYPES.get(_ending(name))
        if mime is None:
            self.missing[name] = "it is neither a picture nor sound nor a page"
            return None
        encoded = base64.b64encode(content).decode("ascii")
        try:
            if mime in FORMAT_OF:
                encoded = checked_image(mime, encoded)
            elif mime == "image/svg+xml":
                encoded = svg_as_image(content.decode("utf-8", "replace")).split('"')[3]
                encoded = encoded.partition(",")[2]
        except ImageRefused:
            self.missing[name] = f"its content is no {_ending(name)}"
            return None
        judged = "image/png" if mime.startswith("image/") else mime
        stand_in = f"data:{judged};base64,{secrets.token_hex(16)}"
        self._stand_ins[stand_in] = f"data:{mime};base64,{encoded}"
        return stand_in
