"""Runs of variants: pools for them, several at a time, and a result for each."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.conftest import RunningPool, running_pools
from tests.pythons import NoInterpreter, interpreter

from .judge import judge
from .script import run_script
from .variant import Variant

MODES = ("auto", "direct")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one variant came to in one mode."""

    variant: str
    mode: str
    verdict: str
    words: str = ""
    sins: tuple[str, ...] = ()
    unexpected: str = ""
    """What was expected instead; "" where it is as expected."""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not self.sins and not self.unexpected


def run_variant(pool: RunningPool, variant: Variant, mode: str, folder: Path) -> Result:
    """Run the script against one variant, and judge it."""
    record = run_script(
        pool,
        mode,
        folder,
        variant.rules(),
        prepare=variant.prepare,
        environment=dict(variant.environment),
        extra=variant.extra,
    )
    judgement = judge(record, variant.allowed)
    expected = variant.expected(mode)
    unexpected = ""
    if judgement.verdict != expected.verdict:
        unexpected = f"it should be: {expected.verdict}"
    elif expected.words and not re.search(expected.words, judgement.words, re.DOTALL):
        unexpected = f"the words should match {expected.words!r}"
    return Result(
        variant=variant.name,
        mode=mode,
        verdict=judgement.verdict,
        words=judgement.words,
        sins=judgement.sins,
        unexpected=unexpected,
        seconds=record.seconds,
    )


@contextmanager
def clean_environment(home: Path) -> Iterator[None]:
    """Let no option and no Jupyter folder of the caller's into the kernels."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            patch.setenv(f"JUPYTER_{name}", str(home / name.lower()))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        for name in list(os.environ):
            if name.startswith(("ACA_", "AZURE_")) or name.upper().endswith("_PROXY"):
                patch.delenv(name)
        yield


def run_all(
    variants: list[Variant], modes: list[str], jobs: int, tell: Callable[[Result], None]
) -> list[Result]:
    """Run them, ``jobs`` at a time, each in a pool that nobody else uses meanwhile."""
    results: list[Result] = []
    idle: SimpleQueue[RunningPool] = SimpleQueue()
    starting = threading.Lock()
    with (
        tempfile.TemporaryDirectory(prefix="matrix-") as name,
        clean_environment(Path(name, "home")),
        running_pools() as start,
    ):
        for _ in range(jobs):
            idle.put(start("--max-sessions", "50"))

        def one(variant: Variant, mode: str) -> Result:
            folder = Path(name, re.sub(r"\W+", "-", f"{variant.name}-{mode}"))
            if not variant.flags and not variant.interpreter:
                pool = idle.get()
                try:
                    return run_variant(pool, variant, mode, folder)
                finally:
                    idle.put(pool)
            flags = variant.flags
            if variant.interpreter:
                try:
                    flags += ("--python", str(interpreter(*variant.interpreter)))
                except NoInterpreter as error:
                    return Result(
                        variant=variant.name, mode=mode, verdict="not tried", words=str(error)
                    )
            with starting:
                pool = start("--max-sessions", "50", *flags)
            try:
                return run_variant(pool, variant, mode, folder)
            finally:
                pool.stop()

        with ThreadPoolExecutor(jobs) as workers:
            futures = {
                workers.submit(one, variant, mode): (variant, mode)
                for variant in variants
                for mode in modes
            }
            for future in as_completed(futures):
                variant, mode = futures[future]
                error = future.exception()
                if error is None:
                    result = future.result()
                else:
                    sin = f"the harness: {type(error).__name__}: {error}"[:500]
                    result = Result(variant=variant.name, mode=mode, verdict="unknown", sins=(sin,))
                results.append(result)
                tell(result)
    return results
