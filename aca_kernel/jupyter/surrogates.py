"""Halves of characters, which JSON can escape but UTF-8 cannot hold, kept from ending a cell.

JavaScript sends a lone surrogate in a cell's text, and a session may print one. A message that
holds one cannot be written, and a cell whose reply cannot be written would run for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["replace_surrogates", "tolerant"]


def replace_surrogates(text: str) -> str:
    """``text`` with each lone surrogate replaced by U+FFFD; two that make a pair are joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def tolerant(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A packer of Jupyter messages as ``pack``, but for lone surrogates, which it replaces."""

    def packed(message: Any) -> bytes:
        try:
            return pack(message)
        except UnicodeEncodeError:
            text = json.dumps(message, ensure_ascii=False, default=str)
            return replace_surrogates(text).encode()

    return packed
