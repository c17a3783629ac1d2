"""What every command of ``aca-kernel`` is: a Jupyter application that is strict about its options.

Exit codes: 0 ok, 1 failed, 2 called wrongly, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from jupyter_core.application import JupyterApp
from traitlets import Unicode, default
from traitlets.config.application import ArgvType
from traitlets.config.loader import KVArgParseConfigLoader

from ..config.files import read_files, take_files
from ..config.options import Settings, settings_of
from ..config.redaction import DiscreetApplication
from ..errors import ConfigurationError, UsageError
from ..jupyter.kernel import AzureSessionsKernel
from ..pool import shorten
from ..pool.steps import from_the_start

__all__ = ["POOL_ALIASES", "Command", "shown_word"]

LONGEST_SHOWN = 24
"""A longer word may be a whole identifier, so that no message repeats it."""

POOL_ALIASES = {
    "endpoint": (
        "AzureSessionsKernel.pool_endpoint",
        "The pool's management endpoint; `local` for the embedded local pool. Without it: the"
        " kernel's own option or environment variable.",
    ),
    "api-version": (
        "AzureSessionsKernel.api_version",
        "The api-version of the pool's REST API.",
    ),
}


class Command(DiscreetApplication, JupyterApp):
    """One command. Options that it does not know, and words too many, are refused."""

    name = "aca-kernel"
    version = Unicode(version("aca-kernel"))
    classes = [AzureSessionsKernel]
    aliases = {
        "config": ("JupyterApp.config_file", "A configuration file to read."),
        "log-level": JupyterApp.aliases["log-level"],
    }
    flags: dict[Any, Any] = {"debug": JupyterApp.flags["debug"]}
    words = ""
    """The words that the command takes besides options, as its usage line shows them."""

    @default("log_level")
    def _only_warnings(self) -> int:
        return logging.WARNING  # what a command did, it prints

    def settings(self) -> Settings:
        """The kernel's options as the command line, the configuration and the environment say.

        Raises ConfigurationError for one that cannot be used.
        """
        settings = settings_of(self.config)
        settings.check()
        return settings

    def pool_settings(self) -> Settings:
        """The options, with an endpoint among them.

        Raises ConfigurationError when there is none, or for an option that cannot be used.
        """
        settings = self.settings()
        if not settings.pool_endpoint:
            raise ConfigurationError(
                "No pool endpoint is configured.",
                left="Nothing was sent.",
                remedy=f"Give it with --endpoint, or set {settings.variables('pool_endpoint')[0]}"
                " to the pool's management endpoint.",
                steps=from_the_start(),
            )
        return settings

    def initialize(self, argv: ArgvType = None) -> None:
        """Read the command line and the configuration files.

        Raises UsageError or ConfigurationError; exits after --help and --version.
        """
        super().initialize(argv)
        if not self.subapp and not self.words and self.extra_args:
            raise self.misused(f"{shown_word(self.extra_args[0])!r} is one word too many.")

    def misused(self, what: str) -> UsageError:
        """The error that says ``what`` is wrong with the command line, and how to go on."""
        usage = f"Usage: {self.name} {self.words}".rstrip()
        return UsageError(what, remedy=f"{usage} [options]; `{self.name} --help` lists them.")

    def exit(self, exit_status: int | str | None = 0) -> None:
        """Leave the process. traitlets says 1 only for an option that it cannot read: that is 2."""
        super().exit(2 if exit_status == 1 else exit_status)

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the configuration files; ConfigurationError for one that cannot be read."""
        take_files(self, read_files(self.config_file))

    def migrate_config(self) -> None:
        """Nothing: this program is younger than the files that Jupyter would move."""

    def _find_subcommand(self, name: str) -> str:
        return ""  # no program from PATH answers for a word that is not a command here

    def _create_loader(self, *args: Any, **kwargs: Any) -> KVArgParseConfigLoader:
        return _StrictLoader(*args, command=self, log=self.log, **kwargs)


_DOT = "__DOT__"
"""What traitlets puts for a dot in the names that argparse sees."""


def shown_word(word: str) -> str:
    """A word of the command line as a message may repeat it."""
    return shorten(word) if len(word) > LONGEST_SHOWN else word


class _StrictLoader(KVArgParseConfigLoader):
    """Reads a command line and raises UsageError for any option that is not there."""

    def __init__(self, *args: Any, command: Command, **kwargs: Any) -> None:
        self.command = command
        super().__init__(*args, **kwargs)

    def _create_parser(self) -> None:
        super()._create_parser()
        self.parser.allow_abbrev = False
        self.parser.error = self._refuse  # type: ignore[method-assign, assignment]

    def _refuse(self, message: str) -> None:
        raise self.command.misused(f"{message[:1].upper()}{message[1:]}.")

    def _convert_to_config(self) -> None:
        for name in vars(self.parsed_data):
            option = name.replace(_DOT, ".")
            if option not in ("extra_args", "_flags", *self.argparse_traits):
                raise self.command.misused(f"There is no option --{option.lstrip('-')}.")
        super()._convert_to_config()
