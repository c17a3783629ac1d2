"""One execute call that runs code of a cell, verbatim, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ..errors import AcaKernelError
from ..messages import CellRequest, Emit, Reply, keyboard_interrupt
from ..pool import Execution, PoolClient
from . import probes
from .mapping import (
    DEFAULT_OUTPUT_LIMIT,
    OUTPUT_LIMIT,
    is_image,
    map_execution,
    may_be_empty_text,
    result_text,
)

__all__ = ["PROBE_TIMEOUT", "SERVICE_CAP", "interrupted_reply", "run_code"]

SERVICE_CAP = 220
"""Seconds after which the service gives up on a call (docs/service.md 6)."""

PROBE_TIMEOUT = 10
"""Seconds for short code of ours beside a cell."""

Call = Callable[..., Awaitable[Any]]


async def run_code(
    client: PoolClient,
    identifier: str,
    request: CellRequest,
    emit: Emit,
    call: Call,
    timeout: int,
    cut: int,
) -> tuple[Reply, Execution]:
    """Run ``request`` by one execute call and show what came of it.

    ``call(function, *args)`` runs a blocking function off the event loop; ``timeout`` is
    seconds; ``cut`` is the length at which the service was seen to cut a stream. Raises
    AcaKernelError when the call itself failed.
    """
    execution: Execution = await call(
        client.execute,
        identifier,
        probes.guard_text(request.code),
        timeout=timeout,
        output_limit=OUTPUT_LIMIT,
    )
    limit = min(cut, execution.output_limit or DEFAULT_OUTPUT_LIMIT)
    shown = ""
    if _may_be_string(execution, request):
        answer = await _probe(client, identifier, probes.shown_as(execution.result), call)
        said = answer.get("shown")
        shown = said if isinstance(said, str) else ""
    elif _is_unclear(execution, request):
        answer = await _probe(client, identifier, probes.last_result(), call)
        said = answer.get("shown")
        if isinstance(said, str) and said:
            execution, shown = replace(execution, result=said), said
    # Off the event loop: pictures and long tracebacks take their time.
    outputs, reply = await call(map_execution, execution, request, limit=limit, shown=shown)
    if not request.silent:
        for output in outputs:
            emit(output)
    if reply.ok and request.user_expressions:
        found = await _probe(client, identifier, probes.expressions(request.user_expressions), call)
        names = request.user_expressions
        reply = replace(reply, user_expressions={n: found[n] for n in names if n in found})
    return reply, execution


async def _probe(
    client: PoolClient, identifier: str, probe: probes.Probe, call: Call
) -> dict[str, Any]:
    """What a probe beside a cell found; {} when it failed, because the cell itself has run."""
    try:
        answer: Execution = await call(
            client.execute,
            identifier,
            probe.code,
            timeout=PROBE_TIMEOUT,
            output_limit=OUTPUT_LIMIT,
            repeatable=True,
        )
    except AcaKernelError:
        return {}
    return probe.read(answer) or {}


def _is_unclear(execution: Execution, request: CellRequest) -> bool:
    """Whether there may be a result although the answer brings none."""
    if not execution.succeeded or not request.shows_result:
        return False
    is_empty = execution.result == "" and not request.silent
    return "result" in execution.lacks or (is_empty and may_be_empty_text(request.code))


def _may_be_string(execution: Execution, request: CellRequest) -> bool:
    """Whether a result could be a string without its quotes: not too long, no JSON value."""
    value = execution.result
    return (
        execution.succeeded
        and request.shows_result
        and not request.silent
        and isinstance(value, str)
        and result_text(value) is not None
        and not is_image(value)
        # A repr has line ends only when it was read as JSON, so with double quotes outside.
        and ("\n" not in value or "'" in value)
        and len(value) <= 100_000
    )


def interrupted_reply() -> Reply:
    """The reply of a cell whose execute call is no longer waited for."""
    return keyboard_interrupt(
        "the service cannot stop the code; it runs on in the session",
        "this cell is no longer waited for.",
        "In direct mode the service cannot stop running code: it goes on in the session until"
        " it ends, 220 s at most, and the next cell waits for it. Its output is lost.",
        "To end it now, with all variables and files: %session restart",
    )
