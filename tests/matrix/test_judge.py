"""What the judge makes of records: each sin is seen, and what is right is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .judge import DEGRADES, FAILS, WORKS, Allowed, judge
from .script import SIZE, Record, Shown

NAMES = ["result", "streams", "variable", "exception", "slow", "text", "image", "string", "None"]
NAMES += ["upload", "download", "files", "fresh"]


def shown(name: str, **more: object) -> Shown:
    good = Shown(name=name, status="ok", whole=True, said="", seconds=0.1)
    return replace(good, **more)  # type: ignore[arg-type]


GOOD = Record(
    steps=tuple(shown(name) for name in NAMES),
    counted=tuple(range(1, 10)),
    sent=tuple(range(1, 10)),
    stored=SIZE,
    fresh=True,
)


def but(name: str, **more: object) -> Record:
    """Give the good record with one step changed."""
    steps = tuple(replace(s, **more) if s.name == name else s for s in GOOD.steps)  # type: ignore[arg-type]
    return replace(GOOD, steps=steps)


def test_a_run_in_which_all_is_right_works() -> None:
    judgement = judge(GOOD)
    assert judgement.verdict == WORKS
    assert judgement.sins == ()
    assert judgement.words == ""


def test_what_is_said_to_be_missing_degrades_and_its_words_are_given() -> None:
    judgement = judge(but("text", whole=False, said="[aca-kernel] stdout ends here: cut."))
    assert judgement.verdict == DEGRADES
    assert judgement.sins == ()
    assert judgement.words == "text: [aca-kernel] stdout ends here: cut."


def test_direct_mode_in_place_of_linked_degrades() -> None:
    said = "Direct mode, because this session cannot be linked to: no."
    assert judge(but("result", said=said)).verdict == DEGRADES


def test_a_run_without_a_first_result_fails() -> None:
    assert judge(but("result", status="error", whole=False, said="Refused")).verdict == FAILS
    assert judge(replace(GOOD, gave_up=True)).verdict == FAILS


GONE = "SessionLost: The service replaced this session.\nVariables are gone."


@pytest.mark.parametrize(
    ("record", "sin"),
    [
        (but("slow", hung=True, whole=False, status="none"), "hang"),
        (replace(GOOD, counted=(1, 2, 2, 3)), "run twice"),
        (but("string", status="error", whole=False, said=GONE), "says what is not so"),
        (but("string", status="error", whole=False, said="Nothing was run."), "which ran"),
        (but("text", said="[aca-kernel] stdout ends here: cut"), "which is whole"),
        (but("download", status="error", whole=False, said="There is no file x"), "not so"),
        (but("image", whole=False), "lost silently"),
        (but("fresh", whole=False), "took nothing away"),
        (replace(GOOD, stored=7), "lost silently in upload"),
        (but("files", said='File "/x/aca_kernel/magics/files.py", line 3'), "traceback of ours"),
        (replace(GOOD, log='File "/x/aca_kernel/jupyter/kernel.py", line 3'), "on stderr"),
        (replace(GOOD, idle_calls=7), "flood"),
        (replace(GOOD, left=("a",)), "left behind"),
    ],
)
def test_each_sin_is_seen(record: Record, sin: str) -> None:
    (found,) = judge(record).sins
    assert sin in found


def test_what_a_variant_makes_true_is_no_sin() -> None:
    lost = but("string", status="error", whole=False, said=GONE)
    assert judge(lost, Allowed(variables_lost=True)).sins == ()
    assert judge(replace(GOOD, left=("a",)), Allowed(session_left=True)).sins == ()


def test_words_of_what_did_not_run_are_no_sin() -> None:
    record = but("string", status="error", whole=False, said="Nothing of this cell was run.")
    assert judge(replace(record, counted=tuple(range(1, 8)))).sins == ()


def test_a_wait_that_is_told_is_no_hang() -> None:
    said = "[aca-kernel] Waiting, 50 s so far. Interrupt the kernel to stop waiting."
    record = but("slow", hung=True, whole=False, status="none", said=said)
    assert judge(record).sins == ()
