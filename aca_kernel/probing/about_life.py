"""Questions about a session's life: what identifies it, what keeps it, what ends it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import UnexpectedAnswer
from ..pool.answers import parse_json, parse_time
from .answered import brief, fields_of, refusal_of
from .bench import PROBE_PREFIX, Bench, Session
from .experiment import Experiment, Finding, NotSettled

__all__ = ["EXPERIMENTS"]

_MARKS = ("x-ms-session-guid", "x-ms-new-allocation", "etag", "x-ms-session-etag", "operation-id")
_PAUSE = 2.0
_MOST_PAGES = 10


def _identity(bench: Bench) -> Finding:
    session = bench.session()
    seen: dict[str, list[str]] = {name: [] for name in _MARKS}
    tags = []

    names: tuple[str, ...] = ()

    def note() -> None:
        nonlocal names
        ran = session.execute("1")
        names = ran.header_names
        for name in _MARKS:
            seen[name].append(ran.headers.get(name, "absent"))
        if bench.client.supports("get_session"):
            answer = session.call("GET", "/session")
            tags.append(str(fields_of(answer).get("etag", refusal_of(answer))))

    for _ in range(3):
        note()
    deleted = session.call("DELETE", "/session") if bench.client.supports("get_session") else None
    if deleted is not None:
        note()
    listed = session.call("GET", "/files")
    guids = seen["x-ms-session-guid"]
    stable = len(set(guids[:3])) == 1 and guids[0] != "absent"
    changes = deleted is None or guids[3] not in guids[:3]
    facts: dict[str, Any] = {
        name: values for name, values in seen.items() if set(values) != {"absent"}
    }
    facts |= {
        "etag of GET /session": tags,
        "DELETE /session": refusal_of(deleted) if deleted is not None else "not sent",
        "headers of a call that runs code": names,
        "headers of a call for files": listed.header_names,
    }
    answer = (
        "absent"
        if guids[0] == "absent"
        else f"{'stays' if stable else 'changes'} from call to call, and after a deletion it"
        f" {'is another' if changes else 'stays the same'}"
    )
    return Finding(
        answer=f"x-ms-session-guid is {answer}."
        if guids[0] == "absent"
        else f"x-ms-session-guid {answer}.",
        holds=None if guids[0] == "absent" else stable and changes,
        facts=facts,
    )


def _idle(bench: Bench) -> Finding:
    bench.need("list_sessions")
    session = bench.session()
    session.run("1")
    first = _times(bench, session)
    facts: dict[str, Any] = {"lastAccessedAt and expireAt at first": first}
    last = first[0]
    moves = {}

    def moved(name: str, call: Callable[[], Any]) -> None:
        nonlocal last
        bench.pause(_PAUSE)
        call()
        times = _times(bench, session)
        moves[name] = times[0] != last
        last = times[0]

    moved("GET /listSessions", lambda: None)
    moved("GET /session", lambda: session.call("GET", "/session"))
    moved("GET /files", lambda: session.call("GET", "/files"))
    moved("POST /executions", lambda: session.execute("1"))
    facts |= moves
    begin, end = (parse_time(text) for text in first)
    if begin is not None and end is not None:
        facts["cooldown, seconds"] = round((end - begin).total_seconds(), 1)
    sane = facts.get("cooldown, seconds", 0) > 0
    counting = [name for name, counts in moves.items() if counts]
    return Finding(
        answer=f"These begin the idle time anew: {', '.join(counting) or 'none'}.",
        holds=moves["GET /files"] and sane,
        facts=facts,
    )


def _times(bench: Bench, session: Session) -> tuple[str, str]:
    """When a session was used last and when it ends, as the pool's listing has it."""
    query: tuple[tuple[str, str], ...] = ()
    for _ in range(_MOST_PAGES):
        answer = bench.call("GET", "/listSessions", query=query)
        if answer.status != 200:
            raise NotSettled(f"listing the sessions was answered {refusal_of(answer)}")
        fields = {str(k).lower(): v for k, v in fields_of(answer).items()}
        entries = fields.get("sessions", fields.get("value"))
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("identifier") == session.identifier:
                end = entry.get("expireAt", entry.get("expiresAt"))
                return str(entry.get("lastAccessedAt")), str(end)
        link = fields.get("nextlink")
        skip = dict(parse_qsl(urlsplit(str(link or "")).query)).get("skip")
        if not skip:
            break
        query = (("skip", skip),)
    raise NotSettled("the session is not in the pool's listing")


def _identifier_case(bench: Bench) -> Finding:
    name = f"{PROBE_PREFIX}case-{secrets.token_hex(12)}abc"
    lower, upper = bench.session(name), bench.session(name.upper())
    lower.run("aca_probe = 'here'")
    ran = upper.execute("'aca_probe' in globals()")
    same = str(ran.result) == "True"
    return Finding(
        answer="Two identifiers that differ in case are"
        f" {'one session' if same else 'two sessions'}.",
        holds=ran.succeeded and not same,
        facts={"the other session answers": ran.result, "status": ran.verdict},
    )


def _deletion(bench: Bench) -> Finding:
    bench.need("get_session")
    session, absent = bench.session(), bench.session()
    facts = {
        "GET /session of an absent one": refusal_of(absent.call("GET", "/session")),
        "DELETE /session of an absent one": refusal_of(absent.call("DELETE", "/session")),
    }
    session.run("aca_probe = 1")
    facts["GET /session"] = refusal_of(session.call("GET", "/session"))
    deleted = session.call("DELETE", "/session")
    facts["DELETE /session"] = refusal_of(deleted)
    ran = session.execute("'aca_probe' in globals()")
    facts["variables after it"] = "still there" if str(ran.result) == "True" else "gone"
    facts["the next call"] = ran.verdict
    gone = 200 <= deleted.status < 300 and ran.succeeded and str(ran.result) == "False"
    return Finding(
        answer=f"Deleting a session answers {brief(facts['DELETE /session'])}; variables are"
        f" {facts['variables after it']}. Deleting an absent one:"
        f" {brief(facts['DELETE /session of an absent one'])}.",
        holds=gone,
        facts=facts,
    )


def _routes(bench: Bench) -> Finding:
    session = bench.session()
    session.run("1")
    facts = {}
    for method, path, is_named in (
        ("GET", "/metadata", False),
        ("GET", "/listSessions", False),
        ("GET", "/session", True),
        ("POST", "/.management/getSession", True),
        ("POST", "/.management/listSessions", False),
        ("POST", "/.management/stopSession", True),
    ):
        named = session.identifier if is_named else None
        answer = bench.call(method, path, identifier=named, json={} if method == "POST" else None)
        facts[f"{method} {path}"] = {"answer": refusal_of(answer), "fields": _keys(answer.body)}
    there = [name for name, one in facts.items() if str(one["answer"]).startswith("HTTP 2")]
    wanted = {"GET /listSessions", "GET /session"}
    return Finding(
        answer=f"These are there: {', '.join(there) or 'none'}.",
        holds=wanted <= set(there) if bench.client.supports("get_session") else None,
        facts=facts,
    )


def _keys(body: bytes) -> list[str]:
    """The names of an answer's fields, and of those of the first entry in it."""
    try:
        value = parse_json(body)
    except UnexpectedAnswer:
        return []
    if not isinstance(value, dict):
        return [type(value).__name__]
    keys = [str(key) for key in value]
    for name, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], dict):
            keys += [f"{name}[].{key}" for key in item[0]]
    return keys[:40]


EXPERIMENTS = (
    Experiment(
        name="identity",
        question="Which header tells one session from the next, and stays while it lives?",
        section="2.5",
        assumption="x-ms-session-guid stays from call to call and changes with the session.",
        module="aca_kernel/interpreters/direct.py",
        means="A replaced session may not be noticed in direct mode. Use linked mode.",
        calls=10,
        run=_identity,
    ),
    Experiment(
        name="idle time",
        question="Which calls begin a session's idle time anew?",
        section="10",
        assumption="GET /files does, and expireAt is after lastAccessedAt.",
        module="aca_kernel/sessions/session.py",
        means="keep_alive does not keep a session: run a cell from time to time.",
        calls=9,
        waits=8,
        run=_idle,
    ),
    Experiment(
        name="case of identifiers",
        question="Are identifiers that differ only in case the same session?",
        section="13",
        assumption="They are two sessions.",
        module="aca_kernel/sessions/identity.py",
        means="Nothing has to be done: identifiers of ours are of one case.",
        calls=2,
        sessions=2,
        run=_identifier_case,
    ),
    Experiment(
        name="deletion",
        question="What do deleting and describing a session answer, also for an absent one?",
        section="10",
        assumption="After DELETE /session the same identifier is a new, empty session.",
        module="aca_kernel/sessions/session.py",
        means="A restart in direct mode may keep variables. Use linked mode.",
        calls=6,
        sessions=2,
        run=_deletion,
    ),
    Experiment(
        name="routes",
        question="Which of the calls about sessions are there?",
        section="2.3",
        assumption="GET /session and GET /listSessions are.",
        module="aca_kernel/commands/sessions.py",
        means="`aca-kernel sessions` does not work at this pool.",
        calls=7,
        run=_routes,
    ),
)
