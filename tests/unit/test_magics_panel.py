"""The panel of %session against a real pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aca_kernel.magics.session_panel import panel
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint, shorten
from aca_kernel.sessions.life import Life, State

from ..conftest import PoolStarter
from .magics_bench import Bench, RunningPool, open_bench

WITHOUT_METADATA = "2024-10-02-preview"


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


@pytest.fixture
def plain_bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose api-version cannot tell what a pool's sessions bring."""
    with open_bench(local_pool, tmp_path, WITHOUT_METADATA) as opened:
        yield opened


def shown_rows(bench: Bench) -> dict[str, str]:
    """The panel's rows as its text has them."""
    bench.run("session")
    (shown,) = bench.displays
    rows = [line.split("  ", 1) for line in shown["text/plain"].splitlines()]
    return {name: text.strip() for name, text in rows}


def test_a_running_session_tells_what_runs_where_and_until_when(bench: Bench) -> None:
    bench.python("open('/mnt/data/a', 'w').write('x' * 1000); import os; os.mkdir('/mnt/data/d')")
    bench.python("open('/mnt/data/d/b', 'w').write('x' * 500)")
    bench.session.life = Life(State.MET)
    rows = shown_rows(bench)
    assert rows["pool"].startswith("local on 127.0.0.1, api-version 2025-10-02")
    assert rows["session"] == f"{shorten(bench.session.identifier)} (this notebook's own)"
    assert rows["mode"] == "direct"
    assert rows["state"] == "running"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \((now|.* ago)\)", rows["since"])
    assert rows["idle until"].endswith("minutes from now)")
    assert re.match(r"3\.\d+\.\d+", rows["Python"])
    assert re.search(r"\bnumpy \d.*, ipykernel \d", rows["packages"])
    assert rows["files"] == "2 files, 1.5 kB, in /mnt/data"
    assert rows["keep-alive"].startswith("50 minutes after the last cell, until ")
    assert rows["ends with"] == "this kernel, %session stop, or 5 minutes without a call"
    assert rows["transfer root"] == str(bench.root)
    assert bench.session.identifier not in "".join(bench.displays[0].values())


def test_a_session_that_was_given_says_that_it_may_be_shared(bench: Bench) -> None:
    bench.session.is_own = False
    rows = shown_rows(bench)
    assert "other clients" in rows["session"]
    assert "kernel" not in rows["ends with"]


def test_versions_are_asked_of_the_session_where_the_pool_cannot_tell(plain_bench: Bench) -> None:
    plain_bench.session.life = Life(State.MET)
    names = "print(sorted(name for name in dir() if not name.startswith('_')))"
    before = plain_bench.python(names)
    rows = shown_rows(plain_bench)
    assert rows["Python"] == plain_bench.python("import platform as p; print(p.python_version())")
    assert re.match(r"numpy \d", rows["packages"])
    plain_bench.python("del p")
    assert plain_bench.python(names) == before


def test_what_a_session_says_of_itself_is_shown_as_text(plain_bench: Bench) -> None:
    plain_bench.session.life = Life(State.MET)
    plain_bench.python(
        "import importlib.metadata as m, sys\n"
        "m.version = lambda name: '<script>alert(1)</script>\\x1b[2J\\u202e' + 'x' * 300\n"
        "sys.version = '<b>3</b>'"
    )
    plain_bench.run("session")
    (shown,) = plain_bench.displays
    assert "&lt;b&gt;3&lt;/b&gt;" in shown["text/html"]
    for text in shown.values():
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text) < 10_000
    assert "<script" not in shown["text/html"]
    assert "<b>" not in shown["text/html"]


DEEP = "print('{\"python\": ' + '[' * 700 + ']' * 700 + '}')"


@pytest.mark.parametrize(
    "answer", ["print('[1, 2]')", "print('{\"python\": null}')", DEEP, "1 / 0"]
)
def test_a_session_that_tells_nonsense_has_a_panel(plain_bench: Bench, answer: str) -> None:
    plain_bench.session.life = Life(State.MET)
    plain_bench.python(f"import builtins; builtins.exec = lambda *_: eval({answer!r})")
    assert shown_rows(plain_bench)["Python"] == "unknown"


def test_a_pool_that_cannot_be_reached_is_told_in_the_panel(
    bench: Bench, start_pool: PoolStarter
) -> None:
    bench.session.life = Life(State.MET)
    gone = start_pool()
    gone.stop()
    bench.client = PoolClient(parse_endpoint(gone.endpoint), TokenSource(token=gone.token))
    rows = shown_rows(bench)
    assert rows["not known"]
    assert rows["transfer root"] == str(bench.root)


def test_lines_of_a_row_stay_below_one_another() -> None:
    data = panel([("a", "one\n  two"), ("long", "three")]).content["data"]
    assert data["text/plain"] == "a     one\n        two\nlong  three"
    assert "one\n  two" in data["text/html"]
