"""Files: uploads, metadata, listings, downloads."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .judge import Allowed
from .relay import CUT, RESET, Answer, Call, Rules, refusal
from .variant import (
    Counter,
    Expect,
    MakeRules,
    Variant,
    afterwards,
    asked,
    degrades,
    instead,
    json_changed,
    of,
)

_G = "files"


def _files(name: str, differs: str, rules: MakeRules, both: Expect | None = None) -> Variant:
    expected = both or Expect()
    return Variant(
        name=name, group=_G, differs=differs, rules=rules, auto=expected, direct=expected
    )


def _late(operation: str, answer: Answer, seconds: float) -> MakeRules:
    """The first calls, for some seconds, know nothing of the file yet."""

    def make() -> Rules:
        since: list[float] = []

        def before(call: Call) -> Answer | None:
            if call.operation != operation:
                return None
            since.append(time.monotonic())
            return answer if time.monotonic() - since[0] < seconds else None

        return Rules(before=before)

    return make


_NOT_FOUND = refusal(404, "FileNotFound", "The file does not exist.")

_METADATA = (
    _files(
        "metadata late", "The metadata knows a file 2 s later.", _late("metadata", _NOT_FOUND, 2)
    ),
    _files("metadata absent", "There is no metadata.", instead(refusal(404), of("metadata"))),
    _files("metadata 405", "Metadata is not allowed.", instead(refusal(405), of("metadata"))),
    _files("metadata 500", "Metadata answers 500.", instead(refusal(500), of("metadata"))),
    _files(
        "no size",
        "The metadata has no size.",
        json_changed(
            lambda value: {k: v for k, v in value.items() if k != "sizeInBytes"}, of("metadata")
        ),
    ),
    _files(
        "size 0",
        "The metadata's size is 0.",
        json_changed(lambda value: value | {"sizeInBytes": 0}, of("metadata")),
    ),
    _files(
        "size as text",
        "The metadata's size is a string.",
        json_changed(
            lambda value: value | {"sizeInBytes": str(value.get("sizeInBytes"))}, of("metadata")
        ),
    ),
    _files(
        "size wrong",
        "The metadata's size is one byte too small.",
        json_changed(lambda v: v | {"sizeInBytes": v["sizeInBytes"] - 1}, of("metadata")),
        degrades("download: .*it may be changing|It may be changing"),
    ),
    _files(
        "metadata null",
        "The metadata is null.",
        afterwards(lambda answer: replace(answer, body=b"null"), of("metadata")),
    ),
)


def _uploaded(change: Answer) -> MakeRules:
    return afterwards(lambda answer: change if answer.status < 300 else answer, of("upload"))


def _other_name(call: Call) -> Call | None:
    return replace(call, body=call.body.replace(b'filename="sent.bin"', b'filename="sent_1.bin"'))


_UPLOADS = (
    _files("upload 204", "An upload is answered by 204.", _uploaded(Answer(status=204))),
    _files("upload empty", "An upload is answered by an empty 200.", _uploaded(Answer())),
    _files("upload 201", "An upload is answered by 201.", _uploaded(Answer(status=201))),
    _files(
        "upload in $values",
        "An upload is answered by its entry in $values.",
        json_changed(lambda value: {"$values": [value]}, of("upload")),
    ),
    _files(
        "upload in value",
        "An upload is answered by a list of files.",
        json_changed(lambda value: {"value": [value]}, of("upload")),
    ),
    _files(
        "another name",
        "The service stores sent.bin as sent_1.bin.",
        asked(_other_name, of("upload")),
        degrades("There is no file sent.bin"),
    ),
    _files(
        "uploads of 200 KB",
        "An upload above 200,000 bytes is refused with 413.",
        asked(
            lambda call: (
                refusal(413, "RequestEntityTooLarge", "The file is too large.")
                if len(call.body) > 200_000
                else None
            ),
            of("upload"),
        ),
    ),
    _files(
        "uploads of 200 KB, said",
        "An upload above 200,000 bytes is refused with 400, with its limit in words.",
        asked(
            lambda call: (
                refusal(400, "FileTooLarge", "The file must not exceed 200000 bytes.")
                if len(call.body) > 200_000
                else None
            ),
            of("upload"),
        ),
    ),
)


def _once(operation: str, answer: Answer, times: int = 1) -> MakeRules:
    return instead(answer, of(operation), times=times)


def _passing(operation: str) -> tuple[Variant, ...]:
    said = {
        "502 once": _once(operation, Answer(status=502, body=b"<html>Bad Gateway</html>")),
        "503 three times": _once(operation, refusal(503), 3),
        "429 once": _once(operation, refusal(429, "TooManyRequests", "Slower.")),
        "408 once": _once(operation, refusal(408)),
        "reset before": _once(operation, Answer(end=RESET)),
        "reset after": afterwards(lambda a: Answer(end=RESET), of(operation), times=1),
        "cut": afterwards(lambda a: replace(a, end=CUT), of(operation), times=1),
    }
    return tuple(
        _files(f"{operation} {name}", f"The first call to {operation} meets: {name}.", rules)
        for name, rules in said.items()
    )


def _listing(change: Any) -> MakeRules:
    return json_changed(change, of("list"))


def _container(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": entry["name"],
            "type": entry["type"],
            "filename": entry["name"],
            "size": entry["sizeInBytes"],
            "last_modified_time": entry["lastModifiedAt"],
            "mime_type": entry["contentType"],
        }
        for entry in value["value"]
    ]


def _late_listing() -> Rules:
    turn = Counter(of("list"), times=1)

    def after(call: Call, answer: Answer) -> Answer:
        value = answer.json()
        if not turn(call) or not isinstance(value, dict) or "value" not in value:
            return answer
        return answer.saying({"value": [e for e in value["value"] if e["name"] != "sent.bin"]})

    return Rules(after=after)


_LISTINGS = (
    _files("bare list", "A listing is a bare list.", _listing(lambda value: value["value"])),
    _files("container's list", "A listing has the container's shape.", _listing(_container)),
    _files(
        "list in $values", "A listing is in $values.", _listing(lambda v: {"$values": v["value"]})
    ),
    _files(
        "entries in properties",
        "A listing's entries are in properties, as in 2024-02.",
        _listing(
            lambda value: {
                "value": [
                    {
                        "properties": {
                            "filename": entry["name"],
                            "size": entry["sizeInBytes"],
                            "lastModifiedTime": entry["lastModifiedAt"],
                        }
                    }
                    for entry in value["value"]
                ]
            }
        ),
    ),
    Variant(
        name="listing late",
        group=_G,
        differs="The first listing does not know the new file yet.",
        rules=_late_listing,
        allowed=Allowed(unknowable=("files",)),
        auto=degrades("."),
        direct=degrades("."),
    ),
)

_DOWNLOADS = (
    _files(
        "download without length",
        "Downloads come in chunks, without a Content-Length.",
        afterwards(lambda answer: replace(answer, chunked=True), of("download")),
    ),
    _files(
        "download in JSON type",
        "Downloads are said to be application/json.",
        afterwards(lambda a: a.header("Content-Type", "application/json"), of("download")),
    ),
    _files(
        "download short for ever",
        "Downloads lack their last byte, under a Content-Length that fits.",
        afterwards(lambda a: replace(a, body=a.body[:-1]), of("download")),
        degrades("download: .+"),
    ),
)

VARIANTS = (
    *_METADATA,
    *_UPLOADS,
    *_passing("upload"),
    *_passing("download"),
    *_passing("list"),
    *_LISTINGS,
    *_DOWNLOADS,
)
