"""Cost grows with work, never with history. Counts only: calls and bytes, never times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.faults.proxy import Call, Proxy

from .driver import LINKED, Kernel, Pool, wait_for

CELLS = 2000
AT_ONCE = 100
FEW, MANY = 100, 10_000


def calls_of(kernel: Kernel, proxy: Proxy, code: str, cells: int = 1) -> list[Call]:
    """The calls that so many cells with this code make."""
    before = len(proxy.calls)
    for message in [kernel.send(code) for _ in range(cells)]:
        assert kernel.finish(message).status == "ok"
    return proxy.calls[before:]


def test_a_warm_cell_is_one_call(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    for _ in range(5):
        (call,) = calls_of(kernel, proxy, "6*7")
        assert call.operation == "executions"
        assert call.sent < 2000
        assert call.received < 4000


def test_a_completion_is_one_call(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    calls_of(kernel, proxy, "value_of_mine = 1")
    before = len(proxy.calls)
    asked = {"code": "value_of_mi", "cursor_pos": 11}
    assert kernel.ask("complete_request", asked)["matches"] == ["value_of_mine"]
    assert len(proxy.calls) == before + 1


def test_what_a_front_end_asks_beside_cells_makes_no_call(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    before = len(proxy.calls)
    for _ in range(20):
        kernel.ask("kernel_info_request", {})
        kernel.ask("is_complete_request", {"code": "for i in range(3):"})
        kernel.ask("comm_info_request", {})
    assert len(proxy.calls) == before


def test_the_last_of_2000_cells_costs_what_the_first_did(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    code = "print('x' * 100); len('abc')"
    first = calls_of(kernel, proxy, code, AT_ONCE)
    for _ in range(CELLS // AT_ONCE - 2):
        calls_of(kernel, proxy, code, AT_ONCE)
    last = calls_of(kernel, proxy, code, AT_ONCE)
    assert len(last) <= len(first)
    for bytes_of in (lambda call: call.sent, lambda call: call.received):
        # Counters have more digits in the end.
        assert sum(map(bytes_of, last)) < sum(map(bytes_of, first)) + 60 * AT_ONCE


def test_a_display_that_cannot_be_compressed_crosses_once(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    code = "import base64, os; text = base64.b64encode(os.urandom(6_000_000)).decode(); "
    code += "from IPython.display import display; display({'text/plain': text}, raw=True)"
    calls = calls_of(kernel, proxy, code)
    assert 8_000_000 < sum(call.received for call in calls) < 8_100_000
    assert len(calls) <= 6


def test_a_listing_costs_what_its_files_do(counted: tuple[Kernel, Proxy]) -> None:
    kernel, proxy = counted
    make = "for i in range({}): open(f'/mnt/data/file-{{i:05}}', 'w').close()"
    calls_of(kernel, proxy, make.format(FEW))
    few = calls_of(kernel, proxy, "%files")
    calls_of(kernel, proxy, make.format(MANY))
    many = calls_of(kernel, proxy, "%files")
    assert len(many) == len(few)
    total = sum(call.received for call in many)
    assert total <= 1.1 * sum(call.received for call in few) * MANY / FEW


def test_prewarm_has_a_head_start(local_pool: Pool, tmp_path: Path) -> None:
    with Proxy(local_pool.endpoint) as proxy:
        environment = LINKED | {
            "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
            "ACA_PREWARM": "1",
        }
        kernel = Kernel(environment, tmp_path / "kernel").start()
        try:
            wait_for(lambda: proxy.count() >= 3, "the head start, the hello and what proves it")
            ran = kernel.run("6*7")
            assert (ran.result, ran.displayed) == ("42", "")  # it is nobody's living session
        finally:
            kernel.close()
    assert {call.method for call in proxy.calls if call.operation == "session"} >= {"DELETE"}


def test_what_kernel_info_needs_is_imported_before_it_and_no_more() -> None:
    code = "import sys, aca_kernel.jupyter.app, aca_kernel.jupyter.kernel; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    late = {"requests", "urllib3", "azure.identity", "PIL", "nh3", "markdown_it", "tqdm"}
    late |= {"aca_kernel.magics", "aca_kernel.outputs.policy"}
    assert not late & set(ran.stdout.split())
