"""How far a transfer is: one display that updates, and how to stop it.

A :class:`TransferProgress` lives on two threads: the worker thread that moves bytes calls what
``file`` returns, the event loop calls ``cancel``. One lock guards what both touch.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..messages import Emit, Output
from ..pool import Cancelled
from .display import Bar, grid
from .names import printable

__all__ = [
    "Cancelled",
    "Part",
    "Snapshot",
    "TransferProgress",
    "render_html",
    "render_text",
    "size_text",
]

_QUIET = 0.2
"""Seconds after which a transfer is worth a bar."""

_INTERVAL = 0.1
"""Seconds between two updates."""

_MOST_BARS = 8
"""Files that have a bar at the same time: those around the one that is on its way."""

_METER = "{percentage:.0f}%  {n_fmt}B of {total_fmt}B  {rate_noinv_fmt}  {remaining} left"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a transfer: its size, and the bytes of it that have gone."""

    name: str
    size: int
    done: int = 0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A transfer at one moment: its files in order, ``index`` that of the one on its way.

    ``elapsed`` is seconds since it began.
    """

    parts: Sequence[Part]
    index: int
    elapsed: float

    @property
    def done(self) -> int:
        """Bytes of all files that have gone; never more than ``total``."""
        return sum(max(0, min(part.done, part.size)) for part in self.parts)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(part.size for part in self.parts)


def size_text(size: int) -> str:
    """``size`` bytes for people, such as ``29.0 MB``."""
    import humanize

    return humanize.naturalsize(min(max(size, 0), 2**63))


def render_text(snapshot: Snapshot) -> str:
    """One line such as ``data.csv  42%  12.3MB of 29.0MB  8.20MB/s  00:02 left``."""
    name = printable(snapshot.parts[snapshot.index].name, 60)
    if len(snapshot.parts) > 1:
        name = f"{snapshot.index + 1}/{len(snapshot.parts)} {name}"
    return f"{name}  {_meter(snapshot)}"


def render_html(snapshot: Snapshot) -> str:
    """The same with a bar; several files have one each, and one for the total below them."""
    parts, count = snapshot.parts, len(snapshot.parts)
    meter = (Bar(snapshot.done, snapshot.total), _meter(snapshot))
    if count == 1:
        return grid([(printable(parts[0].name, 40), *meter)])
    first = max(0, min(snapshot.index - _MOST_BARS // 2, count - _MOST_BARS))
    rows = [
        (printable(part.name, 40), Bar(part.done, part.size), size_text(part.size))
        for part in parts[first : first + _MOST_BARS]
    ]
    return grid([*rows, (f"file {snapshot.index + 1} of {count}", *meter)])


def _meter(snapshot: Snapshot) -> str:
    from tqdm import tqdm

    return str(
        tqdm.format_meter(
            snapshot.done,
            snapshot.total,
            snapshot.elapsed,
            unit="B",
            unit_scale=True,
            bar_format=_METER,
        )
    )


class TransferProgress:
    """One display for the transfer of ``files``, each a name and its bytes, in that order.

    It appears when the transfer has taken 0.2 s and updates at most ten times a second.
    """

    def __init__(
        self,
        emit: Emit,
        files: Sequence[tuple[str, int]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._parts = [Part(name=name, size=size) for name, size in files]
        self._clock = clock
        self._began = self._shown = clock()
        self._display_id = f"aca-kernel-{uuid.uuid4().hex}"
        self._is_shown = self._is_finished = False
        self._next = 0
        self._lock = threading.Lock()
        self.cancelled = threading.Event()
        """Set by `cancel`: it ends a pause too."""

    @property
    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return self._clock() - self._began

    def file(self) -> Callable[[int, int], None]:
        """The progress callback of the next file; raises Cancelled after ``cancel``.

        Raises Cancelled itself, so that no further file is begun.
        """
        self.check()
        with self._lock:
            index = self._next
            self._next += 1

        def progress(done: int, total: int) -> None:
            self.check()
            with self._lock:
                self._parts[index] = replace(self._parts[index], done=done)
                self._show(index)

        return progress

    def check(self) -> None:
        """Raise Cancelled after ``cancel``."""
        if self.cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Stop the transfer at its next block of bytes."""
        self.cancelled.set()

    def finish(self, line: str) -> bool:
        """Turn the bar into ``line``, for good. False when none was shown, nor is now."""
        with self._lock:
            is_due = self._is_shown and not self._is_finished
            self._is_finished = True
            if is_due:
                self._emit.show_own(self._output("update_display_data", line, grid([(line,)])))
        return is_due

    def pace(self, size: int) -> str:
        """How fast ``size`` bytes went, such as ``in 3.4 s (34.9MB/s)``."""
        from tqdm import tqdm

        elapsed = max(self.elapsed, 1e-6)
        return f"in {elapsed:.1f} s ({tqdm.format_sizeof(size / elapsed, 'B/s')})"

    def _show(self, index: int) -> None:
        now = self._clock()
        if self._is_finished or now - self._began < _QUIET:
            return
        if self._is_shown and now - self._shown < _INTERVAL:
            return
        msg_type = "update_display_data" if self._is_shown else "display_data"
        self._is_shown, self._shown = True, now
        moment = Snapshot(parts=self._parts, index=index, elapsed=now - self._began)
        self._emit.show_own(self._output(msg_type, render_text(moment), render_html(moment)))

    def _output(self, msg_type: str, text: str, markup: str) -> Output:
        return Output(
            msg_type=msg_type,
            content={
                "data": {"text/plain": text, "text/html": markup},
                "metadata": {},
                "transient": {"display_id": self._display_id},
            },
        )
