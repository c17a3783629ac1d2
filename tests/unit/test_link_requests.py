"""What the relay makes of a guest kernel that answers a request in part, twice, or never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.guest.requests import ENTRY, HALF, LONG, Requests


def _sent(*names: str) -> Requests:
    requests = Requests()
    for name in names:
        requests.add(name, is_cell=True)
        requests.sent(name, 0.0)
    return requests


def _answer(requests: Requests, probe: str, *what: str, now: float) -> list[str]:
    for one in what:
        requests.answered(probe, one, now)
    return requests.unanswered(now)


def test_a_reply_and_an_idle_end_a_request() -> None:
    requests = _sent("a")
    assert requests.take("a", "idle", 0.0)
    assert "a" in requests
    assert requests.take("a", "reply", 0.0)
    assert "a" not in requests
    assert list(requests.ended) == ["a"]


def test_what_comes_twice_ends_nothing() -> None:
    requests = _sent("a")
    assert requests.take("a", "idle", 0.0)
    assert not requests.take("a", "idle", 0.0)
    assert not requests.take("other", "idle", 0.0)
    assert "a" in requests


def test_an_idle_without_a_reply_is_probed_soon() -> None:
    requests = _sent("a")
    assert not requests.wants_probe(0.1)
    requests.take("a", "idle", 0.0)
    assert not requests.wants_probe(HALF / 2)  # the reply comes another way, and may be on it
    assert requests.wants_probe(0.1)
    requests.probe("p")
    assert not requests.wants_probe(0.1)
    assert _answer(requests, "p", "busy", now=0.2) == []
    assert _answer(requests, "p", "reply", now=0.2) == ["a"]
    assert "a" in requests.ended


def test_a_reply_without_an_idle_needs_the_other_channel() -> None:
    requests = _sent("a")
    requests.take("a", "reply", 0.0)
    requests.probe("p")
    assert _answer(requests, "p", "reply", now=0.2) == []
    assert _answer(requests, "p", "busy", now=0.2) == ["a"]


def test_a_request_that_the_kernel_has_missed_is_found_out() -> None:
    requests = _sent("a")
    assert requests.wants_probe(2 * LONG)
    requests.probe("p")
    assert _answer(requests, "p", "busy", "reply", "idle", now=2 * LONG) == ["a"]


def test_a_cell_that_lets_other_requests_in_goes_on() -> None:
    """Code may have the kernel handle requests in its middle, as jupyter_ui_poll does."""
    requests = _sent("a")
    requests.see("a", "execute_input", is_busy=False, now=0.0)
    requests.probe("p")
    assert _answer(requests, "p", "busy", "reply", "idle", now=2.0) == []
    assert _answer(requests, "p", now=100.0) == []
    assert requests.wants_probe(100.0)


def test_a_kernel_that_comes_to_no_idle_any_more_has_ended_the_cell() -> None:
    requests = _sent("a")
    requests.see("a", "status", is_busy=True, now=0.0)
    requests.probe("p")
    assert _answer(requests, "p", "busy", "reply", now=2.0) == []
    assert _answer(requests, "p", now=2.0 + 2 * LONG) == ["a"]


def test_a_request_that_waits_for_the_kernel_is_not_probed() -> None:
    requests = Requests()
    requests.add("a", is_cell=True)
    assert not requests.wants_probe(100.0)


def test_a_probe_shows_nothing_of_what_came_after_it() -> None:
    requests = _sent("a")
    requests.take("a", "idle", 0.0)
    requests.probe("p")
    requests.add("b", is_cell=True)
    requests.sent("b", 0.0)
    assert _answer(requests, "p", "busy", "reply", now=0.1) == ["a"]
    assert "b" in requests


def test_questions_begin_with_busy_and_cells_with_their_input() -> None:
    requests = Requests()
    requests.add("cell", is_cell=True)
    requests.add("question", is_cell=False)
    requests.see("cell", "status", is_busy=True, now=0.0)
    assert not requests.begun("cell")
    requests.see("cell", "execute_input", is_busy=False, now=1.0)
    assert requests.begun("cell")
    assert not requests.is_in_code(1.0 + ENTRY / 2)
    assert requests.is_in_code(1.0 + 2 * ENTRY)
    requests.see("question", "status", is_busy=True, now=1.0)
    assert requests.begun("question")
    assert not requests.begun("other")


def test_a_cell_that_an_interrupt_took_both_ends_from_is_over() -> None:
    requests = _sent("a")
    requests.see("a", "execute_input", is_busy=False, now=0.0)
    requests.strike("p")
    assert _answer(requests, "p", "busy", "reply", "idle", now=1.0) == []
    assert _answer(requests, "p", now=1.0 + 2 * LONG) == ["a"]


_STEPS = st.lists(
    st.sampled_from(["reply", "idle", "busy", "probe busy", "probe reply", "probe idle", "wait"]),
    max_size=30,
)


@given(_STEPS, st.booleans())
def test_whatever_comes_a_request_ends_once_its_kernel_answers_others(
    steps: list[str], begun: bool
) -> None:
    """Unless it has begun, and the kernel answers others in the middle of it."""
    requests = _sent("a")
    now, probes, ends = 0.0, 0, []
    if begun:
        requests.see("a", "execute_input", is_busy=False, now=0.0)
    for step in [*steps, *["wait", "probe busy", "probe reply", "wait", "wait"] * 2]:
        if requests.wants_probe(now):
            probes += 1
            requests.probe(f"p{probes}")
        if step == "wait":
            now += 2 * LONG
        elif step == "busy":
            requests.see("a", "status", is_busy=True, now=0.0)
        elif step.startswith("probe "):
            requests.answered(f"p{probes}", step[6:], now)
        elif requests.take("a", step, now) and "a" not in requests:
            ends.append("all has come")
        ends += requests.unanswered(now)
    assert len(ends) == 1 or ("a" in requests and "probe idle" in steps)
    assert list(requests.ended).count("a") == len(ends)
