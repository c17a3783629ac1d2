"""Questions about execute calls: their fields, their time, several at once, unfinished ones."""

from __future__ import annotations

import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from .answered import Ran, brief, fields_of, read_execution, refusal_of
from .bench import Bench
from .experiment import Experiment, Finding

__all__ = ["EXPERIMENTS"]


def _fields(bench: Bench) -> Finding:
    session = bench.session()
    session.run("aca_probe = 1")
    plain = {"codeInputType": "Inline", "executionType": "Synchronous", "code": "6 * 7"}
    tries: dict[str, dict[str, Any]] = {
        "as we send it": {"outputStreamsMaxLength": 20_000_000, "timeoutInSeconds": 220},
        "without outputStreamsMaxLength": {"timeoutInSeconds": 220},
        "without timeoutInSeconds": {"outputStreamsMaxLength": 20_000_000},
        "with a field that nobody knows": {"acaProbe": 1},
        "with useEmptyKernel": {"useEmptyKernel": True},
    }
    facts = {}
    for name, more in tries.items():
        ran = session.execute("6 * 7", timeout=None, **more)
        facts[name] = _short(ran, 42)
    empty = session.execute("'aca_probe' in globals()", useEmptyKernel=True)
    facts["variables with useEmptyKernel"] = empty.result if empty.succeeded else empty.verdict
    path = "/executions" if bench.is_legacy else "/code/execute"
    body = plain if bench.is_legacy else {"properties": plain}
    facts[f"POST {path}, of other api-versions"] = refusal_of(session.call("POST", path, json=body))
    facts["the other shape of the body"] = refusal_of(
        session.call("POST", "/code/execute" if bench.is_legacy else "/executions", json=body)
    )
    good = facts["as we send it"] == "works"
    unknown = facts["with a field that nobody knows"]
    return Finding(
        answer=f"What we send {'is taken' if good else 'is refused'}; with an unknown field:"
        f" {brief(unknown)}.",
        holds=good,
        facts=facts,
    )


def _short(ran: Ran, wanted: Any) -> str:
    if ran.succeeded:
        return "works" if ran.result == wanted else f"works, but gives {ran.result!r}"
    return ran.verdict


def _timeouts(bench: Bench) -> Finding:
    session = bench.session()
    facts = {}
    for seconds in (1, 220, 221, 1000, 0, -1):
        facts[f"timeoutInSeconds {seconds}"] = _short(session.execute("6 * 7", timeout=seconds), 42)
    return Finding(
        answer="; ".join(f"{name.split()[1]}: {brief(how)}" for name, how in facts.items()) + ".",
        holds=facts["timeoutInSeconds 1"] == facts["timeoutInSeconds 220"] == "works",
        facts=facts,
    )


_SLOW = """
import time
aca_probe = "kept"
print("before", flush=True)
for tick in range(60):
    with open("/mnt/data/aca-probe-ticks", "w") as file:
        file.write(str(tick))
    time.sleep(0.25)
print("after")
"""


def _after_timeout(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")
    ran = session.execute(_SLOW, timeout=2)
    ticks = []
    for _ in range(2):
        answer = session.read("aca-probe-ticks")
        ticks.append(answer.body[:10].decode("utf-8", "replace") if answer.status == 200 else "")
        bench.pause(1)
    goes_on = len(set(ticks)) > 1
    verdicts: list[str] = []
    kept: list[Any] = []

    def look() -> bool:
        later = session.execute("globals().get('aca_probe', 'gone')", timeout=30)
        verdicts.append(later.stderr.strip()[:60] if not later.succeeded else later.status)
        kept.append(later.result)
        return later.succeeded

    bench.until(look, seconds=40, every=1)
    variables = str(kept[-1]) == "kept"
    facts = {
        "answer": ran.verdict,
        "HTTP status": ran.http,
        "seconds": round(ran.seconds, 1),
        "stdout": ran.stdout,
        "stderr": ran.stderr,
        "goes on": goes_on,
        "next calls": verdicts[:5] + verdicts[-1:] if len(verdicts) > 6 else verdicts,
        "variables": kept[-1],
    }
    if ran.succeeded:
        return Finding(answer="The timeout did not end the call.", holds=False, facts=facts)
    return Finding(
        answer=f"What was printed is {'kept' if 'before' in ran.stdout else 'lost'}, the code"
        f" {'goes on' if goes_on else 'is stopped'}, variables are"
        f" {'kept' if variables else 'gone'}.",
        holds=not ran.succeeded and ran.stderr.startswith("Request timed out"),
        facts=facts,
    )


def _base64(bench: Bench) -> Finding:
    session = bench.session()
    session.run("abcd = 'as it is'")
    bare = session.execute("abcd", guard=False)
    guarded = session.execute("abcd\n#.")
    coded = b64encode(b"6 * 7").decode("ascii")
    facts = {
        "the text abcd": _short(bare, "as it is"),
        "the same with a comment": _short(guarded, "as it is"),
        "InlineBase64": _short(
            session.execute(coded, guard=False, codeInputType="InlineBase64"), 42
        ),
        "InlineBase64 of plain text": _short(
            session.execute("6 * 7", codeInputType="InlineBase64"), 42
        ),
        "InlineText": _short(session.execute("6 * 7", codeInputType="InlineText"), 42),
    }
    as_it_is = facts["the text abcd"] == "works"
    return Finding(
        answer="Code that looks like base64 runs as it is."
        if as_it_is
        else "Code that looks like base64 is decoded before it runs.",
        holds=facts["the same with a comment"] == "works",
        facts=facts,
    )


_BUSY_SECONDS = 3


def _together(bench: Bench) -> Finding:
    session = bench.session()
    session.run("import time")
    facts: dict[str, Any] = {}
    words = []
    for name, timeout in (("the second call", 60), ("a second call with 1 s", 1)):
        with ThreadPoolExecutor(1) as other:
            began = time.monotonic()
            first = other.submit(session.execute, f"time.sleep({_BUSY_SECONDS}); 'first'")
            bench.pause(0.5)
            second = session.execute("'second'", timeout=timeout)
            took = time.monotonic() - began
            slow = first.result()
        facts[f"the first call, beside {name}"] = _short(slow, "first")
        facts[name] = _short(second, "second")
        if second.stderr:
            facts[f"{name}, stderr"] = second.stderr[:100]
        facts[f"{name}, seconds"] = round(took - 0.5, 1)
        words.append((second, took, slow))
    second, took, slow = words[0]
    waits = second.succeeded and took >= _BUSY_SECONDS - 0.5
    if waits:
        how = "the second waits for the first"
    elif second.succeeded:
        how = "the second runs beside the first"
    else:
        how = f"the second is refused with {brief(second.verdict)}"
    counts = "counts" if not words[1][0].succeeded else "does not count"
    tail = f"; the time of waiting {counts} as its own" if waits else ""
    return Finding(
        answer=f"Of two calls at once, {how}{tail}.",
        holds=waits and slow.succeeded,
        facts=facts,
        means="After an interrupt, the next cell may be refused until the old code has ended: run"
        " it again then."
        if not second.succeeded
        else "",
    )


def _unfinished(bench: Bench) -> Finding:
    session = bench.session()
    session.run("aca_probe = 1")
    plain = session.execute("6 * 7", poll=False)
    facts: dict[str, Any] = {
        "a synchronous call": f"HTTP {plain.http} {plain.status}",
        "its Operation-Location": _form(plain.headers.get("operation-location", "")),
    }
    ran = session.execute(
        "import time; time.sleep(1); 'aca_probe' in globals()",
        executionType="Asynchronous",
        poll=False,
    )
    facts |= {
        "an asynchronous call": ran.verdict,
        "its HTTP status": ran.http,
        "its location": _form(ran.headers.get("operation-location", "")),
        "its stdout": ran.stdout,
    }
    if ran.http in (200, 202):
        name = ran.headers.get("operation-id") or ran.stdout.strip()
        seen: list[str] = []

        def look() -> bool:
            answer = session.call("GET", f"/executions/{quote(name, safe='')}")
            later = read_execution(answer)
            seen.append(later.verdict)
            facts["at the end"] = _short(later, "False")
            facts["fields of the end"] = sorted(fields_of(answer))
            return later.status.lower() not in ("running", "notstarted") or answer.status >= 400

        if name and not ran.succeeded:
            bench.until(look, seconds=20, every=0.5)
        facts["on the way"] = list(dict.fromkeys(seen))
    finished = plain.status.lower() not in ("running", "notstarted")
    return Finding(
        answer=f"A synchronous call answers {brief(plain.verdict)}, an asynchronous one"
        f" {brief(ran.verdict)}.",
        holds=finished,
        facts=facts,
    )


def _form(location: str) -> str:
    """How an address is written, which is all that may be shown of it."""
    if not location:
        return "absent"
    if location.startswith(("http://", "https://")):
        return "absolute"
    return "relative, with a slash" if location.startswith("/") else "relative"


def _versions(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")
    facts = {}
    known = []
    for version in (
        "2024-02-02-preview",
        "2024-08-02-preview",
        "2024-10-02-preview",
        "2025-02-02-preview",
        "2025-07-01",
        "2025-10-02-preview",
        "2026-01-01",
        "2099-01-01",
    ):
        answer = session.call("GET", "/files", version=version)
        facts[version] = refusal_of(answer)
        if 200 <= answer.status < 300:
            known.append(version)
        told = answer.headers.get("api-supported-versions")
        if told:
            facts["api-supported-versions"] = told
    return Finding(
        answer=f"These are taken: {', '.join(known) or 'none'}.",
        holds=bench.version in known,
        facts=facts,
        means=f"Set ACA_API_VERSION={known[-1]}." if known else "",
    )


def _refusals(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")
    path = "/code/execute" if bench.is_legacy else "/executions"
    facts: dict[str, Any] = {}
    words = {}
    for name, answer in {
        "a body that is no JSON": session.call("POST", path, data=b"{"),
        "a body without code": session.call("POST", path, json={}),
        "no identifier": bench.call("GET", "/files"),
        "an identifier of 3 letters": bench.call("GET", "/files", identifier="aca"),
        "a path that there is not": session.call("GET", "/aca-probe"),
        "a doubled slash": session.call("GET", "//files"),
    }.items():
        words[name] = refusal_of(answer)
        facts[name] = {
            "answer": words[name],
            "type": answer.headers.get("content-type"),
            "body begins": answer.body[:120].decode("utf-8", "replace"),
        }
    return Finding(
        answer=f"A body without code is answered {brief(words['a body without code'])}.",
        holds=all(text[5:8] in ("400", "401", "404") for text in words.values()),
        facts=facts,
    )


EXPERIMENTS = (
    Experiment(
        name="fields",
        question="Which fields of an execute request are taken, and which refused?",
        section="3.1",
        assumption="outputStreamsMaxLength 20000000 and timeoutInSeconds 220 are taken together.",
        module="aca_kernel/pool/api.py",
        means="Each cell takes one call more until the field is left out. Please report it.",
        calls=9,
        run=_fields,
    ),
    Experiment(
        name="timeouts",
        question="Which values of timeoutInSeconds are taken?",
        section="6",
        assumption="1 and 220 are.",
        module="aca_kernel/pool/client.py",
        calls=6,
        run=_timeouts,
    ),
    Experiment(
        name="after a timeout",
        question="After a timeout, is what was printed lost, does the code go on, are variables"
        " kept?",
        section="4.4",
        assumption="The answer is a failure whose stderr begins with 'Request timed out'.",
        module="aca_kernel/interpreters/mapping.py",
        means="A timeout may show as another error in direct mode. Use linked mode.",
        calls=5,
        waits=7,
        run=_after_timeout,
    ),
    Experiment(
        name="base64",
        question="Is code decoded that happens to be base64?",
        section="3.2",
        assumption="Code with a comment line behind it runs as it is.",
        module="aca_kernel/interpreters/probes.py",
        means="A cell of letters and digits only may run as something else in direct mode.",
        calls=6,
        run=_base64,
    ),
    Experiment(
        name="calls at once",
        question="What becomes of a call while another one runs in the same session?",
        section="8",
        assumption="It waits for the other.",
        module="aca_kernel/interpreters/direct.py",
        means="In direct mode a second client's call may disturb a cell that runs.",
        calls=5,
        waits=7,
        run=_together,
    ),
    Experiment(
        name="unfinished answers",
        question="Does an answer come before the code has run, and how is it asked for then?",
        section="7",
        assumption="A synchronous call is answered when it is finished.",
        module="aca_kernel/pool/client.py",
        means="Each cell takes some calls more, because its answer has to be asked for.",
        calls=6,
        waits=1,
        run=_unfinished,
    ),
    Experiment(
        name="api-versions",
        question="Which api-versions does the pool take?",
        section="2",
        assumption="The one in use is taken.",
        module="aca_kernel/pool/api.py",
        calls=9,
        run=_versions,
    ),
    Experiment(
        name="refusals",
        question="How are wrong requests refused?",
        section="11",
        assumption="With 400, 401 or 404.",
        module="aca_kernel/pool/refusals.py",
        calls=7,
        run=_refusals,
    ),
)
