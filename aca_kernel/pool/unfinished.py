"""A call that was answered before its end: asked about until it has one (docs/service.md 7).

The code runs whatever becomes of the questions. So no failure of one ends the wait while it
may pass, and none is told as if nothing had been run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from aca_kernel.errors import AcaKernelError, BadRequest, ServiceError, UnexpectedAnswer
from aca_kernel.pool.answers import Execution
from aca_kernel.pool.refusal_texts import clean

__all__ = ["Whereabouts", "follow", "whereabouts"]

_ID = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,100}"
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_LEFT = "The code may still be running in the session. Its output is lost."
_REMEDY = "Look at the variables before you run it again."


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Paths below the endpoint that tell how a call stands; "" where the answer named none."""

    operation: str
    execution: str


def whereabouts(value: Any, headers: Mapping[str, str], endpoint: str) -> Whereabouts:
    """Where to ask about an unfinished call. The token goes nowhere but to ``endpoint``.

    Only the end of a link's path is used, and only of a link that leads there.
    """
    named = {key.lower(): text for key, text in headers.items()}
    fields = {key.lower(): item for key, item in value.items()} if isinstance(value, dict) else {}
    number = fields.get("id") or named.get("operation-id") or ""
    is_id = isinstance(number, str) and re.fullmatch(_ID, number)
    link = named.get("operation-location") or named.get("azure-asyncoperation") or ""
    try:
        parts, own = urlsplit(link or named.get("location", "")), urlsplit(endpoint)
        is_here = not parts.netloc or parts.netloc.lower() == own.netloc.lower()
    except ValueError:
        is_here = False
    found = re.search(rf"/((?:executions|operations)/{_ID})/?$", parts.path) if is_here else None
    return Whereabouts(
        operation=f"/{found[1]}" if found else "",
        execution=f"/executions/{number}" if is_id else "",
    )


def follow(
    begun: Execution,
    where: Whereabouts,
    ask: Callable[[str, float], Execution],
    pause: Callable[[float], None],
    *,
    end: float,
    is_repeatable: bool,
) -> Execution:
    """The outcome of a call that is not finished, before the monotonic time ``end``.

    ``ask`` asks at a path, within seconds. What it raises may pass, and then it is asked again.
    """
    paths = [path for path in (where.operation, where.execution) if path]
    failed: AcaKernelError | None = None
    seconds, told = _FIRST_PAUSE, begun
    while paths:
        wait = seconds
        try:
            found = ask(paths[0], max(1.0, end - time.monotonic()))
        except AcaKernelError as error:
            failed = error
            if not error.is_passing or (isinstance(error, BadRequest) and error.status == 404):
                del paths[0]  # what the link does not tell, the execution may
                continue
            if isinstance(error, ServiceError):
                wait = max(wait, error.retry_after or 0.0)
        else:
            failed = None
            if not found.is_unfinished:
                if found.tells or len(paths) == 1:
                    return replace(found, session_guid=begun.session_guid or found.session_guid)
                del paths[0]  # the operation has ended: what came of it, the execution tells
                continue
            told = found
        if time.monotonic() + wait > end:
            break
        pause(wait)
        seconds = min(2 * seconds, _LONGEST_PAUSE)
    raise _unknown(told, failed, is_repeatable=is_repeatable)


def _unknown(
    told: Execution, failed: AcaKernelError | None, *, is_repeatable: bool
) -> AcaKernelError:
    """What to raise when the outcome did not come."""
    if failed is None or (isinstance(failed, BadRequest) and failed.status == 404):
        failed = UnexpectedAnswer(
            f'The service took the code, said that its status is "{clean(told.status)}", and did'
            " not tell what came of it."
        )
    failed.left = "" if is_repeatable else _LEFT
    failed.remedy = failed.remedy or _REMEDY
    failed.is_passing = is_repeatable
    return failed
