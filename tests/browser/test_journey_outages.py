"""What a user sees when the network is away, or the session is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.faults.proxy import Proxy
from tests.kernel.driver import delete_session, sessions_of

from .conftest import Pool
from .lab import Lab
from .screen import Screen

LINES = 10
COUNT = f"""\
import time
for line in range({LINES}):
    print("line", line, flush=True)
    time.sleep(0.5)
"""


@pytest.fixture
def proxy(local_pool: Pool) -> Iterator[Proxy]:
    with Proxy(local_pool.endpoint) as proxy:
        yield proxy


@pytest.fixture
def kernel(proxy: Proxy, lab: Lab) -> Iterator[str]:
    """Give a kernel whose way to the pool can go away."""
    yield lab.add_kernel("aca-outage", pool_endpoint=proxy.endpoint)
    lab.shut_kernels_down()


def test_outage_is_told_and_the_cell_goes_on_with_every_line_once(
    screen: Screen, kernel: str, proxy: Proxy
) -> None:
    screen.open_launcher()
    screen.launch(kernel)
    count = screen.begin(COUNT)
    expect(screen.outputs(count).last).to_contain_text("line 1")
    with proxy.away():
        expect(screen.cell(count)).to_contain_text("Trying again")
        screen.keep_picture("outage")
    expect(screen.cell(count)).to_contain_text("The session answers again after")
    expect(screen.cell(count)).not_to_contain_text("is deleted after")
    screen.wait_until_done(count)
    lines = screen.cell(count).locator('[data-mime-type="application/vnd.jupyter.stdout"]')
    shown = "".join(lines.all_inner_texts()).split("\n")
    assert [line for line in shown if line] == [f"line {line}" for line in range(LINES)]
    after = screen.run("line")
    expect(screen.outputs(after)).to_have_text(str(LINES - 1))


def test_lost_session_is_told_by_the_next_cell(screen: Screen, local_pool: Pool) -> None:
    before = sessions_of(local_pool)
    screen.open_launcher()
    screen.launch("Azure Sessions Python")
    screen.run("x = 1")
    (identifier,) = sessions_of(local_pool) - before
    delete_session(local_pool, identifier)
    lost = screen.run("x")
    expect(screen.outputs(lost)).to_contain_text("SessionLost")
    expect(screen.outputs(lost)).to_contain_text("Variables and the files in /mnt/data are gone")
    expect(screen.outputs(lost)).to_contain_text("Run the notebook from the top")
    again = screen.run("'x' in globals()")
    expect(screen.outputs(again)).to_have_text("False")
