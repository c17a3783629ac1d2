"""%session attach: into another session, one of those that this user had lately among them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from ..errors import AcaKernelError, UsageError
from ..pool import SessionInfo, check_identifier, shorten
from ..sessions.identity import IDENTIFIER_PREFIX
from ..sessions.recent_sessions import RecentSession
from ..transfers.display import age_text, table
from ..transfers.names import printable
from ..worker import Worker
from .base import MagicContext

__all__ = ["attach", "list_recent"]

DEADLINE = 5.0
"""Seconds after which the list is shown without knowing which sessions are alive."""

_MOST_ASKED = 3000
"""Sessions of a pool that are looked through; a pool has 600 at most (docs/service.md 6)."""


async def list_recent(context: MagicContext) -> None:
    """Show the remembered sessions, numbered, and which of them are alive."""
    if context.session.recent is None:
        context.stream(
            "Sessions are not remembered here: remember_sessions is off, or they are of the"
            " local pool, which ends with its kernel.\n"
        )
        return
    sessions = context.session.recent.all()
    context.session.listed = sessions
    if not sessions:
        context.stream("No session is remembered.\n")
        return
    living, why = await _living(context)
    rows = [
        [
            str(number),
            printable(session.shown),
            printable(_pool_name(session.endpoint)),
            printable(session.notebook),
            age_text(session.last_used),
            _state(session, context, living),
        ]
        for number, session in enumerate(sessions, 1)
    ]
    headers = ["", "Session", "Pool", "Notebook", "Last used", "State"]
    context.emit.show_own(table(rows, headers))
    if why:
        context.stream(f"Which of them are alive is not known: {why}\n", "stderr")
    context.stream("%session attach NUMBER goes into one of them.\n")


async def attach(text: str, context: MagicContext) -> None:
    """Go into the session that ``text`` names: a number of the list, or an identifier.

    What is of the list is named without its identifier, which a stranger's notebook could do
    too: there the user's own yes is needed. Raises UsageError, ConfigurationError.
    """
    session = _of_the_list(text, context)
    identifier = check_identifier(session.identifier if session else text)
    if identifier == context.session.identifier:
        context.stream(f"This notebook uses session {_short(context)} already.\n")
        return
    if session is not None:
        await _check(session, context)
    warning = (
        f"Session {_described(identifier, session)} may be in use elsewhere: whoever has its"
        " identifier shares variables and files with this notebook, and can change them."
    )
    context.stream(f"{warning}\n", "stderr")
    answer = await context.ask("Attach to it? [y/N] ")
    if answer is None and session is not None:
        raise UsageError(
            "Nobody can be asked here whether this notebook may enter that session.",
            left=f"The session is still {_short(context)}.",
            remedy="Give its identifier in full, which `%session info --show-identifier` shows in"
            " its own notebook, or set ACA_SESSION_ID.",
        )
    # Without stdin nobody can be asked; the line itself, with the identifier, is the act.
    if answer is not None and answer.strip().lower() not in ("y", "yes"):
        context.stream(f"Not attached; the session is still {_short(context)}.\n")
        return
    await context.session.attach(identifier)
    context.stream(f"Attached: the next cell runs in session {_short(context)}.\n")


def _of_the_list(text: str, context: MagicContext) -> RecentSession | None:
    """The remembered session that ``text`` means; None when it is an identifier in full.

    Raises UsageError when it means none, or more than one.
    """
    if text.isdecimal() and len(text) < 3:
        # The list as it was shown: another kernel's cells change the order meanwhile.
        listed = context.session.listed
        if not 1 <= int(text) <= len(listed):
            raise UsageError(
                f"There is no session with the number {int(text)} on the list.",
                left="Nothing was changed.",
                remedy="`%session attach` shows the list, and gives the numbers.",
            )
        return listed[int(text) - 1]
    shown = text.removesuffix("...").removesuffix("…")
    is_short = shown != text
    if not is_short and not text.startswith(IDENTIFIER_PREFIX):
        return None
    recent = context.session.recent.all() if context.session.recent else []
    found = [session for session in recent if session.shown == f"{shown}…"]
    if len(found) == 1:
        return found[0]
    if not is_short and not found:
        return None
    raise UsageError(
        f"{len(found) or 'No'} remembered sessions are shown as {printable(shown)[:40]}….",
        left="Nothing was changed.",
        remedy="`%session attach` lists them; use the number.",
    )


async def _check(session: RecentSession, context: MagicContext) -> None:
    """Raise UsageError when the remembered session cannot be entered from here."""
    if session.endpoint != context.client.endpoint.url:
        raise UsageError(
            f"Session {session.shown} is of another pool,"
            f" {printable(_pool_name(session.endpoint))}.",
            left="Nothing was changed.",
            remedy="Attach to it in a notebook whose kernel uses that pool.",
        )
    living, _ = await _living(context)
    if living is not None and session.identifier not in living:
        raise UsageError(
            f"Session {session.shown} is gone: it has cooled down or was deleted.",
            left="Its variables and files are gone. Nothing was changed here.",
            remedy="`%session attach` shows which are alive.",
        )


async def _living(context: MagicContext) -> tuple[Mapping[str, SessionInfo] | None, str]:
    """The pool's sessions by identifier; None, and why, when that cannot be known.

    They are listed, as that never allocates one and keeps none alive: whether a question about
    a single session does is not certain (docs/service.md 10).
    """
    worker = Worker("aca-kernel-recent")

    def fetch() -> dict[str, SessionInfo]:
        listing = zip(range(_MOST_ASKED), context.client.list_sessions(), strict=False)
        return {info.identifier: info for _, info in listing}

    try:
        return await asyncio.wait_for(worker.call(fetch), DEADLINE), ""
    except AcaKernelError as error:
        return None, error.what
    except asyncio.TimeoutError:
        return None, f"the pool has not answered in {DEADLINE:.0f} s."
    finally:
        worker.abandon()


def _state(
    session: RecentSession, context: MagicContext, living: Mapping[str, SessionInfo] | None
) -> str:
    if session.endpoint != context.client.endpoint.url:
        return "of another pool"
    if session.identifier == context.session.identifier:
        return "this notebook's"
    if living is None:
        return "not known"
    info = living.get(session.identifier)
    if info is None:
        return "gone"
    return f"alive, idle until {age_text(info.expires)}" if info.expires else "alive"


def _described(identifier: str, session: RecentSession | None) -> str:
    if session is None:
        return shorten(identifier)
    of = f" of {printable(session.notebook)}" if session.notebook else ""
    return f"{session.shown}{of}, last used {age_text(session.last_used)},"


def _pool_name(endpoint: str) -> str:
    """The last part of the endpoint's path, which is the pool's name; else its host."""
    parts = urlsplit(endpoint)
    return unquote(parts.path.rpartition("/")[2]) or parts.netloc


def _short(context: MagicContext) -> str:
    return shorten(context.session.identifier)
