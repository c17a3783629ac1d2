"""The files of a session (docs/service.md 2 and 9), and what hostile code may try with them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from requests_toolbelt import MultipartEncoder

from .conftest import Caller, CallerMaker

OLD, MIDDLE, NEWEST = "2024-02-02-preview", "2024-10-02-preview", "2025-10-02-preview"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


def test_newest_version(session: Caller) -> None:
    uploaded = session.upload("cert.txt", b"testing")
    assert uploaded.status_code == 200
    entry = uploaded.json()
    assert STAMP.fullmatch(entry["lastModifiedAt"])
    assert entry == {
        "name": "cert.txt",
        "directory": ".",
        "type": "file",
        "contentType": "text/plain; charset=utf-8",
        "sizeInBytes": 7,
        "lastModifiedAt": entry["lastModifiedAt"],
    }
    assert session.call("GET", "files").json() == {"value": [entry]}
    assert session.call("GET", "files/cert.txt").json() == entry
    content = session.call("GET", "files/cert.txt/content")
    assert content.content == b"testing"
    assert content.headers["Content-Type"] == "application/octet-stream"
    assert content.headers["Content-Length"] == "7"
    assert session.run("open('/mnt/data/cert.txt').read()")["value"] == "testing"
    deleted = session.call("DELETE", "files/cert.txt")
    assert (deleted.status_code, deleted.content) == (204, b"")
    again = session.call("DELETE", "files/cert.txt")
    assert again.status_code == 404
    assert again.json()["error"]["code"] == "DeleteFileError"
    assert session.call("GET", "files/cert.txt/content").status_code == 404
    assert session.call("GET", "files/cert.txt").status_code == 404


def test_2024_10_differs_from_call_to_call(caller: CallerMaker) -> None:
    session = caller(MIDDLE)
    uploaded = session.upload("cert.txt", b"testing").json()
    modified = uploaded.pop("lastModifiedAt")
    name = {"$id": "1", "name": "cert.txt"}
    assert uploaded == {**name, "type": "", "contentType": "", "sizeInBytes": 7}
    described = {"type": "file", "contentType": "text/plain; charset=utf-8"}
    listed = session.call("GET", "files", params={"path": ""}).json()
    size = {"sizeInBytes": 7, "lastModifiedAt": modified}
    assert listed == {"$id": "1", "value": [{**name, "$id": "2", **described, **size}]}
    assert session.call("GET", "files/cert.txt").json() == {**name, **size}


def test_2025_02_has_no_directory(caller: CallerMaker) -> None:
    entry = caller("2025-02-02-preview").upload("a.bin", b"").json()
    assert list(entry) == ["name", "type", "contentType", "sizeInBytes", "lastModifiedAt"]
    assert (entry["type"], entry["contentType"]) == ("file", "application/octet-stream")


def test_oldest_versions(caller: CallerMaker) -> None:
    for version in (OLD, "2024-08-02-preview"):
        session = caller(version)
        session.run("import os; os.mkdir('/mnt/data/folder')")
        uploaded = session.upload("hello.py", b"print()").json()
        properties = uploaded["value"][0]["properties"]
        assert STAMP.fullmatch(properties.pop("lastModifiedTime"))
        assert properties == {"$id": "3", "filename": "hello.py", "size": 7}
        assert (uploaded["$id"], uploaded["value"][0]["$id"]) == ("1", "2")
        listed = session.call("GET", "files").json()["value"]
        assert [one["properties"]["filename"] for one in listed] == ["hello.py"]
        assert session.call("GET", "files/content/hello.py").content == b"print()"


def test_routes_of_other_versions_do_not_exist(caller: CallerMaker) -> None:
    old, new = caller(OLD), caller(NEWEST)
    assert old.call("POST", "executions", json={"code": "1"}).status_code == 404
    assert old.call("GET", "files/a/content").status_code == 404
    assert old.call("GET", "session").status_code == 404
    assert new.call("GET", "files/content/a").status_code == 404
    assert new.call("POST", "code/execute", json={"code": "1"}).status_code == 404


def test_directories(session: Caller) -> None:
    assert (
        session.upload("a.txt", b"1", path="level1/level2").json()["directory"] == "level1/level2"
    )
    assert session.upload("b.txt", b"22", path="/mnt/data").json()["directory"] == "."
    assert session.upload("c.txt", b"333", path="/level1").json()["directory"] == "level1"

    def listing(**params: str) -> list[tuple[str, str, str]]:
        found = session.call("GET", "files", params=params).json()["value"]
        return [(one["directory"], one["name"], one["type"]) for one in found]

    assert listing() == [(".", "b.txt", "file"), (".", "level1", "directory")]
    assert listing(path="level1") == [
        ("level1", "c.txt", "file"),
        ("level1", "level2", "directory"),
    ]
    assert listing(recursive="true", path="level1")[2:] == [("level1/level2", "a.txt", "file")]
    assert len(listing(recursive="true")) == 5
    assert session.call("GET", "files/a.txt/content", params={"path": "level1/level2"}).ok
    assert session.call("GET", "files", params={"path": "nowhere"}).status_code == 404
    assert session.call("DELETE", "files/level1").status_code == 404
    assert session.call("GET", "files/level1/content").status_code == 404
    assert session.upload("level1", b"").json()["error"]["code"] == "FileNameInvalid"


NAMES = [
    "a b.txt",
    "100%.txt",
    "%41.txt",
    "a#b.txt",
    "a&b;c=d.txt",
    "x@$,^().csv",
    "한국어.csv",
    "🙂.txt",
    "content",
    ".hidden",
]


def test_names_that_the_service_allows(session: Caller) -> None:
    for name in NAMES:
        assert session.upload(name, name.encode()).json()["name"] == name
        assert session.call("GET", f"files/{quote(name)}/content").content == name.encode()
    listed = session.call("GET", "files").json()["value"]
    assert sorted(NAMES) == sorted(one["name"] for one in listed)
    streamed = MultipartEncoder({"file": ("노트.csv", io.BytesIO(b"x"), "text/csv")})
    headers = {"Content-Type": streamed.content_type}
    assert (
        session.call("POST", "files", data=streamed, headers=headers).json()["name"] == "노트.csv"
    )


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\\b", "a:b", "a*b", "a|b", "~x", "x" * 300])
def test_names_that_it_does_not(session: Caller, name: str) -> None:
    answer = session.upload(name, b"x")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "FileNameInvalid"
    if name not in (".", ".."):
        described = session.call("GET", f"files/{quote(name, safe='')}")
        assert described.status_code == 400


@pytest.mark.parametrize("path", ["../x", "a/../..", ".ade/bin", "a//b", "a\\b", "a/b.c"])
def test_paths_that_it_does_not(session: Caller, path: str) -> None:
    for answer in (
        session.upload("x", b"x", path=path),
        session.call("GET", "files", params={"path": path}),
        session.call("GET", "files/x/content", params={"path": path}),
        session.call("DELETE", "files/x", params={"path": path}),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "FilePathInvalid"


def test_upload_replaces(session: Caller) -> None:
    session.upload("a.txt", b"long content")
    session.upload("a.txt", b"short")
    assert session.call("GET", "files/a.txt/content").content == b"short"
    assert len(session.call("GET", "files").json()["value"]) == 1


def test_uploads_that_are_none(session: Caller) -> None:
    for options in (
        {"files": {"other": ("a.txt", b"x")}},
        {"files": {"file": (None, b"x")}},
        {"data": b"x"},
        {"data": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"data": b"garbage", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    ):
        answer = session.call("POST", "files", **options)
        assert answer.status_code == 400, options
    assert session.call("GET", "files").json() == {"value": []}


def test_large_uploads(caller: CallerMaker, start_pool: Callable[..., Any]) -> None:
    pool = start_pool("--max-upload-size", "50000000", "--ready-sessions", "0")
    session = caller(pool=pool)
    process = psutil.Process(pool.process.pid)
    session.call("GET", "files")
    before = process.memory_info().rss
    just = b"\0" * 50_000_000
    for content, status in ((just, 200), (just + b"\0", 413), (just * 2, 413)):
        body = MultipartEncoder({"file": ("big.bin", io.BytesIO(content), "x/y")})
        headers = {"Content-Type": body.content_type}
        answer = session.call("POST", "files", data=body, headers=headers)
        assert answer.status_code == status
    with session.call("GET", "files/big.bin/content", stream=True) as answer:
        assert sum(len(chunk) for chunk in answer.iter_content(1 << 20)) == 50_000_000
    assert process.memory_info().rss - before < 16_000_000


def test_links_lead_nowhere(session: Caller, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    session.run(
        f"""
import os
os.chdir('/mnt/data')
os.symlink({str(secret)!r}, 'link.txt')
os.symlink({str(tmp_path)!r}, 'linked')
os.symlink('/etc', 'etc')
os.mkfifo('pipe')
open('plain.txt', 'w').close()
os.makedirs('/'.join(['deep'] * 200))
"""
    )
    names = [one["name"] for one in session.call("GET", "files").json()["value"]]
    assert names == ["deep", "plain.txt"]
    for name in ("link.txt", "pipe", "linked"):
        assert session.call("GET", f"files/{name}").status_code == 404
        assert session.call("GET", f"files/{name}/content").status_code == 404
    for path in ("linked", "etc"):
        assert session.call("GET", "files", params={"path": path}).status_code == 404
        inside = session.call("GET", "files/secret.txt/content", params={"path": path})
        assert inside.status_code == 404
        assert session.upload("planted.txt", b"x", path=path).status_code == 404
    session.upload("link.txt", b"mine")
    assert secret.read_text() == "secret"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
    assert len(session.call("GET", "files", params={"recursive": "true"}).json()["value"]) == 202
