"""Calls that are refused, answered late or by somebody else, and the pool that is full."""

from __future__ import annotations

from .relay import RESET, Answer, refusal
from .variant import (
    Expect,
    MakeRules,
    Variant,
    Which,
    afterwards,
    code_calls,
    degrades,
    delayed,
    exchanges,
    fails,
    instead,
    of,
)

_BEGUN = 6
"""Calls after which the script is in the middle of its cells."""

_REDIRECT = Answer(status=302, headers=(("Location", "https://login.example/portal"),))


def _is(status: int, said: str) -> Answer:
    return _REDIRECT if status == 302 else refusal(status, f"Said{status}", said)


def _refused(
    status: int, *, once: Expect, thrice: Expect, auto_thrice: Expect
) -> tuple[Variant, ...]:
    """A call is refused in the middle of the cells: once, three times, for ever.

    The link's exchanges are asked again after any refusal, a plain call only after one that
    says that nothing was run and that it passes.
    """
    told = fails(str(status))
    answer = _is(status, f"Refused by the variant {status}.")
    return tuple(
        Variant(
            name=f"{status} {word}",
            group="refusals in the middle",
            differs=f"From its {_BEGUN + 1}th call on, code is answered by {status} {word}.",
            rules=instead(answer, code_calls, skip=_BEGUN, times=times),
            auto=auto,
            direct=direct,
        )
        for word, times, auto, direct in (
            ("once", 1, Expect(), once),
            ("three times", 3, auto_thrice, thrice),
            ("for ever", None, told, told),
        )
    )


def _staying(status: int) -> tuple[Variant, ...]:
    """A refusal that does not pass by itself: a cell of direct mode ends with it."""
    told = degrades(str(status))
    return _refused(status, once=told, thrice=fails(str(status)), auto_thrice=told)


def _passing(status: int) -> tuple[Variant, ...]:
    """A refusal before anything was run, that passes."""
    return _refused(status, once=Expect(), thrice=Expect(), auto_thrice=Expect())


_REFUSALS = (
    # The first may be about an optional field, and is asked again without it.
    *_refused(400, once=Expect(), thrice=degrades("400"), auto_thrice=Expect()),
    *(variant for status in (401, 403, 404) for variant in _staying(status)),
    # The service may have begun: a plain call is not repeated.
    *_refused(408, once=degrades("408"), thrice=fails("408"), auto_thrice=Expect()),
    *(variant for status in (409, 423, 425, 429) for variant in _passing(status)),
    *_staying(302),
)

_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Portal</body></html>"


def _page(status: int) -> Answer:
    return Answer(status=status, headers=(("Content-Type", "text/html"),), body=_PAGE)


def _lost(name: str, differs: str, change: Answer, which: Which, times: int) -> Variant:
    """The call was made, and its answer is lost."""
    return Variant(
        name=name,
        group="answers lost",
        differs=differs,
        rules=afterwards(lambda answer: change, which, skip=_BEGUN, times=times),
        direct=Expect() if which is exchanges else degrades("."),
    )


_LOST = (
    _lost("500 after", "A call ran, and 500 came.", refusal(500), code_calls, 1),
    _lost("502 after", "A call ran, and a gateway's 502 came.", _page(502), code_calls, 1),
    _lost("504 after", "A call ran, and 504 came.", refusal(504), code_calls, 1),
    _lost("reset after", "A call ran, and a reset came.", Answer(end=RESET), code_calls, 1),
    _lost("400 after", "A call ran, and 400 came.", refusal(400, "Bad", "No."), exchanges, 1),
    _lost("409 after", "A call ran, and 409 came.", refusal(409, "Busy", "No."), exchanges, 2),
)


def _html(status: int, times: int | None, word: str) -> Variant:
    told = "(?i)web page|portal|proxy|gateway|HTML"
    return Variant(
        name=f"HTML {status} {word}",
        group="somebody else answers",
        differs=f"A web page with status {status} comes in place of JSON, {word}.",
        rules=instead(_page(status), code_calls, skip=_BEGUN, times=times),
        auto=fails(told) if times is None else Expect(),
        direct=fails(told) if times is None else degrades(told),
    )


_OTHERS = (
    *(_html(status, 1, "once") for status in (200, 403, 502)),
    *(_html(status, None, "for ever") for status in (200, 403, 502)),
    Variant(
        name="portal from the start",
        group="somebody else answers",
        differs="A captive portal redirects every call to its sign-in page.",
        rules=instead(_REDIRECT, of()),
        auto=fails("302|redirect|portal"),
        direct=fails("302|redirect|portal"),
    ),
    Variant(
        name="api-version refused",
        group="somebody else answers",
        differs="The api-version is refused with 400.",
        rules=instead(
            refusal(400, "UnsupportedApiVersion", "The api-version is not supported."), of()
        ),
        auto=fails("ACA_API_VERSION"),
        direct=fails("ACA_API_VERSION"),
    ),
)


def _full(name: str, answer: Answer, times: int | None = 2) -> Variant:
    told = fails("(?i)full|sessions")
    return Variant(
        name=name,
        group="a full pool",
        differs=f"A full pool answers {answer.status} in other words than we know"
        + (", twice." if times else ", for ever."),
        rules=instead(answer, code_calls, times=times),
        auto=Expect() if times else told,
        direct=Expect() if times else told,
    )


_FULL = (
    _full("MaxSessionsReached", refusal(429, "MaxSessionsReached", "Max sessions reached.")),
    _full("NoAvailableSessions", refusal(503, "NoAvailableSessions", "No available sessions.")),
    _full("full by 404", refusal(404, "NoAvailableSessions", "No session is available.")),
    _full("full for ever", refusal(429, "MaxSessionsReached", "Max sessions reached."), None),
    _full("flat 429", Answer(status=429, body=b'{"code":"SessionsCountExceedsLimit"}')),
)


def _later(value: str, word: str) -> Variant:
    return Variant(
        name=f"Retry-After {word}",
        group="times",
        differs=f"429 comes once in the middle, with Retry-After: {value}.",
        rules=instead(
            refusal(429, "TooManyRequests", "Slower.", Retry_After=value),
            code_calls,
            skip=_BEGUN,
            times=1,
        ),
        # A plain call waits as long as it is told to, which is longer than the script has.
        direct=fails("Interrupt the kernel to stop waiting") if value == "90" else Expect(),
    )


def _slow(name: str, differs: str, rules: MakeRules) -> Variant:
    return Variant(name=name, group="times", differs=differs, rules=rules)


_TIMES = (
    _later("2", "of 2"),
    _later("90", "of 90"),
    _later("Fri, 31 Dec 1999 23:59:59 GMT", "in the past"),
    _later("soon", "of no number"),
    _later("-1", "below 0"),
    _slow("0.3 s a call", "Each call takes 0.3 s more.", delayed(0.3, of())),
    _slow("first call of 6 s", "The first call takes 6 s more.", delayed(6.0, of(), times=1)),
    _slow("uploads of 3 s", "Each upload takes 3 s more.", delayed(3.0, of("upload"))),
)

VARIANTS = (*_REFUSALS, *_LOST, *_OTHERS, *_FULL, *_TIMES)
