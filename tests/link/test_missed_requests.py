"""Requests that come while a reply is on its way, to the kernels that are started here.

ipykernel 7 before 7.4 does not see them. It is the newest for Python 3.10.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from aca_kernel.guest.guest_kernel import LAUNCH
from aca_kernel.localpool import session_start
from tests.pythons import NoInterpreter, interpreter

REQUESTS = 1000
GUEST = ["-c", LAUNCH]
SESSION = [str(session_start.__file__), "-", "/", "-m", "ipykernel_launcher"]


@pytest.mark.parametrize("arguments", [GUEST, SESSION], ids=["guest", "session"])
def test_no_request_is_missed(arguments: list[str], tmp_path: Path) -> None:
    try:
        python = interpreter("{}.{}".format(*sys.version_info), "7.3")
    except NoInterpreter as why:
        pytest.skip(str(why))
    file, _ = write_connection_file(str(tmp_path / "c.json"), ip=str(tmp_path), transport="ipc")
    kernel = subprocess.Popen([str(python), *arguments, "-f", file], cwd=tmp_path)
    client = BlockingKernelClient(connection_file=file)
    try:
        client.load_connection_file()
        client.start_channels(hb=False, stdin=False, control=False)
        client.kernel_info()
        client.get_shell_msg(timeout=60)
        sent = answered = 0
        while answered < REQUESTS:
            while sent < min(answered + 2, REQUESTS):  # one comes when the other is answered
                client.kernel_info()
                sent += 1
                end = time.perf_counter() + sent % 20 / 10_000
                while time.perf_counter() < end:
                    pass
            assert client.shell_channel.socket.poll(20_000, zmq.POLLIN), f"none after {answered}"
            client.get_shell_msg()
            answered += 1
    finally:
        client.stop_channels()
        kernel.kill()
        kernel.wait()
