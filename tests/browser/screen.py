"""JupyterLab as a user has it on the screen: one page, one notebook."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TookTooLong

from .lab import PATIENCE, Lab

SCREENSHOTS = Path(os.environ.get("ACA_SCREENSHOTS") or "output/screenshots").resolve()
"""Where screenshots are kept. Read at import, before the environment is cleared for a test."""

_PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_ALL_RAN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell")]
        .filter(cell => cell.querySelector(".cm-content")?.textContent.trim() !== "")
        .map(cell => cell.querySelector(".jp-InputPrompt")?.textContent ?? "");
    return prompts.length > 0 && prompts.every(prompt => /^\\[\\d+\\]:/.test(prompt));
}"""
_MARK_OUTPUTS = """() => document.querySelectorAll(".jp-OutputArea-output")
    .forEach(output => { output.dataset.old = ""; })"""
_ALL_NEW = """() => !document.querySelector("[data-old]")"""
_WATCH = """() => {
    window.__texts = [];
    new MutationObserver(() => {
        for (const output of document.querySelectorAll(".jp-OutputArea-output"))
            if (!window.__texts.includes(output.textContent))
                window.__texts.push(output.textContent);
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""
_NUMBERED = re.compile(r"^\[\d+\]:$")
_IS_IDLE = f"""() => {{
    const panel = document.querySelector("{_PANEL}");
    const kernel = panel?.querySelector(".jp-Toolbar-kernelName")?.textContent ?? "No Kernel";
    const indicator = panel?.querySelector(".jp-Notebook-ExecutionIndicator");
    return kernel !== "No Kernel" && indicator?.dataset.status === "idle";
}}"""


class Screen:
    """One page of JupyterLab; waits end with what is waited for, not with time."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        page.set_default_timeout(PATIENCE * 1000)

    def open(self, name: str) -> None:
        """Open a notebook by its address, in a workspace of its own, and wait for its kernel."""
        self._go(f"/tree/{name}")
        self._wait_for_notebook()

    def open_launcher(self) -> None:
        """Open JupyterLab as it is at first: with nothing but the launcher."""
        self._go("")
        self.page.locator(".jp-Launcher-body").wait_for()

    def tile(self, kernel: str, section: str = "Notebook") -> Locator:
        """The launcher's tile of a kernel."""
        return self.page.locator(f'.jp-LauncherCard[data-category="{section}"]').filter(
            has=self.page.get_by_text(kernel, exact=True)
        )

    def launch(self, kernel: str) -> None:
        """Click a kernel's tile, and wait for the new notebook."""
        self.tile(kernel).click()
        self._wait_for_notebook()

    def _go(self, path: str) -> None:
        workspace = secrets.token_hex(4)
        self.page.goto(f"{self.lab.url}/lab/workspaces/{workspace}{path}?token={self.lab.token}")

    def _wait_for_notebook(self) -> None:
        self.panel = self.page.locator(_PANEL)
        self.panel.locator(".jp-Notebook").wait_for()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until the notebook's kernel says that it is idle."""
        self.page.wait_for_function(_IS_IDLE)

    def hide_sidebar(self) -> None:
        """Give the notebook the whole width, with Ctrl-B."""
        self.page.keyboard.press("Control+b")
        self.page.locator("#jp-left-stack").wait_for(state="hidden")

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of the menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).first.click()
        self.page.locator(".lm-Menu-item", has_text=entry).first.click()

    def run_all(self) -> None:
        """Run all cells, and wait until each has its number."""
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(_ALL_RAN)

    def type_in_cell(self, number: int, text: str) -> None:
        """Write ``text`` at the end of a cell, where the cursor stays."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.insert_text(text)

    def begin(self, text: str) -> int:
        """Write ``text`` into the last cell and run it with Shift-Enter; the cell's place."""
        number = self.panel.locator(".jp-Cell").count() - 1
        self.type_in_cell(number, text)
        self.page.keyboard.press("Shift+Enter")
        expect(self.panel.locator(".jp-Cell")).to_have_count(number + 2)
        return number

    def run(self, text: str) -> int:
        """As `begin`; wait until the cell is done, and has its number."""
        number = self.begin(text)
        self.wait_until_done(number)
        return number

    def answer(self, text: str) -> None:
        """Write ``text`` into the field of the cell that asks, and press Enter."""
        field = self.panel.locator("input.jp-Stdin-input")
        field.fill(text)
        field.press("Enter")

    def prompt(self, number: int) -> Locator:
        """What stands left of a cell: ``[1]:``, or ``[*]:`` while it runs."""
        return self.cell(number).locator(".jp-InputPrompt")

    def wait_until_done(self, number: int) -> None:
        """Wait until a cell has run to its end."""
        expect(self.prompt(number)).to_have_text(_NUMBERED)

    def complete(self, offers: Locator) -> None:
        """Press Tab, and again when nothing came in time, until ``offers`` are there."""
        end = time.monotonic() + PATIENCE
        while True:
            self.page.keyboard.press("Tab")
            try:
                offers.first.wait_for(timeout=2000)
            except TookTooLong:
                assert time.monotonic() < end, "Tab offers nothing"
            else:
                return

    def press(self, command: str) -> None:
        """Click the button of a command in the notebook's toolbar."""
        self.panel.locator(f'.jp-Toolbar [data-command="{command}"]').first.click()

    def interrupt(self) -> None:
        """Click the toolbar's square."""
        self.press("notebook:interrupt-kernel")

    def restart_and_run_all(self) -> None:
        """Click the toolbar's double arrow and confirm; wait until each cell has its number."""
        self.page.evaluate(_MARK_OUTPUTS)
        self.press("notebook:restart-run-all")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_function(_ALL_NEW)
        self.page.wait_for_function(_ALL_RAN)
        self.wait_until_idle()

    def watch(self) -> Callable[[], list[str]]:
        """Begin to note each text that an output has had, so that what moves is seen; the texts."""
        self.page.evaluate(_WATCH)
        return lambda: list(self.page.evaluate("() => window.__texts"))

    def keep_picture(self, name: str, of: Locator | None = None) -> None:
        """Keep a screenshot, of the whole page or of a part of it, in `SCREENSHOTS`."""
        (of or self.page).screenshot(path=SCREENSHOTS / f"{name}.png")

    def save(self) -> None:
        """Save the notebook, and wait until the server has it."""
        with self.page.expect_response(
            lambda r: r.request.method == "PUT" and "/api/contents/" in r.url
        ):
            self.choose("File", "Save Notebook")

    def cell(self, number: int) -> Locator:
        """A cell, by its place from 0."""
        return self.panel.locator(".jp-Cell").nth(number)

    def outputs(self, number: int) -> Locator:
        """The outputs of a cell."""
        return self.cell(number).locator(".jp-OutputArea-output")


def is_loaded(image: Locator) -> bool:
    """Whether a picture has been fetched and decoded."""
    return bool(image.evaluate("async image => (await image.decode(), image.naturalWidth > 0)"))
