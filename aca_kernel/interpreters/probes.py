"""Short code of ours that direct mode runs in the session interpreter beside the cells.

Each is one call that leaves no name behind and prints one line of JSON. The greeting runs in
the session interpreter itself, the others where the cell has run. What comes back is
hostile like all output: it is parsed, never believed beyond how a cell is shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..pool.staging import OWN_CALL

__all__ = ["expressions", "greeting", "guard_text", "parse_line", "shown_as", "versions"]

_MARK = "_aca_kernel_mark"


def greeting(mark: str) -> str:
    """Goes to /mnt/data and leaves ``mark`` in the interpreter, unless a mark is there already.

    Prints ``{"mark": the earlier mark or null}``.
    """
    return OWN_CALL + _run(
        f"""
import json, os, sys
earlier = getattr(sys, {_MARK!r}, None)
if earlier is None:
    sys.{_MARK} = {mark!r}
    try:
        os.chdir("/mnt/data")
    except OSError:
        pass
print(json.dumps({{"mark": earlier}}))
"""
    )


def shown_as(result: str) -> str:
    """Prints ``{"shown": text}`` when the last result is the string that ``result`` stands for.

    The service sends a string without its quotes, and with its escapes resolved where its repr
    happens to be JSON (docs/service.md 4.2), so that it cannot be told from the text of another
    object; only the session knows. ``text`` is what Python shows; "" for no string.
    """
    return _run(
        f"""
import json
results = get_ipython().user_ns.get("_oh") or {{}}
value = results[max(results)] if results else None
text = repr(value) if type(value) is str else ""
print(json.dumps({{"shown": text if {result!r} in (value, text[1:-1]) else ""}}))
"""
    )


def versions(packages: Sequence[str]) -> str:
    """Prints a dictionary with the version of ``python`` and of each package that is there."""
    return OWN_CALL + _run(
        f"""
import json, sys
from importlib import metadata
found = {{"python": sys.version.split()[0]}}
for name in {list(packages)!r}:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
    )


def expressions(wanted: Mapping[str, str]) -> str:
    """Prints what Jupyter's ``user_expressions`` asks for, as its reply carries it."""
    return _run(
        f"""
import json
print(json.dumps(get_ipython().user_expressions({dict(wanted)!r})))
"""
    )


def parse_line(stdout: str) -> dict[str, Any]:
    """The JSON object in the last line of ``stdout``; {} when there is none."""
    lines = stdout.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def guard_text(code: str) -> str:
    """``code`` as it must be sent: text that could be taken for base64 gets a comment line.

    The container decodes a cell whose whole text is valid base64 (docs/service.md 3.2). Other code
    stays as it is: ``%%writefile`` would write the comment into the file.
    """
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n\f\v"
    return f"{code}\n#." if not code.strip(letters) else code


def _run(source: str) -> str:
    return f"exec({source.strip()!r}, {{}})"
