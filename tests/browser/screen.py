"""JupyterLab as a user has it on the screen: one page, one notebook."""

from __future__ import annotations

import secrets

from playwright.sync_api import Locator, Page

from .lab import PATIENCE, Lab

_PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_ALL_RAN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell")]
        .filter(cell => cell.querySelector(".cm-content")?.textContent.trim() !== "")
        .map(cell => cell.querySelector(".jp-InputPrompt")?.textContent ?? "");
    return prompts.length > 0 && prompts.every(prompt => /^\\[\\d+\\]:/.test(prompt));
}"""
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
        workspace = secrets.token_hex(4)
        address = f"{self.lab.url}/lab/workspaces/{workspace}/tree/{name}"
        self.page.goto(f"{address}?token={self.lab.token}")
        self.panel = self.page.locator(_PANEL)
        self.panel.locator(".jp-Notebook").wait_for()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until the notebook's kernel says that it is idle."""
        self.page.wait_for_function(_IS_IDLE)

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of the menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).first.click()
        self.page.locator(".lm-Menu-item", has_text=entry).first.click()

    def run_all(self) -> None:
        """Run all cells, and wait until each has its number."""
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(_ALL_RAN)

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
