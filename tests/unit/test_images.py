"""Images from a session: what is shown, and what is refused."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from aca_kernel.interpreters.mapping import map_execution
from aca_kernel.messages import CellRequest
from aca_kernel.outputs.images import MAX_BYTES, ImageRefused, png_image
from aca_kernel.pool import Execution


def encoded(form: str, mode: str = "RGB", size: tuple[int, int] = (7, 5), **how: object) -> str:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format=form, **how)
    return base64.b64encode(buffer.getvalue()).decode()


def png_of_size(width: int, height: int) -> str:
    """A PNG whose header promises a size that its data does not keep."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b""))
    content = b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")
    return base64.b64encode(content).decode()


def test_png_is_passed_on_byte_for_byte() -> None:
    data = encoded("PNG")
    image = png_image(data)
    assert (image.data, image.width, image.height) == (data, 7, 5)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("TIFF", "F"),
        ("TIFF", "I;16"),
    ],
)
def test_other_formats_become_png(form: str, mode: str) -> None:
    image = png_image(encoded(form, mode))
    assert (image.width, image.height) == (7, 5)
    with Image.open(io.BytesIO(base64.b64decode(image.data))) as decoded:
        assert decoded.format == "PNG"
        assert decoded.size == (7, 5)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "no image"),
        ("not base64!", "not base64"),
        ("abc", "not base64"),
        ("한국어", "not base64"),
        (base64.b64encode(b"<svg onload='alert(1)'/>").decode(), "no image"),
        (base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n").decode(), "no im"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(), "its data is"),
        (png_of_size(60_000, 60_000), "100,000,000 pixels"),
        (png_of_size(10_001, 10_000), "100,000,000 pixels"),
        (png_of_size(2**31 - 1, 2**31 - 1), "100,000,000 pixels"),
        (png_of_size(100, 100), "broken"),
        ("A" * (MAX_BYTES * 2), "64 MB"),
    ],
)
def test_what_is_no_image_is_refused(data: str, words: str) -> None:
    with pytest.raises(ImageRefused, match=words):
        png_image(data)


def test_truncated_image_is_refused() -> None:
    whole = base64.b64decode(encoded("PNG", size=(300, 300), compress_level=0))
    with pytest.raises(ImageRefused, match="broken"):
        png_image(base64.b64encode(whole[: len(whole) // 2]).decode())


@pytest.mark.parametrize("data", [None, 5, {"a": 1}, "AAAA", ["x"]])
def test_image_object_of_any_kind_gives_a_notice_at_worst(data: object) -> None:
    execution = Execution(
        succeeded=True,
        status="Succeeded",
        stdout="said",
        stderr="",
        result={"type": "image", "format": "png", "base64_data": data},
        duration_ms=1,
        session_guid="",
        new_allocation=None,
    )
    outputs, reply = map_execution(execution, CellRequest(code="x"), limit=100)
    assert reply.ok
    assert [o.msg_type for o in outputs] == ["stream", "display_data"]
    said = outputs[1].content["data"]["text/plain"]
    assert "An image is not shown: its data is" in said
    assert "%download" in said
