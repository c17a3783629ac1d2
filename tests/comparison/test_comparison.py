"""Each kind of cell and request, on a local ipykernel and here: what differs has a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.driver import LINKED, Kernel, Pool, reach

from .compare import answer, difference
from .kinds import KINDS
from .page import PAGE, page
from .reasons import REASONS


@pytest.fixture(scope="module")
def differences(
    local_pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Give what differs, by the name of the kind."""
    folder = tmp_path_factory.mktemp("comparison")
    local = Kernel({}, folder / "local", name="python3").start()
    ours = Kernel(LINKED | reach(local_pool), folder / "ours").start()
    told = {kind.name: difference(answer(local, kind), answer(ours, kind)) for kind in KINDS}
    yield {name: what for name, what in told.items() if what}
    local.shutdown()
    ours.close()


def test_there_are_enough_kinds_and_each_has_its_own_name() -> None:
    assert len(KINDS) >= 200
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_no_kind_differs_without_a_reason(differences: dict[str, str]) -> None:
    assert {name: what for name, what in differences.items() if name not in REASONS} == {}


def test_no_reason_is_for_a_difference_that_is_gone(differences: dict[str, str]) -> None:
    assert sorted(set(REASONS) - set(differences)) == []


def test_the_page_has_what_the_table_has() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(KINDS, REASONS)
