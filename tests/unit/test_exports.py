"""What the package offers, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import aca_kernel


def loaded_by(statement: str) -> set[str]:
    """The top-level packages, and dotted modules, that a fresh Python has loaded after it."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return set(run.stdout.split())


def test_the_public_names_are_these() -> None:
    names: dict[str, object] = {}
    exec("from aca_kernel import *", names)
    del names["__builtins__"]
    assert names == {"__version__": version("aca-kernel"), "connect": aca_kernel.connect}
    assert aca_kernel.__all__ == ["__version__", "connect"]


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        aca_kernel.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import aca_kernel")
    assert not loaded & {"requests", "azure", "PIL", "IPython", "ipykernel", "zmq", "tornado"}
    assert not loaded & {"importlib.metadata", "asyncio"}


def test_importing_the_kernel_loads_only_what_every_kernel_needs() -> None:
    loaded = loaded_by("import aca_kernel.jupyter.app")
    assert "ipykernel" in loaded
    heavy = {"azure.identity", "PIL", "pandas", "numpy", "tqdm", "tabulate", "humanize"}
    assert not loaded & (heavy | {"tornado.web", "tornado.httpserver", "trustme", "cryptography"})
