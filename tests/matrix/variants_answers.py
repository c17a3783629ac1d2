"""Answers of another shape: of executions, of HTTP, of headers."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .relay import Answer, Call, Rules
from .variant import (
    Expect,
    MakeRules,
    Variant,
    afterwards,
    code_calls,
    degrades,
    fails,
    json_changed,
    of,
    result_changed,
)

_G = "answers"


def _shape(
    name: str,
    differs: str,
    rules: MakeRules,
    direct: Expect | None = None,
    auto: Expect | None = None,
) -> Variant:
    return Variant(
        name=name,
        group=_G,
        differs=differs,
        rules=rules,
        auto=auto or Expect(),
        direct=direct or Expect(),
    )


def _status(change: Callable[[str], str]) -> MakeRules:
    return json_changed(lambda value: value | {"status": change(value["status"])}, code_calls)


def _unfinished(status: int, word: str, place: str) -> MakeRules:
    """The call answers at once that it runs; its end is to be polled."""

    def make() -> Rules:
        done: dict[str, Answer] = {}
        polled: dict[str, int] = {}
        lock = threading.Lock()

        def after(call: Call, answer: Answer) -> Answer:
            value = answer.json()
            if call.operation != "execute" or answer.status >= 300 or not isinstance(value, dict):
                return answer
            number = str(value.get("id"))
            with lock:
                done[number] = answer
            early = {"id": number, "identifier": value.get("identifier"), "status": word}
            path = f"/executions/{number}?api-version=2025-10-02-preview"
            base = call.path.rsplit("/", 1)[0]
            host = next(v for k, v in call.headers.items() if k.lower() == "host")
            where = {"absolute": f"http://{host}{base}{path}", "relative": path, "absent": ""}[
                place
            ]
            early_answer = answer.header("Operation-Location", *([where] if where else []))
            return replace(early_answer, status=status).saying(early)

        def before(call: Call) -> Answer | None:
            if call.operation != "poll":
                return None
            number = call.path.rsplit("/", 1)[-1]
            with lock:
                polled[number] = polled.get(number, 0) + 1
                if polled[number] < 2:
                    return Answer(body=json.dumps({"id": number, "status": word}).encode())
                return done.get(number)

        return Rules(before=before, after=after)

    return make


_UNFINISHED = tuple(
    _shape(
        f"{word} by {status}, {place}",
        f"Executions answer {status} and {word} at once; Operation-Location is {place}.",
        _unfinished(status, word, place),
    )
    for status, word, place in (
        (200, "Running", "absolute"),
        (202, "Running", "relative"),
        (202, "NotStarted", "absolute"),
        (200, "Running", "absent"),
        (202, "Running", "absent"),
    )
)

_UNKNOWN = (
    _shape(
        "status Completed",
        "The status of an execution that is well is Completed.",
        _status(lambda word: word.replace("Succeeded", "Completed")),
        fails("Completed"),
        fails("Completed"),
    ),
    _shape("status in lower case", "A status is in lower case.", _status(str.lower)),
    _shape(
        "status absent",
        "There is no status.",
        json_changed(lambda value: {k: v for k, v in value.items() if k != "status"}, code_calls),
        fails("not an execution"),
        fails("not an execution"),
    ),
)


def _renamed(old: str, new: str | None) -> MakeRules:
    def rename(result: dict[str, Any]) -> None:
        value = result.pop(old, None)
        if new:
            result[new] = value

    return result_changed(rename)


def _bundle(result: dict[str, Any]) -> None:
    found = result.get("executionResult")
    if isinstance(found, dict) and found.get("type") == "image":
        result["executionResult"] = {"image/png": found["base64_data"], "text/plain": "<Figure>"}
    elif found is not None and found != "":
        result["executionResult"] = {
            "text/plain": found if found in ("True", "False") else repr(found)
        }


def _camel(result: dict[str, Any]) -> None:
    found = result.get("executionResult")
    if isinstance(found, dict) and "base64_data" in found:
        found["base64Data"] = found.pop("base64_data")


def _as_text(result: dict[str, Any]) -> None:
    result["executionTimeInMilliseconds"] = str(result.get("executionTimeInMilliseconds"))


def _nulls(result: dict[str, Any]) -> None:
    for name in ("stdout", "stderr"):
        if result.get(name) == "":
            result[name] = None


_RESULTS = (
    _shape(
        "result absent",
        "There is no executionResult.",
        _renamed("executionResult", None),
        Expect(verdict="fails", words="(?i)result"),
    ),
    _shape(
        "result renamed",
        "executionResult is named output.",
        _renamed("executionResult", "output"),
    ),
    _shape("base64Data", "An image's data is named base64Data.", result_changed(_camel)),
    _shape("mime bundle", "A result is a mime bundle.", result_changed(_bundle)),
    _shape("times as text", "Numbers are strings.", result_changed(_as_text)),
    _shape("nulls", "An empty stream is null.", result_changed(_nulls)),
    _shape(
        "stdout absent",
        "There is no stdout in answers.",
        _renamed("stdout", None),
        degrades("(?i)stdout|output"),
    ),
    _shape(
        "extra fields",
        "Objects have fields that nobody knows.",
        json_changed(lambda v: {"$type": "x", **v, "next": [1, None], "links": {"a": 1}}, of()),
    ),
    _shape(
        "result flat",
        "stdout, stderr and executionResult stand beside the status.",
        json_changed(
            lambda v: {**v, **v["result"], "result": None} if "result" in v else v, code_calls
        ),
    ),
    _shape(
        "wrapped in properties",
        "Answers are in properties, as in 2024-02.",
        json_changed(lambda v: {"properties": {**v, **v["result"]}}, code_calls),
    ),
)


def _guids() -> Rules:
    numbers = itertools.count(1)

    def after(call: Call, answer: Answer) -> Answer:
        return answer.header("x-ms-session-guid", f"0000-{next(numbers)}")

    return Rules(after=after)


def _headers(keep: bool) -> MakeRules:
    def change(answer: Answer) -> Answer:
        pairs = tuple(
            (key.upper() if keep else key, value)
            for key, value in answer.headers
            if keep or key.lower() in ("content-type",)
        )
        return replace(answer, headers=pairs)

    return afterwards(change, of())


def _gzip(answer: Answer) -> Answer:
    if not answer.body:
        return answer
    return replace(answer.header("Content-Encoding", "gzip"), body=gzip.compress(answer.body))


def _accepted(change: Any) -> MakeRules:
    return lambda: Rules(
        after=lambda call, answer: (
            change(answer)
            if any(k.lower() == "accept-encoding" and "gzip" in v for k, v in call.headers.items())
            else answer
        )
    )


def _typed(value: str) -> MakeRules:
    return afterwards(lambda a: a.header("Content-Type", *([value] if value else [])), of())


_HTTP = (
    _shape("guid per call", "X-Ms-Session-Guid is another for each call.", _guids),
    _shape("headers missing", "Answers have a Content-Type and no other header.", _headers(False)),
    _shape("headers in capitals", "The names of headers are in capitals.", _headers(True)),
    _shape("gzip", "Answers are compressed where the client takes that.", _accepted(_gzip)),
    _shape(
        "chunked",
        "Answers come in chunks.",
        afterwards(lambda a: replace(a, chunked=a.status != 204), of()),
    ),
    _shape(
        "BOM",
        "JSON begins with a byte order mark.",
        afterwards(
            lambda a: replace(a, body=b"\xef\xbb\xbf" + a.body) if a.json() is not None else a, of()
        ),
    ),
    _shape(
        "Connection: close",
        "Each connection is closed after its answer.",
        afterwards(lambda a: a.header("Connection", "close"), of()),
    ),
    _shape("no Content-Type", "Answers have no Content-Type.", _typed("")),
    _shape("text/plain", "JSON is said to be text/plain.", _typed("text/plain")),
    _shape(
        "201 for 200",
        "Executions answer 201.",
        afterwards(lambda a: replace(a, status=201) if a.status == 200 else a, code_calls),
    ),
    _shape(
        "202 for 200",
        "Executions that have ended answer 202.",
        afterwards(lambda a: replace(a, status=202) if a.status == 200 else a, code_calls),
    ),
)

VARIANTS = (*_UNFINISHED, *_UNKNOWN, *_RESULTS, *_HTTP)
