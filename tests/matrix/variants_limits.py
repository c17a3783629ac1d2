"""Limits of requests, answers and streams, and optional fields that are refused."""

from __future__ import annotations

from typing import Any

from .relay import CUT, RESET, Answer, Rules, refusal
from .variant import (
    Expect,
    MakeRules,
    Variant,
    answer_limit,
    degrades,
    fails,
    field_refused,
    request_limit,
    result_changed,
)

_G = "limits"


def _request(size: int, auto: Expect, direct: Expect) -> Variant:
    return Variant(
        name=f"requests of {size:,} bytes",
        group=_G,
        differs=f"A request that runs code has {size:,} bytes at most.",
        rules=request_limit(size),
        auto=auto,
        direct=direct,
    )


_WORKS = Expect()

_REQUESTS = (
    _request(500, fails("(?i)too large|large"), fails("(?i)too large|large")),
    _request(2_000, degrades("Direct mode, because .*too large"), _WORKS),
    _request(4_000, _WORKS, _WORKS),
    _request(10_000, _WORKS, _WORKS),
    _request(20_000, _WORKS, _WORKS),
    _request(64_000, _WORKS, _WORKS),
    Variant(
        name="requests, by 400",
        group=_G,
        differs="A request above 10,000 bytes is refused with 400 and its limit in words.",
        rules=request_limit(
            10_000,
            refusal(400, "InvalidRequest", "The code must not be longer than 10000 characters."),
        ),
    ),
    Variant(
        name="requests, by reset",
        group=_G,
        differs="A request above 10,000 bytes ends with a reset.",
        rules=request_limit(10_000, Answer(end=RESET)),
    ),
    Variant(
        name="requests, by 502",
        group=_G,
        differs="A request above 10,000 bytes is answered by a gateway's 502.",
        rules=request_limit(10_000, Answer(status=502, body=b"<html>Bad Gateway</html>")),
    ),
)


def _answer(size: int, how: str, differs: str, instead: Answer | str, direct: Expect) -> Variant:
    def end(answer: Answer) -> Answer:
        if isinstance(instead, Answer):
            return instead
        return Answer(status=answer.status, headers=answer.headers, body=answer.body, end=instead)

    return Variant(
        name=f"answers of {size:,} bytes, by {how}",
        group=_G,
        differs=f"An answer above {size:,} bytes {differs}.",
        rules=answer_limit(size, end),
        direct=direct,
    )


_LOST = degrades("text: .+")


def _halved(answer: Answer) -> Answer:
    return Answer(
        status=answer.status, headers=answer.headers, body=answer.body[: len(answer.body) // 2]
    )


_ANSWERS = (
    _answer(20_000, "500", "becomes a 500", refusal(500, "InternalError", "Error."), _LOST),
    _answer(20_000, "502", "becomes a 502", Answer(status=502, body=b"<html>Bad</html>"), _LOST),
    _answer(20_000, "reset", "ends with a reset", RESET, _LOST),
    _answer(20_000, "400", "becomes a 400", refusal(400, "ResponseTooLarge", "Too large."), _LOST),
    _answer(20_000, "cut", "is cut in its middle", CUT, _LOST),
    Variant(
        name="answers of 20,000 bytes, by half JSON",
        group=_G,
        differs="An answer above 20,000 bytes comes as the first half of its JSON.",
        rules=answer_limit(20_000, _halved),
        direct=_LOST,
    ),
    _answer(60_000, "413", "becomes a 413", refusal(413, "TooLarge", "Too large."), _WORKS),
)


def _cut(size: int) -> MakeRules:
    def cut(result: dict[str, Any]) -> None:
        for name in ("stdout", "stderr"):
            if isinstance(result.get(name), str):
                result[name] = result[name][:size]

    return result_changed(cut)


_STREAMS = (
    Variant(
        name="streams cut at 4,096",
        group=_G,
        differs="Streams are cut after 4,096 characters, whatever is asked for.",
        rules=_cut(4096),
        direct=degrades("ends here|cut"),
    ),
    Variant(
        name="streams cut at 20,000",
        group=_G,
        differs="Streams are cut after 20,000 characters, whatever is asked for.",
        rules=_cut(20_000),
        direct=degrades("ends here|cut"),
    ),
)

_LENGTH, _TIMEOUT = "outputStreamsMaxLength", "timeoutInSeconds"


def _field(name: str, differs: str, rules: MakeRules, direct: Expect = _WORKS) -> Variant:
    return Variant(name=name, group="optional fields", differs=differs, rules=rules, direct=direct)


def _both() -> Rules:
    first = field_refused(_LENGTH, None, "Unknown field.")().before
    second = field_refused(_TIMEOUT, None, "Unknown field.")().before
    return Rules(before=lambda call: first(call) or second(call))


_FIELDS = (
    _field(
        "stream length bounded",
        "outputStreamsMaxLength above 123,456 is refused.",
        field_refused(_LENGTH, 123_456, "The value must be between 1 and 123456."),
    ),
    _field(
        "stream length bounded low",
        "outputStreamsMaxLength above 20,000 is refused.",
        field_refused(_LENGTH, 20_000, "The value is out of range."),
        degrades("ends here|cut"),
    ),
    _field(
        "stream length refused",
        "outputStreamsMaxLength is refused as an unknown field.",
        field_refused(_LENGTH, None, "Unknown field."),
        degrades("ends here|cut"),
    ),
    _field(
        "timeout bounded",
        "timeoutInSeconds above 60 is refused.",
        field_refused(_TIMEOUT, 60, "The timeout must be at most 60 seconds."),
    ),
    _field(
        "timeout refused",
        "timeoutInSeconds is refused as an unknown field.",
        field_refused(_TIMEOUT, None, "Could not find member 'timeoutInSeconds'."),
    ),
    _field(
        "both fields refused",
        "timeoutInSeconds and outputStreamsMaxLength are refused, one after the other.",
        _both,
        degrades("ends here|cut"),
    ),
)

VARIANTS = (*_REQUESTS, *_ANSWERS, *_STREAMS, *_FIELDS)
