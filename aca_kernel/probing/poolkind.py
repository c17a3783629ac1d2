"""Which kind of pool answers, told from what it makes of a calculation. Pure."""

from __future__ import annotations

import re
from typing import Any

from ..errors import NotFound, ServiceError, UnexpectedAnswer

__all__ = ["CALCULATION", "SHELL_FIELDS", "SHELL_WORDS", "kind_of", "looks_custom"]

CALCULATION = "84 // 2"
"""Is 42 in Python. In JavaScript it is 84 and a comment; a Shell pool takes no code at all."""

SHELL_FIELDS = {"shellCommand": "echo aca-kernel"}
"""The body of an execute call that only a Shell pool takes (docs/service.md 15)."""

SHELL_WORDS = "aca-kernel"
"""What a Shell pool writes then."""


def kind_of(*, code: str = "", status: str = "", result: Any = None, shell: str = "") -> str:
    """The container type, "PythonLTS" among them; "" when the answers do not tell.

    ``code`` is the service's when it refused the `CALCULATION`, ``status`` and ``result`` what it
    answered else, and ``shell`` the stdout of a call with `SHELL_FIELDS`, where it was tried.
    """
    if code == "DynamicApisNotAllowed":
        return "CustomContainer"
    if shell.strip() == SHELL_WORDS or status.lstrip("-").isdecimal():
        return "Shell"
    if result == 84:
        return "NodeLTS"
    return "PythonLTS" if result == 42 else ""


def looks_custom(error: ServiceError, host: str) -> bool:
    """Whether a refused listing of files comes of a pool of custom containers.

    Such a pool refuses to be addressed as one of code interpreters; at its own host it passes
    every call on to the container, which knows no such path or answers a page.
    """
    if error.code == "DynamicApisNotAllowed":
        return True
    own = re.search(r"\.azurecontainerapps\.[a-z.]+$", host) is not None
    return own and isinstance(error, (NotFound, UnexpectedAnswer))
