"""How a transfer looks while it runs."""

from __future__ import annotations

import re
import threading

import pytest

from aca_kernel.transfers.progress import (
    Cancelled,
    Part,
    Snapshot,
    TransferProgress,
    render_html,
    render_text,
    size_text,
)
from tests.kept import Kept

HALF = Snapshot(
    parts=[Part(name="data.csv", size=29_000_000, done=12_300_000)], index=0, elapsed=1.5
)


def several(*files: tuple[str, int, int], index: int) -> Snapshot:
    """Several files, each a name, its bytes and those that have gone, after a second."""
    parts = [Part(name=name, size=size, done=done) for name, size, done in files]
    return Snapshot(parts=parts, index=index, elapsed=1.0)


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_transfer_as_text() -> None:
    assert render_text(HALF) == "data.csv  42%  12.3MB of 29.0MB  8.20MB/s  00:02 left"


def test_one_of_several_files_as_text() -> None:
    moment = several(("a.csv", 5, 5), ("b.csv", 3, 0), ("c.csv", 2, 0), index=1)
    assert render_text(moment).startswith("2/3 b.csv  50%  5.00B of 10.0B")


def test_a_transfer_as_html_has_a_bar() -> None:
    markup = render_html(HALF)
    assert "width: 42%" in markup
    assert markup.count("background-color: #1a86d0") == 1


def test_several_files_have_a_bar_each_and_a_total() -> None:
    markup = render_html(several(("a.csv", 5, 5), ("b.csv", 4, 1), ("c.csv", 3, 0), index=1))
    assert re.findall(r"width: (\d+)%", markup) == ["100", "25", "0", "50"]
    assert re.findall(r">([abc]\.csv|file \d of \d)<", markup) == [
        *("a.csv", "b.csv", "c.csv"),
        "file 2 of 3",
    ]


@pytest.mark.parametrize(("index", "first"), [(0, 0), (4, 0), (50, 46), (99, 92)])
def test_of_many_files_those_around_the_one_on_its_way_are_shown(index: int, first: int) -> None:
    markup = render_html(several(*((f"<{n}>", 1, 0) for n in range(100)), index=index))
    assert re.findall(r"&lt;(\d+)&gt;", markup) == [str(first + n) for n in range(8)]


@pytest.mark.parametrize("done", [-5, 0, 10, 11, 10**30])
@pytest.mark.parametrize("size", [0, 10])
def test_figures_that_lie_are_no_trouble(done: int, size: int) -> None:
    lying = several(("x", size, done), ("y", size, done), index=0)
    assert "x" in render_text(lying)
    assert all(
        0 <= int(width) <= 100 for width in re.findall(r"width: (-?\d+)%", render_html(lying))
    )


def test_a_name_is_never_markup_nor_a_format() -> None:
    hostile = several(("<script>alert(1)</script>{total}%s\x1b[2J", 2, 1), index=0)
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
    kept = Kept()
    shown = kept.outputs
    clock = Clock()
    progress = TransferProgress(kept, [("x", 10)], clock=clock)
    tell = progress.file()
    clock.now += 0.19
    tell(10, 10)
    assert not progress.finish("done")
    assert shown == []


def test_a_long_transfer_is_one_display_that_updates_ten_times_a_second() -> None:
    kept = Kept()
    shown = kept.outputs
    clock = Clock()
    progress = TransferProgress(kept, [("x", 1000)], clock=clock)
    tell = progress.file()
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
    assert "background-color" not in shown[-1].content["data"]["text/html"]


def test_the_total_counts_all_files() -> None:
    kept = Kept()
    shown = kept.outputs
    clock = Clock()
    progress = TransferProgress(kept, [("a", 50), ("b", 50)], clock=clock)
    progress.file()(50, 50)
    tell = progress.file()
    clock.now += 1
    tell(25, 50)
    assert shown[-1].content["data"]["text/plain"].startswith("2/2 b  75%")


def test_cancel_stops_the_transfer_and_every_further_file() -> None:
    progress = TransferProgress(Kept(), [("a", 5), ("b", 5)])
    tell = progress.file()
    tell(1, 5)
    canceller = threading.Thread(target=progress.cancel)
    canceller.start()
    canceller.join()
    with pytest.raises(Cancelled):
        tell(2, 5)
    with pytest.raises(Cancelled):
        progress.file()
