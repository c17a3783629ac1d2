"""``aca-kernel sessions``: what a pool is running, and an end to what nobody needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import humanize
from tabulate import tabulate
from traitlets import Bool, Float

from ..config.options import LOCAL_ENDPOINT
from ..errors import AcaKernelError, ConfigurationError
from ..pool import PoolClient, SessionInfo, shorten
from ..pool.connect import connect
from ..sessions.identity import IDENTIFIER_PREFIX
from .base import POOL_ALIASES, Command, shown_word

__all__ = ["SessionsApp"]


class SessionsCommand(Command):
    """A command about the sessions of the configured pool."""

    aliases = {**Command.aliases, **POOL_ALIASES}

    def pool(self) -> PoolClient:
        """A client for the configured pool; ConfigurationError when there is none."""
        settings = self.pool_settings()
        if settings.pool_endpoint == LOCAL_ENDPOINT:
            raise ConfigurationError(
                "Every kernel with the endpoint `local` has a local pool of its own, which ends"
                " with it.",
                remedy="For one that is shared, run `aca-kernel pool` and give the endpoint that"
                " it prints, with its token in ACA_ACCESS_TOKEN.",
            )
        return connect(settings)


class ListApp(SessionsCommand):
    """Shows the sessions of the pool."""

    name = "aca-kernel sessions list"
    description = """
        List the pool's sessions. Of each identifier only the beginning is shown: who knows all
        of it, and may use the pool, can enter the session.
    """

    def start(self) -> None:
        """Print the table; raises AcaKernelError."""
        with self.pool() as pool:
            sessions = list(pool.list_sessions())
        if not sessions:
            print("The pool has no sessions.")
            return
        now = _now()
        rows = [
            (
                label,
                _ago(session.created, now),
                _ago(session.last_accessed, now),
                _left(session, now),
            )
            for label, session in zip(labels(sessions), sessions, strict=True)
        ]
        print(tabulate(rows, headers=("identifier", "created", "idle since", "expires")))


class DeleteApp(SessionsCommand):
    """Deletes one session, with its variables and files."""

    name = "aca-kernel sessions delete"
    words = "ID"
    description = """
        Delete one session, with its variables and files. ID is its identifier, or as much of it
        as `aca-kernel sessions list` shows, when no other session begins with that.
    """
    examples = """\
aca-kernel sessions delete aca-kernel-4f1c
"""

    def start(self) -> None:
        """Delete it and say so; raises AcaKernelError."""
        if len(self.extra_args) != 1:
            raise self.misused("Which session? Give one identifier.")
        wanted = self.extra_args[0].removesuffix("…")
        with self.pool() as pool:
            sessions = list(pool.list_sessions())
            shown = dict(zip((s.identifier for s in sessions), labels(sessions), strict=True))
            found = [one for one in shown if one == wanted] or [
                one for one in shown if one.startswith(wanted)
            ]
            if not wanted or not found:
                raise AcaKernelError(
                    f"The pool has no session {shown_word(wanted)!r}.",
                    remedy="`aca-kernel sessions list` shows the sessions there are.",
                )
            if len(found) > 1:
                raise AcaKernelError(
                    f"{len(found)} sessions begin with {shown_word(wanted)!r}.",
                    left="None was deleted.",
                    remedy="Give more of the identifier.",
                )
            if pool.delete_session(found[0]):
                print(f"Deleted the session {shown[found[0]]}")
            else:
                print(f"The session {shown[found[0]]} was gone already.")


class PruneApp(SessionsCommand):
    """Deletes the sessions that kernels of ours have left behind."""

    name = "aca-kernel sessions prune"
    description = """
        Delete sessions that were left behind, say by a notebook server that was killed.

        Only those whose identifier a kernel of aca-kernel has derived, and that have been idle
        for longer than half their cooldown period: a kernel that lives calls its session more
        often, as long as its keep_alive lasts. It asks first; without a terminal it needs --yes.
    """
    idle = Float(
        None,
        allow_none=True,
        min=0,
        help="Seconds without a call after which a session counts as left behind. Without it:"
        " half its cooldown period.",
    ).tag(config=True)
    everyones = Bool(False, help="Prune the sessions of other programs as well.").tag(config=True)
    aliases = {**SessionsCommand.aliases, "idle": "PruneApp.idle"}
    flags = {
        **Command.flags,
        "all": (
            {"PruneApp": {"everyones": True}},
            "Prune the sessions of other programs as well.",
        ),
        ("y", "yes"): ({"JupyterApp": {"answer_yes": True}}, "Do not ask before deleting."),
    }

    def start(self) -> None:
        """Delete them and say what was done; raises AcaKernelError.

        UsageError when nobody can be asked and --yes was not given.
        """
        with self.pool() as pool:
            sessions = list(pool.list_sessions())
            now = _now()
            doomed = {
                session.identifier: label
                for label, session in zip(labels(sessions), sessions, strict=True)
                if (self.everyones or session.identifier.startswith(IDENTIFIER_PREFIX))
                and self._is_left_behind(session, now)
            }
            if not doomed:
                print(f"Nothing to prune among {_count(len(sessions))}.")
                return
            if not self._agreed(list(doomed.values())):
                print("Nothing was deleted.")
                return
            for identifier, label in doomed.items():
                gone = "" if pool.delete_session(identifier) else " (was gone already)"
                print(f"Deleted {label}{gone}")
            print(f"Pruned {len(doomed)} of {_count(len(sessions))}.")

    def _is_left_behind(self, session: SessionInfo, now: datetime) -> bool:
        if session.last_accessed is None:
            return False
        limit: float
        if self.idle is not None:
            limit = self.idle
        elif session.cooldown_seconds is not None:
            limit = session.cooldown_seconds / 2
        else:
            return False
        return now - session.last_accessed > timedelta(seconds=limit)

    def _agreed(self, doomed: Sequence[str]) -> bool:
        if self.answer_yes:
            return True
        if not sys.stdin.isatty():
            raise self.misused(
                f"{_count(len(doomed))} would be deleted, and there is no terminal to ask at:"
                " add --yes. Nothing was deleted."
            )
        print("To be deleted, with their variables and files:", *doomed, sep="\n  ")
        try:
            return input(f"Delete {_count(len(doomed))}? [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False


class SessionsApp(Command):
    """The commands about sessions."""

    name = "aca-kernel sessions"
    description = "List a pool's sessions, delete one, or prune those left behind."
    subcommands = {
        "list": (ListApp, "Show the pool's sessions, with shortened identifiers."),
        "delete": (DeleteApp, "Delete one session."),
        "prune": (PruneApp, "Delete the sessions that kernels have left behind."),
    }
    words = " | ".join(subcommands)

    def start(self) -> None:
        """Run the command that was named; UsageError when none was."""
        super().start()
        raise self.misused("Which command?")


def labels(sessions: Sequence[SessionInfo]) -> list[str]:
    """The sessions' shortened identifiers, long enough to tell them apart where that is safe.

    Never more than half an identifier is shown.
    """
    shown = []
    for session in sessions:
        identifier = session.identifier
        others = [one.identifier for one in sessions if one.identifier != identifier]
        label = shorten(identifier)
        for length in range(len(label), len(identifier) // 2 + 1):
            if not any(other.startswith(label.removesuffix("…")) for other in others):
                break
            label = f"{identifier[:length]}…"
        shown.append("".join(c if c.isprintable() else "?" for c in label))
    return shown


def _count(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _ago(moment: datetime | None, now: datetime) -> str:
    return humanize.naturaltime(min(moment, now), when=now) if moment else ""


def _left(session: SessionInfo, now: datetime) -> str:
    if session.expires is None:
        return ""
    return humanize.naturaltime(max(session.expires, now), when=now)
