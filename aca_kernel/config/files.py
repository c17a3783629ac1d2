"""Read the configuration files, in one way for the kernel, its head start and the commands.

They are ``aca_kernel_config.py`` and ``aca_kernel_config.json`` in Jupyter's configuration
directories. The first is Python: it is never looked for beside a notebook, nor in the directory
that a command is called in.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import NamedTuple

from jupyter_core.paths import jupyter_config_path
from traitlets.config import Application, Config

from ..errors import ConfigurationError

__all__ = ["ReadFiles", "read_files", "take_files"]

NAME = "aca_kernel_config"


class ReadFiles(NamedTuple):
    """What the configuration files say, and what is to be logged of them."""

    config: Config
    log: list[logging.LogRecord]


def read_files(instead: str = "") -> ReadFiles:
    """Read the configuration files, or the one named ``instead`` of them.

    Raises ConfigurationError for a file that cannot be read: what the environment says, or
    nothing, would stand for it. That error does not repeat the file's text.
    """
    # Kept for the log of whoever takes them, which hides what may be secret. A handler would not
    # do: traitlets closes them all when a file sets the log's level, and that empties one.
    records: list[logging.LogRecord] = []
    log = logging.Logger("aca_kernel.config")
    log.addFilter(records.append)  # type: ignore[arg-type]  # gives None: none goes further
    reader = Application(log=log)
    reader.raise_config_file_errors = True
    name, path = NAME, [str(folder) for folder in jupyter_config_path()]
    if instead:
        file = Path(instead)
        if not file.is_file():
            raise ConfigurationError(
                f"There is no configuration file {file.name}.",
                left="Nothing was sent.",
                remedy="Give --config the path of a .py or .json file.",
            )
        name, path = file.name, [str(file.parent)]
    try:
        reader.load_config_file(name, path=path)
    except Exception as error:
        raise _unreadable(error, Path(name).stem) from None
    return ReadFiles(reader.config, records)


def take_files(application: Application, files: ReadFiles) -> None:
    """Configure ``application`` with ``files``, and write to its log what was logged of them.

    Its command line wins over the files.
    """
    config = Config()
    config.merge(files.config)
    config.merge(application.cli_config)
    application.update_config(config)
    for record in files.log:
        record.name = application.log.name
        application.log.handle(record)


def _unreadable(error: Exception, name: str) -> ConfigurationError:
    """What to tell of a configuration file that raised ``error``: where, and not its text.

    The text may repeat a part of the file, such as a token without quotes.
    """
    place = ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({Path(error.filename).name}, line {error.lineno})"
    else:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).stem == name:
                place = f" ({Path(frame.filename).name}, line {frame.lineno})"
                break
    return ConfigurationError(
        f"A configuration file cannot be read: {type(error).__name__}{place}.",
        left="Nothing was sent.",
        remedy=f"Correct {name}.py (`jupyter --paths` lists where it may be).",
    )
