"""Interrupts, completions, globs and full paths, where they meet a service that differs."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from tests.kernel.driver import Kernel, Ran
from tests.kernel.test_handshake import KEPT

from .judge import Allowed
from .relay import Answer, Call, Rules, refusal
from .script import Step
from .variant import (
    Expect,
    MakeRules,
    Variant,
    afterwards,
    asked,
    code_calls,
    degrades,
    delayed,
    fails,
    instead,
    of,
)

_G = "use"
_LONG, _INTERRUPT_AFTER = 6.0, 1.5
_TOO_LARGE = 200_000


def _interrupted(kernel: Kernel, code: str, timeout: float) -> Ran:
    """Run a cell, and interrupt it when it has run for a while."""
    message = kernel.send(code)
    kernel.input_count(message)
    time.sleep(_INTERRUPT_AFTER)
    kernel.interrupt()
    return kernel.finish(message, timeout)


def _completed(kernel: Kernel, code: str, timeout: float) -> Ran:
    """Ask for what completes ``code``; the reply in a cell's place."""
    reply = kernel.ask("complete_request", {"code": code, "cursor_pos": len(code)})
    return Ran(reply=reply, outputs=[])


_INTERRUPT = (
    Step(
        name="interrupt",
        code=f"import time\nfor n in range({int(_LONG * 10)}): time.sleep(0.1)",
        test=lambda ran: ran.reply.get("ename") == "KeyboardInterrupt",
        act=_interrupted,
    ),
    Step(name="after", code="40 + 2", test=lambda ran: ran.result == "42"),
)
_COMPLETION = (
    Step(
        name="completion",
        code="x.bit_len",
        test=lambda ran: any("bit_length" in m for m in ran.reply.get("matches", [])),
        counted=False,
        act=_completed,
    ),
)
_BOTH = (*_COMPLETION, *_INTERRUPT)


def _three(kernel: Kernel, code: str, timeout: float) -> Ran:
    """Upload three files by a glob, the second of which is a large one."""
    for name, size in ("many-1.csv", 10), ("many-2.csv", _TOO_LARGE), ("many-3.csv", 10):
        Path(kernel.cwd, name).write_bytes(b"x" * size)
    return kernel.run(code, timeout=timeout)


def _others_went(ran: Ran) -> bool:
    said = ran.displayed + ran.stdout + ran.stderr + str(ran.reply)
    return ran.status == "error" and "many-2.csv" in said


_GLOB = (
    Step(name="glob", code="%upload many-*.csv", test=_others_went, counted=False, act=_three),
    Step(
        name="others",
        code="import os; sorted(n for n in os.listdir('/mnt/data') if n.startswith('many'))",
        test=lambda ran: ran.result == "['many-1.csv', 'many-3.csv']",
    ),
)
_FULL_PATHS = (
    Step(
        name="full path",
        code="%download /mnt/data/sent.bin --to full.bin",
        test=lambda ran: ran.status == "ok",
        counted=False,
    ),
    Step(
        name="full path deleted",
        code="%files --delete /mnt/data/sent.bin",
        test=lambda ran: ran.status == "ok",
        counted=False,
    ),
)


def _used(
    name: str,
    differs: str,
    rules: MakeRules = Rules,
    extra: tuple[Step, ...] = _BOTH,
    *,
    session_left: bool = False,
) -> Variant:
    completes = _COMPLETION[0] in extra
    return Variant(
        name=name,
        group=_G,
        differs=differs,
        rules=rules,
        extra=extra,
        direct=degrades("completion") if completes else Expect(),
        # Direct mode knows no names of the session's: docs/modes.md.
        allowed=Allowed(unknowable=("completion",) if completes else (), session_left=session_left),
    )


def _one_at_a_time(status: int, code: str) -> MakeRules:
    """A call that comes while another one runs is refused."""

    def make() -> Rules:
        busy = threading.Lock()

        def before(call: Call) -> Answer | None:
            if call.operation == "execute" and not busy.acquire(blocking=False):
                return refusal(status, code, "Another execution is in progress.")
            return None

        def after(call: Call, answer: Answer) -> Answer:
            if call.operation == "execute":
                busy.release()
            return answer

        return Rules(before=before, after=after)

    return make


_USE = (
    _used("nothing differs", "The service is as the local pool is."),
    _used(
        "one call at a time",
        "A call that comes while code runs is refused with 409.",
        _one_at_a_time(409, "ExecutionInProgress"),
    ),
    _used(
        "one call at a time, by 423",
        "A call that comes while code runs is refused with 423.",
        _one_at_a_time(423, "Locked"),
    ),
    _used(
        "completion over 0.5 s",
        "Each call that runs code takes 0.5 s more.",
        delayed(0.5, code_calls),
        _COMPLETION,
    ),
    _used(
        "completion over 1.2 s",
        "Each call that runs code takes 1.2 s more.",
        delayed(1.2, code_calls),
        _COMPLETION,
    ),
    _used(
        "no session route, interrupted",
        "There is neither GET nor DELETE /session, and a cell is interrupted.",
        instead(refusal(404), of("session", "forget")),
        _INTERRUPT,
        session_left=True,
    ),
    _used(
        "one file of a glob refused",
        "An upload of one file of three is refused for its content.",
        asked(
            lambda call: (
                refusal(400, "InvalidFile", "This file is not allowed.")
                if b"many-2.csv" in call.body[:4096]
                else None
            ),
            of("upload"),
        ),
        _GLOB,
    ),
    _used(
        "full paths", "A user names files of the session by their full paths.", Rules, _FULL_PATHS
    ),
)


def _twice(answer: Answer) -> Answer:
    """Each header, Content-Length apart, comes twice."""
    return replace(answer, headers=(*answer.headers, *answer.headers))


_HTTP = (
    _used("headers twice", "Each header of an answer comes twice.", afterwards(_twice, of()), ()),
    _used(
        "durations in words",
        "X-Ms-Overall-Execution-Time is 42m56.97s.",
        afterwards(lambda a: a.header("X-Ms-Overall-Execution-Time", "42m56.97s"), of()),
        (),
    ),
    _used(
        "keep-alive of 1 s",
        "Answers bid the client close an idle connection after a second.",
        afterwards(lambda a: a.header("Keep-Alive", "timeout=1, max=2"), of()),
        (),
    ),
    _used(
        "requests of 1 MB",
        "A request that runs code has 1,000,000 bytes at most.",
        asked(
            lambda call: refusal(413, "TooLarge", "No.") if len(call.body) > 1_000_000 else None,
            code_calls,
        ),
        (),
    ),
)

_LINKED = (
    Variant(
        name="linked only",
        group="mode linked",
        differs="The option asks for linked mode and nothing else.",
        environment={"ACA_KERNEL_MODE": "linked"},
    ),
    Variant(
        name="linked only, hook not used",
        group="mode linked",
        differs="As 'hook not used', and the option asks for linked mode and nothing else.",
        prepare=KEPT,
        environment={"ACA_KERNEL_MODE": "linked"},
        auto=fails("cannot be linked to: the link's calls do not reach the guest"),
        direct=fails("cannot be linked to: the link's calls do not reach the guest"),
    ),
    Variant(
        name="linked only, no room",
        group="mode linked",
        differs="The option asks for linked mode, and a request has 1,000 bytes at most.",
        rules=asked(
            lambda call: refusal(413, "TooLarge", "No.") if len(call.body) > 1000 else None,
            code_calls,
        ),
        environment={"ACA_KERNEL_MODE": "linked"},
        auto=fails("cannot be linked to: the service takes no call as large"),
        direct=fails("cannot be linked to: the service takes no call as large"),
    ),
)

VARIANTS = (*_USE, *_HTTP, *_LINKED)
