"""JupyterLab as a user has it on the screen: one page, one notebook."""

from __future__ import annotations

import secrets

from playwright.sync_api import Error, Frame, Locator, Page

from .lab import PATIENCE, Lab

_PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_ALL_RAN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell")]
        .filter(cell => cell.querySelector(".cm-content")?.textContent.trim() !== "")
        .map(cell => cell.querySelector(".jp-InputPrompt")?.textContent ?? "");
    return prompts.length > 0 && prompts.every(prompt => /^\\[\\d+\\]:/.test(prompt));
}"""
_CLICKABLE = (
    "a, area, button, input, label, summary, select, textarea, video, img, svg, math, form, dialog,"
    " [onclick], [tabindex], [contenteditable], [data-commandlinker-command], [popovertarget]"
)


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
        indicator = self.panel.locator(".jp-Notebook-ExecutionIndicator")
        indicator.and_(self.page.locator('[data-status="idle"]')).wait_for(state="attached")

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of the menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).first.click()
        self.page.locator(".lm-Menu-item", has_text=entry).first.click()

    def run_all(self) -> None:
        """Run all cells, and wait until each has its number."""
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(_ALL_RAN)
        self.wait_until_idle()

    def save(self) -> None:
        """Save the notebook, and wait until the server has it."""
        with self.page.expect_response(
            lambda r: r.request.method == "PUT" and "/api/contents/" in r.url
        ):
            self.page.keyboard.press("Control+s")

    def cell(self, number: int) -> Locator:
        """A cell, by its place from 0."""
        return self.panel.locator(".jp-Cell").nth(number)

    def outputs(self, number: int) -> Locator:
        """The outputs of a cell."""
        return self.cell(number).locator(".jp-OutputArea-output")

    def output_frames(self) -> list[Frame]:
        """The frames that outputs have made, and the frames in these."""
        return [frame for frame in self.page.frames if frame != self.page.main_frame]

    def click_everything(self) -> int:
        """Click on all that an output may want to be clicked on; how often."""
        clicks = 0
        for frame in self.page.frames:
            scope = ".jp-OutputArea-output " if frame == self.page.main_frame else ""
            selector = ", ".join(scope + part.strip() for part in _CLICKABLE.split(","))
            try:
                found = frame.query_selector_all(selector)
            except Error:
                continue  # gone, or in no state to be asked
            for element in found:
                try:
                    # What a click is, whether the element can be seen or not.
                    element.evaluate(
                        """element => {
                            element.focus?.();
                            for (const kind of ["pointerover", "mouseover", "pointerdown",
                                                "mousedown", "pointerup", "mouseup"])
                                element.dispatchEvent(new MouseEvent(kind, {bubbles: true}));
                            if (element.click) element.click();
                            else element.dispatchEvent(new MouseEvent("click", {bubbles: true}));
                        }"""
                    )
                    clicks += 1
                except Error:
                    continue
        return clicks
