"""The client against a real pool on this machine, in every api-version."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from aca_kernel.errors import (
    AuthenticationError,
    NotFound,
    PoolFull,
    TransferError,
    VersionLacks,
)
from aca_kernel.pool import (
    API_VERSIONS,
    DEFAULT_API_VERSION,
    PoolClient,
    TokenSource,
    download,
    parse_endpoint,
    place,
    upload,
    upload_in_parts,
)

LEGACY = "2024-02-02-preview"


class Pool(Protocol):
    endpoint: str
    token: str
    certificate: str | None


def connect(pool: Pool, version: str = DEFAULT_API_VERSION, **options: Any) -> PoolClient:
    return PoolClient(
        parse_endpoint(pool.endpoint),
        TokenSource(token=pool.token),
        api_version=version,
        ca_bundle=pool.certificate,
        **options,
    )


@pytest.fixture(params=API_VERSIONS)
def client(local_pool: Pool, request: pytest.FixtureRequest) -> Iterator[PoolClient]:
    with connect(local_pool, request.param) as client:
        yield client


@pytest.fixture
def newest(local_pool: Pool) -> Iterator[PoolClient]:
    with connect(local_pool) as client:
        yield client


@pytest.fixture
def identifier(local_pool: Pool) -> Iterator[str]:
    identifier = uuid.uuid4().hex
    yield identifier
    with connect(local_pool) as client:
        client.delete_session(identifier)


def test_life_of_a_session_in_every_version(client: PoolClient, identifier: str) -> None:
    done = client.execute(identifier, "x = 6 * 7\nprint('hello')\nx")
    assert (done.succeeded, done.stdout, done.result) == (True, "hello\n", 42)
    assert done.duration_ms is not None
    failed = client.execute(identifier, "1/0", timeout=30)
    assert (failed.succeeded, failed.result) == (False, None)
    assert "ZeroDivisionError" in failed.stderr

    data = b"0123456789\n" * 1000
    file = upload(client, identifier, io.BytesIO(data), "two words.txt", size=len(data))
    assert (file.path, file.size) == ("two words.txt", len(data))
    target = io.BytesIO()
    assert download(client, identifier, "two words.txt", target) == len(data)
    assert target.getvalue() == data
    assert "two words.txt" in [listed.name for listed in client.list_files(identifier)]

    assert client.delete_session(identifier) is True
    assert client.execute(identifier, "'x' in globals()").result in (False, "False")


def test_what_a_version_lacks_is_named(client: PoolClient, identifier: str) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "file_metadata": lambda: client.file_metadata(identifier, "x"),
        "delete_file": lambda: client.delete_file(identifier, "x"),
        "directories": lambda: list(client.list_files(identifier, "out")),
        "get_session": lambda: client.get_session(identifier),
        "list_sessions": lambda: list(client.list_sessions()),
        "metadata": client.metadata,
    }
    lacking = [name for name in calls if not client.supports(name)]
    for name in lacking:
        with pytest.raises(VersionLacks, match=client.api_version):
            calls[name]()
    assert len(lacking) == {LEGACY: 6, "2024-10-02-preview": 3}.get(client.api_version, 0)


def test_session_is_told_and_listed(newest: PoolClient, identifier: str) -> None:
    with pytest.raises(NotFound):
        newest.get_session(identifier)
    assert newest.delete_session(identifier) is False
    first = newest.execute(identifier, "1")
    session = newest.get_session(identifier)
    assert session.identifier == identifier
    assert session.etag
    assert session.cooldown_seconds == pytest.approx(300, abs=5)
    assert identifier in [listed.identifier for listed in newest.list_sessions()]
    assert first.session_guid
    assert newest.delete_session(identifier, timeout=10) is True
    second = newest.execute(identifier, "1")
    assert second.session_guid != first.session_guid
    assert newest.get_session(identifier).etag != session.etag


def test_pool_tells_its_runtime(newest: PoolClient) -> None:
    pool = newest.metadata()
    assert pool.runtimes
    assert pool.raw


@pytest.mark.parametrize("name", ["a#b%c&d;e=f.txt", "한국어.txt", "two words ^().txt", "@$,-_.x"])
def test_every_legal_name_makes_the_round_trip(
    newest: PoolClient, identifier: str, name: str
) -> None:
    upload(newest, identifier, io.BytesIO(b"x"), name, size=1)
    assert newest.file_metadata(identifier, name).name == name
    target = io.BytesIO()
    assert download(newest, identifier, name, target) == 1
    newest.delete_file(identifier, name)
    with pytest.raises(NotFound):
        newest.delete_file(identifier, name)
    with pytest.raises(NotFound):
        download(newest, identifier, name, target)


def test_empty_file_makes_the_round_trip(client: PoolClient, identifier: str) -> None:
    assert upload(client, identifier, io.BytesIO(), "empty", size=0).size == 0
    assert download(client, identifier, "empty", io.BytesIO(b"old")) == 0


@pytest.mark.parametrize("version", ["2024-10-02-preview", DEFAULT_API_VERSION])
def test_recursive_listing(local_pool: Pool, identifier: str, version: str) -> None:
    with connect(local_pool, version) as client:
        made = client.execute(
            identifier,
            "import os\nfor d in ('a/b', 'c'):\n"
            "    os.makedirs(f'/mnt/data/{d}')\n    open(f'/mnt/data/{d}/f.txt', 'w').close()",
        )
        assert made.succeeded, made.stderr
        files = list(client.list_files(identifier, recursive=True))
        assert {file.path: file.is_directory for file in files} == {
            "a": True, "a/b": True, "a/b/f.txt": False, "c": True, "c/f.txt": False,
        }  # fmt: skip
        assert [file.path for file in client.list_files(identifier, "a/b")] == ["a/b/f.txt"]


def test_file_in_parts_is_put_together_in_every_version(
    client: PoolClient, identifier: str
) -> None:
    """The user's state neither matters nor changes."""
    spoil = "import os\nos.makedirs('/tmp/else', exist_ok=True)\nos.chdir('/tmp/else')\nexec = 5"
    assert client.execute(identifier, spoil).succeeded
    before = client.execute(identifier, "print(sorted(n for n in dir() if n[0] != '_'))").stdout
    data = bytes(range(256)) * 40
    seen: list[tuple[int, int]] = []
    file = upload_in_parts(
        client, identifier, io.BytesIO(data), "deep/er/x.bin", size=len(data), part_size=3000,
        progress=lambda done, size: seen.append((done, size)),
    )  # fmt: skip
    assert (file.path, file.size) == ("deep/er/x.bin", len(data))
    assert seen[-1] == (len(data), len(data))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    check = "import hashlib as _h; _h.md5(open('/mnt/data/deep/er/x.bin','rb').read()).hexdigest()"
    import hashlib

    assert hashlib.md5(data).hexdigest() in str(client.execute(identifier, check).result)
    listed = client.execute(identifier, "import os as _o; print(_o.listdir('/mnt/data'))").stdout
    assert listed == "['deep']\n"
    after = client.execute(identifier, "print(sorted(n for n in dir() if n[0] != '_'))").stdout
    assert after == before


def test_stopped_upload_in_parts_leaves_nothing(newest: PoolClient, identifier: str) -> None:
    def stop(done: int, size: int) -> None:
        if done > 5000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_in_parts(
            newest, identifier, io.BytesIO(bytes(9000)), "x", size=9000, part_size=3000,
            progress=stop,
        )  # fmt: skip
    assert newest.execute(identifier, "__import__('os').listdir('/mnt/data')").result in ("[]", [])


def test_staged_files_are_placed_in_one_call(client: PoolClient, identifier: str) -> None:
    for name in ("s1", "s2"):
        upload(client, identifier, io.BytesIO(name.encode()), name, size=2)
    staged = {"s1": ("out/one.txt", 2), "s2": ("out/in/두.txt", 2)}
    assert place(client, identifier, staged) == {}
    assert place(client, identifier, staged) == {}  # as after an answer that was lost
    code = "print(*(open(f'/mnt/data/{p}').read() for p in ('out/one.txt', 'out/in/두.txt')))"
    assert client.execute(identifier, code).stdout == "s1 s2\n"
    upload(client, identifier, io.BytesIO(b"s3"), "s3", size=2)
    failed = place(client, identifier, {"s1": ("out/no.txt", 2), "s3": ("out/three.txt", 2)})
    assert list(failed) == ["s1"]
    assert "FileNotFound" in failed["s1"].what


def test_link_out_of_the_root_is_not_followed(newest: PoolClient, identifier: str) -> None:
    code = (
        "import os\nos.makedirs('/tmp/out', exist_ok=True)\nos.symlink('/tmp/out', '/mnt/data/l')"
    )
    assert newest.execute(identifier, code).succeeded
    upload(newest, identifier, io.BytesIO(b"x"), "s", size=1)
    assert "link" in place(newest, identifier, {"s": ("l/x", 1)})["s"].what
    with pytest.raises(TransferError, match="link"):
        upload_in_parts(newest, identifier, io.BytesIO(b"x"), "l/deep/x", size=1)


def test_wrong_token_and_unknown_version(local_pool: Pool, identifier: str) -> None:
    with (
        PoolClient(parse_endpoint(local_pool.endpoint), TokenSource(token="wrong")) as client,
        pytest.raises(AuthenticationError, match="401"),
    ):
        client.execute(identifier, "1")
    with connect(local_pool, "2099-01-01") as client, pytest.raises(AuthenticationError):
        client.execute(identifier, "1")


def test_full_pool_over_tls(start_pool: Callable[..., Pool]) -> None:
    pool = start_pool("--max-sessions", "1", "--tls")
    assert pool.endpoint.startswith("https://")
    with connect(pool) as client:
        assert client.execute("first-session", "1").succeeded
        with pytest.raises(PoolFull, match="all 1 sessions"):
            client.execute("second-session", "1")
        client.delete_session("first-session")
        assert client.execute("second-session", "1").succeeded
