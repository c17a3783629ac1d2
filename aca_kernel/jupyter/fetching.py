"""Fetches the files of the session that a cell's outputs show, within bounds."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..errors import AcaKernelError, NotFound
from ..outputs.sessionfiles import MAX_BYTES, MAX_FILES, NOT_THERE, is_page, names_in_page
from ..worker import Worker

if TYPE_CHECKING:
    from ..sessions.session import KernelSession

__all__ = ["Fetching"]

MAX_CELL_BYTES = 64 * 1000 * 1000
"""Bytes of files that one cell's outputs may show."""

MAX_CELL_FILES = 200

_TOO_LARGE = f"it is larger than {MAX_BYTES // 10**6} MB"


class _TooLarge(Exception):
    pass


class Fetching:
    """The files of one cell's outputs. Beside the session's own calls, so that none waits.

    The session is one that a cell runs in: nothing is allocated for a file.
    """

    def __init__(self, session: KernelSession) -> None:
        self._session = session
        self._worker = Worker("aca-kernel-files", besides=session.worker)
        self._bytes = MAX_CELL_BYTES
        self._files = MAX_CELL_FILES

    async def fetch(self, names: list[str]) -> dict[str, bytes | str]:
        """The bytes of files by name, or in words why there are none; what pages load too."""
        found: dict[str, bytes | str] = {}
        for name in names:
            found[name] = content = await self._one(name)
            if is_page(name) and isinstance(content, bytes):
                folder = posixpath.dirname(name)
                for further in names_in_page(content.decode("utf-8", "replace"), folder):
                    if further not in found and len(found) < MAX_FILES:
                        found[further] = await self._one(further)
        return found

    async def _one(self, name: str) -> bytes | str:
        client = self._session.client
        if client is None or self._files <= 0:
            return "one cell shows so many files at most"
        self._files -= 1
        limit = min(MAX_BYTES, self._bytes)

        def receive(blocks: Iterator[bytes], headers: Mapping[str, str]) -> bytes:
            content = bytearray()
            for block in blocks:
                content += block
                if len(content) > limit:
                    raise _TooLarge
            return bytes(content)

        try:
            content: bytes = await self._worker.call(
                client.fetch, self._session.identifier, name, receive, repeats=1
            )
        except _TooLarge:
            return _TOO_LARGE if limit == MAX_BYTES else "one cell shows 64 MB of files at most"
        except NotFound:
            return NOT_THERE
        except AcaKernelError as error:
            return "it could not be fetched: " + error.what.rstrip(".")
        self._bytes -= len(content)
        return content

    def close(self) -> None:
        """Let the thread go."""
        self._worker.abandon()
