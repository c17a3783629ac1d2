"""The life of a session: what each event makes of it, and who may change it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.messages import SessionEvent
from aca_kernel.sessions.life import TRANSITIONS, Life, Lives, State

CALLED, ANSWERED, LOST, RESET, LEFT, DELETED = SessionEvent

histories = st.lists(st.sampled_from(SessionEvent))


def after(events: list[SessionEvent], life: Life | None = None) -> Life:
    """The life that ``events`` lead to, from the begin or from ``life``."""
    life = life or Life()
    for event in events:
        life = life.after(event)
    return life


def last_of(events: list[SessionEvent], *kinds: SessionEvent) -> SessionEvent | None:
    return next((event for event in reversed(events) if event in kinds), None)


@given(histories)
def test_a_session_that_was_called_may_exist_until_it_is_deleted(
    events: list[SessionEvent],
) -> None:
    last = last_of(events, CALLED, ANSWERED, DELETED)
    assert after(events).may_exist == (last in (CALLED, ANSWERED))


@given(histories)
def test_a_session_is_met_from_its_answer_until_it_is_lost_left_or_deleted(
    events: list[SessionEvent],
) -> None:
    last = last_of(events, ANSWERED, LOST, LEFT, DELETED)
    assert (after(events).state is State.MET) == (last is ANSWERED)


@given(histories)
def test_a_session_is_lost_only_if_it_was_met(events: list[SessionEvent]) -> None:
    if after(events).state is State.LOST:
        until = len(events) - events[::-1].index(LOST) - 1
        assert ANSWERED in events[:until]


@given(histories, st.booleans())
def test_a_restart_is_owed_until_a_reset_or_the_end(
    events: list[SessionEvent], is_owed: bool
) -> None:
    life = after(events, Life(restart_owed=is_owed))
    assert life.restart_owed == (is_owed and last_of(events, RESET, DELETED) is None)


@given(histories, st.booleans())
def test_a_cell_may_run_in_a_session_that_is_met_and_owed_nothing(
    events: list[SessionEvent], is_owed: bool
) -> None:
    life = after(events, Life(restart_owed=is_owed))
    assert life.is_ready == (life.state is State.MET and not life.restart_owed)


@given(histories, st.sampled_from(SessionEvent))
def test_the_same_event_again_changes_nothing(
    events: list[SessionEvent], event: SessionEvent
) -> None:
    once = after([*events, event])
    assert once.after(event) == once


def test_the_table_has_no_row_that_changes_nothing() -> None:
    assert [row for row, state in TRANSITIONS.items() if row[0] is state] == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(SessionEvent))))
def test_each_session_has_its_own_life(changes: list[tuple[str, SessionEvent]]) -> None:
    lives = Lives({})
    for identifier, event in changes:
        lives.change(identifier, event)
    for identifier in "ab":
        assert lives[identifier] == after([event for name, event in changes if name == identifier])


def test_a_change_from_another_thread_raises() -> None:
    lives = Lives({"it": Life(restart_owed=True)})
    lives.change("it", CALLED)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(lambda: lives["it"]).result() == Life(State.REACHED, restart_owed=True)
        with pytest.raises(RuntimeError, match="event loop only"):
            other.submit(lives.change, "it", DELETED).result()
    assert lives["it"].state is State.REACHED
