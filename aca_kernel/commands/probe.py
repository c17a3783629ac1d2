"""``aca-kernel doctor --probe``: asks first, shows how far it is, and writes the report."""

from __future__ import annotations

import getpass
import math
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from ..errors import AcaKernelError, ExecutionFailed, UsageError
from ..pool import PoolClient
from ..probing import report
from ..probing.bench import Bench
from ..probing.catalogue import chosen, estimate
from ..probing.course import Outcome, run_all
from ..probing.masking import Mask, region_of

__all__ = ["Probe"]

_LONGEST_LINE = 100  # characters of an answer, as the line of its experiment shows it
_EVERYBODYS = frozenset(("root", "user", "ubuntu", "jovyan", "runner", "local", "localhost"))
"""Names that tell nobody anything, and stand in what sessions answer."""


class Probe:
    """The questions to ask, and where the answers go. Raises UsageError when that cannot be.

    ``only`` names experiments, "" for all; ``output`` is the folder of the report.
    """

    def __init__(
        self, *, output: Path, force: bool, max_megabytes: int, fill: int, only: str
    ) -> None:
        self.output = output
        self.force = force
        self.most_bytes = max_megabytes * 2**20
        self.fill = fill
        self.began = datetime.now(timezone.utc)
        try:
            self._experiments = chosen(only, fill=fill)
        except KeyError as error:
            names = ", ".join(one.name for one in chosen("", fill=1))
            raise UsageError(
                f"There is no question {str(error.args[0])[:40]!r}.",
                left="Nothing was asked.",
                remedy=f"These are there: {names}.",
            ) from None
        if not self.output.is_dir() or not os.access(self.output, os.W_OK):
            raise UsageError(
                "The report cannot be written: the folder is not there, or is not yours to write.",
                left="Nothing was asked.",
                remedy="Give another folder with --output.",
            )
        there = [path.name for path in self.paths if path.exists()]
        if there and not self.force:
            raise UsageError(
                f"There is a report already: {' and '.join(there)}.",
                left="Nothing was asked.",
                remedy="Give another folder with --output, or replace it with --force.",
            )

    @property
    def paths(self) -> tuple[Path, Path]:
        """Where the report goes: Markdown, JSON."""
        name = f"aca-kernel-probe-{self.began:%Y-%m-%d}"
        return self.output / f"{name}.md", self.output / f"{name}.json"

    def agreed(self, *, yes: bool) -> bool:
        """Whether the user agrees, after the text that says to what.

        Raises UsageError when nobody can be asked, and ``yes`` was not given.
        """
        taken = estimate(self._experiments, most_bytes=self.most_bytes, fill=self.fill)
        number = len(self._experiments)
        print(
            f"Questions to ask: {number}, each in a session of its own that is deleted afterwards."
            " Nobody else's sessions and files are touched.\n"
            f"That takes about {taken.calls} calls and"
            f" {_minutes(taken.least_seconds, taken.most_seconds)}, and moves"
            f" {max(1, round(taken.bytes / 2**20))} MB.\n"
            f"The report goes to {self.paths[0]} and {self.paths[1].name}."
        )
        if self.fill:
            print(
                f"Up to {self.fill} sessions will be made until the pool is full: meanwhile nobody"
                " else can begin one."
            )
        if yes:
            return True
        if not sys.stdin.isatty():
            raise UsageError(
                "There is no terminal to ask at.",
                left="Nothing was asked of the pool.",
                remedy="Add --yes if that is what you want.",
            )
        try:
            return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def run(self, client: PoolClient) -> None:
        """Ask, and write the report; after Ctrl-C too, which then raises KeyboardInterrupt.

        Raises ExecutionFailed, after the report, when the pool runs no Python.
        """
        bench = Bench(client, most_bytes=self.most_bytes, fill=self.fill)
        outcomes: list[Outcome] = []
        started = time.monotonic()
        stopped = False

        def tell(outcome: Outcome) -> None:
            outcomes.append(outcome)
            self._show(outcome, self._mask(client, bench))

        try:
            ended = run_all(bench, self._experiments, tell)
        except KeyboardInterrupt:
            stopped, ended = True, "it was stopped with Ctrl-C"
            print("\nStopped. The sessions that were made are being deleted ...", flush=True)
        try:
            undeleted = bench.clean_up(last=True)
        except KeyboardInterrupt:
            stopped, undeleted = True, len(bench.left) + len(bench.undeleted)
        about = report.Circumstances(
            tool=f"aca-kernel {version('aca-kernel')}",
            date=f"{self.began:%Y-%m-%d}",
            api_version=client.api_version,
            place=region_of(client.endpoint.host, is_loopback=client.endpoint.is_loopback),
            asked=len(self._experiments),
            calls=bench.calls,
            seconds=time.monotonic() - started,
            undeleted=undeleted,
            ended=ended,
        )
        self._write(about, outcomes, self._mask(client, bench))
        self._sum_up(about, outcomes)
        if stopped:
            raise KeyboardInterrupt
        for one in outcomes:
            if one.finding is not None and one.finding.ends_all:
                raise ExecutionFailed(
                    self._mask(client, bench).text(one.answer), remedy=one.finding.means
                )

    def _show(self, outcome: Outcome, mask: Mask) -> None:
        verdict = {True: "ok", False: "DIFFERS", None: ""}[outcome.holds]
        if outcome.finding is None:
            verdict = "?"
        words = mask.text(outcome.answer, _LONGEST_LINE)
        print(
            f"{outcome.number:>3}/{len(self._experiments)} {verdict:<7}"
            f" {outcome.experiment.name:<19} {outcome.seconds:6.2f} s  {words}",
            flush=True,
        )

    def _sum_up(self, about: report.Circumstances, outcomes: list[Outcome]) -> None:
        differing = [one for one in outcomes if one.holds is False]
        unsettled = sum(one.finding is None for one in outcomes)
        print()
        for one in differing:
            print(f"Not as assumed: {one.experiment.assumption} {one.means}".rstrip())
        if not differing:
            print("Every assumption holds that was asked about.")
        if unsettled:
            print(f"{unsettled} of {len(outcomes)} questions could not be settled.")
        if about.ended:
            print(f"It ended early: {about.ended}.")
        if about.undeleted:
            print(
                f"{about.undeleted} sessions could not be deleted: they cool down by themselves,"
                " or `aca-kernel sessions prune` ends them."
            )
        print(f"{about.calls} calls in {about.seconds:.0f} s. The report, for an issue:")
        for path in self.paths:
            print(f"  {path}")

    def _write(self, about: report.Circumstances, outcomes: list[Outcome], mask: Mask) -> None:
        texts = (
            report.as_markdown(about, outcomes, mask),
            report.as_json(about, outcomes, mask),
        )
        for path, text in zip(self.paths, texts, strict=True):
            try:
                with path.open("w" if self.force else "x", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise AcaKernelError(
                    f"The report cannot be written: {error.strerror} ({path.name}).",
                    left="The pool has answered, and the answers are lost.",
                    remedy="Make room or give another folder with --output, and run it again.",
                ) from None

    def _mask(self, client: PoolClient, bench: Bench) -> Mask:
        """Hides the token, the sessions, the pool and this machine."""
        secrets = [*bench.identifiers, *(one.upper() for one in bench.identifiers)]
        with suppress(AcaKernelError):
            secrets.append(client.tokens.get())
        where = client.endpoint
        names = [where.subscription, where.resource_group, where.pool_name]
        if not where.is_loopback:
            secrets.append(where.host)
        return Mask(
            secrets,
            [
                name
                for name in (*filter(None, names), *_of_this_machine())
                if name.lower() not in _EVERYBODYS
            ],
        )


def _of_this_machine() -> Iterator[str]:
    """Its names and folders, which a session of a local pool may tell."""
    with suppress(OSError, KeyError, ImportError):
        yield getpass.getuser()
    yield socket.gethostname()
    for folder in (
        Path.home(),
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(tempfile.gettempdir()),
    ):
        if len(folder.parts) > 2 or folder == Path.home():
            yield str(folder)
    with suppress(OSError):
        yield str(Path.cwd())


def _minutes(least: float, most: float) -> str:
    first, last = max(1, round(least / 60)), max(1, math.ceil(most / 60))
    return f"{first} to {last} minutes" if first < last else "a minute"
