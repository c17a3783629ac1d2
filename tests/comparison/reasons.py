"""Every difference from a local kernel, with its reason. A difference that is not here fails."""

from __future__ import annotations

__all__ = ["REASONS"]

REASONS: dict[str, str] = {}
"""By the name of the kind."""
