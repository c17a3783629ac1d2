"""Jupyter applications that tell nobody what is in their configuration and their messages.

traitlets logs the whole configuration at level DEBUG, and ipykernel each message with the cell's
code: an access token stands in the one, perhaps, and a session's identifier in the other.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets import default
from traitlets.config import Application, Config

from ..errors import ConfigurationError

__all__ = ["DiscreetApplication", "unreadable"]

SECRET_OPTIONS = frozenset({"access_token", "session_id", "token"})
"""Options whose values are shown nowhere, whatever class has them."""

HIDDEN = "…"


class DiscreetLog(logging.Filter):
    """Hides what a log line would show of a configuration or a message, and keeps the line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True, for every record is logged."""
        arguments = record.args if isinstance(record.args, tuple) else (record.args,)
        if str(record.msg).startswith("Collisions detected"):  # two files that differ in an option
            arguments = (*arguments[:-1], HIDDEN)
        if arguments != (None,):
            record.args = tuple(_hidden(argument) for argument in arguments)
        return True


def _hidden(argument: object) -> object:
    if isinstance(argument, (list, tuple)) and all(isinstance(item, str) for item in argument):
        return argument  # paths
    return HIDDEN if isinstance(argument, (Mapping, list, tuple, bytes)) else argument


_discreet_log = DiscreetLog()


class DiscreetApplication(Application):
    """An application whose log and ``--show-config`` show no secret. Goes before other bases."""

    @default("log")
    def _log_default(self) -> Any:
        log = super()._log_default()
        logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
        logger.addFilter(_discreet_log)  # once: it is the same object
        return log

    def start_show_config(self) -> None:
        """Print the configuration, without the values of secret options."""
        shown = Config()
        for section, options in self.config.items():
            for name, value in options.items() if isinstance(options, Mapping) else ():
                shown[section][name] = HIDDEN if name in SECRET_OPTIONS and value else value
        whole, self.config = self.config, shown
        try:
            super().start_show_config()
        finally:
            self.config = whole


def unreadable(error: Exception) -> ConfigurationError:
    """What to tell of a configuration file that raised ``error``: where, and not its text.

    The text may repeat a part of the file, such as a token without quotes.
    """
    place = ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({Path(error.filename).name}, line {error.lineno})"
    else:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).stem in ("aca_kernel_config", "jupyter_config"):
                place = f" ({Path(frame.filename).name}, line {frame.lineno})"
                break
    return ConfigurationError(
        f"A configuration file cannot be read: {type(error).__name__}{place}.",
        left="Nothing was sent.",
        remedy="Correct aca_kernel_config.py or jupyter_config.py (`jupyter --paths` lists where"
        " they may be).",
    )
