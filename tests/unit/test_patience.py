"""How long what may be called again is called again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from aca_kernel.errors import AnswerLost, BadRequest, NotSent, RefusedForNow, TooManyRequests
from aca_kernel.pool.patience import Cancelled, Patience


class Clock:
    """A clock that its own pauses move."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return False


def failing(*errors: Exception) -> Callable[[], str]:
    """A function that raises each of ``errors`` once, and then succeeds."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_passes_is_called_again_with_growing_pauses(clock: Clock) -> None:
    said: list[str] = []
    patience = Patience(600, say=said.append, clock=clock, wait=clock.wait)
    lost = [AnswerLost("The answer was lost.") for _ in range(9)]
    assert patience.call(failing(*lost)) == "done"
    assert clock.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5])
    assert said[0] == "The answer was lost. Trying again, 0 s so far."
    assert said[-2] == "The answer was lost. Trying again, 16 s so far."
    assert said[-1] == "The pool answers again after 21 s."
    assert patience.failures == 9


def test_one_failure_that_is_over_at_once_is_not_worth_a_word(clock: Clock) -> None:
    said: list[str] = []
    patience = Patience(600, say=said.append, clock=clock, wait=clock.wait)
    assert patience.call(failing(NotSent("No way there."))) == "done"
    assert said == []


def test_what_the_service_asks_for_is_kept_to_as_far_as_the_tolerance_goes(clock: Clock) -> None:
    said: list[str] = []
    patience = Patience(100, say=said.append, clock=clock, wait=clock.wait)
    errors = [TooManyRequests("Too many."), RefusedForNow("Not now."), TooManyRequests("Too many.")]
    errors[0].retry_after, errors[1].retry_after, errors[2].retry_after = 30, 0, 3000
    assert patience.call(failing(*errors)) == "done"
    assert clock.pauses == pytest.approx([30, 0.2, 69.8])
    assert "The service asks to wait 3000 s. Trying again, 30 s so far." in said[1]


def test_when_the_tolerance_is_over_the_last_error_says_how_long_it_was_tried(clock: Clock) -> None:
    said: list[str] = []
    patience = Patience(10, say=said.append, clock=clock, wait=clock.wait)
    with pytest.raises(AnswerLost, match=r"Lost 7\. It was tried for 10 s\."):
        patience.call(failing(*(AnswerLost(f"Lost {n}.") for n in range(99))))
    assert sum(clock.pauses) == pytest.approx(10)
    assert said[-1] == "Tried for 10 s."


def test_each_call_has_the_whole_tolerance_for_itself(clock: Clock) -> None:
    patience = Patience(10, clock=clock, wait=clock.wait)
    for _ in range(5):
        assert patience.call(failing(*(AnswerLost("Lost.") for _ in range(6)))) == "done"


@pytest.mark.parametrize("tolerance", [0, 600])
def test_what_does_not_pass_comes_out_at_once(clock: Clock, tolerance: float) -> None:
    patience = Patience(tolerance, clock=clock, wait=clock.wait)
    with pytest.raises(BadRequest, match=r"^No\.$"):
        patience.call(failing(BadRequest("No.")))
    assert clock.pauses == []


def test_without_tolerance_nothing_is_called_again(clock: Clock) -> None:
    with pytest.raises(AnswerLost, match=r"^Lost\.$"):
        Patience(clock=clock, wait=clock.wait).call(failing(AnswerLost("Lost.")))


def test_an_interrupt_ends_a_pause_at_once() -> None:
    cancelled = threading.Event()

    said: list[str] = []

    def interrupt(text: str) -> None:
        said.append(text)
        threading.Thread(target=cancelled.set).start()

    patience = Patience(600, say=interrupt, cancelled=cancelled)
    errors = [TooManyRequests("Too many.") for _ in range(3)]
    errors[1].retry_after = 600
    with pytest.raises(Cancelled):
        patience.call(failing(*errors))
    assert said[-1] == "Waited 0 s."
    with pytest.raises(Cancelled):
        patience.call(failing())
