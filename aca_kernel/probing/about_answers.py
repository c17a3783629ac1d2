"""Questions about what running code answers: values, figures, errors, their form."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64encode
from typing import Any

from .answered import MISSING, Ran
from .bench import Bench
from .experiment import Experiment, Finding, NotSettled

__all__ = ["EXPERIMENTS"]

_SHOWN = """
class Shown:
    def _repr_html_(self):
        return "<b>html</b>"
    def __repr__(self):
        return "plain"
Shown()
"""

# What each cell answers by the rules of docs/service.md 4.2.
_VALUES: tuple[tuple[str, str, Any], ...] = (
    ("float", "1.5", 1.5),
    ("bool", "True", "True"),
    ("list of numbers", "[1, 2]", [1, 2]),
    ("list of strings", "['a', 'b']", "['a', 'b']"),
    ("dict", "{'a': 1}", "{'a': 1}"),
    ("tuple", "(1, 2)", "(1, 2)"),
    ("string", "'text'", "text"),
    ("string with a quote", '"it\'s"', "it's"),
    ("string with a line feed", "'a\\nb'", "a\\nb"),
    ("string of digits", "'12'", "12"),
    ("bytes", "b'x'", "b'x'"),
    ("nan", "float('nan')", "nan"),
    ("inf", "float('inf')", "inf"),
    ("long int", "10 ** 30", 10**30),
    ("None", "None", ""),
    ("no value", "aca_probe = 1", ""),
    ("object with HTML", _SHOWN, "plain"),
)
_NAN_TEXT = ("the string nan", "'nan'")

_FRAME = """
import pandas
pandas.DataFrame({"a": [1, 2]})
"""


def _same(first: Any, second: Any) -> bool:
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _values(bench: Bench) -> Finding:
    session = bench.session()
    newest = bench.client.supports("output_limit")
    expected = (*_VALUES, (*_NAN_TEXT, "'nan'" if newest else "nan"))
    facts: dict[str, Any] = {}
    others = []
    for label, code, wanted in expected:
        ran = session.execute(code)
        found = ran.result if ran.succeeded else f"({ran.verdict})"
        facts[label] = found
        if not _same(found, wanted):
            others.append(label)
    frame = session.execute(_FRAME)
    facts["DataFrame"] = frame.result if frame.succeeded else frame.stderr.strip()[-100:]
    return Finding(
        answer=f"Other than assumed: {', '.join(others)}." if others else "All as assumed.",
        holds=not others,
        facts=facts,
        means=_missing_means(facts),
    )


def _missing_means(facts: dict[str, Any]) -> str:
    if facts.get("float") == MISSING:
        return "Results of cells are missing in direct mode. Use linked mode, or print() them."
    return ""


def _formats(bench: Bench) -> Finding:
    session = bench.session()
    cells = {
        "nan": "float('nan')",
        "the string nan": "'nan'",
        "None": "None",
        "float": "1.5",
        "string": "'text'",
    }
    facts: dict[str, Any] = {}
    changed = []
    for field in ("returnJupyterFormatExecutionResult", "returnJupyterFormat"):
        for label, code in cells.items():
            if f"without: {label}" not in facts:
                facts[f"without: {label}"] = _result(session.execute(code))
            found = facts[f"{field}: {label}"] = _result(session.execute(code, **{field: True}))
            if not _same(facts[f"without: {label}"], found):
                changed.append(f"{field} ({label})")
    return Finding(
        answer=f"They change: {', '.join(changed)}." if changed else "They change nothing.",
        facts=facts,
    )


def _result(ran: Ran) -> Any:
    return ran.result if ran.succeeded else f"({ran.verdict})"


def _png(colour: bytes) -> str:
    """A picture of one point, as base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    image = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + colour))
    return b64encode(b"\x89PNG\r\n\x1a\n" + image + chunk(b"IEND", b"")).decode("ascii")


_PICTURES = {"first": _png(b"\xff\0\0"), "second": _png(b"\0\0\xff")}

_SHOW = "from IPython.display import display\n"

_PLOT = """
import matplotlib.pyplot as plot
plot.plot([1, 2, 3])
plot.savefig("/mnt/data/aca-probe.png")
print("saved")
"""


def _show(which: str) -> str:
    return f"display({{'image/png': {_PICTURES[which]!r}, 'text/plain': {which!r}}}, raw=True)\n"


def _which(ran: Ran) -> str:
    """Which figure or value a cell answered."""
    value = ran.result
    if not ran.succeeded:
        return f"({ran.verdict})"
    if isinstance(value, dict):
        lowered = {str(key).lower(): item for key, item in value.items()}
        data = "".join(str(lowered.get("base64_data", lowered.get("base64data", ""))).split())
        for name, picture in _PICTURES.items():
            if data == picture:
                return f"the {name} figure"
        return "a figure" if data else f"an object with {', '.join(lowered)}"
    return "nothing" if value in ("", None, MISSING) else f"the value {value!r}"


def _figures(bench: Bench) -> Finding:
    session = bench.session()
    one = session.execute(_SHOW + _show("first"))
    facts: dict[str, Any] = {
        "one figure": _which(one),
        "its fields": sorted(one.result) if isinstance(one.result, dict) else one.result,
        "two figures": _which(session.execute(_SHOW + _show("first") + _show("second"))),
        "a figure, then a value": _which(session.execute(f"{_SHOW}{_show('first')}42")),
        "a value shown, then a figure": _which(
            session.execute(f"{_SHOW}display(42)\n{_show('first')}")
        ),
    }
    plot = session.execute(_PLOT)
    facts["a plot that is saved only"] = _which(plot) if plot.succeeded else "(no matplotlib)"
    fields = facts["its fields"]
    known = isinstance(fields, list) and "base64_data" in [str(key).lower() for key in fields]
    return Finding(
        answer=f"Of two figures, {facts['two figures']} comes back; of a figure and a value,"
        f" {facts['a figure, then a value']}.",
        holds=facts["one figure"] == "the first figure" and known,
        facts=facts,
    )


def _rich(bench: Bench) -> Finding:
    session = bench.session()
    kinds: dict[str, Any] = {
        "text/html": "<b>html</b>",
        "text/markdown": "**md**",
        "text/latex": "$x$",
        "application/json": {"a": 1},
        "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "image/jpeg": b64encode(b"\xff\xd8\xff\xe0 no picture").decode("ascii"),
    }
    facts: dict[str, Any] = {}
    for kind, data in kinds.items():
        bundle = {kind: data, "text/plain": "plain"}
        facts[kind] = _result(session.execute(f"{_SHOW}display({bundle!r}, raw=True)"))
    facts["display(1), then 2"] = _result(session.execute(f"{_SHOW}display(1)\n2"))
    seen = [kind for kind in kinds if facts[kind] not in ("", None, MISSING, "plain")]
    return Finding(
        answer=f"These come back: {', '.join(seen)}." if seen else "No: nothing of it comes back.",
        holds=not seen,
        facts=facts,
        means="Nothing has to be done: direct mode could show more than it does. Please report it.",
    )


_RAISES = """
import sys
print("before")
sys.stderr.write("on stderr\\n")
1 / 0
"""


def _errors(bench: Bench) -> Finding:
    session = bench.session()
    raised = session.execute(_RAISES)
    exits = session.execute("import sys; sys.exit(3)")
    asks = session.execute("input('? ')")
    warned = session.execute("import sys; sys.stderr.write('only a word')\n1")
    text = raised.stderr
    facts = {
        "status": raised.status,
        "HTTP status": raised.http,
        "stdout": raised.stdout,
        "stderr begins": text[:120],
        "stderr ends": text[-80:],
        "result": raised.result,
        "colours": "\x1b" in text,
        "sys.exit(3)": f"{exits.verdict}, stderr {exits.stderr.strip()[-60:]!r}",
        "input()": f"{asks.verdict}, stderr {asks.stderr.strip()[-80:]!r}",
        "stderr without an error": warned.verdict,
    }
    if raised.status == "":
        raise NotSettled(f"the call was answered {raised.verdict}")
    at = text.find("division by zero-----")
    holds = (
        not raised.succeeded
        and raised.stdout == "before\n"
        and at >= 0
        and text.rstrip().endswith("ZeroDivisionError: division by zero")
        and warned.succeeded
    )
    order = "before" if "on stderr" in text[: max(at, 0)] else "not before"
    return Finding(
        answer=f"What was printed before it {'stays' if raised.stdout else 'is lost'}, and text on"
        f" stderr comes {order} the traceback.",
        holds=holds,
        facts=facts,
    )


EXPERIMENTS = (
    Experiment(
        name="values",
        question="How do values of the last expression come back?",
        section="4.2",
        assumption="As text/plain, parsed where it is JSON, a string without its quotes.",
        module="aca_kernel/interpreters/mapping.py",
        means="In direct mode, results may look other than in Jupyter. Linked mode shows them as"
        " they are.",
        calls=19,
        run=_values,
    ),
    Experiment(
        name="formats",
        question="What do returnJupyterFormatExecutionResult and returnJupyterFormat change?",
        section="4.2",
        calls=15,
        run=_formats,
    ),
    Experiment(
        name="figures",
        question="Which figure comes back of several, and which of a figure and a value?",
        section="4.3",
        assumption="A PNG comes as an object with base64_data in the value's place.",
        module="aca_kernel/interpreters/mapping.py",
        means="Figures may be missing in direct mode. Linked mode shows them all.",
        calls=5,
        run=_figures,
    ),
    Experiment(
        name="kinds of output",
        question="Do HTML and other kinds of output come back?",
        section="4.3",
        assumption="Only text and PNG do.",
        module="aca_kernel/interpreters/mapping.py",
        calls=7,
        run=_rich,
    ),
    Experiment(
        name="errors",
        question="What does an exception look like?",
        section="5",
        assumption="stderr ends with the error's text and, with nothing between, its traceback.",
        module="aca_kernel/pool/tracebacks.py",
        means="Errors may show as plain text in direct mode. Linked mode shows them whole.",
        calls=4,
        run=_errors,
    ),
)
