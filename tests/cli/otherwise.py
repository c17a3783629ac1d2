"""Pools that answer otherwise than we assume, each in one thing."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable

from .changing import ABSENT, Answered, Asked, Change, Forward, refused

HOSTILE = (
    "`</code></td><script>alert(1)</script> ![x](https://evil.example/p.png) [y](javascript:1) "
    "@everyone #1 | x | \x1b[31mred\x07 \u202e eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln "
    "/subscriptions/11111111-2222-3333-4444-555555555555 10.1.2.3 `"
)


def too_large(limit: int, operation: str = "executions") -> Change:
    def change(asked: Asked, forward: Forward) -> Answered:
        if asked.operation == operation and len(asked.body) > limit:
            return refused(413)
        return forward(asked)

    return change


def replaced(old: str, new: str) -> Change:
    """A session in which some of our code means something else."""

    def change(asked: Asked, forward: Forward) -> Answered:
        code = asked.fields.get("code")
        return forward(asked.with_fields(code=code.replace(old, new)) if code else asked)

    return change


def answering(work: Callable[[Asked, Answered], Answered]) -> Change:
    """Changes the answers of execute calls that were accepted."""

    def change(asked: Asked, forward: Forward) -> Answered:
        answer = forward(asked)
        return work(asked, answer) if asked.fields and answer.status == 200 else answer

    return change


def without_results(asked: Asked, answer: Answered) -> Answered:
    return answer.with_result(executionResult=ABSENT)


def quoted(asked: Asked, answer: Answered) -> Answered:
    if not asked.fields.get("returnJupyterFormatExecutionResult"):
        return answer
    return answer.with_result(
        executionResult=json.dumps(answer.fields["result"]["executionResult"])
    )


def other_figures(asked: Asked, answer: Answered) -> Answered:
    value = answer.fields["result"]["executionResult"]
    if not isinstance(value, dict):
        return answer
    return answer.with_result(executionResult={"mime": "image/png", "data": value["base64_data"]})


def short(asked: Asked, answer: Answered) -> Answered:
    return answer.with_result(stdout=answer.fields["result"]["stdout"][:4096])


def tail(asked: Asked, answer: Answered) -> Answered:
    whole = "".join(f"{n:09d}\n" for n in range(3000))
    kept = whole[-4096:] if len(answer.fields["result"]["stdout"]) == 4096 else whole
    return answer.with_result(stdout=kept)


def with_html(asked: Asked, answer: Answered) -> Answered:
    if "text/html" not in asked.fields["code"]:
        return answer
    return answer.with_result(executionResult={"type": "html", "text": "<b>html</b>"})


def partial(asked: Asked, answer: Answered) -> Answered:
    if answer.fields["status"] != "Failed":
        return answer
    return answer.with_result(stdout="before\n", stderr="Took too long")


def strict(asked: Asked, forward: Forward) -> Answered:
    known = {"code", "codeInputType", "executionType", "timeoutInSeconds"}
    for name in asked.fields:
        if name not in known:
            return refused(400, "SessionRequestValidationFailed", f"The field {name} is unknown.")
    return forward(asked)


def bounded(asked: Asked, forward: Forward) -> Answered:
    if asked.fields.get("outputStreamsMaxLength", 0) > 123_456:
        return refused(400, "SessionRequestValidationFailed", "At most 123456.")
    return forward(asked)


def new_guids(asked: Asked, answer: Answered) -> Answered:
    return Answered(
        status=answer.status,
        body=answer.body,
        headers={**answer.headers, "x-ms-session-guid": str(uuid.uuid4())},
    )


def no_guids(asked: Asked, answer: Answered) -> Answered:
    kept = {k: v for k, v in answer.headers.items() if k.lower() != "x-ms-session-guid"}
    return Answered(status=answer.status, body=answer.body, headers=kept)


def lower_case(asked: Asked, forward: Forward) -> Answered:
    """Identifiers and the names of files are all lower case in this pool."""
    body = re.sub(rb'filename="[^"]*"', lambda found: found[0].lower(), asked.body)
    target = re.sub(r"(files/|identifier=)[^?&/]+", lambda found: found[0].lower(), asked.target)
    return forward(Asked(method=asked.method, target=target, headers=asked.headers, body=body))


class NeverDeletes:
    """A service that knows no deletion, but for that of the test's own end."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, asked: Asked, forward: Forward) -> Answered:
        if asked.method != "DELETE":
            return forward(asked)
        self._count += 1
        if self._count > 2:  # the absent one, and the one to look at
            forward(asked)
        return refused(404)


def early_end(asked: Asked, forward: Forward) -> Answered:
    answer = forward(asked)
    if asked.operation != "listSessions":
        return answer
    value = answer.fields
    for one in value["sessions"]:
        one["expireAt"] = one["createdAt"].replace("20", "19", 1)
    return Answered(status=200, body=json.dumps(value).encode(), headers=answer.headers)


def late_metadata(asked: Asked, forward: Forward) -> Answered:
    if asked.method == "GET" and re.fullmatch(r"files/[^/]+", asked.operation):
        return refused(404, "FileNotFound", "Not yet.")
    return forward(asked)


def no_directories(asked: Asked, forward: Forward) -> Answered:
    target = re.sub(r"&path=[^&]*", "", asked.target)
    return forward(
        Asked(method=asked.method, target=target, headers=asked.headers, body=asked.body)
    )


def large_answers_fail(asked: Asked, forward: Forward) -> Answered | None:
    answer = forward(asked)
    return None if len(answer.body) > 200_000 else answer


def one_version(asked: Asked, forward: Forward) -> Answered:
    if "api-version=2025-10-02-preview" not in asked.target:
        return refused(401)
    return forward(asked)


class OneAtATime:
    """A service that answers 409 while a call of the session runs."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    def __call__(self, asked: Asked, forward: Forward) -> Answered:
        if not asked.fields:
            return forward(asked)
        if not self._busy.acquire(blocking=False):
            return refused(409, "SessionIsBusy", "Another execution is running.")
        try:
            return forward(asked)
        finally:
            self._busy.release()


class Unfinished:
    """A service that answers each execute call before it has run."""

    def __init__(self, fields: tuple[str, ...] = ("id",)) -> None:
        self._answers: dict[str, Answered | None] = {}
        self._fields = fields

    def __call__(self, asked: Asked, forward: Forward) -> Answered:
        name = asked.operation.partition("executions/")[2]
        if name in self._answers:
            answer = self._answers[name]
            return self._running(name) if answer is None else answer
        if not asked.fields:
            return forward(asked)
        name = str(uuid.uuid4())
        self._answers[name] = None

        def work() -> None:
            self._answers[name] = forward(asked)

        threading.Thread(target=work, daemon=True).start()
        return self._running(name)

    def _running(self, name: str) -> Answered:
        return Answered(
            status=202,
            body=json.dumps({"status": "Running", **dict.fromkeys(self._fields, name)}).encode(),
            headers={"Operation-Location": f"https://elsewhere.example/executions/{name}"},
        )
