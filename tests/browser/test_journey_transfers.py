"""%upload and %download as they are seen in JupyterLab."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.faults.proxy import Proxy

from .conftest import Pool
from .lab import Lab
from .screen import Screen

MB = 1_000_000
SIZE = 30 * MB


@pytest.fixture
def slow_kernel(local_pool: Pool, lab: Lab) -> Iterator[str]:
    """Give a kernel whose way to the pool takes 10 MB a second."""
    with Proxy(local_pool.endpoint, rate=10 * MB) as proxy:
        yield lab.add_kernel("aca-slow", pool_endpoint=proxy.endpoint)
        lab.shut_kernels_down()


def write_data(lab: Lab, name: str) -> None:
    (lab.root / name).write_bytes(os.urandom(SIZE))


def test_upload_shows_a_bar_that_moves_and_ends_as_one_line(
    screen: Screen, lab: Lab, slow_kernel: str
) -> None:
    write_data(lab, "measurements.bin")
    screen.open_launcher()
    screen.launch(slow_kernel)
    seen = screen.watch()
    upload = screen.run("%upload measurements.bin")

    percents = [int(percent) for text in seen() for percent in re.findall(r"(\d+)%", text)]
    between = {percent for percent in percents if 0 < percent < 100}
    assert len(between) >= 5, percents
    assert percents == sorted(percents)
    assert any(re.search(r"measurements\.bin.*MB/s +\d\d:\d\d left", text) for text in seen())

    ended = screen.cell(upload).locator(".jp-OutputArea-output")
    expect(ended.first).to_contain_text(re.compile(r"30\.0 MB in [\d.]+ s"))
    assert not any(re.search(r"\d%|left", text) for text in ended.all_inner_texts())
    size = screen.run("import os\nos.path.getsize('/mnt/data/measurements.bin')")
    expect(screen.outputs(size)).to_have_text(str(SIZE))


def test_interrupt_of_an_upload_leaves_nothing_behind(
    screen: Screen, lab: Lab, slow_kernel: str
) -> None:
    write_data(lab, "too-much.bin")
    screen.open_launcher()
    screen.launch(slow_kernel)
    screen.run("1")
    upload = screen.begin("%upload too-much.bin")
    expect(screen.outputs(upload).first).to_contain_text(re.compile(r"\d%"))
    screen.interrupt()
    screen.wait_until_done(upload)
    expect(screen.outputs(upload).last).to_contain_text("KeyboardInterrupt")
    listing = screen.run("import os\nos.listdir('/mnt/data')")
    expect(screen.outputs(listing)).to_have_text("[]")
