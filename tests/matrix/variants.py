"""All variants, in the order in which the page has them."""

from __future__ import annotations

from . import (
    variants_answers,
    variants_calls,
    variants_files,
    variants_interpreters,
    variants_limits,
    variants_sessions,
    variants_use,
)
from .variant import Variant

__all__ = ["VARIANTS"]

VARIANTS: tuple[Variant, ...] = (
    *variants_sessions.VARIANTS,
    *variants_interpreters.VARIANTS,
    *variants_limits.VARIANTS,
    *variants_calls.VARIANTS,
    *variants_answers.VARIANTS,
    *variants_files.VARIANTS,
    *variants_use.VARIANTS,
)
