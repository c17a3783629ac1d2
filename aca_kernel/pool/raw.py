"""One call as it is: any answer of the service, refusals too, without an opinion about it.

For questions about the service itself. What the product does goes through the methods of
`PoolClient`, which repeat, and raise what an answer means.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from urllib3.filepost import encode_multipart_formdata

from aca_kernel.pool.api import Request

if TYPE_CHECKING:
    from aca_kernel.pool.transport import Transport

__all__ = ["RawAnswer", "SmallBody", "send"]

ANSWER_LIMIT = 64 * 2**20  # bytes of an answer

_KEPT = frozenset(
    (
        "api-supported-versions",
        "content-length",
        "content-type",
        "etag",
        "location",
        "operation-id",
        "operation-location",
        "azure-asyncoperation",
        "retry-after",
        "server",
        "www-authenticate",
    )
)


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """What came back. ``headers`` are the ones that tell something of the service, in lower case.

    ``header_names`` are those of all headers; ``seconds`` is the time that the call took.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    header_names: tuple[str, ...]
    body: bytes = field(repr=False)
    seconds: float


class SmallBody:
    """A multipart body with one part, held in memory; the file's name goes as it is given."""

    failure: BaseException | None = None

    def __init__(self, part: str, name: str, content: bytes) -> None:
        body, self.content_type = encode_multipart_formdata(
            {part: (name, content, "application/octet-stream")}
        )
        self._source = io.BytesIO(body)
        self._size = self.len = len(body)

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the body."""
        block = self._source.read(size)
        self.len -= len(block)
        return block

    def rewind(self) -> None:
        """Begin again, for another attempt."""
        self._source.seek(0)
        self.len = self._size


def send(
    transport: Transport,
    request: Request,
    *,
    body: SmallBody | None = None,
    read_timeout: float | None = None,
) -> RawAnswer:
    """Send a request once, and give its answer whatever its status.

    A request that surely did not leave this machine is tried again. Raises TransportError when
    there is no answer, UnexpectedAnswer when it is larger than 64 MiB.
    """
    began = time.monotonic()

    def attempt(remaining: float | None, _: bool) -> RawAnswer:
        if body is not None:
            body.rewind()
        with transport.exchange(
            request, body=body, read_timeout=read_timeout, remaining=remaining, is_judged=False
        ) as answer:
            return RawAnswer(
                status=answer.status,
                headers={
                    name.lower(): value
                    for name, value in answer.headers.items()
                    if name.lower() in _KEPT or name.lower().startswith("x-ms-")
                },
                header_names=tuple(sorted({name.lower() for name in answer.headers})),
                body=answer.read(ANSWER_LIMIT),
                seconds=time.monotonic() - began,
            )

    return transport.repeat(request, attempt)
