"""Questions about sizes: of a request, an answer, a stream, an upload, and a full pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import AcaKernelError
from .answered import brief, refusal_of
from .bench import Bench, Session
from .experiment import Experiment, Finding, NotSettled

__all__ = ["EXPERIMENTS", "FILL", "sizes"]

_SMALLEST = 16 * 1024
_NEEDED_REQUEST = 32 * 1024
"""Bytes that the link's first call has, and some more."""

_STREAM = 30_000
_LINE = 10  # characters of a numbered line, its line feed among them
_ALL = "all of them"
_LIMITS = (None, 4096, 123_456, 20_000_000)


def sizes(most: int) -> Iterator[int]:
    """From 16 KiB on, each twice the one before; the last one is ``most``."""
    size = _SMALLEST
    while size < most:
        yield size
        size *= 2
    yield most


def _largest(most: int, attempt: Callable[[int], str]) -> tuple[int, dict[str, Any]]:
    """The largest size for which ``attempt`` says "", and what it said of the next one."""
    passed = 0
    for size in sizes(most):
        try:
            words = attempt(size)
        except AcaKernelError as error:
            words = error.what
        if words:
            return passed, {"largest that passed": passed, "refused": size, "answer": words}
        passed = size
    return passed, {"largest that passed": passed, "refused": None}


def _shown(size: int) -> str:
    return f"{size >> 20} MB" if size >= 2**20 else f"{size >> 10} KB"


def _up_to(size: int, facts: dict[str, Any]) -> str:
    if facts["refused"] is None:
        return f"{_shown(size)}, the largest that was tried, is taken."
    shown = _shown(size) if size else "not even 16 KB"
    return f"{shown} is taken, {_shown(facts['refused'])} is not: {brief(facts['answer'])}."


def _requests(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")

    def attempt(size: int) -> str:
        code = "#" + "x" * (size - 200) + "\n6 * 7"
        ran = session.execute(code)
        return "" if ran.succeeded and ran.result == 42 else ran.verdict

    passed, facts = _largest(bench.most_bytes, attempt)
    return Finding(answer=_up_to(passed, facts), holds=passed >= _NEEDED_REQUEST, facts=facts)


def _answers(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")
    facts: dict[str, Any] = {}
    largest = {}

    def printed(size: int) -> str:
        code = f"import sys; _ = sys.stdout.write('x' * {size} + 'end')"
        ran = session.execute(code, limit=size + 100)
        if not ran.succeeded:
            return ran.verdict
        return "" if ran.stdout.endswith("end") else f"{len(ran.stdout)} characters came"

    def valued(size: int) -> str:
        ran = session.execute(f"'x' * {size} + 'end'", limit=size + 100)
        if not ran.succeeded:
            return ran.verdict
        text = str(ran.result)
        return "" if text.endswith("end") else f"{len(text)} characters came"

    for way, attempt in (("stdout", printed), ("result", valued)):
        passed, tried = _largest(bench.most_bytes, attempt)
        largest[way] = passed
        facts |= {f"{way}: {name}": value for name, value in tried.items()}
    best = max(largest.values())
    return Finding(
        answer=f"On stdout {_shown(largest['stdout'])} came whole, as a result"
        f" {_shown(largest['result'])}.",
        holds=best >= 2**20,
        facts=facts,
    )


_LINES = f"""
import sys
_ = sys.stdout.write("".join("%0{_LINE - 1}d\\n" % n for n in range({_STREAM // _LINE})))
"""


def _streams(bench: Bench) -> Finding:
    session = bench.session()
    facts: dict[str, Any] = {}
    expected = True
    whole = False
    for limit in _LIMITS:
        name = "without a limit" if limit is None else f"outputStreamsMaxLength {limit}"
        if limit is not None and not bench.client.supports("output_limit"):
            facts[name] = "not sent: this api-version has no such field"
            continue
        ran = session.execute(_LINES, limit=limit)
        if not ran.succeeded:
            facts[name] = f"refused: {ran.verdict}"
            expected = expected and limit is None
            continue
        facts[name] = _kept(ran.stdout)
        whole = whole or facts[name] == _ALL
        most = limit if limit is not None else 4096
        if most < _STREAM:
            expected = expected and facts[name] == f"the first {most} characters"
        else:
            expected = expected and facts[name] == _ALL
    short = facts["without a limit"]
    return Finding(
        answer=f"Of {_STREAM} characters, without a limit, {brief(short)} come; with a limit of"
        f" 20000000, {brief(facts['outputStreamsMaxLength 20000000'])}.",
        holds=expected,
        facts=facts,
        means=""
        if whole
        else "Long outputs are cut in direct mode whatever is asked for. Use linked mode.",
    )


def _kept(text: str) -> str:
    """Which part of the numbered lines a stream is."""
    whole = "".join(f"{n:0{_LINE - 1}d}\n" for n in range(_STREAM // _LINE))
    if text == whole:
        return _ALL
    if not text:
        return "nothing"
    kept = text.rstrip("\n")
    if whole.startswith(kept):
        return f"the first {len(text)} characters"
    if whole.endswith(text):
        return f"the last {len(text)} characters"
    begins = next((n for n in range(len(text)) if text[n] != whole[n : n + 1]), len(text))
    return f"{len(text)} characters, of which the first {begins} are the stream's"


def _uploads(bench: Bench) -> Finding:
    session = bench.session()

    def attempt(size: int) -> str:
        answer = session.upload("aca-probe.bin", b"x" * size)
        if not 200 <= answer.status < 300:
            return refusal_of(answer)
        return _stored(session, size)

    passed, facts = _largest(bench.most_bytes, attempt)
    return Finding(answer=_up_to(passed, facts), holds=passed >= bench.most_bytes, facts=facts)


def _stored(session: Session, size: int) -> str:
    told = session.tell(
        "import json, os; print(json.dumps({'size': os.path.getsize('/mnt/data/aca-probe.bin')}))"
    )
    return "" if told.get("size") == size else f"{told.get('size')} bytes were stored"


def _full(bench: Bench) -> Finding:
    for number in range(bench.fill):
        answer = bench.session().call("GET", "/files", patient=False)
        if 200 <= answer.status < 300:
            continue
        bench.left.pop()  # it was refused, so it is not there
        facts = {
            "sessions before it": number,
            "answer": refusal_of(answer),
            "headers": answer.header_names,
            "Retry-After": answer.headers.get("retry-after"),
            "body begins": answer.body[:200].decode("utf-8", "replace"),
        }
        coded = b"SessionsCountExceedsLimit" in answer.body
        return Finding(
            answer=f"After {number} sessions the pool answers {brief(refusal_of(answer))}.",
            holds=answer.status == 429 and coded,
            facts=facts,
        )
    raise NotSettled(f"{bench.fill} sessions did not fill it: give --fill a larger number")


EXPERIMENTS = (
    Experiment(
        name="size of requests",
        question="How large may the request be that runs code?",
        section="6",
        assumption="At least 32 KB, so that the link's first call is one.",
        module="aca_kernel/link/bootstrap.py",
        means="The first cell takes longer, because the link goes there in pieces. In direct mode"
        " put long cells into files.",
        calls=1,
        calls_a_size=1,
        run=_requests,
    ),
    Experiment(
        name="size of answers",
        question="How large may the answer be, as a stream and as a result?",
        section="6",
        assumption="At least 1 MB comes back in one answer.",
        module="aca_kernel/link/client.py",
        means="Outputs cross in small pieces, so large ones take long.",
        calls=1,
        calls_a_size=2,
        run=_answers,
    ),
    Experiment(
        name="cut streams",
        question="Which part of a long stream stays, and how far can its limit be raised?",
        section="6",
        assumption="The head stays; 4096 characters, or as many as outputStreamsMaxLength says.",
        module="aca_kernel/interpreters/mapping.py",
        means="A cut output may not be noticed in direct mode. Use linked mode.",
        calls=4,
        run=_streams,
    ),
    Experiment(
        name="size of uploads",
        question="How large may an upload be?",
        section="6",
        assumption="Any size up to 128 MB is taken; no more than --max-megabytes is tried.",
        module="aca_kernel/pool/files.py",
        means="Uploads go in smaller parts than usual, or fail. Please report the limit.",
        calls=0,
        calls_a_size=2,
        run=_uploads,
    ),
)

FILL = Experiment(
    name="full pool",
    question="What does a full pool answer, and does it say when to come back?",
    section="11",
    assumption="HTTP 429 with the code SessionsCountExceedsLimit.",
    module="aca_kernel/pool/refusals.py",
    means="A full pool may be told as another error, and pool_wait does not wait for it.",
    calls=1,
    run=_full,
)
"""Asked only with --fill, because nobody else can begin a session while the pool is full."""
