"""Images from a session: checked, sized, and turned into PNG before a notebook shows them."""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from dataclasses import dataclass

from ..errors import AcaKernelError

__all__ = ["MAX_PIXELS", "ImageRefused", "PngImage", "png_image"]

MAX_PIXELS = 100_000_000
"""Width times height above which an image is not decoded (a decompression bomb)."""

MAX_BYTES = 64 * 1024 * 1024
"""Encoded bytes above which an image is not looked at."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
"""What Pillow may try: its plain raster decoders, none that starts a program or a script."""


class ImageRefused(AcaKernelError):
    """The session sent something as an image that is not shown; ``str`` says why."""


@dataclass(frozen=True, kw_only=True)
class PngImage:
    """A verified PNG as Jupyter carries it: ``data`` in base64, size in pixels."""

    data: str
    width: int
    height: int


def png_image(encoded: str) -> PngImage:
    """The image whose bytes ``encoded`` holds in base64, as PNG.

    Raises ImageRefused for bytes that are no image of a known format, for a broken one, and
    for a decompression bomb (more than ``MAX_PIXELS``); nothing large is decoded for those.
    """
    from PIL import Image, UnidentifiedImageError

    if len(encoded) > MAX_BYTES * 4 // 3:
        raise ImageRefused(f"An image of more than {MAX_BYTES // 2**20} MB was left out.")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ImageRefused("An image was left out: its data is not base64.") from None
    try:
        with warnings.catch_warnings():
            # Pillow warns above its own pixel limit; ours is checked below, before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = _checked_size(image.size)
                if image.format == "PNG":
                    image.load()
                else:
                    content = _as_png(image)
    except ImageRefused:
        raise
    except Image.DecompressionBombError:
        raise ImageRefused(f"An image was left out: more than {MAX_PIXELS:,} pixels.") from None
    except UnidentifiedImageError:
        raise ImageRefused("An image was left out: its data is no image.") from None
    except Exception:
        raise ImageRefused("An image was left out: its data is broken.") from None
    return PngImage(data=base64.b64encode(content).decode("ascii"), width=width, height=height)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageRefused(
            f"An image of {width} x {height} pixels was left out: it is larger than"
            f" {MAX_PIXELS:,} pixels."
        )
    return size


def _as_png(image: object) -> bytes:
    from PIL import Image

    assert isinstance(image, Image.Image)  # noqa: S101
    if image.mode not in ("1", "L", "LA", "I", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
