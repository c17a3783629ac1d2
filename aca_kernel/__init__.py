"""A Jupyter kernel whose cells run in Azure Container Apps dynamic sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["__version__"]

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("aca-kernel")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
