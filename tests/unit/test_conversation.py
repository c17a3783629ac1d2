"""The open requests of a linked session: whatever the guest says, each ends once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aca_kernel.interpreters.conversation import (
    MOST_SOURCES,
    STEPS,
    Ask,
    Calls,
    Conversation,
    Effect,
    End,
    Fail,
    Kind,
    Show,
    Sign,
    State,
)


def message(request: str, channel: str, kind: str, **content: Any) -> dict[str, Any]:
    return {
        "channel": channel,
        "header": {"msg_type": kind},
        "parent_header": {"msg_id": request},
        "content": content,
    }


def reply(request: str, **content: Any) -> dict[str, Any]:
    return message(request, "shell", "execute_reply", **content)


def idle(request: str) -> dict[str, Any]:
    return message(request, "iopub", "status", execution_state="idle")


def printed(request: str) -> dict[str, Any]:
    return message(request, "iopub", "stream", name="stdout", text="x")


def begun(*cells: str) -> Conversation:
    conversation = Conversation()
    for cell in cells:
        conversation.begin(cell, Kind.CELL)
    return conversation


def test_a_cell_ends_with_its_reply_and_its_idle() -> None:
    for first, second in ((reply("a", n=1), idle("a")), (idle("a"), reply("a", n=1))):
        conversation = begun("a")
        assert conversation.take(first) == []
        (end,) = conversation.take(second)
        assert isinstance(end, End)
        assert end.reply == {"n": 1}
        assert conversation.open == ()


def test_a_question_ends_while_a_cell_runs() -> None:
    conversation = begun("cell")
    conversation.begin("question", Kind.QUESTION)
    conversation.take(reply("question", matches=[]))
    (end,) = conversation.take(idle("question"))
    assert isinstance(end, End)
    assert end.request == "question"
    assert conversation.open == ("cell",)
    assert conversation.cell == "cell"


def test_late_output_is_its_cells_own() -> None:
    conversation = begun("a")
    conversation.take(reply("a"))
    conversation.take(idle("a"))
    conversation.begin("b", Kind.CELL)
    (shown,) = conversation.take(printed("a"))
    assert isinstance(shown, Show)
    assert shown.request == "a"
    assert conversation.take(printed("never sent")) == []


def test_the_output_of_a_question_is_shown_nowhere() -> None:
    conversation = begun("cell")
    conversation.begin("question", Kind.QUESTION)
    assert conversation.take(printed("question")) == []


def test_messages_to_widgets_push_no_cell_out() -> None:
    conversation = begun("cell")
    for number in range(3 * MOST_SOURCES):
        conversation.expect(f"comm {number}", Kind.COMM)
    assert conversation.take(printed("cell"))
    assert conversation.take(printed(f"comm {3 * MOST_SOURCES - 1}"))
    assert not conversation.take(printed("comm 0"))


def test_only_a_cell_that_may_asks_the_user() -> None:
    conversation = begun("a")
    conversation.begin("b", Kind.CELL, asks=True)
    question = {"prompt": "name?", "password": True}
    assert conversation.take(message("a", "stdin", "input_request", **question)) == []
    assert conversation.take(message("b", "stdin", "input_request", **question)) == [
        Ask("b", "name?", True)
    ]


def test_a_dead_guest_kernel_fails_all_that_is_open() -> None:
    conversation = begun("cell")
    conversation.begin("question", Kind.QUESTION)
    conversation.kernel = 1
    failed = conversation.take({"event": "died", "code": -9, "kernel": 2})
    assert {effect.request for effect in failed if isinstance(effect, Fail)} == {"cell", "question"}
    assert conversation.open == ()
    assert (conversation.kernel, conversation.next_count) == (2, 1)
    assert conversation.take({"event": "died", "code": -9, "kernel": 2}) == []  # it came twice


def test_every_step_leads_on_and_the_end_is_the_end() -> None:
    order = [State.SENT, State.REPLIED, State.IDLE, State.ENDED]
    for (state, _), step in STEPS.items():
        assert state is not State.ENDED
        assert order.index(step) > order.index(state) or (state, step) == (
            State.IDLE,
            State.ENDED,
        )
    for sign in (Sign.UNANSWERED, Sign.DROPPED, Sign.OVER):
        assert all(STEPS[state, sign] is State.ENDED for state in order[:-1])


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, -1, 2**80, 1.5, "", "a", "b", "\ud800", [], ["a"], {}, {"msg_id": "a"}),
        *({"msg_id": ["a"]}, {"msg_type": "stream"}, {"msg_type": "status"}, {"msg_type": {}}),
        *("shell", "iopub", "stdin", "died", "calls", "stale", {"execution_state": "idle"}),
    ]
)
NAMES = ["event", "kernel", "code", "why", "msg_id", "channel", "header", "parent_header"]
HOSTILE = st.dictionaries(st.sampled_from([*NAMES, "content", "metadata", "buffers"]), ODD)


@given(st.lists(HOSTILE, max_size=20))
def test_nothing_that_a_session_sends_raises(messages: list[dict[str, Any]]) -> None:
    conversation = begun("a")
    conversation.begin("b", Kind.QUESTION)
    for one in messages:
        for effect in conversation.take(one):
            assert isinstance(effect, (Show, Ask, End, Fail, Calls))


class Model(RuleBasedStateMachine):
    """The same beside a model that keeps all signs of a request and asks whether they suffice."""

    def __init__(self) -> None:
        super().__init__()
        self.real = Conversation()
        self.signs: dict[str, list[Sign]] = {}
        self.kinds: dict[str, Kind] = {}
        self.ended: dict[str, int] = {}

    def is_open(self, request: str) -> bool:
        signs = self.signs.get(request)
        return signs is not None and request not in self.ended

    def check(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, (End, Fail)) and effect.request:
                assert self.is_open(effect.request)
                self.ended[effect.request] = self.ended.get(effect.request, 0) + 1

    @rule(kind=st.sampled_from([Kind.CELL, Kind.QUESTION]))
    def begin(self, kind: Kind) -> None:
        request = f"{len(self.signs)}"
        self.signs[request], self.kinds[request] = [], kind
        self.real.begin(request, kind)

    @rule(number=st.integers(0, 9), sign=st.sampled_from(list(Sign)))
    def say(self, number: int, sign: Sign) -> None:
        request = f"{number}"
        was_open = self.is_open(request)
        if was_open:
            self.signs[request].append(sign)
        if sign is Sign.REPLY:
            effects = self.real.take(reply(request, number=number))
        elif sign is Sign.IDLE:
            effects = self.real.take(idle(request))
        elif sign is Sign.OVER:
            effects = self.real.over([request])
        else:
            event = "dropped" if sign is Sign.DROPPED else "unanswered"
            effects = self.real.take({"event": event, "msg_id": request})
        said = set(self.signs.get(request, ()))
        ends = was_open and (said >= {Sign.REPLY, Sign.IDLE} or sign not in (Sign.REPLY, Sign.IDLE))
        assert [type(effect) for effect in effects] == [End] * ends
        for effect in effects:
            assert isinstance(effect, End)
            assert (effect.reply is not None) == (Sign.REPLY in said)
        self.check(effects)

    @rule(number=st.integers(0, 9))
    def show(self, number: int) -> None:
        request = f"{number}"
        effects = self.real.take(printed(request))
        is_cell = self.kinds.get(request) is Kind.CELL
        assert [type(effect) for effect in effects] == [Show] * is_cell

    @rule(number=st.integers(0, 9))
    def close(self, number: int) -> None:
        request = f"{number}"
        self.real.close(request)
        if self.is_open(request):
            self.ended[request] = 1

    @rule(step=st.integers(-1, 2))
    def die(self, step: int) -> None:
        is_new = step > 0
        effects = self.real.take(
            {"event": "died", "code": 1, "kernel": max(0, self.real.kernel + step)}
        )
        failed = [request for request in self.signs if self.is_open(request)] if is_new else []
        has_cell = any(self.kinds[request] is Kind.CELL for request in failed)
        failed += [""] * (is_new and not has_cell)  # the next cell tells of it
        assert [effect.request for effect in effects if isinstance(effect, Fail)] == failed
        self.check(effects)

    @invariant()
    def the_same_are_open(self) -> None:
        assert list(self.real.open) == [request for request in self.signs if self.is_open(request)]
        assert all(count == 1 for count in self.ended.values())


TestModel = Model.TestCase


@pytest.mark.parametrize("sign", [Sign.UNANSWERED, Sign.DROPPED, Sign.OVER])
def test_the_next_cell_runs_whatever_ended_the_one_before(sign: Sign) -> None:
    conversation = begun("a")
    assert conversation.sign("a", sign)
    conversation.begin("b", Kind.CELL)
    conversation.take(reply("b"))
    assert conversation.take(idle("b"))
