"""What a call asks for: identifiers, execute bodies, file names and paths, checked. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Malformed, Refusal, Version

__all__ = [
    "ExecuteCall",
    "checked_file",
    "checked_identifier",
    "checked_name",
    "checked_path",
    "execute_call",
]

_IDENTIFIER = re.compile(r"[a-zA-Z0-9_|}{\[\]:\"';<>?/.,@#$%^&*()\-+=!~`]{4,128}")
_NAME_SIGNS = "-_ .@$&=;,#%^()"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_DEFAULT_STREAM = 4096
_FULL_PATH = re.compile(r"/*mnt/+data/+(?P<below>[^/].*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ExecuteCall:
    """An execute call; ``timeout`` in seconds (None: not given), ``limit`` in characters."""

    code: str
    execution_type: str
    timeout: int | None
    limit: int

    @property
    def asynchronous(self) -> bool:
        """Whether the answer is wanted before the code has run."""
        return self.execution_type.lower() == "asynchronous"


def checked_identifier(identifier: str | None) -> str:
    """Give the session identifier, or refuse it (docs/service.md 13: the pattern wins)."""
    if identifier is None or not _IDENTIFIER.fullmatch(identifier):
        raise Refusal(
            400,
            "SessionRequestValidationFailed",
            "The identifier must have 4 to 128 characters of the allowed ones.",
            target="identifier",
        )
    return identifier


def execute_call(version: Version, body: bytes, *, decode_base64: bool) -> ExecuteCall:
    """Read the body of an execute call in the shape of ``version`` (docs/service.md 3.1).

    ``decode_base64``: take code that is base64 as a whole for that, as the container's
    proxy does by default (docs/service.md 3.2).
    """
    fields: Any = _json_object(body)
    if version.wrapped:
        fields = fields.get("properties")
    if not isinstance(fields, dict) or "code" not in fields:
        raise Refusal(
            400, "SessionPropertiesMissing", "The session properties are missing in the request."
        )
    how = _word(fields, "codeInputType", ("inline", "inlinebase64", "inlinetext"))
    kind = _word(fields, "executionType", ("synchronous", "asynchronous"))
    code = fields["code"]
    if not isinstance(code, str):
        raise Malformed("$.code", "The JSON value could not be converted to System.String.")
    if how.lower() == "inlinebase64":
        code = _decoded(code)
        if code is None:
            raise _invalid("code", "it is not base64")
    elif decode_base64:
        code = _decoded(code) or code
    # Half of a character outside of Unicode's first plane cannot be sent on.
    code = code.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    timeout = _integer(fields, "timeoutInSeconds", least=1)
    limit = _integer(fields, "outputStreamsMaxLength", least=0) if version.newest else None
    return ExecuteCall(
        code=code,
        execution_type=kind,
        timeout=timeout,
        limit=_DEFAULT_STREAM if limit is None else limit,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("$", f"The body is not valid JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise Malformed("$", "The JSON value could not be converted to an object.")
    return fields


def _invalid(field: str, why: str) -> Refusal:
    return Refusal(
        400,
        "SessionRequestValidationFailed",
        f"The field {field} is not valid: {why}.",
        target=field,
    )


def _word(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Give a field that is one of some words in any case, as it was written."""
    word = fields.get(name, allowed[0].capitalize())
    if not isinstance(word, str) or word.lower() not in allowed:
        raise _invalid(name, f"it must be one of {', '.join(allowed)}")
    return word


def _integer(fields: Mapping[str, Any], name: str, *, least: int) -> int | None:
    number = fields.get(name)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool):
        raise Malformed(f"$.{name}", "The JSON value could not be converted to System.Int32.")
    if number < least:
        raise _invalid(name, f"it must be at least {least}")
    return number


def _decoded(code: str) -> str | None:
    """Decode code that is base64 as a whole; line breaks in it do not count."""
    text = code.replace("\r", "").replace("\n", "")
    if not _BASE64.fullmatch(text) or len(text) % 4:
        return None
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None


def checked_name(name: str) -> str:
    """Give a file name that the service takes, or refuse it (docs/service.md 9)."""
    good = 0 < len(name.encode("utf-8", "replace")) <= 255 and name not in (".", "..")
    if not good or not all(_allowed(sign) for sign in name):
        raise Refusal(
            400, "FileNameInvalid", f"File name '{name}' is invalid: a character is not allowed."
        )
    return name


def checked_file(name: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Give the directory and the name of a file that a call names, or refuse them.

    ``names`` is the directory of the call's ``path``. A full path below /mnt/data in place
    of the name holds its own directory (docs/service.md 9); slashes in it may be doubled.
    """
    full = _FULL_PATH.fullmatch(name)
    if full is None:
        return names, checked_name(name)
    *directories, name = re.split("/+", full["below"])
    return checked_path("/".join(directories)), checked_name(name)


def _allowed(sign: str) -> bool:
    if sign.isascii():
        return sign.isalnum() or sign in _NAME_SIGNS
    return unicodedata.category(sign) not in ("Cc", "Cs")


def checked_path(path: str) -> tuple[str, ...]:
    """Split the ``path`` of a file call into directory names below /mnt/data.

    A leading /mnt/data or / is that same root (docs/service.md 9); "" and "." too. No name
    may contain a dot or what a file name may not.
    """
    relative = path.removeprefix("/mnt/data").strip("/")
    if relative in ("", "."):
        return ()
    names = tuple(relative.split("/"))
    for name in names:
        if not name or "." in name or not all(_allowed(sign) for sign in name):
            raise Refusal(
                400,
                "FilePathInvalid",
                f"File Path '{path}' is invalid because 'path cannot contain any reserved file "
                "path characters'.",
            )
    return names
