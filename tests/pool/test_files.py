"""Transfers on a wire that fails, and how much memory they take."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import Any, Protocol

import pytest

from aca_kernel.errors import AnswerLost, NotFound, PayloadTooLarge, TransferError
from aca_kernel.pool import (
    UPLOAD_LIMIT,
    PoolClient,
    TokenSource,
    download,
    parse_endpoint,
    upload,
    upload_in_parts,
)

from .fault_server import Fault, FaultServer, Wire, answer, raw, reset

IDENTIFIER = "identifier-of-transfers"


class Pool(Protocol):
    endpoint: str
    token: str


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aca_kernel.pool.attempts._FIRST_PAUSE", 0.005)


def client_of(server: FaultServer, **options: Any) -> PoolClient:
    return PoolClient(parse_endpoint(server.url), TokenSource(token="token"), **options)


def metadata(size: int, name: str = "x.bin") -> Fault:
    return answer(200, {"name": name, "sizeInBytes": size, "directory": "."})


def content(data: bytes, **headers: str) -> Fault:
    return answer(200, data, headers)


def test_upload_on_the_wire() -> None:
    told = metadata(3, "한 #%&;.bin")
    with FaultServer(told, told) as server, client_of(server) as client:
        source = io.BytesIO(b"--abc--")
        source.seek(2)
        seen: list[tuple[int, int]] = []
        file = upload(
            client, IDENTIFIER, source, "한 #%&;.bin", size=3, directory="a/b",
            progress=lambda done, size: seen.append((done, size)),
        )  # fmt: skip
        assert file.size == 3
        assert seen[-1] == (3, 3)
        sent, asked = server.received
        assert sent.method == "POST"
        assert sent.target.startswith("/files?")
        assert sent.target.endswith("&path=a%2Fb")
        assert re.search(rb'\r\nContent-Disposition: form-data; name="file"; ', b"\r\n" + sent.body)
        assert 'filename="한 #%&;.bin"'.encode() in sent.body
        assert b"\r\n\r\nabc\r\n" in sent.body
        assert asked.target.startswith("/files/%ED%95%9C%20%23%25%26%3B.bin?")


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "", "a\nb"])
def test_illegal_name_is_refused_before_anything_is_sent(name: str) -> None:
    with FaultServer(metadata(0)) as server, client_of(server) as client:
        with pytest.raises(TransferError):
            upload(client, IDENTIFIER, io.BytesIO(), name, size=0)
        with pytest.raises(TransferError):
            download(client, IDENTIFIER, f"../{name}", io.BytesIO())
        with pytest.raises(TransferError):
            upload_in_parts(client, IDENTIFIER, io.BytesIO(), f"x/../{name}", size=0)
        assert server.received == []


def test_file_above_the_limit_is_refused_before_anything_is_sent() -> None:
    with FaultServer(metadata(0)) as server, client_of(server) as client:
        with pytest.raises(TransferError, match="bytes"):
            upload(client, IDENTIFIER, io.BytesIO(), "x", size=UPLOAD_LIMIT + 1)
        assert server.received == []


def test_service_that_takes_less_says_so() -> None:
    with FaultServer(answer(413)) as server, client_of(server) as client:
        with pytest.raises(PayloadTooLarge, match="larger than the service takes in one upload"):
            upload(client, IDENTIFIER, io.BytesIO(b"abc"), "x", size=3)
        assert len(server.received) == 1


@pytest.mark.parametrize("found", [metadata(2), answer(404)])
def test_upload_that_did_not_arrive_whole_is_told(found: Fault) -> None:
    with (
        FaultServer(metadata(3), found) as server,
        client_of(server) as client,
        pytest.raises(TransferError, match="did not arrive whole"),
    ):
        upload(client, IDENTIFIER, io.BytesIO(b"abc"), "x.bin", size=3)


def test_upload_is_never_sent_twice_after_a_lost_answer() -> None:
    with FaultServer(reset) as server, client_of(server) as client:
        with pytest.raises(AnswerLost):
            upload(client, IDENTIFIER, io.BytesIO(b"abc"), "x.bin", size=3)
        assert len(server.received) == 1


def test_refused_upload_is_sent_again_from_its_start() -> None:
    with FaultServer(answer(429), metadata(3)) as server, client_of(server) as client:
        upload(client, IDENTIFIER, io.BytesIO(b"abc"), "x.bin", size=3)
        assert [b"\r\n\r\nabc\r\n" in r.body for r in server.received] == [True, True, False]


def test_source_that_ends_early_is_told() -> None:
    with FaultServer(metadata(3)) as server, client_of(server) as client:
        with pytest.raises(TransferError, match="ended 2 bytes early"):
            upload(client, IDENTIFIER, io.BytesIO(b"a"), "x.bin", size=3)
        assert server.received == []


@pytest.mark.parametrize("error", [RuntimeError, ConnectionResetError, KeyboardInterrupt])
def test_progress_that_raises_ends_the_upload(error: type[BaseException]) -> None:
    def stop(done: int, size: int) -> None:
        raise error

    with FaultServer(metadata(3)) as server, client_of(server) as client:
        with pytest.raises(error):
            upload(client, IDENTIFIER, io.BytesIO(b"abc"), "x.bin", size=3, progress=stop)
        assert server.received == []


def test_broken_download_starts_again() -> None:
    whole = b"0123456789" * 10_000
    broken = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70_000)
    seen: list[int] = []
    target = io.BytesIO()
    with (
        FaultServer(metadata(len(whole)), broken, content(whole)) as server,
        client_of(server) as client,
    ):
        size = download(
            client, IDENTIFIER, "a/x.bin", target, progress=lambda done, _: seen.append(done)
        )
    assert size == len(whole)
    assert target.getvalue() == whole
    assert seen.count(0) == 2
    assert seen[-1] == size
    assert server.received[1].target.startswith("/files/x.bin/content?")
    assert server.received[1].target.endswith("&path=a")


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (3, content(b"abcd")),
        (3, content(b"ab")),
        (3, raw(b"HTTP/1.1 200 OK\r\n\r\nabcd")),
        (3, raw(b"HTTP/1.1 200 OK\r\n\r\nab")),
        (3, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"4\r\nabcd\r\n0\r\n\r\n")),
    ],
)  # fmt: skip
def test_size_that_lies_is_told(told: int, fault: Fault) -> None:
    with (
        FaultServer(metadata(told), fault) as server,
        client_of(server) as client,
        pytest.raises(TransferError, match="The service said"),
    ):
        download(client, IDENTIFIER, "x.bin", io.BytesIO())


def test_file_above_the_callers_limit_is_not_fetched() -> None:
    with FaultServer(metadata(4)) as server, client_of(server) as client:
        with pytest.raises(TransferError, match="above the limit"):
            download(client, IDENTIFIER, "x.bin", io.BytesIO(), limit=3)
        assert len(server.received) == 1


def test_missing_file_and_directory_are_not_downloaded() -> None:
    directory = answer(200, {"name": "x", "type": "Directory"})
    for fault in (answer(404), directory):
        with (
            FaultServer(fault) as server,
            client_of(server) as client,
            pytest.raises(NotFound, match="no such file"),
        ):
            download(client, IDENTIFIER, "x", io.BytesIO())


def test_full_disk_and_stopped_progress_come_out_of_a_download() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    def stop(done: int, size: int) -> None:
        if done:
            raise KeyboardInterrupt

    with FaultServer(metadata(3), content(b"abc")) as server, client_of(server) as client:
        with pytest.raises(OSError, match="No space"):
            download(client, IDENTIFIER, "x.bin", Full())
        assert len(server.received) == 2
    with (
        FaultServer(metadata(3), content(b"abc")) as server,
        client_of(server) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        download(client, IDENTIFIER, "x.bin", io.BytesIO(), progress=stop)


def test_failed_upload_in_parts_removes_what_it_left() -> None:
    """The second part is refused: the last call is the one that cleans up."""
    executed: list[str] = []

    def play(wire: Wire) -> bool:
        request = server.received[-1]
        if request.method == "GET":
            return metadata(2)(wire)
        if request.target.startswith("/executions"):
            code = json.loads(request.body)["code"]
            executed.append(code)
            mark = re.search(r"aca-kernel:[0-9a-f]{16}:", code)
            assert mark
            stdout = f"\n{mark[0]}{json.dumps({'done': True, 'value': None})}\n"
            return answer(200, {"status": "Succeeded", "result": {"stdout": stdout}})(wire)
        return (answer(413) if executed else metadata(2))(wire)

    with (
        FaultServer(play) as server,
        client_of(server) as client,
        pytest.raises(PayloadTooLarge),
    ):
        upload_in_parts(client, IDENTIFIER, io.BytesIO(b"abcd"), "x", size=4, part_size=2)
    assert len(executed) == 2
    assert '\\"do\\": \\"append\\"' in executed[0] or '"do": "append"' in executed[0]
    assert "remove" in executed[1]


_MEASURED = """
import sys, tempfile
from aca_kernel.pool import PoolClient, TokenSource, download, parse_endpoint, upload
import requests_toolbelt
endpoint, token, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
before = peak()
block = bytes(range(256)) * 4096
with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
    for _ in range(size // len(block)):
        source.write(block)
    source.seek(0)
    client = PoolClient(parse_endpoint(endpoint), TokenSource(token=token))
    print(upload(client, "memory-identifier", source, "big.bin", size=size).size)
    print(download(client, "memory-identifier", "big.bin", target))
    source.seek(0), target.seek(0)
    while piece := source.read(1 << 20):
        assert piece == target.read(1 << 20)
    print(client.delete_session("memory-identifier"))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_128_mb_go_there_and_back_in_constant_memory(local_pool: Pool) -> None:
    size = UPLOAD_LIMIT
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, local_pool.endpoint, local_pool.token, str(size)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    sent, fetched, deleted, extra = done.stdout.split()
    assert (sent, fetched, deleted) == (str(size), str(size), "True")
    assert int(extra) < 32 * 1024  # KiB
