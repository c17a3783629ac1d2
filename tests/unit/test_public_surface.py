"""What others rely on: it changes only as the CHANGELOG's policy says, and on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aca_kernel
from aca_kernel import errors, pool
from aca_kernel.commands.cli import AcaKernelApp
from aca_kernel.commands.doctor import DoctorApp
from aca_kernel.commands.install import InstallApp
from aca_kernel.commands.pool import PoolApp
from aca_kernel.commands.sessions import SessionsApp
from aca_kernel.config.options import Settings
from aca_kernel.extension.session_magic import Connection
from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS

KEPT = Path(__file__).parent / "data" / "public_surface.json"
APPS = {"install": InstallApp, "doctor": DoctorApp, "pool": PoolApp, "sessions": SessionsApp}


def surface() -> dict[str, Any]:
    """The public names, options, magics and commands, as JSON keeps them."""
    return {
        "aca_kernel": sorted(aca_kernel.__all__),
        "aca_kernel.pool": sorted(pool.__all__),
        "aca_kernel.errors": sorted(errors.__all__),
        "connection": sorted(name for name in vars(Connection) if not name.startswith("_")),
        "options": {
            name: list(trait.metadata.get("env", ()))
            for name, trait in sorted(Settings.class_own_traits(config=True).items())
        },
        "magics": {
            magic.name: sorted(
                option for action in magic.parser()._actions for option in action.option_strings
            )
            for magic in [*LINE_MAGICS.values(), *CELL_MAGICS.values()]
        },
        "commands": {
            name: sorted({*map(str, app.aliases), *map(str, app.flags)})
            for name, app in APPS.items()
        },
    }


def test_the_commands_are_these() -> None:
    assert set(AcaKernelApp.subcommands) == set(APPS)


def test_the_public_surface_is_as_it_was() -> None:
    """To change it on purpose, write what this gives into the file, and a line into CHANGELOG."""
    found = json.loads(json.dumps(surface()))
    assert found == json.loads(KEPT.read_text(encoding="utf-8"))
