"""What %upload and %download share: what has arrived, how to stop, how to say it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import AcaKernelError, BadRequest, PermissionRefused, TransferError
from ..interpreters.statusline import StatusLine
from ..pool import Patience
from .context import TransferContext
from .diskname import printable_path
from .local_files import OutsideRoot
from .names import printable
from .progress import Cancelled, TransferProgress, size_text

__all__ = [
    "Outcome",
    "allow",
    "carry_out",
    "combined",
    "move_each",
    "patience_of",
    "patiently",
    "show_notes",
]

T = TypeVar("T")

_STOP_WAIT = 1.5
"""Seconds an interrupt waits for the thread, so that the cell ends within two."""

_MOST_LINES = 20
"""Lines of a list that somebody would read."""


@dataclass(kw_only=True)
class Outcome:
    """How far a transfer of ``names`` came. Filled by the worker thread, item by item."""

    names: Sequence[str]
    arrived: list[str] = field(default_factory=list)
    """A line to show for each file that is wholly there."""
    failed: list[tuple[str, AcaKernelError]] = field(default_factory=list)
    size: int = 0
    """Bytes of the files that arrived."""

    def so_far(self) -> str:
        """How many files have arrived, for the last line of a transfer that did not end well."""
        return f"{len(self.arrived)} of {len(self.names)} files had arrived"

    def error(self, verb: str) -> AcaKernelError | None:
        """The error to end with: the only one as it is, several as a list; None for none.

        ``verb`` is what the files were not, such as ``sent``.
        """
        if not self.failed:
            return None
        if len(self.names) == 1:
            return self.failed[0][1]
        lines = [f"{printable(name)}: {error.what}" for name, error in self.failed]
        missing = len(self.names) - len(self.arrived)
        if missing > len(self.failed):
            lines.append(f"{missing - len(self.failed)} more were not tried")
        first = self.failed[0][1]
        return TransferError(
            "\n  ".join([f"{missing} of {len(self.names)} files were not {verb}:", *lines]),
            left=f"{len(self.arrived)} arrived." if self.arrived else "None arrived.",
            remedy=first.remedy,
        )


def show_notes(context: TransferContext, notes: Sequence[str]) -> None:
    """Say what was left out, as far as somebody would read it."""
    _show_lines(context, notes, "were left out")


async def allow(context: TransferContext, error: OutsideRoot, verb: str) -> None:
    """Ask the user for leave to ``verb`` what is outside the root; raise ``error`` without it."""
    path = printable_path(error.path, 1000)
    answer = await context.ask(
        f"{path} is outside {printable_path(context.root, 1000)}. {verb}? [y/N] "
    )
    if answer is None or answer.strip().lower() not in ("y", "yes"):
        raise error


def move_each(
    outcome: Outcome, items: Sequence[T], move: Callable[[T], str | None], name: Callable[[T], str]
) -> None:
    """Call ``move`` for each item and note in ``outcome`` how it went. Runs on the worker thread.

    ``move`` gives the line to show, or None when the item is not wholly there yet. A file that
    is refused does not keep the others; a failure that would meet them too ends it. Returns
    early when the transfer was cancelled.
    """
    for item in items:
        try:
            line = move(item)
        except Cancelled:
            return
        except AcaKernelError as error:
            outcome.failed.append((name(item), error))
            is_its_own = isinstance(error, (TransferError, BadRequest))
            if not is_its_own or isinstance(error, PermissionRefused):
                return
        else:
            if line is not None:
                outcome.arrived.append(line)


def patience_of(context: TransferContext, cancelled: threading.Event) -> Patience:
    """The kernel's patience with an outage: a status line in the cell, ended by ``cancelled``."""
    return Patience(
        context.session.outage_tolerance, say=StatusLine(context.emit).say, cancelled=cancelled
    )


async def patiently(context: TransferContext, work: Callable[[Patience], T]) -> T:
    """What ``work`` returns, run on the worker thread with the kernel's patience.

    When the cell is interrupted its pause ends, and the CancelledError goes on.
    """
    cancelled = threading.Event()
    try:
        result: T = await context.call(work, patience_of(context, cancelled))
    except asyncio.CancelledError:
        cancelled.set()
        raise
    return result


async def carry_out(
    context: TransferContext,
    progress: TransferProgress,
    outcome: Outcome,
    work: Callable[[], Any],
    verb: str,
) -> None:
    """Run ``work`` on the worker thread and show what came of it; ``verb`` is such as ``sent``.

    Raises the error of what did not arrive. When the cell is interrupted the transfer is
    stopped, what had arrived is shown, and the CancelledError goes on.
    """
    task = asyncio.ensure_future(context.call(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        progress.cancel()
        await asyncio.wait({task}, timeout=_STOP_WAIT)
        # Should the network be stuck, the thread ends later; nobody is left to hear how.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        _show_lines(context, list(outcome.arrived))
        line = f"{outcome.so_far()}; cancelled"
        if not progress.finish(line):
            context.stream(f"{line}\n")
        raise
    except BaseException:
        _show_lines(context, outcome.arrived)
        progress.finish(f"{outcome.so_far()}; failed")
        raise
    pace = progress.pace(outcome.size)
    error = outcome.error(verb)
    if error is None and len(outcome.arrived) == 1:
        if not progress.finish(f"{outcome.arrived[0]} {pace}"):
            _show_lines(context, outcome.arrived)
        return
    _show_lines(context, outcome.arrived)
    if error is not None:
        progress.finish(f"{outcome.so_far()}; failed")
        raise error
    files = f"{len(outcome.arrived)} files, {size_text(outcome.size)}"
    progress.finish(f"{verb} {files} {pace}")


def _show_lines(context: TransferContext, lines: Sequence[str], what: str = "arrived") -> None:
    if not lines:
        return
    shown = list(lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        shown.append(f"and {len(lines) - _MOST_LINES} more {what}")
    context.stream("".join(f"{line}\n" for line in shown))


def combined(problems: Sequence[TransferError], heading: str) -> TransferError:
    """One error for several, the only one as it is."""
    if len(problems) == 1:
        return problems[0]
    return TransferError(
        "\n  ".join([heading, *(problem.what for problem in problems)]),
        left=problems[0].left,
        remedy=problems[0].remedy,
    )
