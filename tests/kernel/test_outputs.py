"""What a notebook shows for what a cell did: the direct-mode table of the design."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from .conftest import KernelStarter
from .driver import Kernel, png_of


def test_stdout_comes_before_stderr(kernel: Kernel) -> None:
    ran = kernel.run("import sys\nprint('e', file=sys.stderr)\nprint('o')\nprint('u')")
    assert ran.status == "ok"
    assert ran.kinds == ["stdout", "stderr"]
    assert (ran.stdout, ran.stderr) == ("o\nu\n", "e\n")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("6 * 7", "42"),
        ("2.50", "2.5"),
        ("10**30", "1" + "0" * 30),
        ("float('nan')", "nan"),
        ("float('inf')", "inf"),
        ("True", "True"),
        ("[1, 'a']", "[1, 'a']"),
        ("[1, 2]", "[1, 2]"),
        ("(1,)", "(1,)"),
        ("[]", "[]"),
        ("0", "0"),
        ("{'a': None}", "{'a': None}"),
        ("b'x'", "b'x'"),
        ("'text'", "'text'"),
        ("'42'", "'42'"),
        ("'nan'", "'nan'"),
        ("'None'", "'None'"),
        ('"it\'s"', '"it\'s"'),
        ("'say \"hi\"'", "'say \"hi\"'"),
        ("'both \\' and \"'", "'both \\' and \"'"),
        ("'a\\nb\\tc'", "'a\\nb\\tc'"),
        ('"it\'s\\n\\t"', '"it\'s\\n\\t"'),
        ("'back\\\\slash'", "'back\\\\slash'"),
        ("'한국어 🎉'", "'한국어 🎉'"),
        ("object.__name__ if False else Ellipsis", "Ellipsis"),
    ],
)
def test_result_looks_as_in_a_local_kernel(kernel: Kernel, code: str, shown: str) -> None:
    ran = kernel.run(code)
    assert ran.kinds == ["execute_result"]
    assert ran.result == shown
    assert ran.of("execute_result")[0]["execution_count"] == ran.reply["execution_count"]


@pytest.mark.parametrize("code", ["None", "x = 1", "6 * 7;", "# only a comment", "  \n", ""])
def test_nothing_is_shown_where_there_is_no_result(kernel: Kernel, code: str) -> None:
    ran = kernel.run(code)
    assert ran.status == "ok"
    assert ran.outputs == []


def test_repr_that_spans_lines_keeps_them(kernel: Kernel) -> None:
    ran = kernel.run("['x' * 30] * 5")
    assert ran.result is not None
    quoted = repr("x" * 30)
    assert ran.result == "[" + ",\n ".join([quoted] * 5) + "]"


def test_plot_is_one_png_with_its_size(kernel: Kernel) -> None:
    ran = kernel.run(
        "import matplotlib.pyplot as plt\n"
        "print('drawing')\n"
        "plt.figure(figsize=(3, 2), dpi=100)\n"
        "plt.plot([1, 2])\n"
        "plt.show()"
    )
    assert ran.kinds == ["stdout", "display_data"]
    content = png_of(ran)
    with Image.open(io.BytesIO(base64.b64decode(content["data"]["image/png"]))) as image:
        assert image.format == "PNG"
        size = image.size
    assert content["metadata"]["image/png"] == {"width": size[0], "height": size[1]}
    assert "text/plain" in content["data"]


def test_error_is_one_message_with_a_coloured_traceback(kernel: Kernel) -> None:
    ran = kernel.run("print('before')\ndef f():\n    1 / 0\nf()")
    assert ran.status == "error"
    assert ran.kinds == ["stdout", "error"]
    assert (ran.ename, ran.evalue) == ("ZeroDivisionError", "division by zero")
    assert "\x1b[31mZeroDivisionError\x1b[0m: division by zero" in ran.reply["traceback"][0]
    assert "1 / 0" in ran.traceback
    assert "Traceback (most recent call last)" in ran.traceback


def test_stderr_before_an_error_stays_a_stream(kernel: Kernel) -> None:
    ran = kernel.run(
        "import sys\nprint('careful', file=sys.stderr)\nraise ValueError('two\\nlines')"
    )
    assert ran.kinds == ["stderr", "error"]
    assert ran.stderr == "careful\n"
    assert (ran.ename, ran.evalue) == ("ValueError", "two\nlines")


@pytest.mark.parametrize(
    ("code", "ename", "evalue"),
    [
        ("raise ValueError", "ValueError", ""),
        ("{}['a']", "KeyError", "'a'"),
        ("class MyOwn(Exception): pass\nraise MyOwn('mine')", "MyOwn", "mine"),
        ("try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('b')", "ValueError", "b"),
        (
            "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e",
            "ValueError",
            "b",
        ),
        ("def f(:\n    pass", "SyntaxError", "invalid syntax"),
        ("if True:\npass", "IndentationError", "expected an indented block"),
        ("raise ValueError('see: ValueError: x\\nValueError: y')", "ValueError", "see: "),
        ("import no_such_module", "ModuleNotFoundError", "No module named 'no_such_module'"),
        ("assert False, 'why'", "AssertionError", "why"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("%no_such_magic", "UsageError", ""),
    ],
)
def test_error_has_the_name_and_value_of_the_exception(
    kernel: Kernel, code: str, ename: str, evalue: str
) -> None:
    ran = kernel.run(code)
    assert ran.status == "error"
    assert ran.kinds[-1] == "error"
    assert ran.ename == ename
    assert ran.evalue.startswith(evalue)


def test_long_output_is_cut_with_a_notice_where_the_version_cannot_ask_for_more(
    local_pool: object, start_kernel: KernelStarter
) -> None:
    kernel = start_kernel(local_pool, ACA_API_VERSION="2024-02-02-preview")
    ran = kernel.run("print('x' * 5000)")
    assert ran.kinds == ["stdout", "display_data"]
    assert ran.stdout == "x" * 4096
    assert "4,096 characters" in ran.displayed
    assert kernel.run("print('x' * 4000)").kinds == ["stdout"]
    assert kernel.run("6 * 7").result == "42"
    ran = kernel.run("raise ValueError('y' * 5000)")
    assert ran.ename == "ValueError" or ran.ename == "ExecutionFailed"
    assert ran.status == "error"


def test_long_output_is_whole_where_the_version_can_ask_for_it(kernel: Kernel) -> None:
    ran = kernel.run("print('x' * 5000)")
    assert ran.kinds == ["stdout"]
    assert ran.stdout == "x" * 5000 + "\n"
