"""What a call answered, as experiments look at it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import ServiceError, UnexpectedAnswer
from ..pool.answers import parse_execution, parse_json
from ..pool.raw import RawAnswer
from ..pool.refusal_texts import parse_refusal

__all__ = [
    "MISSING",
    "Ran",
    "brief",
    "fields_of",
    "operation_of",
    "read_execution",
    "refusal_of",
]

MISSING = "(absent)"
"""Stands for a result that an answer does not have."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What an execute call answered. ``http`` alone says whether it was accepted at all."""

    http: int
    status: str = ""
    succeeded: bool = False
    stdout: str = ""
    stderr: str = ""
    result: Any = MISSING
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    header_names: tuple[str, ...] = ()
    code: str = ""
    """The service's code when it refused."""
    refusal: str = ""
    """That code, and the service's words."""
    keys: tuple[str, ...] = ()
    """The names of the answer's fields."""
    polls: int = 0
    """How often it had to be asked for until it was finished."""

    @property
    def verdict(self) -> str:
        """The outcome in short."""
        return self.status if self.status else f"HTTP {self.http} {self.refusal}".strip()


def read_execution(answer: RawAnswer, *, polls: int = 0) -> Ran:
    """An execute call's answer, whatever it is."""
    seconds, headers, names = answer.seconds, answer.headers, answer.header_names
    if not 200 <= answer.status < 300:
        return Ran(
            http=answer.status,
            seconds=seconds,
            headers=headers,
            header_names=names,
            code=parse_refusal(answer.status, headers, answer.body, {})[0],
            refusal=_words(answer),
        )
    outer = fields_of(answer)
    inner = outer.get("result")
    keys = [*outer, *(f"result.{key}" for key in inner)] if isinstance(inner, dict) else [*outer]
    try:
        execution = parse_execution(parse_json(answer.body), answer.headers)
    except ServiceError as error:
        return Ran(
            http=answer.status,
            status="",
            refusal=error.what,
            seconds=seconds,
            headers=headers,
            header_names=names,
        )
    lowered = {key.lower() for key in keys}
    has_result = bool({"result.executionresult", "executionresult"} & lowered) or (
        "result" in lowered and "stdout" in lowered
    )
    return Ran(
        http=answer.status,
        status=execution.status,
        succeeded=execution.succeeded,
        stdout=execution.stdout,
        stderr=execution.stderr,
        result=execution.result if has_result else MISSING,
        seconds=seconds,
        headers=headers,
        header_names=names,
        keys=tuple(keys),
        polls=polls,
    )


def fields_of(answer: RawAnswer) -> dict[str, Any]:
    """The fields of an answer that is a JSON object; what is in ``properties`` is taken out."""
    try:
        value = parse_json(answer.body)
    except UnexpectedAnswer:
        return {}
    if not isinstance(value, dict):
        return {}
    inner = value.get("properties")
    return inner if isinstance(inner, dict) else value


def refusal_of(answer: RawAnswer) -> str:
    """An answer in one line: its status, and the service's code and words when it refused."""
    if 200 <= answer.status < 300:
        return f"HTTP {answer.status}"
    return f"HTTP {answer.status} {_words(answer)}".rstrip()


def operation_of(answer: RawAnswer) -> str:
    """The id by which an unfinished answer is asked for; "" when it has none."""
    where = urlsplit(answer.headers.get("operation-location", "")).path
    name = answer.headers.get("operation-id") or fields_of(answer).get("id")
    return str(name or unquote(where.rpartition("/")[2]))


def brief(words: str) -> str:
    """Of such a line only the status and the code, as an answer in one sentence repeats it."""
    found = re.match(r"HTTP \d+(?: [A-Z][a-z]+(?:[A-Z][a-z]*)+(?= |$))?", words)
    return found[0] if found else words[:80].rstrip(". ")


def _words(answer: RawAnswer) -> str:
    code, message = parse_refusal(answer.status, answer.headers, answer.body, {})[:2]
    return " ".join(part for part in (code, message) if part)
