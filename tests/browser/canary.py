"""What notices that an output of a session got further than it may.

A hostile output that can run script calls ``hit(NAME)``, which every page and frame has. There
it tries all that such a script might: to reach Lab's page, Jupyter's API, the network. What
came of it is seen from outside: on the page, in the server's own list of requests, on a port.
"""

from __future__ import annotations

import http.server
import json
import re
import secrets
import socket
import threading
from collections import defaultdict
from typing import Any

from playwright.sync_api import BrowserContext, Page

from .lab import PATIENCE, Lab

_SCRIPT = """(() => {
    const SINK = __SINK__, KEY = __KEY__;
    const quietly = action => { try { action()?.catch?.(() => {}); } catch {} };
    window.hit = name => {
        // Whoever can touch the top page's document is of its origin: that is the whole question.
        let inside = false;
        try { inside = !!top.document.documentElement; } catch {}
        quietly(() => window.__report(String(name), inside));
        const query = "?canary=" + name;
        quietly(() => { top.document.title = "canary-" + name; });
        quietly(() => { localStorage["canary-" + name] = "1"; });
        quietly(() => fetch("/api/contents" + query, {credentials: "include"}));
        const xsrf = /_xsrf=([^;]*)/.exec(inside ? document.cookie : "")?.[1] ?? "";
        quietly(() => fetch("/api/contents/canary-" + name + ".txt" + query, {
            method: "PUT", credentials: "include", headers: {"X-XSRFToken": xsrf},
            body: JSON.stringify({type: "file", format: "text", content: "canary"}),
        }));
        quietly(() => fetch(SINK + "/" + name + "/fetch", {mode: "no-cors"}));
        quietly(() => { new Image().src = SINK + "/" + name + "/image"; });
        quietly(() => navigator.sendBeacon(SINK + "/" + name + "/beacon"));
    };

    const CLICKABLE = ["a", "area", "button", "input", "label", "summary", "select", "textarea",
        "video", "img", "svg", "math", "form", "dialog", "[onclick]", "[tabindex]",
        "[contenteditable]", "[data-commandlinker-command]", "[popovertarget]"];
    const click = element => {
        const text = element.textContent.trim();
        if (text && element.getAttribute("href") === text)
            return 0;  // an address to read: Lab makes links of these
        if (element.closest(".vega-embed"))
            return 0;  // the menu that Lab's own chart has
        element.focus?.();
        for (const kind of ["pointerover", "mouseover", "pointerdown", "mousedown", "pointerup",
                            "mouseup"])
            element.dispatchEvent(new MouseEvent(kind, {bubbles: true}));
        if (element.click) element.click();
        else element.dispatchEvent(new MouseEvent("click", {bubbles: true}));
        return 1;
    };
    // Frames are told by messages: one that is on its way elsewhere would not answer a question.
    const clickAll = () => {
        for (let n = 0; n < window.length; n++) window[n].postMessage({key: KEY}, "*");
        const scope = window === top ? ".jp-OutputArea-output " : "";
        let clicks = 0;
        for (const element of document.querySelectorAll(CLICKABLE.map(s => scope + s).join()))
            quietly(() => { clicks += click(element); });
        quietly(() => window.__clicked(clicks));
    };
    addEventListener("message", event => { if (event.data?.key === KEY) clickAll(); });
})();"""

_CONTROL = """async ([url, port]) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = "<script>setTimeout(() => top.postMessage('control', '*'), 0)</script>";
    const shown = new Promise(done => addEventListener("message", event => {
        if (event.source === frame.contentWindow) done();
    }));
    document.documentElement.append(frame);
    await shown;
    frame.remove();
    const peer = new RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.1:${port}`}]});
    peer.createDataChannel("x");
    await peer.setLocalDescription(await peer.createOffer());
    await fetch(url, {mode: "no-cors"});
}"""


class Sink:
    """A port that anybody may talk to, and that tells who did."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.hits.append(self.path)
                name = self.path.split("/")[1]
                kind = self.path.rpartition(".")[2]
                body, mime = f"<script>hit('{name}')</script>", "text/html"
                if kind == "js":
                    body, mime = f"hit('{name}')", "text/javascript"
                elif kind == "json":
                    body, mime = "[]", "application/json"
                elif kind == "css":
                    body, mime = f":root {{ --canary-{name}: 1 }}", "text/css"
                self.send_response(200)
                self.send_header("Content-Type", mime)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body.encode())

            do_HEAD = do_POST = do_PUT = do_OPTIONS = do_GET  # noqa: N815

            def send_error(self, code: int, *args: Any, **kwargs: Any) -> None:
                outer.hits.append("/not-http/")

            def log_message(self, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for port in (self._datagrams, self._control):
            port.bind(("127.0.0.1", 0))
        self.udp_port: int = self._datagrams.getsockname()[1]
        self._control.settimeout(PATIENCE)
        for work in (self._server.serve_forever, self._receive):
            threading.Thread(target=work, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _receive(self) -> None:
        while True:
            data, _ = self._datagrams.recvfrom(2048)
            if data == b"end":
                return
            self.hits.append("/datagram/")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._datagrams.sendto(b"end", ("127.0.0.1", self.udp_port))
        self._datagrams.close()
        self._control.close()

    def wait_for_control(self, page: Page) -> None:
        """Have the page itself show a frame, send a request and a datagram; wait for all three.

        So whatever an output has begun before has had its time, and the port is known to work.
        """
        port = self._control.getsockname()[1]
        page.evaluate(_CONTROL, [f"{self.url}/control/", port])
        self._control.recvfrom(2048)
        assert "/control/" in self.hits
        self.hits.remove("/control/")


class Canary:
    """Watches one browser context, one server and one port."""

    def __init__(self, context: BrowserContext, sink: Sink, lab: Lab | None = None) -> None:
        self.sink = sink
        self._lab = lab
        self._found: dict[str, set[str]] = defaultdict(set)
        self.framed: set[str] = set()
        self.clicks = 0
        self._pages: list[Page] = []
        self._seen_hits = len(sink.hits)
        self._seen_requests = len(lab.requests()) if lab else 0
        self._files = set(lab.root.rglob("*")) if lab else set()
        context.expose_binding("__report", self._report)
        context.expose_binding("__clicked", self._on_clicked)
        self._key = secrets.token_hex(8)
        script = _SCRIPT.replace("__SINK__", json.dumps(sink.url))
        context.add_init_script(script.replace("__KEY__", json.dumps(self._key)))
        context.on("page", self._watch)
        self.pages_expected = 1

    def _report(self, source: dict[str, Any], name: str, inside: bool) -> None:
        if inside:
            self._found[name].add("script in the page's origin")
        else:
            self.framed.add(name)

    def _on_clicked(self, source: dict[str, Any], clicks: int) -> None:
        self.clicks += clicks

    def click_everything(self, page: Page) -> int:
        """Click on all that an output may want to be clicked on, in every frame; how often."""
        self.clicks = 0
        page.evaluate("key => postMessage({key}, '*')", self._key)
        self.sink.wait_for_control(page)
        return self.clicks

    def _watch(self, page: Page) -> None:
        self._pages.append(page)
        if len(self._pages) > self.pages_expected:
            self._found["?"].add(f"a window was opened: {page.url}")
        page.on("dialog", self._on_dialog)
        page.on("download", lambda d: self._found["?"].add(f"a download: {d.url[:100]}"))

    def _on_dialog(self, dialog: Any) -> None:
        if dialog.type != "beforeunload":
            self._found["?"].add(f"a dialog: {dialog.message[:100]}")
        dialog.accept()

    def check_page(self, page: Page, names: list[str], address: str) -> None:
        """Look for what an output has left on the page itself."""
        if page.url.partition("?")[0] != address.partition("?")[0]:
            self._found["?"].add(f"the page went to {page.url}")
        marks: list[str] = page.evaluate(
            """names => {
                const style = getComputedStyle(document.documentElement);
                return names.filter(name =>
                    style.getPropertyValue("--canary-" + name)
                    || ("clobber-" + name) in window || ("clobber-" + name) in document);
            }""",
            names,
        )
        for name in marks:
            self._found[name].add("a mark on the page's document or style")
        if self._lab is None:
            return
        covered: list[str] = page.evaluate(
            """() => {
                const at = [[0.01, 0.01], [0.5, 0.01], [0.99, 0.01], [0.01, 0.5], [0.99, 0.5],
                            [0.01, 0.99], [0.5, 0.99], [0.99, 0.99], [0.5, 0.06]];
                return at.map(([x, y]) =>
                        document.elementFromPoint(x * innerWidth, y * innerHeight))
                    .filter(e => e?.closest(".jp-OutputArea-output"))
                    .map(e => e.outerHTML.slice(0, 100));
            }"""
        )
        for what in covered:
            self._found["?"].add(f"an output covers Lab's own controls: {what}")

    def findings(self) -> dict[str, set[str]]:
        """Names of outputs that got through, and by what one can tell; "?" where none can."""
        found = defaultdict(set, {name: set(what) for name, what in self._found.items()})
        for path in self.sink.hits[self._seen_hits :]:
            found[path.split("/")[1]].add(f"the network: {path[:80]}")
        if self._lab is not None:
            for request in self._lab.requests()[self._seen_requests :]:
                text = f"{request['method']} {request['uri']}"
                for named in re.findall(r"canary(?:-|=|%3D)([\w-]+)", text):
                    found[named].add(f"Jupyter's server: {text[:80]}")
            for made in set(self._lab.root.rglob("*")) - self._files:
                if ".ipynb" not in made.name:
                    name = made.name.removeprefix("canary-").removesuffix(".txt")
                    found[name].add("a file was written")
            if self._lab.ask("GET", "terminals"):
                found["?"].add("a terminal was opened")
        return dict(found)
