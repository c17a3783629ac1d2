"""Sessions that differ in what is in them, and pools whose sessions are of another kind."""

from __future__ import annotations

from tests.kernel.test_handshake import KEPT, SILENT

from .judge import Allowed
from .relay import RESET, Answer, refusal
from .relay import SILENT as NEVER
from .variant import (
    Variant,
    afterwards,
    degrades,
    delayed,
    exchanges,
    fails,
    instead,
    json_changed,
    of,
)

_G = "sessions"

_UNLINKED = "Direct mode, because this session cannot be linked to: .*"


def _prepared(name: str, differs: str, prepare: str, why: str) -> Variant:
    """A session that cannot hold a guest: direct mode, with the reason."""
    return Variant(
        name=name, group=_G, differs=differs, prepare=prepare, auto=degrades(_UNLINKED + why)
    )


def _kind(name: str, differs: str, answer: Answer, words: str) -> Variant:
    return Variant(
        name=name,
        group="kinds of pools",
        differs=differs,
        rules=instead(answer, of("execute")),
        auto=fails(words),
        direct=fails(words),
    )


_PREPARED = (
    _prepared(
        "hook not used",
        "The session's kernel is one whose do_execute can't be replaced.",
        KEPT,
        "the link's calls do not reach the guest",
    ),
    _prepared(
        "guest dies",
        "A guest kernel ends as soon as it starts.",
        "import sys; sys.executable = '/bin/false'",
        "its guest kernel does not start",
    ),
    _prepared(
        "guest killed",
        "A guest kernel is killed for memory while it starts.",
        "import sys, os\n"
        "with open('/tmp/python', 'w') as python:\n"
        "    _ = python.write('#!/bin/sh\\nkill -9 $$\\n')\n"
        "os.chmod('/tmp/python', 0o755)\nsys.executable = '/tmp/python'\ndel python",
        "its guest kernel does not start",
    ),
    _prepared(
        "interpreter missing",
        "sys.executable names no file.",
        "import sys; sys.executable = '/nowhere/python'",
        "",
    ),
    _prepared(
        "no ipykernel",
        "ipykernel can't be imported by sys.executable.",
        "import os\nos.environ['PYTHONPATH'] = '/mnt/data'\n"
        "open('/mnt/data/ipykernel.py', 'w').close()",
        "",
    ),
    _prepared(
        "guest silent", "A guest kernel never becomes ready.", SILENT, "its guest kernel has not"
    ),
    _prepared(
        "subprocesses refused",
        "The session can't start a process.",
        "import subprocess\n"
        "def refuse(*args, **kwargs):\n    raise PermissionError('no processes here')\n"
        "subprocess.Popen.__init__ = refuse\ndel refuse",
        "",
    ),
    _prepared(
        "sockets refused",
        "The session can't open a socket of its own.",
        "import zmq\n"
        "def refuse(*args, **kwargs):\n    raise PermissionError('no sockets here')\n"
        "zmq.Socket.connect = zmq.Socket.bind = refuse\ndel refuse",
        "",
    ),
)

_HOW_IT_IS = (
    Variant(
        name="another directory",
        group=_G,
        differs="The session works in another directory than /mnt/data.",
        prepare="import os; os.chdir('/')",
    ),
    Variant(
        name="stdout replaced",
        group=_G,
        differs="The user's code has replaced sys.stdout.",
        prepare="import sys, io\nkept = sys.stdout\nsys.stdout = io.StringIO()\n",
        direct=degrades("."),
        allowed=Allowed(unknowable=("streams", "slow", "text")),  # the user's code took them
    ),
    Variant(
        name="names taken",
        group=_G,
        differs="The session's globals hide names such as print, open and sys.",
        prepare="json = sys = os = base64 = zlib = asyncio = exchange = relay = None",
    ),
    Variant(
        name="variable warnings",
        group=_G,
        differs="Warnings are errors in the session.",
        prepare="import warnings; warnings.simplefilter('error')",
    ),
    Variant(
        name="counter high",
        group=_G,
        differs="The session's execution counter begins at 41.",
        flags=("--PoolApp.warm_up_cells=40",),
    ),
    Variant(
        name="first image",
        group=_G,
        differs="Of several figures the service answers the first.",
        flags=("--PoolApp.first_image=True",),
    ),
    Variant(
        name="no base64",
        group=_G,
        differs="Code that is base64 is not decoded.",
        flags=("--PoolApp.automatic_base64_decoding=False",),
    ),
    Variant(
        name="isolation none",
        group=_G,
        differs="The local pool has no sandbox, and /mnt/data for Python's functions only.",
        flags=("--isolation", "none"),
    ),
    Variant(
        name="isolation unshare",
        group=_G,
        differs="The local pool keeps sessions apart by unshare.",
        flags=("--isolation", "unshare"),
    ),
    Variant(
        name="executions of 2 s",
        group=_G,
        differs="The service ends executions after 2 s.",
        flags=("--max-execution-time", "2"),
        direct=degrades("slow: .*"),
        allowed=Allowed(variables_lost=True),
    ),
)

_KINDS = (
    _kind(
        "Shell pool",
        "The pool is one of shells.",
        refusal(400, "InvalidRequest", "Python code execution is not supported by Shell pools."),
        "(?i)shell",
    ),
    _kind(
        "NodeLTS pool",
        "The pool runs JavaScript.",
        refusal(400, "InvalidRequest", "The session pool is of the type NodeLTS."),
        "(?i)node",
    ),
    _kind(
        "custom container",
        "The pool is one of custom containers, which has no such route.",
        refusal(404),
        "(?i)404|custom|container",
    ),
    _kind(
        "dynamic APIs refused",
        "The pool's kind does not allow executions.",
        refusal(400, "DynamicApisNotAllowed", "Dynamic APIs are not allowed for this pool."),
        "(?i)kind|DynamicApisNotAllowed",
    ),
)


def _session(name: str, differs: str, answer: Answer) -> Variant:
    return Variant(
        name=f"GET session {name}", group=_G, differs=differs, rules=instead(answer, of("session"))
    )


def _clock_off(value: dict[str, str]) -> None:
    value["expireAt"] = "2020-01-01T00:00:00.0000000Z"


def _clock_far(value: dict[str, str]) -> None:
    value["expireAt"] = "2120-01-01T00:00:00.0000000Z"


def _clock_garbage(value: dict[str, object]) -> None:
    value.update(expireAt="soon", lastAccessedAt=-1, createdAt=None)


_GET = (
    _session("never answers", "GET /session never answers.", Answer(end=NEVER)),
    _session("404", "There is no GET /session.", refusal(404)),
    _session("500", "GET /session answers 500.", refusal(500)),
    _session("reset", "GET /session ends with a reset.", Answer(end=RESET)),
    _session("HTML", "GET /session answers a web page.", Answer(body=b"<html>no</html>")),
    Variant(
        name="clock off",
        group=_G,
        differs="A session's expireAt is before its lastAccessedAt.",
        rules=json_changed(_clock_off, of("session")),
        environment={"ACA_KEEP_ALIVE": "30"},
    ),
    Variant(
        name="clock far",
        group=_G,
        differs="A session's expireAt is a hundred years ahead.",
        rules=json_changed(_clock_far, of("session")),
        environment={"ACA_KEEP_ALIVE": "30"},
    ),
    Variant(
        name="clock garbage",
        group=_G,
        differs="The times of a session are no times.",
        rules=json_changed(_clock_garbage, of("session")),
        environment={"ACA_KEEP_ALIVE": "30"},
    ),
)


def _delete(name: str, differs: str, answer: Answer) -> Variant:
    return Variant(
        name=f"DELETE session {name}",
        group=_G,
        differs=differs,
        rules=instead(answer, of("forget")),
        allowed=Allowed(session_left=True),
    )


_DELETE = (
    _delete("never answers", "DELETE /session never answers.", Answer(end=NEVER)),
    _delete("404", "DELETE /session answers 404, and the session stays.", refusal(404)),
    _delete("405", "DELETE /session is not allowed.", refusal(405)),
    _delete("500", "DELETE /session answers 500.", refusal(500)),
    Variant(
        name="DELETE session 200",
        group=_G,
        differs="DELETE /session answers 200 and an empty body.",
        rules=afterwards(lambda answer: Answer(status=200), of("forget")),
    ),
)

_LINK = (
    Variant(
        name="exchanges never answer",
        group=_G,
        differs="Calls that begin with a comment never answer.",
        rules=instead(Answer(end=NEVER), exchanges),
        auto=degrades(_UNLINKED),
    ),
    Variant(
        name="exchanges empty",
        group=_G,
        differs="Calls that begin with a comment answer nothing.",
        rules=json_changed(
            lambda value: value | {"result": {"stdout": "", "stderr": "", "executionResult": ""}},
            exchanges,
        ),
        auto=degrades(_UNLINKED),
    ),
    Variant(
        name="exchanges refused",
        group=_G,
        differs="Calls that begin with a comment are refused with 400.",
        rules=instead(refusal(400, "InvalidRequest", "Code is empty."), exchanges),
        auto=degrades(_UNLINKED),
    ),
    Variant(
        name="exchanges late",
        group=_G,
        differs="Each call of the link takes a second.",
        rules=delayed(1.0, exchanges),
    ),
)

VARIANTS = (*_PREPARED, *_HOW_IT_IS, *_KINDS, *_GET, *_DELETE, *_LINK)
