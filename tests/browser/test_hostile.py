"""Nothing that a session displays gets at the user's machine, in a real browser.

``python -m pytest tests/browser/test_hostile.py -s`` prints what the README says: the number of
hostile outputs and of front ends, and how many got through.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route

from .canary import Canary, Sink
from .corpus import CORPUS, SIZES, Hostile
from .lab import PATIENCE, Cell, Lab
from .screen import Screen

NAMES = [item.name for item in CORPUS]
HEAVY = {*(item.name for item in SIZES), "text-huge", "text-many", "error-huge"}
"""Outputs that make a page slow: in a notebook of their own."""
ENDLESS = {"svg-use"}
"""Outputs with which a file never comes to its load event: Chromium waits for ever for what a
``<use>`` names by a data: URL."""
CERTAIN = {"script", "on-error-img", "javascript-mime", "remote-image", "style-import"}
LAST = "print('the last cell ran')"
MIME_TYPES = {
    "application/json",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/html",
    "text/latex",
    "text/plain",
}
NBCONVERT_FETCHES = re.compile(r"https://cdnjs\.cloudflare\.com/ajax/libs/(require\.js|mathjax)/")
_CONTROL = re.compile(r"(?!\x1b\[[0-9;]*m)[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass
class Watched:
    """A page, and the canary that watches it."""

    page: Page
    canary: Canary


Watch = Callable[[Lab | None], Watched]


@pytest.fixture
def watch(browser: Browser, lab: Lab, sink: Sink) -> Iterator[Watch]:
    """Open pages that a canary watches, each as in a browser that has just been installed."""
    contexts = []

    def open_page(server: Lab | None) -> Watched:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        canary = Canary(context, sink, server)
        return Watched(context.new_page(), canary)

    yield open_page
    for context in contexts:
        context.close()
    lab.shut_kernels_down()


def write(lab: Lab, sink: Sink, name: str, items: list[Hostile], kernel: str = "") -> None:
    sources = [item.cell(port=sink.port, udp_port=sink.udp_port) for item in items]
    lab.write(name, [*sources, LAST], **({"kernel": kernel} if kernel else {}))


def seen(watched: Watched, sink: Sink, address: str) -> dict[str, set[str]]:
    """What got through so far, when all that has begun has come to its end."""
    sink.wait_for_control(watched.page)
    watched.canary.check_page(watched.page, NAMES, address)
    return watched.canary.findings()


def report(front_end: str, count: int, found: dict[str, set[str]], framed: set[str]) -> None:
    ran = f"; {len(framed)} ran a script in a frame of their own" if framed else ""
    print(f"\n{front_end}: {count} hostile outputs, {len(found)} canaries{ran}")


@pytest.mark.parametrize("heavy", [False, True], ids=["all", "heavy"])
def test_no_output_gets_through_jupyterlab(lab: Lab, sink: Sink, watch: Watch, heavy: bool) -> None:
    items = [item for item in CORPUS if (item.name in HEAVY) == heavy]
    name = f"hostile-{heavy}.ipynb"
    write(lab, sink, name, items)
    sources = [cell.source for cell in lab.read(name)]

    live = watch(lab)
    screen = Screen(live.page, lab)
    screen.open(name)
    address = live.page.url
    screen.run_all()
    screen.wait_until_idle()
    assert seen(live, sink, address) == {}
    screen.save()
    assert live.canary.click_everything(live.page) > (0 if heavy else 50)
    assert seen(live, sink, address) == {}
    report("JupyterLab", len(items), {}, live.canary.framed)
    live.page.context.close()

    cells = lab.read(name)
    assert [cell.source for cell in cells] == sources
    assert "the last cell ran" in str(cells[-1].outputs)
    for cell in cells:
        check_saved(cell)

    # Its signature is for the notebook as it was: one changed word, and Lab does not trust it.
    path = lab.root / name
    path.write_text(path.read_text().replace("the last cell ran", "the last cell had run"))
    later = watch(lab)
    screen = Screen(later.page, lab)
    screen.open(name)
    assert seen(later, sink, later.page.url) == {}
    later.canary.click_everything(later.page)
    assert seen(later, sink, later.page.url) == {}
    assert later.canary.framed == set(), "Lab was to take the frames out"
    report("JupyterLab, opened again", len(items), {}, later.canary.framed)


def check_saved(cell: Cell) -> None:
    """What is in the file has mime types and text that do nothing in any front end."""
    for output in cell.outputs:
        assert output.output_type in ("stream", "display_data", "execute_result", "error")
        data = output.get("data", {})
        assert set(data) <= MIME_TYPES, cell.source
        assert not {"isolated", "trusted"} & set(output.get("metadata", {}))
        texts = [output.get("text", ""), output.get("ename", ""), output.get("evalue", "")]
        texts += [*output.get("traceback", []), data.get("text/plain", "")]
        for text in texts:
            assert not _CONTROL.search(text), (cell.source, text[:200])


@pytest.mark.parametrize("kind", ["light", "heavy", "endless"])
def test_no_output_gets_through_nbconvert(
    lab: Lab, sink: Sink, watch: Watch, tmp_path: Path, kind: str
) -> None:
    special = {"heavy": HEAVY, "endless": ENDLESS}
    names = special.get(kind) or set(NAMES) - HEAVY - ENDLESS
    items = [item for item in CORPUS if item.name in names]
    write(lab, sink, f"converted-{kind}.ipynb", items)
    page_file = tmp_path / "converted.html"
    convert(lab, f"converted-{kind}.ipynb", page_file, "--execute", "--allow-errors")

    opened = watch(None)
    asked = open_file(opened.page, page_file, ends=kind != "endless")
    assert seen(opened, sink, page_file.as_uri()) == {}
    assert opened.canary.click_everything(opened.page) > (50 if kind == "light" else 0)
    assert seen(opened, sink, page_file.as_uri()) == {}
    assert asked == []
    report(f"nbconvert --to html, {kind}", len(items), {}, opened.canary.framed)


@pytest.mark.parametrize("front_end", ["jupyterlab", "nbconvert"])
def test_with_the_policy_trusted_they_do_get_through(
    lab: Lab, sink: Sink, watch: Watch, tmp_path: Path, front_end: str
) -> None:
    """The kernel of a session that the user trusts: so the tests above can fail."""
    items = [item for item in CORPUS if item.fires]
    name = f"trusted-{front_end}.ipynb"
    kernel = lab.add_kernel("aca-trusted", output_policy="trusted")
    write(lab, sink, name, items, kernel)
    if front_end == "jupyterlab":
        watched = watch(lab)
        screen = Screen(watched.page, lab)
        screen.open(name)
        address = watched.page.url
        screen.run_all()
    else:
        watched = watch(None)
        page_file = tmp_path / "trusted.html"
        convert(lab, name, page_file, "--execute", "--allow-errors")
        open_file(watched.page, page_file)
        address = page_file.as_uri()
    for _ in range(2):  # Lab loads some of its renderers when it needs them
        if front_end == "jupyterlab":
            watched.page.wait_for_load_state("networkidle")
        sink.wait_for_control(watched.page)
        watched.canary.click_everything(watched.page)
    found = seen(watched, sink, address)
    # In a file one output can swallow all that follow, so there a good part has to do.
    expected = {item.name for item in items} if front_end == "jupyterlab" else CERTAIN
    assert " ".join(sorted(expected - set(found))) == ""
    assert len(found) > 30
    through = len({item.name for item in items} & set(found))
    print(f"\n{front_end}, policy trusted: {through} of {len(items)} get through")


def convert(lab: Lab, name: str, to: Path, *flags: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbconvert", "--to", "html", *flags, name),
            f"--output={to}",
        ],
        cwd=lab.root,
        env=lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def open_file(page: Page, file: Path, *, ends: bool = True) -> list[str]:
    """Open a page from a file; what it asks the network for, but for its own two libraries.

    Waits until all of it is loaded, or, where that never ``ends``, all documents are there.
    """
    asked: list[str] = []

    def refuse(route: Route) -> None:
        if not NBCONVERT_FETCHES.match(route.request.url):
            asked.append(route.request.url)
        route.abort()

    page.route(re.compile(r"^https:"), refuse)
    wait_until: Literal["load", "domcontentloaded"] = "load" if ends else "domcontentloaded"
    page.goto(file.as_uri(), timeout=PATIENCE * 1000, wait_until=wait_until)
    if not ends:
        within = page.frame_locator("iframe").frame_locator("iframe")
        within.locator("use").wait_for(state="attached", timeout=PATIENCE * 1000)
    return asked
