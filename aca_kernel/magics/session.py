"""%session: which session this notebook has, and what becomes of it."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Awaitable, Callable
from typing import NoReturn

from ..messages import Reply
from ..pool import SessionInfo, shorten
from ..transfers.display import age_text, duration_text, table
from ..transfers.names import printable
from .attach import attach, list_recent
from .base import Magic, MagicContext, MagicParser
from .connect import is_open, snippet
from .session_panel import panel, session_rows

__all__ = ["Session"]

_MOST = 300
"""Rows of a table; that is a page of the service."""


class Session(Magic):
    """%session [info | share | restart | new | attach [ID] | stop | list | keep-alive]."""

    name = "%session"
    summary = "Show this notebook's session, or change it."

    def parser(self) -> MagicParser:
        """Give the parser of the line."""
        usage = "%%session [-h] [--show-identifier] [ACTION ...]"
        parser = _DiscreetParser(prog=self.name, usage=usage, description=self.summary)
        _add_show_identifier(parser)
        actions = parser.add_subparsers(dest="action", metavar="ACTION", prog=self.name)
        info = actions.add_parser("info", help="what runs where, since when, until when")
        _add_show_identifier(info)
        for action, text in (
            ("restart", "a fresh Python state, as the kernel's Restart gives it"),
            ("new", "leave this session for a new, empty one"),
            ("stop", "delete the session; the next cell starts a new, empty one"),
            ("list", "the pool's sessions"),
        ):
            actions.add_parser(action, help=text, description=f"{text[0].upper()}{text[1:]}.")
        share = actions.add_parser(
            "share", help="let other clients' plain calls run in this notebook's namespace"
        )
        share.add_argument("state", nargs="?", choices=("on", "off"), default="on", help="or off")
        _add_show_identifier(share)
        attaching = actions.add_parser("attach", help="use another session, such as an earlier one")
        attaching.add_argument(
            "identifier",
            metavar="ID",
            nargs="?",
            help="an identifier in full, or a number of the list, which shows without one",
        )
        keep = actions.add_parser(
            "keep-alive", help="for how long the session is kept after the last cell"
        )
        keep.add_argument(
            "seconds", type=_seconds, metavar="SECONDS", help="seconds, or off (the same as 0)"
        )
        return parser

    async def run(self, arguments: argparse.Namespace, context: MagicContext) -> Reply | None:
        """Do what the action says; without one, show the session."""
        actions: dict[str, Callable[..., Awaitable[None]]] = {
            "info": _info,
            "share": _share,
            "restart": _restart,
            "new": _new,
            "attach": _attach,
            "stop": _stop,
            "list": _list,
            "keep-alive": _keep_alive,
        }
        await actions[arguments.action or "info"](arguments, context)
        return None


class _DiscreetParser(MagicParser):
    """A parser that does not repeat wrong words: one may be an identifier."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError as every magic does, without the words that were given."""
        if message.startswith("unrecognized arguments") or "invalid choice" in message:
            message = "there is no such action or argument"
        super().error(message)


def _add_show_identifier(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS, or the default of the sub-parser would undo what the line before it set.
    parser.add_argument(
        "--show-identifier",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show the identifier in full: whoever has it and may use the pool enters the session",
    )


def _seconds(text: str) -> float:
    if text.lower() == "off":
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 10**9:
        raise argparse.ArgumentTypeError("not a number of seconds, nor off")
    return seconds


async def _info(arguments: argparse.Namespace, context: MagicContext) -> None:
    is_full = getattr(arguments, "show_identifier", False)
    context.emit.show_own(panel(await session_rows(context, is_full=is_full)))
    session, client = context.session, context.client
    if is_open(session):
        identifier = session.identifier
        context.stream(
            "\n" + snippet(client.endpoint, client.api_version, identifier, full=is_full)
        )


async def _share(arguments: argparse.Namespace, context: MagicContext) -> None:
    session, client = context.session, context.client
    await session.start(context.emit)
    await session.share(arguments.state == "on")
    if arguments.state == "off":
        context.stream(
            "Not shared: plain calls of other clients run in the session's other Python,"
            " with variables of its own. Files are the same.\n"
        )
        return
    context.stream(
        "Shared: plain calls of other clients to this session run in this notebook's namespace.\n"
        "Whoever may use the pool and has the identifier can change its variables.\n\n"
    )
    is_full = getattr(arguments, "show_identifier", False)
    context.stream(snippet(client.endpoint, client.api_version, session.identifier, full=is_full))


async def _restart(arguments: argparse.Namespace, context: MagicContext) -> None:
    await context.session.restart()
    if context.session.mode == "linked":
        context.stream("Restarted: variables are gone, files in /mnt/data are still there.\n")
    else:
        context.stream("Restarted: the session was deleted; the next cell starts an empty one.\n")


async def _new(arguments: argparse.Namespace, context: MagicContext) -> None:
    await context.session.renew()
    context.stream(f"The next cell runs in a new session, {_short(context)}.\n")


async def _attach(arguments: argparse.Namespace, context: MagicContext) -> None:
    if arguments.identifier is None:
        await list_recent(context)
    else:
        await attach(arguments.identifier, context)


async def _stop(arguments: argparse.Namespace, context: MagicContext) -> None:
    if not await context.session.stop():
        context.stream(
            "The service says that there is no such session (HTTP 404), so nothing was deleted."
            " If its variables are still there in the next cell, %session new leaves them behind.\n"
        )
        return
    context.stream(
        "The session is deleted, with its variables and files."
        " The next cell starts a new, empty one.\n"
    )


async def _list(arguments: argparse.Namespace, context: MagicContext) -> None:
    def fetch() -> list[SessionInfo]:
        return list(itertools.islice(context.client.list_sessions(), _MOST + 1))

    sessions: list[SessionInfo] = await context.call(fetch)
    if not sessions:
        context.stream("The pool has no session.\n")
        return
    own = context.session.identifier
    rows = [
        [
            printable(shorten(info.identifier)),
            "this notebook's" if info.identifier == own else "",
            age_text(info.created),
            age_text(info.last_accessed),
            age_text(info.expires),
        ]
        for info in sessions[:_MOST]
    ]
    context.emit.show_own(table(rows, ["Session", "", "Created", "Last used", "Idle until"]))
    if len(sessions) > _MOST:
        context.stream(f"More than {_MOST} sessions; the others are not shown.\n")


async def _keep_alive(arguments: argparse.Namespace, context: MagicContext) -> None:
    context.session.keep_alive = arguments.seconds
    if arguments.seconds:
        kept = duration_text(arguments.seconds)
        context.stream(f"The session is kept alive for {kept} after the last cell.\n")
    else:
        context.stream("The session is not kept alive: it ends after its cooldown period.\n")


def _short(context: MagicContext) -> str:
    return shorten(context.session.identifier)
