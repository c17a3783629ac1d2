"""One script through a real kernel and a variant of the service, and what came of it."""

from __future__ import annotations

import base64
import re
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty

from aca_kernel.errors import AcaKernelError
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from tests.kernel.driver import Kernel, Pool, Ran, ask_pool, reach, sessions_of

from .relay import Relay, Rules

DEADLINE, WHOLE = 60.0, 150.0
"""Seconds that a cell and the whole script may take."""

IDLE = 3.0
PATIENCE = 3
"""Cells that fail one after the other before the script gives the service up."""

SIZE = 300_000
TEXT = 30_000

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_RAN = "with open('/mnt/data/ran.txt', 'a') as ran: _ = ran.write('{number}\\n')\n"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One cell, and what it is to bring; ``counted`` cells write their number into ran.txt."""

    name: str
    code: str
    test: Callable[[Ran], bool]
    counted: bool = True
    act: Callable[[Kernel, str, float], Ran] | None = None
    """How it is brought about; None for a cell that is run and waited for."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one step brought: ``said`` is all text that the user sees beside his own output."""

    name: str
    status: str
    whole: bool
    said: str
    seconds: float
    hung: bool = False


@dataclass(frozen=True, kw_only=True)
class Record:
    """A whole run."""

    steps: tuple[Shown, ...] = ()
    counted: tuple[int, ...] = ()
    """The numbers of the cells that were run to ran.txt, in order, as it stands in the end."""
    known: bool = True
    """Whether ran.txt could be read."""
    stored: int | None = None
    """Bytes of sent.bin in the session; None when there is no such file."""
    sent: tuple[int, ...] = ()
    """The numbers of the counted cells that were sent."""
    gave_up: bool = False
    idle_calls: int = 0
    fresh: bool | None = None
    """Whether the restart took the variable away; None when that is not known."""
    log: str = field(default="", repr=False)
    left: tuple[str, ...] = ()
    """Sessions of this kernel's that are there after its shutdown."""
    seconds: float = 0.0
    calls: int = 0


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes((n * 7 % 256, 60, 90)) * 8 for n in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _has_png(ran: Ran) -> bool:
    shown = ran.of("display_data") + ran.of("execute_result")
    return any("image/png" in content["data"] for content in shown)


def steps(folder: Path) -> list[Step]:
    """The cells up to the restart; ``folder`` is where the kernel works."""
    image = base64.b64encode(_png()).decode()
    sent = folder / "sent.bin"
    sent.write_bytes(bytes(n * n % 251 for n in range(SIZE)))
    back = folder / "back" / "sent.bin"
    back.parent.mkdir()

    def came_back(ran: Ran) -> bool:
        return ran.status == "ok" and back.is_file() and back.read_bytes() == sent.read_bytes()

    return [
        Step(name="result", code="6 * 7", test=lambda ran: ran.result == "42"),
        Step(
            name="streams",
            code="import sys\nprint('to out')\nprint('to err', file=sys.stderr)",
            test=lambda ran: "to out\n" in ran.stdout and "to err\n" in ran.stderr,
        ),
        Step(name="variable", code="x = 41", test=lambda ran: ran.status == "ok"),
        Step(
            name="exception",
            code="{}['missing']",
            test=lambda ran: ran.reply.get("ename") == "KeyError",
        ),
        Step(
            name="slow",
            code=(
                "import time\nfor n in range(3):\n"
                "    print('n is', n, flush=True)\n    time.sleep(1)"
            ),
            test=lambda ran: all(f"n is {n}\n" in ran.stdout for n in range(3)),
        ),
        Step(
            name="text",
            code=f"print('z' * {TEXT})",
            test=lambda ran: ran.stdout.count("z") == TEXT,
        ),
        Step(
            name="image",
            code=(
                "import base64\nfrom IPython.display import Image, display\n"
                f"display(Image(data=base64.b64decode('{image}'), format='png'))"
            ),
            test=_has_png,
        ),
        Step(
            name="string",
            code="'x is ' + str(x)",
            test=lambda ran: ran.result == "'x is 41'",
        ),
        Step(name="None", code="None", test=lambda ran: ran.status == "ok" and ran.result is None),
        Step(
            name="upload",
            code="%upload sent.bin",
            counted=False,
            test=lambda ran: ran.status == "ok",
        ),
        Step(
            name="download",
            code="%download sent.bin --to back",
            counted=False,
            test=came_back,
        ),
        Step(
            name="files",
            code="%files",
            counted=False,
            test=lambda ran: ran.status == "ok" and "sent" in str(ran.outputs),
        ),
    ]


class _Session:
    """The session of a run as another client sees it, past the variant."""

    def __init__(self, pool: Pool, identifier: str) -> None:
        self.pool, self.identifier = pool, identifier
        self._client = PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token))

    def run(self, code: str) -> None:
        done = self._client.execute(self.identifier, code)
        assert done.succeeded, done.stderr

    def ran(self) -> tuple[int, ...] | None:
        """The numbers in ran.txt; None where there is no such session."""
        if self.identifier not in sessions_of(self.pool):
            return None
        found = self.bytes_of("ran.txt") or b""
        return tuple(int(line) for line in found.split() if line.isdigit())

    def bytes_of(self, name: str) -> bytes | None:
        """A file of the session's; None where there is none."""
        route = f"files/{name}/content"
        asked = ask_pool(self.pool, "GET", route, identifier=self.identifier)
        return asked.content if asked.status_code == 200 else None

    def close(self) -> None:
        with suppress(AcaKernelError):
            self._client.delete_session(self.identifier)
        self._client.close()


def said(ran: Ran) -> str:
    """What a cell said that is not its own output: notices, status lines, errors."""
    parts = [ran.displayed, ran.stderr]
    parts += [line for line in ran.stdout.splitlines() if "zzzz" not in line]
    if ran.status == "error" and ran.reply.get("traceback"):
        parts.append(ran.traceback)
    words = _ANSI.sub("", "\n".join(part for part in parts if part))
    return words[:4000]


def run_script(
    pool: Pool,
    mode: str,
    folder: Path,
    rules: Rules,
    *,
    prepare: str = "",
    environment: dict[str, str] | None = None,
    extra: tuple[Step, ...] = (),
) -> Record:
    """Run it; whatever happens is in the record."""
    folder.mkdir(parents=True)
    before = sessions_of(pool)
    began = time.monotonic()
    with Relay(pool.endpoint, rules) as relay:
        variables = {
            **reach(pool),
            "ACA_POOL_MANAGEMENT_ENDPOINT": relay.endpoint,
            "ACA_KERNEL_MODE": mode,
            "ACA_OUTAGE_TOLERANCE": "15",
            "ACA_POOL_WAIT": "5",
            **(environment or {}),
        }
        if prepare:
            variables["ACA_SESSION_ID"] = f"matrix-{folder.name}-{time.monotonic_ns()}"
        kernel = Kernel(variables, folder)
        session = _Session(pool, variables.get("ACA_SESSION_ID") or kernel.identifier)
        try:
            if prepare:
                session.run(prepare)
            wanted = [*steps(folder), *extra]
            record = _drive(kernel.start(), session, relay, wanted, began + WHOLE)
        finally:
            with_kernel_gone(kernel)
        time.sleep(0.2)
        left = tuple(
            sorted(sessions_of(pool) - before - ({session.identifier} if prepare else set()))
        )
        session.close()
        for identifier in left:
            ask_pool(pool, "DELETE", "session", identifier=identifier)
    return replace(
        record,
        log=kernel.log.read_text(errors="replace"),
        left=left,
        seconds=time.monotonic() - began,
        calls=len(relay.calls),
    )


def with_kernel_gone(kernel: Kernel) -> None:
    """Shut it down; by force where it does not go."""
    try:
        if kernel.manager.has_kernel:
            kernel.shutdown()
    finally:
        if kernel.manager.has_kernel:
            kernel.manager.shutdown_kernel(now=True)
        kernel.manager.cleanup_resources()


def _run(kernel: Kernel, step: Step, number: int, end: float) -> Shown:
    code = (_RAN.format(number=number) if step.counted else "") + step.code
    left = min(DEADLINE, end - time.monotonic())
    began = time.monotonic()
    message = "" if step.act else kernel.send(code)
    try:
        if step.act:
            ran = step.act(kernel, code, max(1.0, left))
        else:
            ran = kernel.finish(message, max(1.0, left))
    except Empty:
        seconds = time.monotonic() - began
        return Shown(
            name=step.name,
            status="none",
            whole=False,
            said=said(Ran(reply={"status": "none"}, outputs=kernel.so_far(message))),
            seconds=seconds,
            hung=seconds >= DEADLINE - 1,
        )
    return Shown(
        name=step.name,
        status=ran.status,
        whole=step.test(ran),
        said=said(ran) + ("" if step.test(ran) else f"\nOut: {ran.result}"),
        seconds=time.monotonic() - began,
    )


def _drive(
    kernel: Kernel, session: _Session, relay: Relay, wanted: list[Step], end: float
) -> Record:
    shown: list[Shown] = []
    sent: list[int] = []
    failed = 0
    for number, step in enumerate(wanted, 1):
        if failed == PATIENCE or time.monotonic() > end or (shown and shown[-1].status == "none"):
            break
        shown.append(_run(kernel, step, number, end))
        if step.counted:
            sent.append(number)
        wrong = not shown[-1].whole and shown[-1].status != "ok"
        failed = failed + 1 if wrong else 0
    else:
        failed = 0
    gave_up = len(shown) < len(wanted)
    before = len(relay.calls)
    idle_from = time.monotonic()
    time.sleep(IDLE)
    idle_calls = int((len(relay.calls) - before) / (time.monotonic() - idle_from) * IDLE)
    counted = session.ran()
    stored = session.bytes_of("sent.bin") if counted is not None else None
    fresh: bool | None = None
    if not gave_up:
        kernel.restart()
        step = Step(name="fresh", code="'x' in globals()", test=lambda ran: ran.result == "False")
        last = _run(kernel, replace(step, counted=False), 0, end)
        shown.append(last)
        if last.status == "ok":
            fresh = last.whole
    return Record(
        steps=tuple(shown),
        counted=counted or (),
        known=counted is not None,
        stored=None if stored is None else len(stored),
        sent=tuple(sent),
        gave_up=gave_up,
        idle_calls=idle_calls,
        fresh=fresh,
    )
