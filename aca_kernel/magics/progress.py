"""How far a transfer is: one display that updates, and how to stop it.

A :class:`TransferProgress` lives on two threads: the worker thread that moves bytes calls what
``file`` returns, the event loop calls ``cancel``. One lock guards what both touch.
"""

from __future__ import annotations

import html
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ..interpreters.base import Emit, Output
from .names import printable

__all__ = ["Cancelled", "Snapshot", "TransferProgress", "render_html", "render_text", "size_text"]

_QUIET = 0.2
"""Seconds after which a transfer is worth a bar."""

_INTERVAL = 0.1
"""Seconds between two updates."""

_METER = "{percentage:.0f}% {n_fmt}/{total_fmt}  {rate_fmt}  {remaining} left"


class Cancelled(Exception):
    """The user interrupted the cell. Raised out of the progress callback to stop a transfer."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A transfer at one moment. Bytes and seconds; ``index`` counts files from 1."""

    name: str
    done: int
    total: int
    elapsed: float
    file_done: int = 0
    file_total: int = 0
    index: int = 1
    files: int = 1


def size_text(size: int) -> str:
    """``size`` bytes for people, such as ``29.0 MB``."""
    import humanize

    return humanize.naturalsize(min(max(size, 0), 2**63))


def render_text(snapshot: Snapshot) -> str:
    """One line such as ``data.csv  42% 12.3M/29.0M  8.1MB/s  00:02 left``."""
    name = printable(snapshot.name, 60)
    if snapshot.files > 1:
        name = f"{snapshot.index}/{snapshot.files} {name}"
    return f"{name}  {_meter(snapshot)}"


def render_html(snapshot: Snapshot) -> str:
    """The same with a bar; several files have one of their own above the total.

    Nothing but div elements with inline styles and escaped text, which every sanitizer passes.
    """
    rows = []
    if snapshot.files > 1:
        count = f"{snapshot.index} of {snapshot.files}"
        rows.append(_label(f"{printable(snapshot.name, 60)}  ({count})"))
        rows.append(_bar(snapshot.file_done, snapshot.file_total))
        rows.append(_label(f"total  {_meter(snapshot)}"))
    else:
        rows.append(_label(render_text(snapshot)))
    rows.append(_bar(snapshot.done, snapshot.total))
    return f'<div style="max-width: 40em">{"".join(rows)}</div>'


def _meter(snapshot: Snapshot) -> str:
    from tqdm import tqdm

    return str(
        tqdm.format_meter(
            min(snapshot.done, snapshot.total),
            snapshot.total,
            snapshot.elapsed,
            unit="B",
            unit_scale=True,
            bar_format=_METER,
        )
    )


def _label(text: str) -> str:
    return f'<div style="font-family: monospace; white-space: pre">{html.escape(text)}</div>'


def _bar(done: int, total: int) -> str:
    share = 100 if total <= 0 else max(0, min(100, 100 * done // total))
    return (
        '<div style="height: 0.5em; margin: 2px 0; background-color: rgba(128, 128, 128, 0.3)">'
        f'<div style="height: 0.5em; width: {share}%; background-color: #0078d4"></div></div>'
    )


class TransferProgress:
    """One display for the transfer of ``files`` files with ``total`` bytes together.

    It appears when the transfer has taken 0.2 s and updates at most ten times a second.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        total: int,
        files: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._total = total
        self._files = files
        self._clock = clock
        self._began = self._shown = clock()
        self._display_id = f"aca-kernel-{uuid.uuid4().hex}"
        self._is_shown = self._is_finished = False
        self._index = 0
        self._before = 0
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    @property
    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return self._clock() - self._began

    def file(self, name: str, size: int) -> Callable[[int, int], None]:
        """The progress callback of the next file; raises Cancelled after ``cancel``.

        Raises Cancelled itself, so that no further file is begun.
        """
        self.check()
        with self._lock:
            before = self._before
            self._before += size
            self._index += 1
            index = self._index

        def progress(done: int, total: int) -> None:
            self.check()
            self._show(
                Snapshot(
                    name=name,
                    done=before + min(done, size),
                    total=self._total,
                    elapsed=self.elapsed,
                    file_done=done,
                    file_total=total,
                    index=index,
                    files=self._files,
                )
            )

        return progress

    def check(self) -> None:
        """Raise Cancelled after ``cancel``."""
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Stop the transfer at its next block of bytes."""
        self._cancelled.set()

    def finish(self, line: str) -> bool:
        """Turn the bar into ``line``, for good. False when none was shown, nor is now."""
        with self._lock:
            is_due = self._is_shown and not self._is_finished
            self._is_finished = True
            if is_due:
                self._emit(self._output("update_display_data", line, _label(line)))
        return is_due

    def summary(self, size: int, verb: str) -> str:
        """What a transfer that went well ends as: bytes, time and rate."""
        from tqdm import tqdm

        elapsed = max(self.elapsed, 1e-6)
        files = f"{self._files} files, " if self._files > 1 else ""
        rate = tqdm.format_sizeof(size / elapsed, "B/s")
        return f"{verb} {files}{size_text(size)} in {elapsed:.1f} s ({rate})"

    def _show(self, snapshot: Snapshot) -> None:
        now = self._clock()
        with self._lock:
            if self._is_finished or now - self._began < _QUIET:
                return
            if self._is_shown and now - self._shown < _INTERVAL:
                return
            msg_type = "update_display_data" if self._is_shown else "display_data"
            self._is_shown, self._shown = True, now
            self._emit(self._output(msg_type, render_text(snapshot), render_html(snapshot)))

    def _output(self, msg_type: str, text: str, markup: str) -> Output:
        return Output(
            msg_type=msg_type,
            content={
                "data": {"text/plain": text, "text/html": markup},
                "metadata": {},
                "transient": {"display_id": self._display_id},
            },
        )
