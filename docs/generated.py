"""Directives that write out, at build time, what the package itself says of its interface.

Nothing they make is kept in the repository, so nothing can fall behind the package.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from traitlets import Float, TraitType
from traitlets.config import Configurable

import aca_kernel
from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS, Magic

__all__ = ["setup"]


class Magics(SphinxDirective):
    """A section for each magic: its summary, and the help of its parser and sub-parsers."""

    def run(self) -> list[nodes.Node]:
        """Give the sections."""
        magics = [*LINE_MAGICS.values(), *CELL_MAGICS.values()]
        text = "\n\n".join(_magic(magic) for magic in magics)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Options(SphinxDirective):
    """A section for each option of the class ``module.Class`` that the argument names.

    A second argument is the name that a configuration file knows the class by.
    """

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Give the sections."""
        module, _, name = self.arguments[0].rpartition(".")
        configurable: type[Configurable] = getattr(import_module(module), name)
        configured = self.arguments[-1].rpartition(".")[2]
        text = "\n\n".join(
            _option(configured, trait)
            for trait in configurable.class_own_traits(config=True).values()
        )
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Rooms(SphinxDirective):
    """A section for each room of the package: what it is, what it imports, its modules."""

    def run(self) -> list[nodes.Node]:
        """Give the sections."""
        package = Path(aca_kernel.__file__).parent
        folders = sorted(file.parent for file in package.glob("*/__init__.py"))
        text = "\n\n".join(_room(folder) for folder in folders)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Steps(SphinxDirective):
    """A table of what leads from one state to another.

    The argument names a mapping from (state, sign) to state in the package; the values of the
    enums, or their docstrings, say what each is.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Give the table."""
        module, _, name = self.arguments[0].rpartition(".")
        steps: Mapping[tuple[Enum, Enum], Enum] = getattr(import_module(module), name)
        rows = [
            f"| `{_name(state)}` | `{_name(sign)}` | `{_name(after)}` |"
            for (state, sign), after in steps.items()
        ]
        return self.parse_text_to_nodes(
            "\n".join(["| in | comes | then |", "|---|---|---|", *rows])
        )


def _name(value: Enum) -> str:
    return value.name.lower()


def _room(folder: Path) -> str:
    files = sorted(file for file in folder.glob("*.py") if file.name != "__init__.py")
    needed = sorted({room for file in files for room in _needed(file)} - {folder.name})
    lines = [f"### {folder.name}", "", _summary(folder / "__init__.py"), ""]
    if needed:
        lines += ["Imports " + ", ".join(f"`{room}`" for room in needed) + ".", ""]
    return "\n".join([*lines, *(f"- `{file.name}`: {_summary(file)}" for file in files)])


def _summary(file: Path) -> str:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())


def _needed(file: Path) -> Iterator[str]:
    """The rooms that a module of a room imports: ``from ..pool import x``, or by the whole name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            names = [node.module] if node.module else [name.name for name in node.names]
            yield from (name.partition(".")[0] for name in names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aca_kernel."):
            yield str(node.module).split(".")[1]


def _magic(magic: Magic) -> str:
    parts = [f"## {magic.name}", magic.summary]
    parts += (f"```text\n{parser.format_help().strip()}\n```" for parser in _parsers(magic))
    return "\n\n".join(parts)


def _parsers(magic: Magic) -> Iterator[argparse.ArgumentParser]:
    parser = magic.parser()
    yield parser
    for action in parser._actions:
        if isinstance(action.choices, dict):  # of sub-parsers
            yield from action.choices.values()


def _option(configured: str, trait: TraitType[Any, Any]) -> str:
    variables = ", else ".join(f"`{name}`" for name in trait.metadata.get("env", ()))
    lines = [f"### {trait.name}", "", str(trait.help), "", f"- Default: {_default(trait)}"]
    if variables:
        lines.append(f"- Environment: {variables}")
    lines.append(f"- Configuration file: `c.{configured}.{trait.name}`")
    return "\n".join(lines)


def _default(trait: TraitType[Any, Any]) -> str:
    value = trait.default()
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(trait, Float) and value is not None:
        return f"`{value:g}`"
    return "none" if value in (None, "") else f"`{value}`"


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directives to Sphinx."""
    app.add_directive("magics", Magics)
    app.add_directive("options", Options)
    app.add_directive("rooms", Rooms)
    app.add_directive("steps", Steps)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
