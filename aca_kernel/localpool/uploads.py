"""An upload on its way: a multipart body, piece by piece into a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from .answers import Malformed, Refusal

__all__ = ["Upload"]

_BOUNDARY_BYTES = 70
"""What a boundary may have at most (RFC 2046)."""


class Upload:
    """The file of a multipart body, kept in ``directory`` until it is put in its place.

    Memory use does not depend on its size. Above ``limit`` bytes the rest is read and
    dropped, so that the caller gets to see the refusal.
    """

    def __init__(self, content_type: str, directory: Path, limit: int) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        # Some clients leave this on the body that their library has made.
        told_by_body = kind == b"application/json"
        if not told_by_body and (kind != b"multipart/form-data" or not boundary):
            raise Malformed("file", "The body must be multipart/form-data.")
        self.name = ""
        self._limit = limit
        self._size = 0
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._writing = False
        self._complete = False
        self._error = ""
        descriptor, path = tempfile.mkstemp(dir=directory)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self.path = Path(path)
        self._begun = b""
        self._parser = None if told_by_body else self._parser_for(boundary)

    def _parser_for(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def take(self, chunk: bytes) -> None:
        """Take in the next piece of the body."""
        if self._error:
            return
        if self._parser is None:
            chunk = self._begun = self._begun + chunk
            line, end, _ = chunk.partition(b"\r\n")
            if not line.startswith(b"--") or len(line) > _BOUNDARY_BYTES + 2:
                self._error = "The body must be multipart/form-data."
            if self._error or not end:
                return
            self._parser, self._begun = self._parser_for(line[2:]), b""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            self._error = str(error)

    def complete(self) -> str:
        """Close the file and give its name; a Refusal when it is too large or was no file."""
        self._file.close()
        if self._size > self._limit:
            raise Refusal(413)
        if self._error or not self._complete or not self.name:
            raise Malformed("file", self._error or "The file field is required.")
        self.path.chmod(0o644)
        return self.name

    def discard(self) -> None:
        """Remove the file, unless it has been put in its place."""
        with contextlib.suppress(OSError):  # what was not written yet may find no room
            self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _begin(self) -> None:
        self._headers.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") == b"file" and options.get(b"filename") and not self.name:
            self.name = options[b"filename"].decode("utf-8", "replace")
            self._writing = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._writing:
            return
        self._size += end - start
        if self._size <= self._limit:
            self._file.write(data[start:end])

    def _end(self) -> None:
        self._writing = False

    def _finish(self) -> None:
        self._complete = True
