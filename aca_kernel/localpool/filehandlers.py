"""The file calls of the local pool: list, upload, describe, download, delete."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timezone

import tornado.iostream
import tornado.web

from . import answers, files
from .answers import Refusal
from .calls import checked_file, checked_path
from .handlers import Call, Served, StreamedCall
from .uploads import Upload

__all__ = ["File", "FileContent", "Files", "FilesUpload"]

_CHUNK = 256 * 1024


class _FileCall(Call):
    """A file call: its directory and its file name."""

    def names(self) -> tuple[str, ...]:
        """Give the directory that the call names; the oldest versions have only the root."""
        return () if self.version.wrapped else checked_path(self.get_query_argument("path", ""))


@tornado.web.stream_request_body
class FilesUpload(StreamedCall, _FileCall):
    """POST files/upload, the only one that the oldest versions have, and the POST of /files."""

    route = "upload"
    _upload: Upload | None = None

    def initialize(self, served: Served) -> None:
        """Make ready to hold the session that the file is for."""
        super().initialize(served)
        self._in_use = contextlib.ExitStack()

    def body_limit(self) -> int:
        """Give how many bytes a file may have, and what is around it."""
        return self.served.options.max_upload_size

    def accept(self) -> None:
        """Make ready for the file."""
        if self.request.method != "POST":
            return
        if self.version.wrapped and self.route != "upload":
            raise Refusal(404)
        names = self.names()
        session, _ = self.session()
        self._target = session, names
        self._in_use.enter_context(session.used())
        content_type = self.request.headers.get("Content-Type", "")
        limit = self.served.options.max_upload_size
        self._upload = Upload(content_type, session.uploads, limit)

    def take(self, chunk: bytes) -> None:
        """Take in a piece of the body."""
        if self._upload is not None:
            self._upload.take(chunk)

    def post(self) -> None:
        """Put the file in its place."""
        if self.refusal is not None or self._upload is None:
            raise self.refusal or Refusal(500)
        session, names = self._target
        names, name = checked_file(self._upload.complete(), names)
        placed = files.place(session.data, names, name, self._upload.path)
        if self.version.wrapped:
            self.answer(answers.file_list(self.version, [placed]))
            return
        described = answers.file_entry(self.version, placed, of="upload")
        self.answer(answers.numbered(described, "") if self.version.ids else described)

    def on_finish(self) -> None:
        """Leave nothing behind."""
        self._in_use.close()
        if self._upload is not None:
            self._upload.discard()

    def on_connection_close(self) -> None:
        """Leave nothing behind when the caller has gone."""
        self.on_finish()


class Files(FilesUpload):
    """/files: the listing, and from 2024-10 on the upload."""

    route = "files"

    async def get(self) -> None:
        """List a directory."""
        if self.refusal is not None:
            raise self.refusal
        wanted = self.get_query_argument("recursive", "false").lower() == "true"
        session, _ = self.session()
        found = await asyncio.to_thread(
            files.entries, session.data, self.names(), recursive=wanted and self.version.newest
        )
        self.answer(answers.file_list(self.version, found))


class File(_FileCall):
    """/files/{name}: its description, and its end."""

    def get(self, name: str) -> None:
        """Describe a file."""
        self.need(wrapped=False)
        names, name = checked_file(name, self.names())
        session, _ = self.session()
        found = files.entry(session.data, names, name)
        age = (datetime.now(timezone.utc) - found.modified).total_seconds()
        if age < self.served.options.unknown.metadata_delay:
            raise Refusal(404, "FileNotFound", f"Could not find '{name}'.")
        described = answers.file_entry(self.version, found, of="metadata")
        self.answer(answers.numbered(described, "") if self.version.ids else described)

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.need(wrapped=False)
        names, name = checked_file(name, self.names())
        session, _ = self.session()
        files.delete(session.data, names, name)
        self.set_status(204)
        self.finish()


class FileContent(_FileCall):
    """/files/{name}/content, and files/content/{name}, the only one of the oldest versions."""

    async def get(self, first: str, second: str) -> None:
        """Send a file's bytes, a piece at a time."""
        if second == "content" and not self.version.wrapped:
            name = first
        elif first == "content":  # the newer versions take this older route as well
            name = second
        else:
            raise Refusal(404)
        names, name = checked_file(name, self.names())
        session, _ = self.session()
        with session.used():
            file, size = files.opened(session.data, names, name)
            with file:
                self.set_header("Content-Type", "application/octet-stream")
                self.set_header("Content-Length", str(size))
                try:
                    while size and (chunk := file.read(min(_CHUNK, size))):
                        size -= len(chunk)
                        self.write(chunk)
                        await self.flush()
                except tornado.iostream.StreamClosedError:
                    return  # the caller has gone
        self.finish()
