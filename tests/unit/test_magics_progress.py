"""How a transfer looks while it runs."""

from __future__ import annotations

import threading

import pytest

from aca_kernel.interpreters.base import Output
from aca_kernel.magics.progress import (
    Cancelled,
    Snapshot,
    TransferProgress,
    render_html,
    render_text,
    size_text,
)

HALF = Snapshot(name="data.csv", done=12_300_000, total=29_000_000, elapsed=1.5)


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_transfer_as_text() -> None:
    assert render_text(HALF) == "data.csv  42% 12.3M/29.0M  8.20MB/s  00:02 left"


def test_one_of_several_files_as_text() -> None:
    several = Snapshot(name="b.csv", done=5, total=10, elapsed=1.0, index=2, files=3)
    assert render_text(several).startswith("2/3 b.csv  50% 5.00/10.0")


def test_a_transfer_as_html_has_a_bar() -> None:
    markup = render_html(HALF)
    assert "width: 42%" in markup
    assert markup.count("background-color: #0078d4") == 1


def test_several_files_have_a_bar_each_and_a_total() -> None:
    markup = render_html(
        Snapshot(
            name="b.csv", done=5, total=10, elapsed=1.0, file_done=1, file_total=4, index=2, files=3
        )
    )
    assert "width: 25%" in markup
    assert "width: 50%" in markup
    assert "b.csv  (2 of 3)" in markup


@pytest.mark.parametrize("done", [-5, 0, 10, 11, 10**30])
@pytest.mark.parametrize("total", [0, 10])
def test_figures_that_lie_are_no_trouble(done: int, total: int) -> None:
    lying = Snapshot(name="x", done=done, total=total, elapsed=0.0, file_done=done, files=2)
    assert "x" in render_text(lying)
    assert "width: " in render_html(lying)


def test_a_name_is_never_markup_nor_a_format() -> None:
    hostile = Snapshot(
        name="<script>alert(1)</script>{total}%s\x1b[2J", done=1, total=2, elapsed=1.0
    )
    assert "<script" not in render_html(hostile)
    assert "{total}%s" in render_text(hostile)
    assert "\x1b" not in render_text(hostile) + render_html(hostile)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 Bytes"), (29_012_345, "29.0 MB"), (-1, "0 Bytes"), (10**400, "9.2 EB")],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_short_transfer_shows_nothing() -> None:
    shown: list[Output] = []
    clock = Clock()
    progress = TransferProgress(shown.append, total=10, clock=clock)
    tell = progress.file("x", 10)
    clock.now += 0.19
    tell(10, 10)
    assert not progress.finish("done")
    assert shown == []


def test_a_long_transfer_is_one_display_that_updates_ten_times_a_second() -> None:
    shown: list[Output] = []
    clock = Clock()
    progress = TransferProgress(shown.append, total=1000, clock=clock)
    tell = progress.file("x", 1000)
    for done in range(1, 1001):
        clock.now += 0.001
        tell(done, 1000)
    assert progress.finish("x  done")
    tell(1000, 1000)
    clock.now += 5
    tell(1000, 1000)
    assert 8 <= len(shown) <= 11
    assert [output.msg_type for output in shown[:2]] == ["display_data", "update_display_data"]
    assert len({output.content["transient"]["display_id"] for output in shown}) == 1
    assert shown[-1].content["data"]["text/plain"] == "x  done"
    assert "background" not in shown[-1].content["data"]["text/html"]


def test_the_total_counts_all_files() -> None:
    shown: list[Output] = []
    clock = Clock()
    progress = TransferProgress(shown.append, total=100, files=2, clock=clock)
    progress.file("a", 50)(50, 50)
    tell = progress.file("b", 50)
    clock.now += 1
    tell(25, 50)
    assert shown[-1].content["data"]["text/plain"].startswith("2/2 b  75%")


def test_cancel_stops_the_transfer_and_every_further_file() -> None:
    progress = TransferProgress(lambda _: None, total=10, files=2)
    tell = progress.file("a", 5)
    tell(1, 5)
    canceller = threading.Thread(target=progress.cancel)
    canceller.start()
    canceller.join()
    with pytest.raises(Cancelled):
        tell(2, 5)
    with pytest.raises(Cancelled):
        progress.file("b", 5)
