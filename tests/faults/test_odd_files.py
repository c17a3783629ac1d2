"""Files to and from services that say less than ours, say it late, or say it otherwise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aca_kernel.errors import AcaKernelError, PayloadTooLarge, TransferError
from tests.conftest import PoolStarter, RunningPool
from tests.unit.magics_bench import Bench, open_bench

from .proxy import Call, Proxy

Alter = Callable[[Call, int, bytes], "tuple[int, bytes]"]
CONTENT = bytes(range(256)) * 40


@dataclass
class Odd:
    """A bench whose pool is behind a proxy."""

    bench: Bench
    proxy: Proxy

    def executions(self) -> int:
        return self.proxy.count("executions")


@pytest.fixture
def odd(local_pool: RunningPool, tmp_path: Path) -> Iterator[Odd]:
    with Proxy(local_pool.endpoint) as proxy:
        reached = RunningPool(proxy.endpoint, local_pool.token, None, local_pool.process)
        with open_bench(reached, tmp_path) as bench:
            (bench.root / "data.bin").write_bytes(CONTENT)
            yield Odd(bench, proxy)


def kind(call: Call) -> str:
    """What a file call asks for: upload, list, metadata, content, delete; else ``other``."""
    parts = urlsplit(call.target).path.partition("/files")[2].strip("/").split("/")
    if "/files" not in call.target:
        return "other"
    if call.method == "POST":
        return "upload"
    if parts == [""]:
        return "list"
    if call.method == "DELETE":
        return "delete"
    return "content" if parts[-1] == "content" else "metadata"


def on(kinds: str, change: Callable[[int, bytes], tuple[int, bytes]]) -> Alter:
    """Change the answers to calls of some kinds."""
    return lambda call, status, body: (
        change(status, body) if kind(call) in kinds.split() else (status, body)
    )


def gone(_: int, __: bytes) -> tuple[int, bytes]:
    return 404, b'{"error": {"code": "NotFound", "message": "no such route"}}'


def not_allowed(_: int, __: bytes) -> tuple[int, bytes]:
    return 405, b""


def sized(size: object) -> Callable[[int, bytes], tuple[int, bytes]]:
    """Every size of an answer becomes ``size``, or is left out when that is ..."""

    def change(status: int, body: bytes) -> tuple[int, bytes]:
        def hook(fields: dict[str, object]) -> dict[str, object]:
            if size is ...:
                return {k: v for k, v in fields.items() if k != "sizeInBytes"}
            return {k: size if k == "sizeInBytes" else v for k, v in fields.items()}

        return status, json.dumps(json.loads(body, object_hook=hook)).encode()

    return change


def wrapped(status: int, body: bytes) -> tuple[int, bytes]:
    return status, json.dumps({"$values": [json.loads(body)]}).encode()


def bare(status: int, body: bytes) -> tuple[int, bytes]:
    return status, json.dumps([json.loads(body)]).encode()


ODDITIES: dict[str, Alter] = {
    "metadata are no route": on("metadata", gone),
    "metadata are not allowed": on("metadata", not_allowed),
    "metadata and listing are no routes": on("metadata list", gone),
    "no size": on("metadata list upload", sized(...)),
    "size null": on("metadata list upload", sized(None)),
    "size 0": on("metadata list upload", sized(0)),
    "upload answered 204": on("upload", lambda *_: (204, b"")),
    "upload answered by nothing": on("upload", lambda *_: (200, b"")),
    "upload answered by text": on("upload", lambda *_: (200, b"fine")),
    "upload answered in $values": on("upload", wrapped),
    "upload answered by a list": on("upload metadata", bare),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_a_file_goes_there_and_back_whatever_the_service_says_of_it(odd: Odd, oddity: str) -> None:
    odd.proxy.alter = ODDITIES[oddity]
    bench = odd.bench
    bench.run("upload", "data.bin")
    assert bench.text == "data.bin → /mnt/data/data.bin  10.2 kB\n"
    bench.run("download", "data.bin --to back")
    assert "/mnt/data/data.bin → back/data.bin  10.2 kB" in bench.text
    assert (bench.root / "back/data.bin").read_bytes() == CONTENT
    bench.run("upload", "data.bin --to deep")
    odd.proxy.alter = None
    assert sorted(bench.remote()) == ["data.bin", "deep/data.bin"]


def test_a_size_that_is_wrong_is_told_by_a_download_only(odd: Odd) -> None:
    odd.proxy.alter = on("metadata list upload", sized(7))
    odd.bench.run("upload", "data.bin")
    assert odd.bench.text == "data.bin → /mnt/data/data.bin  10.2 kB\n"
    with pytest.raises(TransferError, match="The service said that the file has 7 bytes"):
        odd.bench.run("download", "data.bin --to back")
    assert list((odd.bench.root / "back").iterdir()) == []


def test_a_service_that_is_seconds_behind_is_waited_for(odd: Odd) -> None:
    seen: dict[str, float] = {}

    def late(call: Call, status: int, body: bytes) -> tuple[int, bytes]:
        if kind(call) == "upload":
            seen["at"] = time.monotonic()
        is_early = time.monotonic() < seen.get("at", 0) + 2
        if is_early and kind(call) in ("metadata", "list", "content"):
            return gone(status, body)
        return status, body

    odd.proxy.alter = late
    odd.bench.run("upload", "data.bin")
    odd.bench.run("download", "data.bin --to back")
    assert (odd.bench.root / "back/data.bin").read_bytes() == CONTENT


def test_an_ordinary_transfer_costs_no_call_of_the_session(odd: Odd) -> None:
    odd.bench.run("upload", "data.bin")
    odd.bench.run("download", "data.bin --to back")
    kinds = [kind(call) for call in odd.proxy.calls]
    assert kinds == ["upload", "metadata", "metadata", "metadata", "content"]


def test_a_file_that_is_not_there_is_told_at_once(odd: Odd) -> None:
    with pytest.raises(TransferError, match=r"There is no file nowhere\.csv in the session"):
        odd.bench.run("download", "nowhere.csv")


def test_an_upload_that_was_taken_and_lost_is_told(odd: Odd) -> None:
    def lose(call: Call, body: bytes) -> bytes:
        return body.replace(b'filename="data.bin"', b'filename="elsewhere"').replace(
            CONTENT[:64], bytes(64)
        )

    odd.proxy.alter_request = lose
    odd.proxy.alter = on("upload", lambda *_: (204, b""))
    with pytest.raises(TransferError, match="10240 bytes were sent, the session has nothing"):
        odd.bench.run("upload", "data.bin")


@pytest.mark.parametrize("is_told", [True, False])
def test_a_name_that_the_service_changed_is_believed(odd: Odd, is_told: bool) -> None:
    odd.proxy.alter_request = lambda _, body: body.replace(
        b'filename="data.bin"', b'filename="data (1).bin"'
    )
    if not is_told:
        odd.proxy.alter = on("upload", lambda *_: (204, b""))
    odd.bench.run("upload", "data.bin")
    assert odd.bench.text == "data.bin → /mnt/data/data (1).bin  10.2 kB\n"
    assert odd.bench.remote() == ["data (1).bin"]


@pytest.mark.parametrize("is_told", [True, False])
def test_later_steps_use_the_name_that_the_service_gave(odd: Odd, is_told: bool) -> None:
    odd.proxy.alter_request = lambda call, body: (
        body.replace(b'filename="aca-', b'filename="ACA-') if kind(call) == "upload" else body
    )
    if not is_told:
        odd.proxy.alter = on("upload", lambda *_: (204, b""))
    (odd.bench.root / "set").mkdir()
    for name in ("a.csv", "b.csv"):  # the same bytes, as each part of data.bin has
        (odd.bench.root / "set" / name).write_bytes(b"a")
    odd.bench.client.upload_limit = 4096
    odd.bench.run("upload", "-r set data.bin")
    assert sorted(odd.bench.remote()) == ["data.bin", "set/a.csv", "set/b.csv"]
    assert odd.bench.python(
        "import hashlib; print(len(open('/mnt/data/data.bin', 'rb').read()))"
    ) == str(len(CONTENT))


def test_a_lost_answer_does_not_send_the_file_twice(odd: Odd) -> None:
    odd.proxy.play(["502 after"])
    odd.bench.run("upload", "data.bin")
    assert [kind(call) for call in odd.proxy.calls] == ["upload", "other"]
    assert odd.bench.remote() == ["data.bin"]


def test_a_file_of_the_same_size_that_was_there_is_not_taken_for_the_lost_one(odd: Odd) -> None:
    odd.bench.run("upload", "data.bin")
    (odd.bench.root / "data.bin").write_bytes(CONTENT[::-1])
    odd.proxy.play(["reset before"])
    odd.bench.run("upload", "data.bin")
    odd.bench.run("download", "data.bin --to back")
    assert (odd.bench.root / "back/data.bin").read_bytes() == CONTENT[::-1]


def test_a_delete_that_was_lost_has_deleted(odd: Odd) -> None:
    odd.bench.run("upload", "data.bin")
    odd.proxy.play(["reset after", *["503"] * 6])
    odd.bench.run("files", "--delete data.bin")
    assert odd.bench.text == "deleted /mnt/data/data.bin\n"


def test_an_outage_is_told_in_a_line_and_the_transfer_goes_on(odd: Odd) -> None:
    odd.proxy.play(["503 page"] * 6)
    odd.bench.run("upload", "data.bin")
    lines = [bundle["text/plain"] for bundle in odd.bench.displays]
    assert "Trying again" in lines[0]
    assert any("The pool answers again after " in line for line in lines)
    assert odd.bench.remote() == ["data.bin"]


def test_an_outage_that_lasts_ends_with_how_long_it_was_tried(
    odd: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(odd.bench.session, "outage_tolerance", 1.5)
    odd.proxy.play(["503 page"] * 100)
    with pytest.raises(AcaKernelError, match=r"It was tried for \d s\.") as failed:
        odd.bench.run("upload", "data.bin")
    assert "code" not in failed.value.left
    odd.proxy.play([])


@pytest.fixture
def narrow(start_pool: PoolStarter, tmp_path: Path) -> Iterator[Bench]:
    """Give a bench whose pool takes 2 MB in one upload."""
    with open_bench(start_pool("--max-upload-size", "2000000"), tmp_path) as bench:
        yield bench


def test_a_lower_limit_is_learned_and_remembered(narrow: Bench) -> None:
    content = bytes(range(250)) * 36_000
    (narrow.root / "big.bin").write_bytes(content)
    narrow.run("upload", "big.bin")
    assert narrow.client.upload_limit < 2_000_000
    narrow.run("upload", "big.bin --to deep --as again.bin")
    assert sorted(narrow.remote()) == ["big.bin", "deep/again.bin"]
    narrow.run("download", "big.bin deep/again.bin --to back")
    assert (narrow.root / "back/big.bin").read_bytes() == content
    assert (narrow.root / "back/again.bin").read_bytes() == content


def test_a_service_that_takes_nothing_says_so(start_pool: PoolStarter, tmp_path: Path) -> None:
    with open_bench(start_pool("--max-upload-size", "1000"), tmp_path) as bench:
        (bench.root / "big.bin").write_bytes(bytes(200_000))
        with pytest.raises(PayloadTooLarge):
            bench.run("upload", "big.bin")
        assert bench.remote() == []
