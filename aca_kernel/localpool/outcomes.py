"""What became of one cell, in the service's terms: streams cut, one result, errors as text.

Pure: Jupyter messages go in by ``Outcome.take``, values for the answer come out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ABORTED", "RESTARTED", "TIMED_OUT", "Outcome", "coerce"]

# What the service says in stderr when it gives up on a cell (docs/service.md 4.4).
TIMED_OUT = "Request timed out waiting for code execution to complete"
ABORTED = "Execution aborted"
RESTARTED = "Kernel restarted"

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class _Stream:
    """A text of at most ``limit`` characters; what comes after is dropped (docs/service.md 6)."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._left = limit

    def add(self, text: str) -> None:
        if self._left > 0 and text:
            part = text[: self._left]
            self._left -= len(part)
            self._parts.append(part)

    def __str__(self) -> str:
        return "".join(self._parts)


class Outcome:
    """One cell's streams and result, gathered from its messages.

    ``limit`` is the number of characters that a stream keeps, ``first_image`` whether
    the first of several images is the result, not the last (docs/service.md 4.3: not known).
    ``seconds`` is how long the code ran.
    """

    def __init__(self, *, limit: int, first_image: bool = False) -> None:
        self.failed = False
        self.seconds = 0.0
        self._stdout = _Stream(limit)
        self._stderr = _Stream(limit)
        self._first_image = first_image
        self._image: str | None = None
        self._text: str | None = None
        self._error: str | None = None
        self._given_up = ""

    @property
    def stdout(self) -> str:
        """What the cell wrote, up to the limit."""
        return "" if self._given_up else str(self._stdout)

    @property
    def stderr(self) -> str:
        """What the cell wrote there, then its error, up to the limit."""
        return self._given_up or str(self._stderr)

    def result(self, *, quote_nan: bool) -> Any:
        """Give the value for the answer: a JSON value, an image object, "" or None.

        ``quote_nan`` as in ``coerce``.
        """
        if self.failed:
            return None
        if self._image is not None:
            return {"type": "image", "format": "png", "base64_data": self._image}
        return "" if self._text is None else coerce(self._text, quote_nan=quote_nan)

    def give_up(self, reason: str) -> None:
        """Make this a failure by the service, of which only ``reason`` is told."""
        self.failed = True
        self._given_up = reason

    def take(self, msg_type: str, content: Mapping[str, Any]) -> None:
        """Take in an iopub message of the cell; other kinds than the known are ignored."""
        if msg_type == "stream":
            stream = self._stderr if content["name"] == "stderr" else self._stdout
            stream.add(str(content["text"]))
        elif msg_type in ("display_data", "execute_result"):
            data = content["data"]
            if isinstance(data.get("image/png"), str):
                if self._image is None or not self._first_image:
                    # In messages base64 has line breaks; the service's text has none.
                    self._image = "".join(data["image/png"].split())
            elif msg_type == "execute_result":
                self._text = str(data.get("text/plain", ""))
        elif msg_type == "error":
            self._take_error(content)

    def _take_error(self, content: Mapping[str, Any]) -> None:
        """Flatten an error as the service does (docs/service.md 5), colours removed."""
        elements = [_ANSI.sub("", str(element)) + "\n" for element in content["traceback"]]
        self._error = str(content["evalue"]) + "".join(elements)

    def finish(self, reply: Mapping[str, Any]) -> None:
        """Take in the execute_reply, the last word on success."""
        status = reply.get("status")
        if status == "error":
            self.failed = True
            if self._error is None:
                self._take_error({"evalue": "", "traceback": (), **reply})
            self._stderr.add(self._error or "")
        elif status == "aborted":
            self.give_up(ABORTED)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def coerce(text: str, *, quote_nan: bool) -> Any:
    """Turn the text/plain of a result into the value that the service answers.

    docs/service.md 4.2: JSON is parsed; the repr of a str loses its quotes, not its escapes;
    everything else is the text. ``quote_nan`` (from 2025-10): the str "nan" keeps its
    quotes, to be told from a float.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        pass
    if quote_nan and text == "'nan'":
        return text
    return text[1:-1] if _STRING.fullmatch(text) else text
