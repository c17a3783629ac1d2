"""One JupyterLab and one Chromium for all tests of this folder.

They end with the folder: while Playwright runs, no later test could run an asyncio loop.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .canary import Sink
from .lab import PATIENCE, Lab
from .screen import Screen

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Pool(Protocol):
    """A running pool, as the fixture ``local_pool`` gives it."""

    endpoint: str
    token: str


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none, CI fails and a developer's tests are skipped."""
    if not CHROMIUM.exists():
        reason = f"no {CHROMIUM}: on Debian, apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE * 1000)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab(
    browser: Browser, local_pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """JupyterLab, whose kernel azure-sessions-python is pointed at the local pool."""
    environment = {
        "ACA_POOL_MANAGEMENT_ENDPOINT": local_pool.endpoint,
        "ACA_ACCESS_TOKEN": local_pool.token,
    }
    lab = Lab(tmp_path_factory.mktemp("lab"), environment)
    yield lab
    lab.close()


@pytest.fixture(scope="package")
def sink() -> Iterator[Sink]:
    """A port that no output of an isolated session may ever reach."""
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def screen(request: pytest.FixtureRequest, browser: Browser, lab: Lab) -> Iterator[Screen]:
    """Give a page for JupyterLab; what it shows when the test ends is kept as a picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    screen = Screen(context.new_page(), lab)
    yield screen
    screen.keep_picture(request.node.name)
    context.close()
    lab.shut_kernels_down()
