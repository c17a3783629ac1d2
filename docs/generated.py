"""Directives that write out, at build time, what the package itself says of its interface.

Nothing they make is kept in the repository, so nothing can fall behind the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from traitlets import Float, TraitType
from traitlets.config import Configurable

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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
