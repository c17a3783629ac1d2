"""Clients that give a file's full path where a name is asked, or leave a Content-Type on."""

from __future__ import annotations

import os
from urllib.parse import quote

import pytest
import requests
from requests_toolbelt import MultipartEncoder

from .conftest import Caller, CallerMaker

OLD, NEWEST = "2024-02-02-preview", "2025-10-02-preview"
FULL = ["/mnt/data/x.csv", "//mnt//data//x.csv", "mnt/data/x.csv"]
ENCODED = ["%2Fmnt%2Fdata%2Fx.csv", "%2fmnt%2fdata%2f%2fx.csv", "/mnt%2Fdata/x.csv"]
HOSTILE = [
    "/mnt/data/../x.csv",
    "/mnt/data/../../etc/passwd",
    "/mnt/data/a/../../x.csv",
    "/mnt/data/./..",
    "/mnt/data//..//x.csv",
    "/mnt/data/..",
    "/mnt/data/",
    "/mnt/data/a/",
    "/mnt/database/x.csv",
    "/mnt/x.csv",
    "/etc/passwd",
    "../x.csv",
    "/mnt/data/a\\..\\x.csv",
    "/mnt/data/a\x00b",
    "/mnt/data//mnt/data/../x.csv",
]


def raw(session: Caller, method: str, operation: str, **options: object) -> requests.Response:
    """A call whose path goes as it is written; requests would put dots in it away."""
    request = requests.Request(method, session.pool.endpoint, headers=dict(session.http.headers))
    prepared = session.http.prepare_request(request)
    query = f"api-version={session.version}&identifier={session.identifier}"
    prepared.url = f"{session.pool.endpoint}/{operation}?{query}"
    return session.http.send(prepared, timeout=60)


@pytest.mark.parametrize("version", [OLD, NEWEST])
@pytest.mark.parametrize("name", FULL)
def test_a_full_path_is_an_uploads_name(caller: CallerMaker, version: str, name: str) -> None:
    session = caller(version)
    uploaded = session.upload(name, b"1,2")
    assert uploaded.status_code == 200, uploaded.text
    assert '"x.csv"' in uploaded.text
    assert "mnt" not in uploaded.text
    assert session.run("import os; os.listdir('/mnt/data')")["value"] == "['x.csv']"


@pytest.mark.parametrize("path", [*FULL, *ENCODED])
def test_a_full_path_is_a_files_name(session: Caller, path: str) -> None:
    assert session.upload("x.csv", b"1,2").status_code == 200
    described = raw(session, "GET", f"files/{path}")
    assert (described.status_code, described.json()["name"]) == (200, "x.csv")
    assert raw(session, "GET", f"files/{path}/content").content == b"1,2"
    assert raw(session, "DELETE", f"files/{path}").status_code == 204
    assert raw(session, "GET", f"files/{path}/content").status_code == 404


@pytest.mark.parametrize("path", [*FULL, *ENCODED])
def test_a_full_path_is_downloaded_by_the_oldest_version(caller: CallerMaker, path: str) -> None:
    session = caller(OLD)
    session.upload("x.csv", b"1,2")
    assert raw(session, "GET", f"files/content/{path}").content == b"1,2"


def test_a_full_path_leads_into_folders(session: Caller) -> None:
    entry = session.upload("/mnt/data/deep/down/x.csv", b"1,2", path="elsewhere").json()
    assert (entry["name"], entry["directory"]) == ("x.csv", "deep/down")
    by_path = session.call("GET", "files/x.csv/content", params={"path": "deep/down"})
    assert by_path.content == b"1,2"
    assert raw(session, "GET", "files//mnt/data/deep/down/x.csv/content").content == b"1,2"
    assert raw(session, "DELETE", "files/%2Fmnt%2Fdata%2Fdeep%2Fdown%2Fx.csv").status_code == 204
    assert session.run("import os; os.listdir('/mnt/data')")["value"] == "['deep']"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_path_leads_out_of_the_session(session: Caller, name: str) -> None:
    session.run("import os; os.mkdir('/mnt/data/a')")
    refused = session.upload(name, b"escaped")
    assert refused.status_code == 400, refused.text
    code = "import os; sorted(os.listdir('/mnt/data')), os.listdir('/mnt/data/a')"
    assert session.run(code)["value"] == "(['a'], [])"
    encoded = quote(name, safe="")
    for path in (encoded, name.replace("\x00", "%00").replace("\\", "%5C")):
        for method, operation in (
            ("GET", f"files/{path}"),
            ("GET", f"files/{path}/content"),
            ("DELETE", f"files/{path}"),
        ):
            answer = raw(session, method, operation)
            assert answer.status_code in {400, 401, 404, 405}, (method, operation)
            assert b"root:" not in answer.content


def test_links_are_not_followed_by_a_full_path(session: Caller) -> None:
    session.run("import os; os.symlink('/etc', '/mnt/data/etc')")
    assert raw(session, "GET", "files//mnt/data/etc/passwd/content").status_code == 404
    refused = session.upload("/mnt/data/etc/x.csv", b"escaped")
    assert refused.status_code == 404
    assert not os.path.exists("/etc/x.csv")  # noqa: PTH110


@pytest.mark.parametrize("version", [OLD, NEWEST])
def test_a_content_type_that_was_left_is_no_hindrance(caller: CallerMaker, version: str) -> None:
    session = caller(version)
    session.http.headers["Content-Type"] = "application/json"
    route = "files/upload" if version == OLD else "files"
    form = MultipartEncoder({"file": ("x.csv", b"--\r\n" * 500_000)})
    body = form.read()
    assert session.call("POST", route, data=body).status_code == 200
    assert session.run("len(open('/mnt/data/x.csv').read())")["value"] == 1_500_000
    for other in (b'{"file": 1}', b"", b"--", b"-" * 5000, b"--\r\n", b"--a\r\nb"):
        assert session.call("POST", route, data=other).status_code == 400


def test_routes_of_the_oldest_versions_work_with_the_newest(session: Caller) -> None:
    uploaded = session.call("POST", "files/upload", files={"file": ("x.csv", b"1,2")})
    assert (uploaded.status_code, uploaded.json()["name"]) == (200, "x.csv")
    assert session.call("GET", "files/content/x.csv").content == b"1,2"
    flags = {"returnJupyterFormatExecutionResult": True, "returnJupyterFormat": True}
    assert session.run("6 * 7", **flags, useEmptyKernel=True)["status"] == "Succeeded"
