"""Every published payload of a code interpreter pool is understood."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from aca_kernel.errors import UnexpectedAnswer
from aca_kernel.pool.answers import (
    parse_execution,
    parse_file,
    parse_files,
    parse_json,
    parse_metadata,
    parse_session,
    parse_sessions,
    parse_time,
)

DATA = Path(__file__).parent / "data"


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def body(name: str) -> Any:
    payload = load(name)
    return payload.get("_body", payload)


# name -> succeeded, status, stdout, first line of stderr, result, milliseconds
EXECUTIONS: dict[str, tuple[bool, str, str, str, Any, int | None]] = {
    "byoc-local-execute-async-accepted": (False, "Running", "", "", "", None),
    "byoc-local-execute-async-done": (
        True, "Succeeded", "Hello from async code\n", "", "", 380,
    ),
    "byoc-local-execute-sync": (True, "Succeeded", "inline-synchronous\n", "", "", 9),
    "byoc-local-legacy-execute-2024-08-02-preview": (
        True, "Success", "inline-synchronous\n", "", "", 9,
    ),
    "cassette-execute-sync-2024-10-02-preview": (True, "Succeeded", "Hello world\n", "", "", 7),
    "container-spec-execute-sync-2026": (True, "Succeeded", "[1 2 3]\n", "", 4, 125),
    "legacy-execute-6x7-2024-02-02-preview": (True, "Success", "", "", 42, 8),
    "legacy-execute-int-1plus1": (True, "Success", "", "", 2, 11),
    "legacy-execute-print-2024-02-02-preview": (True, "Success", "hello world\n", "", "", 33),
    "legacy-execute-str-result": (
        True, "Success", "", "", "2024-05-04 13:54:09 PDT-0700", 120,
    ),
    "legacy-execute-str-with-escape": (
        True, "Success", "", "",
        "even_numbers = [2 * i for i in range(1, 11)]\\nprint(even_numbers)", 12,
    ),
    "legacy-execute-syntaxerror-2024-02-02-preview": (
        False, "Failure", "",
        "illegal target for annotation (3407605186.py, line 6)  Cell In[2363], line 6", None, 9,
    ),
    "legacy-execute-matplotlib-2024-02-02-preview": (
        True, "Success", "", "",
        {"type": "image", "format": "png", "base64_data": "iVBORw0KGgo...(trimmed)"}, 0,
    ),
    "legacy-execute-savefig-print-image": (
        True, "Success", "/mnt/data/TemperatureCurve.png\n", "",
        {"type": "image", "format": "png", "base64_data": "<removed by client>"}, 3810,
    ),
    "observed-failed-oom-2025-10-02-preview": (False, "Failed", "", "Execution aborted", "", None),
    "observed-failed-timeout-2025-10-02-preview": (
        False, "Failed", "",
        "Request timed out waiting for code execution to complete", "", None,
    ),
    "shell-execute": (True, "0", "Hello world!\n", "", "", 1),
    "sk-execute-hello-2024-10-02-preview": (True, "Succeeded", "Hello World!\n", "", "", 7),
}  # fmt: skip


@pytest.mark.parametrize("name", EXECUTIONS)
def test_execution(name: str) -> None:
    headers = load(name).get("_headers", {})
    done = parse_execution(body(name), headers)
    first = (done.stderr.splitlines() or [""])[0]
    assert (
        done.succeeded, done.status, done.stdout, first, done.result, done.duration_ms
    ) == EXECUTIONS[name]  # fmt: skip
    lowered = {key.lower(): value for key, value in headers.items()}
    assert done.session_guid == lowered.get("x-ms-session-guid", "")
    assert done.new_allocation is None


def test_printed_table_arrives_whole() -> None:
    done = parse_execution(load("legacy-execute-df-head-print"), {})
    assert done.stdout.splitlines()[-1] == "4  4/11/2024 4:00          5.7"
    assert done.result == ""


def test_accepted_and_finished_asynchronous_runs() -> None:
    payload = load("container-spec-execute-async-2026")
    accepted = parse_execution(payload["_accepted"], {})
    assert (accepted.succeeded, accepted.status) == (False, "NotStarted")
    done = parse_execution(payload["_done"], {})
    assert (done.succeeded, done.stdout, done.result) == (True, "Done\n", None)


@pytest.mark.parametrize(
    ("code", "result"),
    [("float('nan')", "nan"), ("a=None;a", None), ('a="nan";a', "'nan'"), ("print(7*9)", "")],
)
def test_nan_none_and_text_stay_apart(code: str, result: Any) -> None:
    fragment = load("spec-2025-10-02-result-nan-none-string")[code]
    done = parse_execution({"status": "Succeeded", "result": fragment}, {})
    assert done.result == result


def test_keys_in_any_case_and_headers_are_read() -> None:
    value = {"$ID": "1", "STATUS": "succeeded", "Result": {"StdOut": "x", "ExecutionResult": 1.5}}
    done = parse_execution(value, {"X-MS-New-Allocation": "True", "X-Ms-Session-Guid": "g"})
    assert (done.succeeded, done.stdout, done.result) == (True, "x", 1.5)
    assert (done.session_guid, done.new_allocation) == ("g", True)


def test_error_of_a_failed_execution_is_its_stderr() -> None:
    value = {"status": "Failed", "error": {"error": {"code": "X", "message": "went wrong"}}}
    assert parse_execution(value, {}).stderr == "X: went wrong"


@pytest.mark.parametrize("value", [[], "text", 7, None, {}, {"status": 1}, {"result": {}}])
def test_other_shapes_are_no_execution(value: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="not an execution"):
        parse_execution(value, {})


@pytest.mark.parametrize("text", [b"", b"  ", b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_told(text: bytes) -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        parse_json(text)
    assert caught.value.__context__ is None


def test_integers_of_any_length_are_read() -> None:
    assert parse_json(b"[1" + b"0" * 30 + b"]") == [10**30]
    assert parse_json(b"1" * 10_000) == "1" * 10_000


# name -> (path, is a directory, size) of each
LISTINGS = {
    "byoc-local-file-upload-2024-10-02-preview": [("README2.md", False, 133)],
    "cassette-list-files-2024-10-02-preview": [("cert.txt", False, 7)],
    "legacy-list-files-2024-02-02-preview": [("hello.py", False, 123)],
    "legacy-list-files-docs-2024-02-02-preview": [
        ("test1.txt", False, 16),
        ("test2.txt", False, 17),
    ],
    "observed-list-files-2025-10-02-preview": [("q3.xlsx", False, 1234), ("out", True, 0)],
    "sk-list-files": [("test-file.txt", False, 516), ("test-file2.txt", False, 211)],
    "spec-2025-10-02-list-recursive": [
        ("directory-level1", True, 4096),
        ("level1/directory-level2", True, 4096),
        ("level1/level2/testfile.yaml", False, 4),
    ],
}


@pytest.mark.parametrize("name", LISTINGS)
def test_listing(name: str) -> None:
    payload = load(name)
    files, link = parse_files(payload.get("_list_body", payload.get("_body", payload)))
    assert [(file.path, file.is_directory, file.size) for file in files] == LISTINGS[name]
    assert link == ""


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("cassette-upload-2024-10-02-preview", 7),
        ("cassette-file-metadata-2024-10-02-preview", 7),
        ("byoc-local-file-upload-2024-10-02-preview", 133),
    ],
)
def test_one_file(name: str, size: int) -> None:
    file = parse_file(body(name))
    assert (file.size, file.directory, file.is_directory) == (size, "", False)
    assert file.modified is not None


def test_upload_of_an_old_version_answers_with_a_listing() -> None:
    assert parse_file(load("legacy-list-files-2024-02-02-preview")).name == "hello.py"
    assert parse_file([{"name": "x", "sizeInBytes": 1}]).name == "x"


@pytest.mark.parametrize(
    ("told", "asked", "directory"),
    [
        (".", "", ""),
        ("", "a/b", "a/b"),
        (".", "a", "a"),
        ("a/b", "a", "a/b"),
        ("b", "a", "a/b"),
        ("/mnt/data/a", "", "a"),
        (None, "a", "a"),
    ],
)
def test_directory_of_a_listed_file(told: str | None, asked: str, directory: str) -> None:
    assert parse_file({"name": "x", "directory": told}, asked).directory == directory


@pytest.mark.parametrize("value", [{}, [], 1, {"name": ""}, {"name": 7}, {"value": []}])
def test_other_shapes_are_no_file(value: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_file(value)


@pytest.mark.parametrize("value", [{}, {"value": {}}, "x", {"value": [7]}])
def test_other_shapes_are_no_listing(value: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_files(value)


def test_sessions_in_both_spellings() -> None:
    ((one,), link) = parse_sessions(load("observed-list-sessions-2025-10-02-preview"))
    assert one.identifier == "my-session-001"
    assert one.identifier not in repr(one)
    assert one.cooldown_seconds == pytest.approx(299.999846)
    assert link == ""
    ((two,), link) = parse_sessions(load("docs-management-listSessions-2025-02-02-preview"))
    assert (two.etag, two.cooldown_seconds) == ("a1b2c3d4", 60.0)
    assert link.endswith("skip=300")


@pytest.mark.parametrize(
    ("name", "etag"),
    [
        ("spec-session-get", "9334cb07-aafd-45a0-90bd-448080a91f57"),
        ("docs-management-getSession-2025-02-02-preview", "a1b2c3d4"),
    ],
)
def test_one_session(name: str, etag: str) -> None:
    session = parse_session(load(name))
    assert session.etag == etag
    assert session.expires is not None
    assert session.created is not None


def test_session_without_times_has_no_cooldown() -> None:
    assert parse_session({"identifier": "abcd"}).cooldown_seconds is None
    with pytest.raises(UnexpectedAnswer):
        parse_session({"createdAt": "2025-01-05T22:18:41Z"})


def test_pool_metadata() -> None:
    pool = parse_metadata(load("spec-pool-metadata"))
    assert pool.runtimes == (("node", "20.2.4"),)
    assert pool.packages == (("axios", "1.21.2"),)
    assert pool.raw["jupyterKernel"]["name"] == "IJavascript"
    with pytest.raises(UnexpectedAnswer):
        parse_metadata([])


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2024-11-11T09:05:02.4865293Z", 486529),
        ("2024-11-11T09:05:02.677209683Z", 677209),
        ("2024-11-11T09:05:02Z", 0),
        ("2024-11-11T09:05:02.5", 500000),
        ("2024-11-11T09:05:02.5+00:00", 500000),
    ],
)
def test_times_with_any_number_of_digits(text: str, microsecond: int) -> None:
    expected = datetime(2024, 11, 11, 9, 5, 2, microsecond, tzinfo=timezone.utc)
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["t1", "", None, 7, "2024-13-01T00:00:00Z", "2024-11-11"])
def test_what_is_no_time_is_none(text: Any) -> None:
    assert parse_time(text) is None
