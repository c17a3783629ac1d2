"""The fields of an execute call that a service may refuse or bound: none of them is needed.

Pure. What a service has refused is remembered, so that each field costs one refusal a pool.
"""

from __future__ import annotations

import re

from aca_kernel.errors import PayloadTooLarge, ServiceError

__all__ = ["OptionalFields"]

LIMITS = (1_000_000, 123_456, 0)
"""What is asked for after ``outputStreamsMaxLength`` was refused, in turn; 0: nothing.

123,456 is the largest value that anybody has published (docs/service.md 3.1).
"""

_MOST_REFUSALS = 6
"""How often in a row less is asked for: a service that names ever other bounds is not followed."""

_OUTPUT = re.compile(r"output_?streams|max_?length", re.IGNORECASE)
_SECONDS = re.compile(r"time_?out", re.IGNORECASE)
_OTHER = re.compile(
    r"SessionProperties|DynamicApis|NotSupported|FilePath|FileName|Identifier|api-?version",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"(^|\.)(code|pythoncode|codeinputtype|executiontype|identifier|api-?version|path)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\d.,_-])(?:\d{1,3}(?:[,_]\d{3})+|\d{1,9})(?![\d_]|[.,-]\d)")


def names_optional(said: str) -> bool:
    """Whether a refusal speaks of an optional field of an execute call."""
    return bool(_OUTPUT.search(said) or re.search(r"timeout_?in_?seconds", said, re.IGNORECASE))


class OptionalFields:
    """How the optional fields are sent to one pool. Belongs to one client."""

    def __init__(self) -> None:
        self._most_output: int | None = None
        self._most_seconds: int | None = None
        self._refusals = 0  # since one was not about a field

    def output_limit(self, wanted: int) -> int | None:
        """The ``outputStreamsMaxLength`` to send; None for none."""
        most = self._most_output
        return wanted if most is None else min(wanted, most) or None

    def seconds(self, wanted: int) -> int | None:
        """The ``timeoutInSeconds`` to send; None for none."""
        most = self._most_seconds
        return wanted if most is None else min(wanted, most) or None

    def state(self) -> tuple[int | None, int | None]:
        """What has been learned, for `restore`."""
        return self._most_output, self._most_seconds

    def restore(self, state: tuple[int | None, int | None]) -> None:
        """Forget what has been learned since."""
        self._most_output, self._most_seconds = state
        self._refusals = 0

    def learn(
        self,
        error: ServiceError,
        output: int | None,
        seconds: int | None,
        *,
        is_repeatable: bool = False,
    ) -> bool:
        """Ask for less after a refusal; whether there is anything left to ask for otherwise.

        ``output`` and ``seconds`` are what the refused call had, None for what it did not have.
        Only a refusal (4xx) says that nothing was run; a failure (500) that names a field counts
        when running the code twice does no harm.
        """
        said = f"{error.code} {error.field} {error.what}"
        is_failure = error.status == 500 and is_repeatable
        if error.status not in (400, 413, 422) and not is_failure:
            return False
        if self._refusals >= _MOST_REFUSALS:
            return False
        if output is not None and _OUTPUT.search(said):
            self._most_output = _less(said, output, LIMITS, least=1000)
        elif seconds is not None and _SECONDS.search(said) and not is_failure:
            self._most_seconds = _less(said, seconds, (0,), least=10)
        elif is_failure or isinstance(error, PayloadTooLarge):
            return False
        elif _OTHER.search(said) or _NEEDED.search(error.field):
            return False  # it is about something else
        elif output is not None or seconds is not None:
            self._most_output = _less("", output or 0, LIMITS[1:], least=1)
            self._most_seconds = 0
        else:
            return False
        self._refusals += 1
        return True


def _less(said: str, value: int, ladder: tuple[int, ...], *, least: int) -> int:
    """A smaller value: the largest that the refusal names, else the next of the ladder."""
    named = [int(re.sub("[,_]", "", number)) for number in _NUMBER.findall(said)]
    bounds = [number for number in named if least <= number < value]
    return max(bounds) if bounds else next((step for step in ladder if step < value), 0)
