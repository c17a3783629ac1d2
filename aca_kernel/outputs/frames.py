"""HTML that is not inert, shown in a sandboxed frame without origin and without network.

Two frames, one in the other, both ``sandbox="allow-scripts"`` and never ``allow-same-origin``: a
script in the inner one can reach neither the page nor its cookies. Its content security policy
allows what the document brings along and nothing from the network. What no policy of its own can
forbid is that a document leaves for another address (``location = ...``, a link, a meta refresh);
that is for the outer frame's ``frame-src 'none'`` to refuse, which holds no script of ours or of
theirs. Measured in Chromium 156: with one frame alone five ways of leaving worked, with two none.

No policy forbids WebRTC either (Chromium ignores ``webrtc 'block'``), which sends datagrams from
any frame and tells a script the user's address: a guard takes it away before anything else runs,
and no further document can be made inside, which would bring it back.
"""

from __future__ import annotations

import re
from itertools import islice

from .nesting import NAMES, without_documents
from .notices import notice_html

__all__ = [
    "CSP",
    "GUARD",
    "INNER_CSP",
    "MAX_LENGTH",
    "framed",
    "needs_network",
    "shows_nothing",
]

MAX_LENGTH = 64 * 1024 * 1024
"""Characters above which HTML is not shown at all."""

CSP = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; "
    "media-src data: blob:; worker-src blob:; connect-src data: blob:; frame-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; webrtc 'block'"
)
"""The policy of both frames: inline and data only."""

_HEAD = (
    f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{CSP}">'
    '<meta http-equiv="x-dns-prefetch-control" content="off">'
    '<meta name="referrer" content="no-referrer"><meta charset="utf-8">'
)
INNER_CSP = f"{CSP}; require-trusted-types-for 'script'; trusted-types default"
"""The policy of the inner frame: no HTML or script is made there but through the guard."""

GUARD = (
    "<script>(()=>{const inner="
    f"/<(?=\\/?(?:[^\\s<>\\/:]*:)?(?:{NAMES})(?:[\\s\\/>]|$)|!ENTITY)/gi;"
    "for(const name of ['RTCPeerConnection','webkitRTCPeerConnection','XSLTProcessor',"
    "'WebTransport'])delete window[name];"
    "if(window.trustedTypes)trustedTypes.createPolicy('default',{"
    "createHTML:(text,type,sink)=>/srcdoc/.test(sink)?null:"
    "text.replace(inner,'&lt;').replace(/<[a-z]*$/i,''),"
    "createScript:(text)=>/^\\s*javascript:/i.test(text)?null:text});"
    "document.currentScript.remove()})()</script>"
)
"""Takes away what sends packets past any policy: WebRTC, which Chromium lets out of every frame.

A further document inside would bring it back, so none can be made: neither by markup (see
nesting.py) nor by a script, whose HTML passes through here (Trusted Types).
"""

_NOTE = "Isolated: this HTML has no access to the notebook's page or to the network."
_NOTE_HEIGHT = 16

_OUTER_STYLE = (
    "<style>html,body{margin:0;height:100%;overflow:hidden}"
    f"iframe{{border:0;width:100%;height:calc(100% - {_NOTE_HEIGHT}px);display:block}}"
    "p{margin:0;padding:0 8px;font:11px/15px system-ui,sans-serif;color:#666;white-space:nowrap}"
    "</style>"
)
_INNER_STYLE = (
    "<style>html{color-scheme:light}"
    "body{margin:8px;background:#fff;color:#111;font:13px system-ui,sans-serif}"
    "table{border-collapse:collapse;font-size:12px}"
    "th,td{padding:4px 6px;text-align:right}</style>"
)

_HIDDEN = "<style>.aca-kernel-frame>iframe+div{display:none}</style>"
_UNTRUSTED = (
    "it needs a frame, and Jupyter shows none in a notebook that it does not trust.\n"
    "Run the cell again, or choose Trust Notebook in the command palette (Ctrl+Shift+C). Where"
    " that does not help, open the page that jupyter nbconvert --to html makes of the notebook."
)

_DEFAULT_HEIGHT = 400
_MIN_HEIGHT, _MAX_HEIGHT = 60, 1200
_MARGIN = 24
_ROW_HEIGHT = 23

_DECLARED = re.compile(
    r"<(?:div|svg|canvas|table|figure|iframe|img|section|video)\b[^<>]{0,600}?"
    r"[\s;\"'](?:min-)?height\s{0,3}[:=]\s{0,3}[\"']?(\d{2,4})(?:\.\d{1,9})?(?:px)?[;\"'\s>]",
    re.IGNORECASE,
)
_ROW = re.compile(r"<tr[\s>]", re.IGNORECASE)
_SCRIPT = re.compile(r"<(?:script|svg|canvas|iframe|object|embed|video)\b", re.IGNORECASE)

_SHOWS = re.compile(
    r"<(?!/|(?:style|div|p|span|br|html|head|body|center|section)\b)\S|&"
    r"|\sstyle\s{0,3}=[^<>]{0,500}(?:background|border|shadow)",
    re.IGNORECASE,
)
_STYLE_SHEET = re.compile(r"<style[^<>]{0,1000}>[^<]*</style>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")

_REMOTE_ELEMENT = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|embed|object|input)\b[^<>]{0,2000}?"
    r"[\s\"'](?:src|href|data)\s{0,3}=\s{0,3}[\"']?\s{0,3}(?!data:|blob:|#|about:|[\"'\s>])[^\s\"'>]",
    re.IGNORECASE,
)
_REMOTE_SCRIPT = re.compile(
    r"https?:(?:\\?/){2}[^\s\"'<>]{1,100}?"
    r"(?:\.m?js\b|/npm/|\.css\b|@\d{1,3}[\w.]{0,20}[/?\"'])",
    re.IGNORECASE,
)
_LIBRARY_LENGTH = 700_000
"""HTML of more characters brings its library along; that names addresses it does not load."""


def needs_network(text: str) -> bool:
    """Whether ``text`` loads scripts, styles or pictures from elsewhere, and so cannot work here.

    A guess for the message to the user, not a protection: the frame has no network anyway.
    """
    if "<iframe" in text[:100_000] and "srcdoc" in text[:100_000]:
        text = text[:_LIBRARY_LENGTH].replace("&lt;", "<").replace("&quot;", '"')
    if len(text) > _LIBRARY_LENGTH:
        return _REMOTE_ELEMENT.search(text[:20_000]) is not None
    return _REMOTE_ELEMENT.search(text) is not None or _REMOTE_SCRIPT.search(text) is not None


def shows_nothing(text: str) -> bool:
    """Whether ``text`` has neither text, nor a script, nor an element that shows by itself.

    Such as a lone style sheet, which may not reach beyond its own output anyway.
    """
    if len(text) > 100_000 or _SHOWS.search(text):
        return False
    return not _TAG.sub("", _STYLE_SHEET.sub("", text)).strip()


def framed(text: str, twin: str = "", *, whole: bool = True) -> str:
    """HTML of ours that shows ``text`` in the sandboxed frames, with a handle to resize them.

    The height is the content's own where it declares one in pixels or is a table, else 400
    pixels: a frame without origin cannot tell the page how high it is. A front end that takes
    frames out (JupyterLab, for a notebook it does not trust) takes out the style that hides the
    ``twin``, which is inert HTML, ``whole`` or the beginning of it; the frame has all the height.
    """
    head = _HEAD.replace(CSP, INNER_CSP)
    inner = head + GUARD + _INNER_STYLE + without_documents(text)
    outer = (
        f"{_HEAD}{_OUTER_STYLE}<iframe sandbox='allow-scripts' srcdoc='{_quoted(inner)}'></iframe>"
        f"<p>{_NOTE}</p>"
    )
    height = _height(text) + _NOTE_HEIGHT
    return (
        '<div class="aca-kernel-frame" style="resize: vertical; overflow: hidden; max-width: 100%">'
        '<iframe sandbox="allow-scripts" referrerpolicy="no-referrer" style="display: block;'
        f" box-sizing: border-box; width: 100%; height: {height}px; min-height: 100%;"
        " max-height: 100%; border: 1px solid #8a8a8a; background: #fff; color-scheme: light"
        f'" srcdoc="{_quoted(outer)}"></iframe>'
        f"<div>{twin}{notice_html(_without_frame(twin, whole=whole))}</div></div>{_HIDDEN}"
    )


def _without_frame(twin: str, *, whole: bool) -> str:
    """What to say where the front end has taken the frame out."""
    if not twin:
        what = "This output is not shown"
    elif whole:
        what = "Only the plain content of this output is shown"
    else:
        what = "Only the beginning of this output is shown, as plain content"
    return f"{what}: {_UNTRUSTED}"


def _quoted(text: str) -> str:
    """``text`` as an attribute's value, in either kind of quotes."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;")


def _height(text: str) -> int:
    declared = [int(found[1]) for found in islice(_DECLARED.finditer(text), 50)]
    if declared:
        height = max(declared)
    elif not _SCRIPT.search(text) and (rows := sum(1 for _ in _ROW.finditer(text))):
        height = rows * _ROW_HEIGHT
    else:
        height = _DEFAULT_HEIGHT
    return max(_MIN_HEIGHT, min(height + _MARGIN, _MAX_HEIGHT))
