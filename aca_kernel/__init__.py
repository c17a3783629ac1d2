"""A Jupyter kernel whose cells run in Azure Container Apps dynamic sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["__version__", "connect"]

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .extension.session_magic import connect

    __version__: str


def __getattr__(name: str) -> Any:
    # Nothing is imported before it is asked for: the kernel's start waits for this module.
    if name == "__version__":
        from importlib.metadata import version

        return version("aca-kernel")
    if name == "connect":
        from .extension.session_magic import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """``%load_ext aca_kernel``: %%session, %upload, %download, %files and %session."""
    from .extension.session_magic import load

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """``%unload_ext aca_kernel``: lets the session go."""
    from .extension.session_magic import close

    close()
