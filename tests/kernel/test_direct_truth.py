"""Direct mode says of results and errors what is so."""

from __future__ import annotations

import pytest

from .driver import Kernel


@pytest.mark.parametrize("code", ["    abc", "\n    abc\n    abc", "\tabc"])
def test_an_indented_cell_that_looks_like_base64_runs(kernel: Kernel, code: str) -> None:
    kernel.run("abc = 5")
    assert kernel.run(code).result == "5"


def test_an_error_in_one_line_is_the_codes_own(kernel: Kernel) -> None:
    kernel.run("%xmode Minimal")
    ran = kernel.run("1 / 0")
    kernel.run("%xmode Context")
    assert (ran.ename, ran.evalue) == ("ZeroDivisionError", "division by zero")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "class Own(Exception):\n    def _render_traceback_(self): return ['one', 'two']\n"
            "raise Own()",
            "one",
        ),
        ("raise ValueError('\\ud800')", "surrogates not allowed"),
    ],
)
def test_an_error_of_another_shape_is_not_blamed_on_the_service(
    kernel: Kernel, code: str, said: str
) -> None:
    ran = kernel.run(code)
    assert ran.status == "error"
    assert said in ran.traceback
    assert "The service could not run" not in ran.traceback


def test_our_own_calls_are_no_inputs_of_the_users(kernel: Kernel) -> None:
    kernel.run("'a text'")  # which is asked for once more, because of its quotes
    assert kernel.run("_i").result == "\"'a text'\""
    kernel.run("1", user_expressions={"two": "2"})
    assert "aca-kernel" not in str(kernel.run("In").result)
    kernel.run("'numbered'")
    assert kernel.run("In[-2], Out[max(Out)]").result == "(\"'numbered'\", 'numbered')"


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("''", "''"),
        ("''.join([])", "''"),
        ("nothing = ''\nnothing", "''"),
        ("nothing = None\nnothing", None),
        ("'';", None),
        ("print(end='')", None),
    ],
)
def test_an_empty_text_is_a_result(kernel: Kernel, code: str, result: str | None) -> None:
    kernel.run("''")
    assert kernel.run(code).result == result


@pytest.mark.parametrize("end", ["\\n", ""])
def test_a_stream_as_long_as_the_default_cut_is_told(kernel: Kernel, end: str) -> None:
    ran = kernel.run(f"print('x' * {4095 if end else 4096}, end='{end}')")
    assert "stdout may end too early" in ran.displayed
    assert "too early" not in kernel.run("print('x' * 4094)").displayed
