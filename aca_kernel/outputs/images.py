"""Images from a session: checked, sized, and turned into PNG before a notebook shows them."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from dataclasses import dataclass
from xml.parsers import expat

from ..errors import AcaKernelError

__all__ = [
    "FORMAT_OF",
    "MAX_PIXELS",
    "ImageRefused",
    "PngImage",
    "checked_image",
    "lone_svg",
    "png_image",
    "svg_as_image",
]

MAX_PIXELS = 100_000_000
"""Width times height above which an image is not decoded (a decompression bomb)."""

MAX_BYTES = 64 * 1024 * 1024
"""Encoded bytes above which an image is not looked at."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
"""What Pillow may try: its plain raster decoders, none that starts a program or a script."""

FORMAT_OF = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
"""The mime types of raster images, with the only format of Pillow that each may hold."""

MAX_SVG = 16 * 1024 * 1024
_LONE_SVG = re.compile(
    r"\s*(?:<\?xml[^<>]{0,200}>\s*)?(?:<!DOCTYPE svg[^<>\[]{0,300}>\s*)?<svg\b", re.IGNORECASE
)
_LIVE = re.compile(
    r"<(?:script|foreignObject|iframe|image|animate|set)\b|\son\w+\s*=|<!ENTITY", re.I
)
_SVG_ROOT = re.compile(r"<svg\b([^<>]{0,4000})>", re.IGNORECASE)


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

    content = _decoded(encoded)
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
        raise ImageRefused(f"it has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        raise ImageRefused("its data is no image") from None
    except Exception:
        raise ImageRefused("its data is broken") from None
    return PngImage(data=base64.b64encode(content).decode("ascii"), width=width, height=height)


def _decoded(encoded: str) -> bytes:
    if len(encoded) > MAX_BYTES * 4 // 3:
        raise ImageRefused(f"it has more than {MAX_BYTES // 2**20} MB")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ImageRefused("its data is not base64") from None


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageRefused(f"it has {width} x {height} pixels, more than {MAX_PIXELS:,} pixels")
    return size


def _as_png(image: object) -> bytes:
    from PIL import Image

    assert isinstance(image, Image.Image)  # noqa: S101
    if image.mode not in ("1", "L", "LA", "I", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def checked_image(mime: str, encoded: str) -> str:
    """The base64 of an image that is what ``mime`` (one of ``FORMAT_OF``) says.

    Raises ImageRefused as :func:`png_image` does. Only the header is read, and a PNG's checksums:
    what decodes it is the front end's own decoder, as for any image.
    """
    from PIL import Image

    content = _decoded(encoded)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=(FORMAT_OF[mime],)) as image:
                _checked_size(image.size)
                image.verify()
    except ImageRefused:
        raise
    except Image.DecompressionBombError:
        raise ImageRefused(f"it has more than {MAX_PIXELS:,} pixels") from None
    except Exception:
        raise ImageRefused(f"its data is no {mime}") from None
    return base64.b64encode(content).decode("ascii")


def svg_as_image(text: str) -> str:
    """HTML that shows the SVG document ``text`` as a picture: no script of it runs there.

    Raises ImageRefused for what is too large, no SVG, or declares entities (an entity bomb).
    """
    if len(text) > MAX_SVG:
        raise ImageRefused(f"it has more than {MAX_SVG // 2**20} MB")
    root = _SVG_ROOT.search(text)
    if root is None or "<!ENTITY" in text:
        raise ImageRefused("its data is no plain SVG")
    if "xmlns=" not in root[1]:
        start = root.start() + len("<svg")
        text = f'{text[:start]} xmlns="http://www.w3.org/2000/svg"{text[start:]}'
    data = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    return f'<img style="max-width: 100%" src="data:image/svg+xml;base64,{data}" alt="SVG">'


def lone_svg(text: str) -> str | None:
    """HTML that shows ``text`` as a picture when it is one SVG and nothing else, and does not act.

    A picture needs no frame. None for everything else, such as one that is not well formed.
    """
    if len(text) > MAX_SVG or not _LONE_SVG.match(text) or _LIVE.search(text):
        return None
    root = _SVG_ROOT.search(text)
    if root is None:
        return None
    whole = text[text.index("<", root.start()) :]
    if "xmlns=" not in root[1]:
        whole = f'<svg xmlns="http://www.w3.org/2000/svg"{whole[len("<svg") :]}'
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(whole.encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return None
    return svg_as_image(whole)
