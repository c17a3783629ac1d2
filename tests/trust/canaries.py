"""Secrets that a test gives away on purpose, and the places where they may not be found again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def canary(kind: str) -> str:
    """A secret that nothing else on this machine holds."""
    return f"canary-{kind}-{secrets.token_hex(16)}"


class Canaries:
    """Some secrets, and all that was seen. ``look`` fails for each place that has one whole."""

    def __init__(self, *values: str) -> None:
        self.values = list(values)
        self.seen: list[tuple[str, str]] = []

    def hear(self, place: str, text: str) -> None:
        """Note a text that somebody could read."""
        self.seen.append((place, text))

    def look(self, *folders: Path, but: tuple[Path, ...] = (), own: tuple[int, ...] = ()) -> None:
        """Look at what was heard, at all processes, and at all files below ``folders``.

        ``but`` are the files that the user has put a secret into, ``own`` the processes that
        he has given one in their environment.
        """
        found = [f"{place}: {text}" for place, text in self.seen if self._is_in(text.encode())]
        found += [place for place, data in _processes(own) if self._is_in(data)]
        for path in (path for folder in folders for path in _below(folder)):
            named = self._is_in(os.fsencode(path.name))
            if path not in but and (named or (path.is_file() and self._is_in(_read(path)))):
                found.append(str(path))
        assert not found, found

    def _is_in(self, data: bytes) -> bool:
        return any(value.encode() in data for value in self.values)


def _processes(own: tuple[int, ...]) -> Iterator[tuple[str, bytes]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            yield f"command line of {folder.name}", _read(folder / "cmdline")
            if int(folder.name) not in own:
                yield f"environment of {folder.name}", _read(folder / "environ")


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):  # passes over what vanishes meanwhile
        yield from (Path(parent) / name for name in (*folders, *files))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a process that has ended, a socket, a device
        return b""
