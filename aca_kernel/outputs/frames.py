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
from collections.abc import Sequence

from .nesting import NAMES, without_documents
from .notices import notice_html
from .streams import bare
from .tex import defused
from .twins import Twin

__all__ = [
    "CSP",
    "GUARD",
    "INNER_CSP",
    "MAX_LENGTH",
    "framed",
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
_NAMED = 3

_OUTER_STYLE = (
    "<style>html,body{margin:0;height:100%;overflow:hidden}"
    f"iframe{{border:0;width:100%;height:calc(100% - {_NOTE_HEIGHT}px);display:block}}"
    "p{margin:0;padding:0 8px;font:11px/15px system-ui,sans-serif;color:#666;white-space:nowrap}"
    "</style>"
)
# White paper with dark ink, in a dark theme too: most HTML sets colours that are made for white,
# and a frame is not told the page's theme.
_INNER_STYLE = (
    "<style>html{color-scheme:only light!important}"
    "body{margin:8px;background:#fff;color:#111;font:13px system-ui,sans-serif}"
    "table{border-collapse:collapse;font-size:12px}"
    "th,td{padding:4px 6px;text-align:right}"
    "a[href^=http]:is(:hover,:focus)::after{content:attr(href);position:fixed;left:0;bottom:0;"
    "background:#fff;color:#111;font:11px system-ui,sans-serif;padding:2px 8px}</style>"
)

_HIDDEN = "<style>.aca-kernel-frame>iframe+div{display:none}</style>"
_UNTRUSTED = (
    "it needs a frame, and Jupyter shows none in a notebook that it does not trust.\n"
    "Run the cell again, or choose Trust Notebook in the command palette (Ctrl+Shift+C). Where"
    " that does not help, open the page that jupyter nbconvert --to html makes of the notebook."
)

_SHOWS = re.compile(
    r"<(?!/|(?:style|div|p|span|br|html|head|body|center|section)\b)\S|&"
    r"|\sstyle\s{0,3}=[^<>]{0,500}(?:background|border|shadow)",
    re.IGNORECASE,
)
_STYLE_SHEET = re.compile(r"<style[^<>]{0,1000}>[^<]*</style>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")


def shows_nothing(text: str) -> bool:
    """Whether ``text`` has neither text, nor a script, nor an element that shows by itself.

    Such as a lone style sheet, which may not reach beyond its own output anyway.
    """
    if len(text) > 100_000 or _SHOWS.search(text):
        return False
    return not _TAG.sub("", _STYLE_SHEET.sub("", text)).strip()


def framed(text: str, twin: Twin) -> str:
    """HTML of ours that shows ``text`` in the sandboxed frames, with a handle to resize them.

    A front end that takes frames out (JupyterLab, for a notebook it does not trust) takes out the
    style that hides the ``twin`` as well; the frame is what has the height.
    """
    head = _HEAD.replace(CSP, INNER_CSP)
    inner = head + GUARD + _INNER_STYLE + without_documents(text)
    outer = (
        f"{_HEAD}{_OUTER_STYLE}<iframe sandbox='allow-scripts' srcdoc='{_quoted(inner)}'></iframe>"
        f"<p>{_NOTE}</p>"
    )
    height = twin.height + _NOTE_HEIGHT
    return (
        '<div class="aca-kernel-frame" style="resize: vertical; overflow: hidden; max-width: 100%">'
        '<iframe sandbox="allow-scripts" referrerpolicy="no-referrer" style="display: block;'
        f" box-sizing: border-box; width: 100%; height: {height}px; min-height: 100%;"
        " max-height: 100%; border: 1px solid #8a8a8a; background: #fff; color-scheme: light"
        f'" srcdoc="{_quoted(outer)}"></iframe>'
        f"<div>{twin.html}{notice_html(_without_frame(twin))}</div></div>{_HIDDEN}"
        f"{notice_html(_missing(twin.missing)) if twin.missing else ''}"
    )


def _missing(addresses: Sequence[str]) -> str:
    """What to say of parts that the frame does not load."""
    more = "" if len(addresses) <= _NAMED else f" and {len(addresses) - _NAMED} more"
    named = defused(bare(", ".join(addresses[:_NAMED])))
    return (
        f"Shown without parts that come from elsewhere: {named}{more}.\n"
        "A frame has no network (output_policy is isolated): put them into the HTML itself."
    )


def _without_frame(twin: Twin) -> str:
    """What to say where the front end has taken the frame out."""
    if not twin.html:
        what = "This output is not shown"
    elif twin.whole:
        what = "Only the plain content of this output is shown"
    else:
        what = "Only the beginning of this output is shown, as plain content"
    return f"{what}: {_UNTRUSTED}"


def _quoted(text: str) -> str:
    """``text`` as an attribute's value, in either kind of quotes."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;")
