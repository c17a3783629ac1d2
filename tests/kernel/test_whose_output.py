"""Output belongs to the cell that made it, and to that alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .driver import LINKED, Kernel, Pool, Ran, reach

FULL = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
held = []
try:
    while True: held.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    print(error.errno)
"""


@pytest.fixture(scope="module")
def linked(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel in linked mode."""
    kernel = Kernel(LINKED | reach(local_pool), tmp_path_factory.mktemp("whose")).start()
    assert kernel.run("import asyncio, os, subprocess").status == "ok"
    yield kernel
    kernel.close()


def test_what_is_written_to_a_file_descriptor_is_the_cells_own(linked: Kernel) -> None:
    shown = [linked.run(f"_ = os.write(1, b'{n}\\n')").stdout for n in range(20)]
    assert shown == [f"{n}\n" for n in range(20)]


def test_what_a_child_writes_is_the_cells_own(linked: Kernel) -> None:
    for n in range(10):
        ran = linked.run(f"_ = subprocess.run(['sh', '-c', 'echo out {n}; echo err {n} >&2'])")
        assert (ran.stdout, ran.stderr) == (f"out {n}\n", f"err {n}\n")


def test_much_text_in_utf_8_comes_whole_through_a_file_descriptor(linked: Kernel) -> None:
    assert linked.run("_ = os.write(1, 'é🎉'.encode() * 30_000)").stdout == "é🎉" * 30_000


def test_a_child_that_never_stops_writing_holds_no_cell_up(linked: Kernel) -> None:
    code = "while true; do echo y; sleep 0.001; done"
    begun = linked.run(f"flood = subprocess.Popen(['sh', '-c', {code!r}]); 1")
    assert begun.seconds < 5
    ended = linked.run("flood.kill(); flood.wait()")
    assert ended.status == "ok"
    assert ended.seconds < 10
    assert linked.run("6 * 7").result == "42"


def test_a_print_without_a_free_descriptor_comes_at_once(
    local_pool: Pool, tmp_path: pytest.TempPathFactory
) -> None:
    kernel = Kernel(LINKED | reach(local_pool), tmp_path).start()  # type: ignore[arg-type]
    try:
        assert kernel.run("1").result == "1"
        ran = kernel.run(FULL)  # nothing was printed before
        assert ran.stdout == "24\n"
        assert ran.seconds < 3
        assert kernel.run("for one in held: os.close(one)").status == "ok"
    finally:
        kernel.close()


def test_a_tasks_output_stands_under_the_cell_that_began_it(linked: Kernel) -> None:
    first = linked.send(
        "async def talk():\n"
        "    for n in range(3):\n"
        "        await asyncio.sleep(0.1)\n"
        "        print('task', n)\n"
        "task = asyncio.create_task(talk())\nprint('begun')"
    )
    second = linked.send("await task\nprint('second')")
    assert linked.finish(second).stdout == "second\n"
    assert linked.finish(first).stdout == "begun\ntask 0\ntask 1\ntask 2\n"


WIDGET = """
import ipywidgets
from IPython.display import clear_output, display
out = ipywidgets.Output()
print('before')
with out:
    print('first')
print('between')
with out:
    clear_output(wait={wait})
    print('second')
"""


def visible(ran: Ran) -> list[str]:
    """What a front end shows in the end: the text of streams and displays."""
    shown: list[str] = []
    waits = False
    for output in ran.outputs:
        if output["msg_type"] == "clear_output":
            waits = bool(output["content"]["wait"])
            shown = shown if waits else []
            continue
        if waits:
            shown, waits = [], False
        content = output["content"]
        shown.append(content.get("text") or content["data"]["text/plain"])
    return "".join(shown).splitlines()


@pytest.mark.parametrize("wait", [True, False])
def test_an_output_widgets_clear_output_leaves_the_cell_alone(linked: Kernel, wait: bool) -> None:
    assert visible(linked.run(WIDGET.format(wait=wait))) == ["before", "between", "second"]


def test_a_cells_own_clear_output_takes_everything(linked: Kernel) -> None:
    ran = linked.run(WIDGET.format(wait=True) + "clear_output()\nprint('alone')")
    assert visible(ran) == ["alone"]


def test_rich_progress_leaves_what_was_printed_before(linked: Kernel) -> None:
    shown = visible(
        linked.run(
            "from rich.progress import track\nprint('a table', flush=True)\n"
            "for n in track(range(3), refresh_per_second=100): pass"
        )
    )
    assert shown[0] == "a table", shown
    assert "100%" in "".join(shown)


def test_output_comes_while_the_cell_waits_for_the_user(linked: Kernel) -> None:
    cell = (
        "import threading\n"
        "threading.Timer(0.5, print, ('while it waits',)).start()\n"
        "name = input('who? ')"
    )
    message = linked.send(cell, allow_stdin=True)
    linked.wait_for_message(message, lambda m: m["content"].get("text") == "while it waits\n")
    linked.answer(message, "ada")
    assert linked.finish(message).status == "ok"
    assert linked.run("name").result == "'ada'"


def test_a_cell_that_waits_for_the_user_is_not_followed_for_ever_after_its_kernel_died(
    linked: Kernel,
) -> None:
    cell = "import os, threading\nthreading.Timer(0.3, os._exit, (3,)).start()\ninput('who? ')"
    message = linked.send(cell, allow_stdin=True)
    assert linked.finish(message).status == "error"
    assert linked.run("6 * 7").result == "42"
