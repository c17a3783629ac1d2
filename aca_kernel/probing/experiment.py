"""What an experiment is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench import Bench

__all__ = ["Experiment", "Finding", "NotSettled"]


class NotSettled(Exception):
    """An experiment could not answer its question; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer to one question.

    ``holds`` says whether what our code assumes is so, None where it assumes nothing or the
    answer does not tell. ``facts`` are what came back: values as JSON has them. ``means`` says
    what the user should do when the assumption does not hold, where that depends on the answer.
    """

    answer: str
    holds: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    means: str = ""
    ends_all: bool = False
    """Whether the other questions make no sense after this answer."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question, and the few calls that answer it, in a session of its own.

    ``section`` is the one of docs/service.md that the answer settles. ``assumption`` is what
    ``module`` takes for granted ("" where nothing depends on it), and ``means`` what a user
    should know when it does not hold. ``calls``, ``sessions`` and ``waits`` (seconds beside
    the calls' own) are what it takes at a service that answers as we assume; ``calls_a_size`` are
    those for each size that is tried. A session takes one call more, which deletes it.
    """

    name: str
    question: str
    section: str
    calls: int
    run: Callable[[Bench], Finding]
    assumption: str = ""
    module: str = ""
    means: str = ""
    calls_a_size: int = 0
    sessions: int = 1
    waits: float = 0.0
