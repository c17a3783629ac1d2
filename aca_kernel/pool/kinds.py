"""Which kind of pool answers, told from its answers, and what to do when it is another one.

Pure. Only code interpreter pools with Python run notebooks (docs/service.md 15).
"""

from __future__ import annotations

import re

from aca_kernel.errors import ConfigurationError
from aca_kernel.pool.answers import Execution

__all__ = ["kind_of_execution", "kind_of_refusal", "other_kind"]

_JAVASCRIPT = re.compile(
    r"SyntaxError: Invalid or unexpected token|SyntaxError: Unexpected (token|identifier)"
    r"|ReferenceError: \w+ is not defined|evalmachine|node:(vm|internal)|\bat new Script\b"
)


def kind_of_refusal(code: str, message: str) -> str:
    """The kind of the pool that refused a call with these words; "" when they do not tell."""
    if code == "DynamicApisNotAllowed":
        return "CustomContainer"
    said = f"{code} {message}"
    if re.search(r"shell ?command|execCommandAndArgs|shell execution", said, re.IGNORECASE):
        return "Shell"
    return ""


def kind_of_execution(execution: Execution) -> str:
    """The kind of the pool that gave this answer to Python code; "" when it does not tell."""
    if re.fullmatch(r"-?\d{1,3}", execution.status):
        return "Shell"  # its status is an exit code
    if not execution.succeeded and _JAVASCRIPT.search(execution.stderr):
        return "NodeLTS"
    return ""


_WHAT = {
    "NodeLTS": "This pool runs JavaScript, not Python: its container type is NodeLTS.",
    "Shell": "This pool runs shell commands, not Python: its container type is Shell.",
    "CustomContainer": "This is a custom container pool: its own image answers, not Python.",
    "": "The session did not calculate 84 // 2, as Python does.",
}


def other_kind(kind: str, left: str = "Nothing was run.") -> ConfigurationError:
    """The error that names a pool's kind which is not PythonLTS, and says what to do."""
    return ConfigurationError(
        _WHAT[kind],
        left=left,
        remedy="A kernel needs a code interpreter pool of container type PythonLTS, which a pool"
        " has from its creation on:\n"
        "az containerapp sessionpool create --container-type PythonLTS ...",
    )
