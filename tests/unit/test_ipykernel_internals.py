"""ipykernel's private names are as the kernel relies on them: a new version may change them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from ipykernel import kernelbase
from ipykernel.kernelbase import Kernel
from traitlets import Bool, Float

from aca_kernel.jupyter import ipykernel_internals
from aca_kernel.jupyter.ipykernel_internals import PRIVATE_NAMES

SOURCE = inspect.getsource(kernelbase)


def private_names(file: Path) -> set[str]:
    """The private attributes that a module uses of objects, or defines, that Kernel knows too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    used |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {name for name in used if name.startswith("_") and not name.startswith("__")}


UPSTREAM = private_names(Path(kernelbase.__file__))


def test_each_name_is_told_with_its_reason_and_used() -> None:
    used = private_names(Path(ipykernel_internals.__file__))
    assert used & UPSTREAM == set(PRIVATE_NAMES)


def test_no_other_module_uses_one() -> None:
    folder = Path(ipykernel_internals.__file__).parent
    others = [file for file in folder.glob("*.py") if file.stem != "ipykernel_internals"]
    assert {file.name: private_names(file) & set(PRIVATE_NAMES) for file in others} == {
        file.name: set() for file in others
    }


@pytest.mark.parametrize("name", sorted(PRIVATE_NAMES))
def test_ipykernel_has_it(name: str) -> None:
    assert name in UPSTREAM


def test_the_flags_are_traits() -> None:
    traits = Kernel.class_traits()
    assert isinstance(traits["_execute_sleep"], Float)
    assert isinstance(traits["_aborting"], Bool)


def test_the_methods_take_what_they_took() -> None:
    assert list(inspect.signature(Kernel._abort_queues).parameters) == ["self", "subshell_id"]
    assert inspect.iscoroutinefunction(Kernel._progressively_terminate_all_children)


def test_requests_hold_the_lock() -> None:
    assert "async with asyncio_lock" in SOURCE
    assert "asyncio_lock = self._main_asyncio_lock" in SOURCE
