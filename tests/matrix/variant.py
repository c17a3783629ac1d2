"""A variant of the service, of sessions or of pools, and the ways to make its rules."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .judge import DEGRADES, FAILS, WORKS, Allowed
from .relay import Answer, Call, Rules, refusal
from .script import Step

MakeRules = Callable[[], Rules]
Which = Callable[[Call], bool]


@dataclass(frozen=True, kw_only=True)
class Expect:
    """A verdict, and a regular expression that the words have to match."""

    verdict: str = WORKS
    words: str = ""


def degrades(words: str) -> Expect:
    """Some of it is missing, and the user is told so."""
    return Expect(verdict=DEGRADES, words=words)


def fails(words: str) -> Expect:
    """Nothing works, and the user is told why."""
    return Expect(verdict=FAILS, words=words)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs, in one sentence, and what has to come of it in either mode."""

    name: str
    group: str
    differs: str
    rules: MakeRules = Rules
    flags: tuple[str, ...] = ()
    """Of the local pool."""
    interpreter: tuple[str, str] | None = None
    """The versions of Python and of ipykernel that sessions run, where they are others."""
    extra: tuple[Step, ...] = ()
    """Steps after the script's own."""
    prepare: str = ""
    """Python that is run in the session before the kernel comes to it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    auto: Expect = field(default_factory=Expect)
    direct: Expect = field(default_factory=Expect)
    allowed: Allowed = field(default_factory=Allowed)

    def expected(self, mode: str) -> Expect:
        return self.auto if mode == "auto" else self.direct


def of(*operations: str) -> Which:
    """The calls of these operations; all calls without any."""
    return lambda call: not operations or call.operation in operations


def exchanges(call: Call) -> bool:
    """The link's calls after its bootstrap."""
    return call.is_exchange


def code_calls(call: Call) -> bool:
    """Every call that runs code."""
    return call.operation == "execute"


class Counter:
    """Says of the calls that ``which`` is true for whether it is the turn of one."""

    def __init__(self, which: Which, skip: int = 0, times: int | None = None) -> None:
        self._which, self._skip, self._times = which, skip, times
        self._seen = 0

    def __call__(self, call: Call) -> bool:
        if not self._which(call):
            return False
        self._seen += 1
        after = self._seen - self._skip
        return after > 0 and (self._times is None or after <= self._times)


def instead(answer: Answer, which: Which, *, skip: int = 0, times: int | None = None) -> MakeRules:
    """Answer in the pool's place."""

    def make() -> Rules:
        turn = Counter(which, skip, times)
        return Rules(before=lambda call: answer if turn(call) else None)

    return make


def afterwards(
    change: Callable[[Answer], Answer], which: Which, *, skip: int = 0, times: int | None = None
) -> MakeRules:
    """Change what the pool answers."""

    def make() -> Rules:
        turn = Counter(which, skip, times)
        return Rules(after=lambda call, answer: change(answer) if turn(call) else answer)

    return make


def asked(change: Callable[[Call], Call | Answer | None], which: Which) -> MakeRules:
    """Change what the pool is asked, or refuse it."""
    return lambda: Rules(before=lambda call: change(call) if which(call) else None)


def delayed(seconds: float, which: Which, *, times: int | None = None) -> MakeRules:
    """Let calls wait before they reach the pool."""

    def make() -> Rules:
        turn = Counter(which, 0, times)

        def before(call: Call) -> None:
            if turn(call):
                time.sleep(seconds)

        return Rules(before=before)

    return make


def json_changed(
    change: Callable[[Any], Any], which: Which, *, skip: int = 0, times: int | None = None
) -> MakeRules:
    """Change the JSON of good answers; ``change`` gives the new value, or None for the old."""

    def changed(answer: Answer) -> Answer:
        value = answer.json()
        if value is None or answer.status >= 300:
            return answer
        new = change(value)
        return answer.saying(value if new is None else new)

    return afterwards(changed, which, skip=skip, times=times)


def result_changed(change: Callable[[dict[str, Any]], None]) -> MakeRules:
    """Change in place what executions answer."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("result"), dict):
            change(value["result"])
        return value

    return json_changed(changed, code_calls)


def request_limit(size: int, answer: Answer | None = None) -> MakeRules:
    """Refuse bodies of execute calls above a size."""
    said = answer or refusal(413, "RequestEntityTooLarge", "The request is too large.")
    return asked(lambda call: said if len(call.body) > size else None, code_calls)


def answer_limit(size: int, instead_of: Callable[[Answer], Answer]) -> MakeRules:
    """Answer otherwise where an execution's answer is above a size."""
    return afterwards(lambda a: instead_of(a) if len(a.body) > size else a, code_calls)


def field_refused(name: str, most: int | None, message: str) -> MakeRules:
    """Refuse an optional field: always, or above ``most``."""

    def before(call: Call) -> Answer | None:
        value = call.fields.get(name)
        if value is None or (most is not None and value <= most):
            return None
        said = {"error": {"code": "InvalidRequest", "message": message, "target": name}}
        pairs = (("Content-Type", "application/json"),)
        return Answer(status=400, headers=pairs, body=json.dumps(said).encode())

    return asked(before, code_calls)
