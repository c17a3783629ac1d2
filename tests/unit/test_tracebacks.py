"""The service's flat error text taken apart again."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_kernel.pool.tracebacks import CodeError, coloured, parse

DATA = Path(__file__).parent / "data"
RULE = "-" * 75 + "\n"


def runtime(ename: str, evalue: str, *, before: str = "", behind: str = "") -> str:
    """What the service sends for an exception (docs/service.md 5)."""
    return (
        f"{before}{evalue}{RULE}"
        f"{ename:<42}Traceback (most recent call last)\n"
        "Cell In[1], line 2\n      1 def f():\n----> 2     fail()\n\n"
        f"{ename}: {evalue}{behind}\n"
    )


def parsed(text: str) -> CodeError:
    error = parse(text)
    assert error is not None
    return error


def test_syntax_error_as_it_was_captured() -> None:
    file = DATA / "legacy-execute-syntaxerror-2024-02-02-preview.json"
    error = parsed(json.loads(file.read_text())["properties"]["stderr"])
    assert error.ename == "SyntaxError"
    assert error.evalue == "illegal target for annotation"
    assert error.stderr == ""
    assert error.traceback.startswith("  Cell In[2363], line 6\n")
    assert error.traceback.endswith("SyntaxError: illegal target for annotation")


@pytest.mark.parametrize("evalue", ["division by zero", "", "two\nlines", "\n", "a: b", "x" * 9000])
@pytest.mark.parametrize("before", ["", "careful\n", "no line end", "division by zero\n"])
def test_exception_is_parted_from_the_stderr_before_it(evalue: str, before: str) -> None:
    error = parsed(runtime("ZeroDivisionError", evalue, before=before))
    assert error.ename == "ZeroDivisionError"
    assert error.evalue == evalue
    assert error.stderr == before
    assert error.traceback.startswith(RULE)


def test_last_of_chained_exceptions_is_the_one() -> None:
    text = (
        f"outer{RULE}KeyError                     Traceback (most recent call last)\n"
        "Cell In[1], line 2\n----> 2 {}['inner']\n\nKeyError: 'inner'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "ValueError                   Traceback (most recent call last)\n"
        "Cell In[1], line 4\n----> 4 raise ValueError('outer')\n\nValueError: outer\n"
    )
    error = parsed("warned\n" + text)
    assert (error.ename, error.evalue, error.stderr) == ("ValueError", "outer", "warned\n")
    assert "KeyError: 'inner'" in error.traceback


def test_traceback_that_the_code_printed_before_stays_stderr() -> None:
    printed = runtime("KeyError", "'old'")
    error = parsed(runtime("ValueError", "new", before=printed))
    assert (error.ename, error.evalue, error.stderr) == ("ValueError", "new", printed)
    error = parsed(runtime("ValueError", "", before=printed))
    assert (error.ename, error.evalue, error.stderr) == ("ValueError", "", printed)


def test_traceback_inside_of_an_evalue_stays_there() -> None:
    inner = runtime("KeyError", "'far away'").rstrip("\n")
    error = parsed(runtime("RemoteError", inner, before="log\n"))
    assert (error.ename, error.evalue, error.stderr) == ("RemoteError", inner, "log\n")


def test_evalue_that_looks_like_a_last_line_is_kept_whole() -> None:
    evalue = "first\nValueError: second\nValueError: third"
    assert parsed(runtime("ValueError", evalue)).evalue == evalue


def test_notes_belong_to_the_evalue() -> None:
    error = parsed(runtime("ValueError", "what", before="log\n", behind="\na note"))
    assert (error.ename, error.evalue, error.stderr) == ("ValueError", "what\na note", "log\n")


def test_traceback_that_was_cut_still_tells_the_name() -> None:
    whole = runtime("ValueError", "why", before="log\n")
    error = parsed(whole[: whole.index("fail()")])
    assert (error.ename, error.evalue, error.stderr) == ("ValueError", "why", "log\n")


def test_exit_and_usage_errors_have_one_line_only() -> None:
    text = "3An exception has occurred, use %tb to see the full traceback.\n\nSystemExit: 3\n\n"
    error = parsed("log\n" + text)
    assert (error.ename, error.evalue, error.stderr) == ("SystemExit", "3", "log\n")
    error = parsed(
        "An exception has occurred, use %tb to see the full traceback.\n\nSystemExit\n\n"
    )
    assert (error.ename, error.evalue) == ("SystemExit", "")
    message = "Line magic function `%x` not found."
    error = parsed(f"log\nUsageError: {message}\n{message}")
    assert (error.ename, error.evalue, error.stderr) == ("UsageError", message, "log\n")


def test_exception_group_is_an_error_of_the_code() -> None:
    error = parsed(
        "log\n  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/cell.py", line 1, in <module>\n  |     fail()\n'
        "  | ExceptionGroup: many (1 sub-exception)\n"
        "  +-+---------------- 1 ----------------\n    | ValueError: 1\n"
        "    +------------------------------------\nmany (1 sub-exception)"
    )
    assert error.ename == "ExceptionGroup"
    assert error.evalue == "many (1 sub-exception)"
    assert error.stderr == "log\n"
    assert error.traceback.endswith("----")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Request timed out waiting for code execution to complete",
        "Execution aborted",
        "Kernel restarted",
        "some warning\n",
        "-" * 75,
        RULE + "no header",
        "  File nothing more",
    ],
)
def test_text_without_an_exception_is_left_to_the_service(text: str) -> None:
    assert parse(text) is None


@given(
    before=st.text(alphabet="ab: \n-'", max_size=40),
    evalue=st.text(alphabet="ab: \n-'", max_size=40),
    ename=st.sampled_from(["ValueError", "MyOwn", "KeyError"]),
)
def test_nothing_of_the_text_is_lost(before: str, evalue: str, ename: str) -> None:
    error = parsed(runtime(ename, evalue, before=before))
    assert error.ename == ename
    assert error.stderr + error.evalue == before + evalue


@given(st.text(max_size=300))
def test_any_text_at_all_is_survived(text: str) -> None:
    parse(text)
    parse(RULE + text)
    parse(f"{RULE}E Traceback (most recent call last)\n{text}")


def test_long_hostile_text_is_judged_quickly() -> None:
    began = time.monotonic()
    header = "E Traceback (most recent call last)\n"
    for text in (
        "-" * 2**20,
        (RULE + header) * 5000,
        "\n" * 2**20,
        RULE * 5000,
        "  File " * 50_000,
        "E: \n" * 100_000,
        "UsageError: x\n" * 50_000,
    ):
        parse(text)
        parse(text + runtime("ValueError", "x"))
        parse(f"An exception has occurred, use %tb to see the full traceback.\n\n{text}")
    assert time.monotonic() - began < 30


def test_colours_mark_name_and_places_and_change_nothing_else() -> None:
    error = parsed(runtime("ValueError", "why"))
    (text,) = coloured(error)
    assert "\x1b[31mValueError\x1b[0m: why" in text
    assert "\x1b[32mCell In[1], line 2\x1b[0m" in text
    assert "\x1b[32m----> 2     fail()\x1b[0m" in text
    assert re.sub(r"\x1b\[\d+m", "", text) == error.traceback


@pytest.mark.parametrize(
    ("text", "ename", "evalue", "stderr"),
    [
        (
            "division by zeroZeroDivisionError: division by zero\n",
            "ZeroDivisionError",
            "division by zero",
            "",
        ),
        ("log\ngood\nValueError: bad\n", "", "", ""),
        ("logbadValueError: bad", "ValueError", "bad", "log"),
        ("Not FoundOSError: Not Found\n", "OSError", "Not Found", ""),
        ("a\nbOwnException: a\nb\n", "OwnException", "a\nb", ""),
    ],
)
def test_one_line_is_an_error_where_it_says_its_text_twice(
    text: str, ename: str, evalue: str, stderr: str
) -> None:
    error = parse(text)
    if not ename:
        assert error is None
    else:
        assert error is not None
        assert (error.ename, error.evalue, error.stderr) == (ename, evalue, stderr)
