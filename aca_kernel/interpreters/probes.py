"""Short code of ours that direct mode runs in the session interpreter beside the cells.

Each is one call that leaves no name behind and says one JSON object, past ``sys.stdout``, which
a cell may have replaced. The greeting runs in the session interpreter itself, the others where
the cell has run. What comes back is hostile like all output: it is parsed, never believed
beyond how a cell is shown.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..pool import Execution
from ..pool.staging import OWN_CALL

__all__ = [
    "GREETING_LENGTH",
    "Probe",
    "end_python",
    "expressions",
    "greeting",
    "guard_text",
    "last_result",
    "shown_as",
    "versions",
]

_MARK = "_aca_kernel_mark"

GREETING_LENGTH = 6000
"""Characters of what a greeting prints: more than the service's default cut of a stream."""

_SAY = """
import base64, json
text = {mark!r} + base64.b64encode(json.dumps(said).encode()).decode() + "."
text = text.ljust({length}, "-") + "\\n"
shell = get_ipython()
shell.kernel.send_response(shell.kernel.iopub_socket, "stream", {{"name": "stdout", "text": text}})
history = shell.history_manager
if {mark!r} in history.input_hist_raw[-1]:  # no cell of the user's: neither In nor _i has it
    del history.input_hist_parsed[-1], history.input_hist_raw[-1]
    shell.user_ns.pop("_i%d" % shell.execution_count, None)
    history._i00, history._i, history._ii = history._i, history._ii, history._iii
    shell.execution_count -= 1
"""

_SAY_AS_RESULT = """
shown = {"execution_count": 0, "data": {"text/plain": text.rstrip("-\\n")}, "metadata": {}}
shell.kernel.send_response(shell.kernel.iopub_socket, "execute_result", shown)
"""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Code for one execute call, and the mark by which its answer is found."""

    code: str
    mark: str

    def read(self, execution: Execution) -> dict[str, Any] | None:
        """What the session said; None when that cannot be read, which says nothing."""
        for text in (execution.stdout, execution.result):
            found = re.search(re.escape(self.mark) + r"([A-Za-z0-9+/=]*)\.", str(text))
            if found is None:
                continue
            try:
                value = json.loads(base64.b64decode(found[1], validate=True))
            except (binascii.Error, ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                return value
        return None


def greeting(mark: str) -> Probe:
    """Goes to /mnt/data and leaves ``mark`` in the interpreter, unless a mark is there already.

    Says ``{"mark": the earlier mark or null}``, and prints `GREETING_LENGTH` characters, so that
    the length at which the service cuts shows.
    """
    source = f"""
import os, sys
said = {{"mark": getattr(sys, {_MARK!r}, None)}}
if said["mark"] is None:
    sys.{_MARK} = {mark!r}
    try:
        os.chdir("/mnt/data")
    except OSError:
        pass
"""
    return _probe(source, is_own=True, length=GREETING_LENGTH - 1, more=_SAY_AS_RESULT)


def shown_as(result: str) -> Probe:
    """Says ``{"shown": text}`` when the last result is the string that ``result`` stands for.

    The service sends a string without its quotes, and with its escapes resolved where its repr
    happens to be JSON (docs/service.md 4.2), so that it cannot be told from the text of another
    object; only the session knows. ``text`` is what Python shows; "" for no string.
    """
    source = f"""
results = get_ipython().user_ns.get("_oh") or {{}}
value = results[max(results)] if results else None
text = repr(value) if type(value) is str else ""
said = {{"shown": text if {result!r} in (value, text[1:-1]) else ""}}
"""
    return _probe(source)


def last_result() -> Probe:
    """Says ``{"shown": text}``: how Python shows the last cell's result; "" for none.

    For a service whose answers have no field for it.
    """
    source = """
shell = get_ipython()
number = shell.displayhook.prompt_count - 1  # by which a result is kept, whatever In has
results = shell.user_ns.get("_oh") or {}
said = {"shown": ""}
if number in results:
    said["shown"] = shell.display_formatter.format(results[number])[0].get("text/plain", "")
"""
    return _probe(source)


def versions(packages: Sequence[str]) -> Probe:
    """Says the version of ``python`` and of each package that is there, by name."""
    source = f"""
import sys
from importlib import metadata
said = {{"python": sys.version.split()[0]}}
for name in {list(packages)!r}:
    try:
        said[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
"""
    return _probe(source, is_own=True)


def expressions(wanted: Mapping[str, str]) -> Probe:
    """Says what Jupyter's ``user_expressions`` asks for, as its reply carries it."""
    return _probe(f"said = get_ipython().user_expressions({dict(wanted)!r})\n")


def end_python() -> str:
    """Code that ends the session's Python, which the service then starts anew."""
    return OWN_CALL + '__import__("os")._exit(0)'


def guard_text(code: str) -> str:
    """``code`` as it must be sent: text that could be taken for base64 gets a comment line.

    The container decodes a cell whose whole text is valid base64 (docs/service.md 3.2). Other code
    stays as it is: ``%%writefile`` would write the comment into the file.
    """
    # IPython takes a cell's indentation off where every line has it.
    indentation = re.match(r"\s*?([ \t]*)(?=\S|\Z)", code)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n\f\v"
    begin = indentation[1] if indentation else ""
    return f"{code}\n{begin}#." if not code.strip(letters) else code


def _probe(source: str, *, is_own: bool = False, length: int = 0, more: str = "") -> Probe:
    mark = f"aca-kernel:{secrets.token_hex(8)}:"
    program = source.strip() + _SAY.format(mark=mark, length=length) + more
    code = f'__import__("builtins").exec({program!r}, {{}})'
    return Probe(code=(OWN_CALL if is_own else "") + code, mark=mark)
