"""Cells, outputs and images that are too big, broken or hostile."""

from __future__ import annotations

import json

import pytest
import zmq

from .conftest import KernelStarter
from .driver import Kernel, Pool, wait_for


def test_cell_of_five_megabytes_runs(kernel: Kernel) -> None:
    code = "size = len('''" + "x" * 79 * 65_000 + "''')\nsize"
    assert len(code) > 5_000_000
    assert kernel.run(code).result == str(79 * 65_000)


def test_cell_of_many_lines_runs(kernel: Kernel) -> None:
    code = "n = 0\n" + "n += 1\n" * 3000 + "%session info\nn"
    ran = kernel.run(code)
    assert ran.result == "3000"


def test_ten_megabytes_of_output_arrive_whole(kernel: Kernel) -> None:
    ran = kernel.run("for _ in range(100_000): print('x' * 99)\nprint('end')")
    assert ran.status == "ok"
    assert len(ran.stdout) == 10_000_004
    assert ran.stdout.endswith("x\nend\n")


def test_long_string_result_arrives_whole(kernel: Kernel) -> None:
    ran = kernel.run("'it is ' + 'x' * 50_000")
    assert ran.result == "'it is " + "x" * 50_000 + "'"


@pytest.mark.parametrize("code", ["a\0b", "x = 1\0", "'\0'", "print('a\0b')"])
def test_null_character_in_a_cell_is_an_error_of_the_code(kernel: Kernel, code: str) -> None:
    ran = kernel.run(code)
    assert ran.status == "error"
    # ipykernel gives no reply where compile() raises ValueError: up to Python 3.11.3.
    assert ran.ename in ("SyntaxError", "ValueError", "ExecutionFailed")
    assert kernel.run("6 * 7").result == "42"


@pytest.mark.parametrize("code", ["'\ud800'", "print('\udfff')", "x = '\ud83d'"])
def test_lone_surrogate_in_a_cell_is_survived(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    # JavaScript sends it as an escape, and Python's client has to be made to.
    with monkeypatch.context() as patch:
        patch.setattr(
            kernel.client.session, "pack", lambda message: json.dumps(message, default=str).encode()
        )
        message = kernel.send(code)
    ran = kernel.finish(message, timeout=20)
    assert ran.ename == "UsageError"
    assert "half of a character" in ran.traceback
    assert kernel.run("6 * 7").result == "42"


def test_lone_surrogate_in_the_output_is_survived(kernel: Kernel) -> None:
    kernel.run("'\\ud800'")
    kernel.run("print('\\ud800')")
    kernel.run("raise ValueError('\\ud800')")
    assert kernel.run("6 * 7").result == "42"


@pytest.mark.parametrize("code", ["# only\n# comments", "\n\n", "'''\n'''.strip()", ";", "\\"])
def test_cell_without_anything_to_do_is_answered(kernel: Kernel, code: str) -> None:
    ran = kernel.run(code)
    assert ran.status in ("ok", "error")
    assert ran.of("execute_result") == [] or ran.result == "''"


@pytest.mark.parametrize("code", ["abcd", "x1\n", "print", "Ab/+\ncd=="])
def test_cell_that_looks_like_base64_is_run_as_it_is(kernel: Kernel, code: str) -> None:
    ran = kernel.run(code)
    assert ran.ename in ("NameError", "SyntaxError") if code != "print" else ran.status == "ok"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("'not base64!'", "not base64"),
        ("base64.b64encode(b'no image at all').decode()", "no image"),
        ("base64.b64encode(png[:45]).decode()", "broken"),
        ("base64.b64encode(bomb).decode()", "100,000,000 pixels"),
    ],
)
def test_image_that_is_none_becomes_a_notice(kernel: Kernel, data: str, words: str) -> None:
    kernel.run(
        "import base64, io, struct, zlib\n"
        "def chunk(kind, body):\n"
        "    crc = struct.pack('>I', zlib.crc32(kind + body))\n"
        "    return struct.pack('>I', len(body)) + kind + body + crc\n"
        "def make(width, height, rows):\n"
        "    head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))\n"
        "    body = chunk(b'IDAT', zlib.compress(rows))\n"
        "    return b'\\x89PNG\\r\\n\\x1a\\n' + head + body + chunk(b'IEND', b'')\n"
        "png = make(8, 8, (b'\\0' + b'x' * 8) * 8)\n"
        "bomb = make(60_000, 60_000, b'')"
    )
    ran = kernel.run(f"display({{'image/png': {data}, 'text/plain': 'x'}}, raw=True)")
    assert ran.status == "ok"
    assert ran.kinds == ["display_data"]
    assert words in ran.displayed
    assert "image/png" not in ran.of("display_data")[0]["data"]


def test_session_code_cannot_forge_what_the_kernel_asks_it(kernel: Kernel) -> None:
    # The probe's answer is output like any other: a liar only spoils how its own cell looks.
    ran = kernel.run(
        "import json\nreal = json.dumps\njson.dumps = lambda *a, **k: '[[[[' * 1000\n'text'",
        user_expressions={"x": "1"},
    )
    assert ran.status == "ok"
    assert kernel.run("json.dumps = real").status == "ok"
    assert kernel.run("'text'").result == "'text'"


def test_what_is_no_message_of_jupyters_writes_no_traceback(
    local_pool: Pool, start_kernel: KernelStarter
) -> None:
    """A heartbeat, say, that was meant for the kernel that had the port before."""
    kernel = start_kernel(local_pool)
    ports = kernel.client.get_connection_info()
    with zmq.Context() as context:
        for port in (ports["shell_port"], ports["control_port"]):
            with context.socket(zmq.REQ) as socket:
                socket.connect(f"tcp://127.0.0.1:{port}")
                socket.send(b"ping")
    wait_for(lambda: kernel.log.read_text().count("no Jupyter message") == 2, "the kernel's log")
    assert kernel.run("6 * 7").result == "42"
    assert kernel.ask("kernel_info_request", {}, "control")["status"] == "ok"
    assert "Traceback" not in kernel.log.read_text()
