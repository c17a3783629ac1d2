"""The fields of an execute call that a service may refuse or bound: none of them is needed.

Pure. What a service has refused is remembered, so that each field costs one refusal a pool.
"""

from __future__ import annotations

import re

from aca_kernel.errors import BadRequest, PayloadTooLarge

__all__ = ["OptionalFields"]

LIMITS = (1_000_000, 123_456, 0)
"""What is asked for after ``outputStreamsMaxLength`` was refused, in turn; 0: nothing.

123,456 is the largest value that anybody has published (docs/service.md 3.1).
"""

_OTHER = re.compile(
    r"SessionProperties|DynamicApis|NotSupported|FilePath|FileName|Identifier|api-?version",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\d.])\d{1,9}(?!\d|\.\d)")


class OptionalFields:
    """How the optional fields are sent to one pool. Belongs to one client."""

    def __init__(self) -> None:
        self._most_output: int | None = None
        self._most_seconds: int | None = None

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

    def learn(self, error: BadRequest, output: int | None, seconds: int | None) -> bool:
        """Ask for less after a refusal; whether there is anything left to ask for otherwise.

        ``output`` and ``seconds`` are what the refused call had, None for what it did not have.
        """
        if error.status not in (400, 422) or isinstance(error, PayloadTooLarge):
            return False
        said = f"{error.code} {error.field} {error.what}"
        if output is not None and re.search(r"output_?streams|max_?length", said, re.IGNORECASE):
            self._most_output = _less(said, output, LIMITS)
        elif seconds is not None and re.search(r"time_?out", said, re.IGNORECASE):
            self._most_seconds = _less(said, seconds, (0,))
        elif _OTHER.search(said) or error.field:
            return False  # it is about something else
        elif output is not None or seconds is not None:
            self._most_output = _less("", output or 0, LIMITS[1:])
            self._most_seconds = 0
        else:
            return False
        return True


def _less(said: str, value: int, ladder: tuple[int, ...]) -> int:
    """A smaller value: the largest that the refusal names, else the next of the ladder."""
    named = [int(number) for number in _NUMBER.findall(said)]
    bounds = [number for number in named if 10 <= number < value]
    return max(bounds) if bounds else next((step for step in ladder if step < value), 0)
