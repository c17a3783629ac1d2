"""Which names a file in a session may have: the only place where remote paths are judged.

Everything here is pure.
"""

from __future__ import annotations

import unicodedata

from aca_kernel.errors import TransferError

__all__ = ["check_directory", "check_name", "check_path", "is_legal_directory", "split_path"]

# docs/service.md 9, besides letters, digits and what is not ASCII
_PUNCTUATION = frozenset("-_ .@$&=;,#%^()")
_JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")  # part of many scripts
_LONGEST = 255  # bytes, the limit of the session's file system


def check_name(name: str) -> str:
    """The file name itself, when a session may hold a file of that name.

    Raises TransferError that names the first illegal character. Control characters,
    lone surrogates and those that turn the direction of text are illegal too.
    """
    if name in ("", ".", ".."):
        raise _illegal(name, "it is empty" if not name else "it names a directory")
    for character in name:
        if not _is_legal(character):
            raise _illegal(name, f"it holds {character!a}")
    if len(name.encode()) > _LONGEST:
        raise _illegal(name, f"it is longer than {_LONGEST} bytes")
    return name


def check_path(path: str) -> str:
    """The path ``dir/dir/name`` itself, when it surely stays below /mnt/data.

    It is relative to /mnt/data. Directory names may not hold a dot (docs/service.md 9),
    so ``..`` and hidden directories are out. Raises TransferError.
    """
    directory, name = split_path(path)
    check_directory(directory)
    check_name(name)
    return path


def check_directory(directory: str) -> str:
    """The directory ``dir/dir`` itself, "" for the root. Raises TransferError as check_path."""
    if not directory:
        return directory
    for part in directory.split("/"):
        if part == "":
            raise _illegal(directory, "it begins, ends or doubles a slash")
        if "." in part:
            raise _illegal(directory, "the service allows no dot in a directory's name")
        check_name(part)
    return directory


def is_legal_directory(directory: str) -> bool:
    """Whether check_directory lets the directory pass, for names out of a listing."""
    try:
        check_directory(directory)
    except TransferError:
        return False
    return True


def split_path(path: str) -> tuple[str, str]:
    """A path as (directory, name); the directory is "" for the root. Nothing is checked."""
    directory, slash, name = path.rpartition("/")
    if slash and not directory:
        return "/", name  # absolute: refused by check_directory
    return directory, name


def _is_legal(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _PUNCTUATION
    category = unicodedata.category(character)
    return character in _JOINERS or category[0] not in "CZ"


def _illegal(name: str, why: str) -> TransferError:
    shown = ascii(name if len(name) <= 80 else name[:77] + "...")
    return TransferError(
        f"A session cannot hold a file named {shown}: {why}.",
        left="Nothing was sent.",
        remedy="Names have letters, digits, spaces and any of - _ . @ $ & = ; , # % ^ ( ); "
        "give another one with --as.",
    )
