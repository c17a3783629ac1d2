"""JSON from a session, copied within limits: whatever comes out can be sent on."""

from __future__ import annotations

import math
from typing import Any

from .streams import encodable

__all__ = ["NotJson", "bounded_copy"]

MAX_DEPTH = 50
MAX_VALUES = 200_000
MAX_CHARACTERS = 10 * 1024 * 1024


class NotJson(Exception):
    """A value is too large or too deep, or no JSON at all."""


def bounded_copy(value: Any) -> Any:
    """A copy of ``value`` that any JSON encoder takes; NaN and infinities become null.

    Raises NotJson above 50 levels, 200,000 values or 10 million characters.
    """
    return _Copier().copy(value, 0)


class _Copier:
    def __init__(self) -> None:
        self._values = 0
        self._characters = 0

    def copy(self, value: Any, depth: int) -> Any:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise NotJson
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if value.bit_length() > 1024:
                raise NotJson
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, list):
            return [self.copy(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {self._key(key): self.copy(item, depth + 1) for key, item in value.items()}
        raise NotJson

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise NotJson
        return self._text(key)

    def _text(self, text: str) -> str:
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise NotJson
        return encodable(text)
