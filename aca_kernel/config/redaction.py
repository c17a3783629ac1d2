"""Jupyter applications that tell nobody what is in their configuration and their messages.

traitlets logs the whole configuration at level DEBUG, and ipykernel each message with the cell's
code: an access token stands in the one, perhaps, and a session's identifier in the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from traitlets import default
from traitlets.config import Application, Config

__all__ = ["DiscreetApplication"]

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
