"""Sessions that run another Python or another ipykernel."""

from __future__ import annotations

from .variant import Variant


def _runs(python: str, ipykernel: str) -> Variant:
    return Variant(
        name=f"Python {python}, ipykernel {ipykernel}",
        group="interpreters",
        differs=f"Sessions run Python {python} with ipykernel {ipykernel}.",
        interpreter=(python, ipykernel),
    )


VARIANTS = (
    _runs("3.8", "5.5"),
    _runs("3.8", "6.9"),
    _runs("3.8", "6.29"),
    _runs("3.9", "6.9"),
    _runs("3.11", "6.29"),
    _runs("3.11", "7"),
    _runs("3.12", "6.29"),
    _runs("3.13", "6.29"),
    _runs("3.13", "7"),
)
