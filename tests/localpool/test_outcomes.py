"""Values, streams and errors of a cell, without a session."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.localpool.answers import numbered
from aca_kernel.localpool.calls import checked_name, checked_path
from aca_kernel.localpool.outcomes import Outcome, coerce


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("null", None),
        ("'a", "'a"),
        ("'a'b'", "'a'b'"),
        ("'it\\'s'", "it\\'s"),
        ('"a\\x00"', "a\\x00"),
        ("''", ""),
        ("[" * 100_000, "[" * 100_000),
        ("9" * 10_000, "9" * 10_000),
    ],
)
def test_odd_values(text: str, value: Any) -> None:
    assert coerce(text, quote_nan=True) == value


@given(st.text())
def test_a_string_loses_its_quotes_and_nothing_else(text: str) -> None:
    shown = repr(text)
    expected: Any = shown[1:-1]
    if shown.startswith('"'):  # JSON's own quotes
        with_json = coerce(shown, quote_nan=False)
        assert with_json == expected or with_json == json.loads(shown)
    else:
        assert coerce(shown, quote_nan=False) == expected


@given(st.text(), st.booleans())
def test_every_value_can_be_sent(text: str, quote_nan: bool) -> None:
    json.dumps(coerce(text, quote_nan=quote_nan), allow_nan=False)


@given(st.lists(st.text()), st.integers(min_value=0, max_value=20))
def test_streams_keep_their_head(parts: list[str], limit: int) -> None:
    outcome = Outcome(limit=limit)
    for part in parts:
        outcome.take("stream", {"name": "stdout", "text": part})
    outcome.finish({"status": "ok"})
    assert outcome.stdout == "".join(parts)[:limit]


def test_error_that_came_with_the_reply_only() -> None:
    outcome = Outcome(limit=100)
    reply = {"status": "error", "evalue": "no", "traceback": ["\x1b[31mE\x1b[0m: no"]}
    outcome.finish(reply)
    assert (outcome.failed, outcome.stderr, outcome.result(quote_nan=True)) == (
        True,
        "noE: no\n",
        None,
    )


def test_which_of_several_images() -> None:
    for first, image in ((False, "two"), (True, "one")):
        outcome = Outcome(limit=0, first_image=first)
        for data in ("one", "two\n"):
            outcome.take("display_data", {"data": {"image/png": data}})
        outcome.take("execute_result", {"data": {"text/plain": "42"}})
        assert outcome.result(quote_nan=False)["base64_data"] == image


def test_numbers_are_not_put_into_values() -> None:
    answer = {"a": {"b": [{"c": 1}]}, "value": {"d": {}}}
    assert numbered(answer, "value") == {
        "$id": "1",
        "a": {"$id": "2", "b": [{"$id": "3", "c": 1}]},
        "value": {"d": {}},
    }


@given(st.text())
def test_names_and_paths_stay_inside(text: str) -> None:
    from aca_kernel.localpool.answers import Refusal

    try:
        name = checked_name(text)
    except Refusal:
        pass
    else:
        assert "/" not in name
        assert "\0" not in name
        assert name not in ("", ".", "..")
    try:
        names = checked_path(text)
    except Refusal:
        pass
    else:
        assert all(one and "/" not in one and "." not in one and "\0" not in one for one in names)
