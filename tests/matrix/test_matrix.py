"""A dozen variants of the matrix, its description, and the page that was made of all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PoolStarter, RunningPool

from .page import PAGE, names_in
from .run import clean_environment, run_variant
from .variant import Variant
from .variants import VARIANTS

BY_NAME = {variant.name: variant for variant in VARIANTS}

DOZEN = [
    ("hook not used", "auto"),
    ("exchanges refused", "auto"),
    ("clock off", "direct"),
    ("requests of 4,000 bytes", "auto"),
    ("stream length refused", "direct"),
    ("409 once", "auto"),
    ("HTML 502 once", "auto"),
    ("Running by 202, relative", "direct"),
    ("mime bundle", "direct"),
    ("guid per call", "direct"),
    ("chunked", "auto"),
    ("linked only, no room", "auto"),
]


@pytest.fixture(scope="module")
def pool(start_module_pool: PoolStarter) -> RunningPool:
    """Give a pool of our own: sessions that are left in it are ours."""
    return start_module_pool("--max-sessions", "50")


@pytest.mark.parametrize(("name", "mode"), DOZEN)
def test_variant(pool: RunningPool, tmp_path: Path, name: str, mode: str) -> None:
    with clean_environment(tmp_path / "home"):
        result = run_variant(pool, BY_NAME[name], mode, tmp_path / "run")
    assert result.sins == ()
    assert result.unexpected == "", result.words


def test_there_are_more_than_a_hundred_variants_with_names_of_their_own() -> None:
    assert len(VARIANTS) >= 100
    assert len(BY_NAME) == len(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_each_variant_is_well_formed(variant: Variant) -> None:
    assert re.fullmatch(r"[^`|\n]+", variant.name)
    assert re.fullmatch(r"[A-Za-z$/0-9].*\.", variant.differs)
    assert variant.rules() is not variant.rules(), "a run must not count on from another"
    for expected in (variant.auto, variant.direct):
        assert expected.verdict in ("works", "degrades", "fails")
        assert bool(expected.words) == (expected.verdict != "works")
        re.compile(expected.words)


def test_the_page_names_the_variants_that_there_are() -> None:
    written = names_in(PAGE.read_text(encoding="utf-8"))
    assert sorted(written) == sorted(BY_NAME)
