"""Names of files as values: shown harmlessly, made safe for this machine, known as secret.

Everything here is pure. A name that a session lists is chosen by the code in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePath

from ..errors import TransferError

__all__ = ["fold", "glob_match", "has_glob", "is_hidden", "printable", "safe_name", "why_secret"]

_LONGEST = 255
"""Bytes of a file name on the common file systems."""

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
"""Names that Windows opens as a device, with any suffix behind them."""

_SECRETS = (
    "*.env", "*.jks", "*.kdbx", "*.key", "*.keystore", "*.ovpn", "*.p12", "*.pem", "*.pfx",
    "*.ppk", "*.publishsettings", "*.tfstate", "*.tfvars", "_netrc", "accesstokens.json",
    "aca_kernel_config.*", "azureprofile.json", "credentials*", "htpasswd", "id_*",
    "jpserver-*.json", "jupyter_*_config.*", "kernel-*.json", "kubeconfig*",
    "local.settings.json", "msal_token_cache*", "pgpass.conf", "secrets.*",
    "service_principal*", "servicekey*.json", "token", "token.*", "tokens.*",
)  # fmt: skip
"""Names under which keys, passwords and tokens are kept, in lower case."""


def printable(text: str, limit: int = 200) -> str:
    """``text`` as it may be shown: escaped where not printable, shortened in the middle.

    Control characters, line ends, those that turn the direction of text and lone surrogates
    are all escaped, so a name can neither act on a terminal nor pass for another one.
    """
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[-(limit // 2 - 1) :]}"
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
    return shown if shown == shown.strip() else f"'{shown}'"


def safe_name(name: str) -> str:
    """The base name under which a file called ``name`` elsewhere is kept on any machine.

    Folders and drives are dropped, what Windows or a terminal would not take becomes ``_``,
    trailing dots and spaces go, a device's name gets a leading ``_``, and what is longer than
    255 bytes loses the end of its stem. Raises TransferError when nothing is left.
    """
    base = re.split(r"[/\\]", name)[-1]
    base = re.sub(r"^[A-Za-z]:", "", base)
    base = "".join(
        "_" if letter in '<>:"|?*' or not letter.isprintable() else letter for letter in base
    )
    base = base.strip(" ").rstrip(". ")
    if not base:
        raise TransferError(
            f"{printable(name)!r} is no name that a file on this machine can have.",
            left="Nothing was downloaded.",
        )
    if base.split(".")[0].rstrip(" ").lower() in _DEVICES:
        base = f"_{base}"
    return _shortened(base)


def _shortened(base: str) -> str:
    """``base`` in at most 255 bytes, its suffix kept when that is a sane one."""
    if len(base.encode()) <= _LONGEST:
        return base
    suffix = PurePath(base).suffix
    if len(suffix.encode()) > 20:
        suffix = ""
    room = _LONGEST - len(suffix.encode())
    stem = base.removesuffix(suffix).encode()[:room].decode(errors="ignore")
    return stem.rstrip(". ") + suffix


def fold(name: str) -> str:
    """What two names share when some file system takes them for the same one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether one of a path's parts begins with a dot."""
    return any(part.startswith(".") and part not in (".", "..") for part in parts)


def why_secret(parts: Iterable[str]) -> str:
    """Why a path is not sent without being asked twice; "" when nothing speaks against it."""
    parts = list(parts)
    if is_hidden(parts):
        return "it is hidden (a name with a leading dot)"
    if parts and any(fnmatchcase(parts[-1].lower(), pattern) for pattern in _SECRETS):
        return "files of that name often hold keys or passwords"
    return ""


def has_glob(text: str) -> bool:
    """Whether ``text`` has a letter that globs give a meaning."""
    return any(letter in text for letter in "*?[")


def glob_match(path: str, pattern: str) -> bool:
    """Whether a remote ``path`` fits ``pattern``, as a shell would say.

    ``*``, ``?`` and ``[...]`` stay within one part, ``**`` stands for any number of parts,
    and a leading dot must be written out.
    """
    return _match(path.split("/"), pattern.split("/"))


def _match(parts: list[str], patterns: list[str]) -> bool:
    # One row per pattern, so that many ** in a row cost no more than length times length.
    reachable = {0}
    for pattern in patterns:
        if pattern == "**":
            following, is_open = set(), False
            for index in range(len(parts) + 1):
                is_open = is_open or index in reachable
                if is_open:
                    following.add(index)
                if index < len(parts) and parts[index].startswith("."):
                    is_open = False
        else:
            following = {
                index + 1
                for index in reachable
                if index < len(parts) and _part_match(parts[index], pattern)
            }
        reachable = following
    return len(parts) in reachable


def _part_match(part: str, pattern: str) -> bool:
    if part.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatchcase(part, pattern)
