"""One experiment after the other: whatever goes wrong in one, the others go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import AcaKernelError, NotSent
from .bench import Bench
from .experiment import Experiment, Finding, NotSettled

__all__ = ["Outcome", "perform", "run_all"]

_log = logging.getLogger("aca_kernel.probing")

_MOST_UNREACHED = 2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one experiment: its ``finding``, or the ``failure`` that kept it from one."""

    number: int
    experiment: Experiment
    finding: Finding | None
    failure: str
    unreached: bool
    calls: int
    seconds: float

    @property
    def holds(self) -> bool | None:
        """Whether our assumption holds; None when that is not known, or there is none."""
        return self.finding.holds if self.finding and self.experiment.assumption else None

    @property
    def answer(self) -> str:
        """The answer in one sentence."""
        return self.finding.answer if self.finding else f"Not settled: {self.failure}."

    @property
    def means(self) -> str:
        """What it means for the user that the assumption does not hold."""
        own = self.finding.means if self.finding else ""
        return own or self.experiment.means


def perform(bench: Bench, experiment: Experiment, number: int) -> Outcome:
    """Run one experiment and delete its sessions. Raises nothing but KeyboardInterrupt."""
    before, began = bench.calls, time.monotonic()
    finding, failure, unreached = None, "", False
    try:
        finding = experiment.run(bench)
    except NotSettled as error:
        failure = str(error)
    except AcaKernelError as error:
        failure, unreached = error.what, isinstance(error, NotSent)
    except Exception as error:
        # What comes back may be of any shape, and no shape may cost the other answers.
        _log.debug("%s failed", experiment.name, exc_info=True)
        failure = f"the answer is of a shape that is not understood ({type(error).__name__})"
    if not unreached:
        bench.clean_up()
    return Outcome(
        number=number,
        experiment=experiment,
        finding=finding,
        failure=failure.rstrip("."),
        unreached=unreached,
        calls=bench.calls - before,
        seconds=time.monotonic() - began,
    )


def run_all(
    bench: Bench, experiments: Sequence[Experiment], tell: Callable[[Outcome], None]
) -> str:
    """Run the experiments; ``tell`` gets each outcome. Gives why it ended early, "" if not."""
    unreached = 0
    for number, experiment in enumerate(experiments, 1):
        outcome = perform(bench, experiment, number)
        tell(outcome)
        unreached = unreached + 1 if outcome.unreached else 0
        if outcome.finding is not None and outcome.finding.ends_all:
            return "the other questions make no sense at this pool"
        if unreached >= _MOST_UNREACHED:
            return "the pool cannot be reached any more"
    return ""
