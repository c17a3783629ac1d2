"""Jupyter's own conformance suite: for what direct mode can do, and in full in linked mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupyter_kernel_test
import pytest

from .driver import AZURE, DIRECT, LINKED, Pool, reach

# What linked mode brings: they need the names that live in the session.
_LATER = {"test_completion", "test_history", "test_inspect", "test_pager", "test_clear_output"}


@pytest.fixture(scope="class", autouse=True)
def _environment(
    request: pytest.FixtureRequest, local_pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What the suite's own way to start a kernel passes on."""
    with pytest.MonkeyPatch.context() as patch:
        mode = getattr(request.cls, "mode", DIRECT)
        for name, value in (reach(local_pool) | mode).items():
            patch.setenv(name, value)
        patch.chdir(tmp_path_factory.mktemp("suite"))
        assert Path.cwd().is_dir()
        yield


class _Samples(jupyter_kernel_test.KernelTests):  # type: ignore[misc]
    __test__ = False
    kernel_name = AZURE
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys\nprint('test', file=sys.stderr)"
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x * 2\n\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x * 2"]
    invalid_code_samples = ["import = 7q"]
    code_generate_error = "raise ValueError('on purpose')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'text'", "result": "'text'"},
    ]
    code_display_data = [
        {
            "code": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
            "mime": "image/png",
        }
    ]

    def test_every_reply_that_an_editor_asks_for_has_the_right_shape(self) -> None:
        requests: tuple[tuple[Any, str], ...] = (
            (lambda: self.kc.complete("impor", 5), "complete_reply"),
            (lambda: self.kc.inspect("len", 3), "inspect_reply"),
            (lambda: self.kc.inspect("%upload", 4), "inspect_reply"),
            (lambda: self.kc.history(hist_access_type="tail", n=3), "history_reply"),
            (lambda: self.kc.comm_info(), "comm_info_reply"),
            (lambda: self.kc.kernel_info(), "kernel_info_reply"),
        )
        for request, reply in requests:
            self.flush_channels()
            message = request()
            answer = self.kc.get_shell_msg(timeout=jupyter_kernel_test.TIMEOUT)
            jupyter_kernel_test.validate_message(answer, reply, message)


class TestDirect(_Samples):
    __test__ = True
    mode = DIRECT


for _name in _LATER:
    # Removed rather than skipped: a skip would be reported as a test that could run.
    setattr(TestDirect, _name, None)


class TestLinked(_Samples):
    __test__ = True
    mode = LINKED

    @classmethod
    def setUpClass(cls) -> None:
        """Wait until completion answers in time: the first ones load jedi in the session."""
        super().setUpClass()
        while not cls.kc.complete("zi", reply=True, timeout=60)["content"]["matches"]:
            continue

    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    code_page_something = "len?"
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"
    supported_history_operations = ("tail", "search")
    code_history_pattern = "6*7"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):  # type: ignore[misc]
    kernel_name = AZURE
    support_iopub_welcome = True
