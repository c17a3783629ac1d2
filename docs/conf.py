"""How Sphinx makes these pages: `make docs`. It asks nothing of the network."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for generated.py, the directives of ours

project = "aca-kernel"
author = "the aca-kernel project"
release = version = installed_version("aca-kernel")

extensions = ["myst_parser", "sphinx.ext.autodoc", "generated"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = "aca-kernel"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False  # mostly lines that say what of README.md to include

# README's indented blocks are commands and cells, of no one language.
highlight_language = "none"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
smartquotes = False  # "" is a value here

default_role = "py:obj"  # what docstrings have between single backticks
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
