"""Read the format, size and alpha channel of an image from its header, without decoding it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lib.translation import _

MIME_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

_OTHER_FORMATS = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"8BPS", "PSD"),
    (b"gimp xcf", "XCF"),
    (b"<svg", "SVG"),
)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_SEGMENTS = 10_000


@dataclass(frozen=True)
class ImageHeader:
    """The header of an image: format ("png", "jpeg" or "webp"), size in pixels, and whether it has an alpha channel."""

    format: str
    width: int
    height: int
    has_alpha: bool

    @property
    def mime_type(self) -> str:
        """The MIME type, for a Content-Type header."""
        return MIME_TYPES[self.format]


class ImageHeaderError(ValueError):
    """The data is not a PNG, JPEG or WebP image with a valid header; the message says what it is."""


def read_header(source: bytes | BinaryIO) -> ImageHeader:
    """Read the header of an image from bytes or a seekable file; raise `ImageHeaderError`."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    start = file.read(30)
    try:
        if start.startswith(b"\x89PNG\r\n\x1a\n"):
            header = _png(start, file)
        elif start.startswith(b"\xff\xd8"):
            header = _jpeg(file)
        elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            header = _webp(start)
        else:
            raise ImageHeaderError(_describe_other(start))
    except (struct.error, IndexError) as error:
        raise ImageHeaderError(_("the image header is incomplete")) from error
    if header.width < 1 or header.height < 1:
        raise ImageHeaderError(
            _("the image header gives a size of {width}x{height}").format(width=header.width, height=header.height)
        )
    return header


def _describe_other(start: bytes) -> str:
    if not start:
        return _("it is empty")
    for magic, name in _OTHER_FORMATS:
        if start.startswith(magic):
            return _("it is a {name} file").format(name=name)
    if start[4:8] == b"ftyp":
        return _("it is an AVIF, HEIC or video file")
    return _("it is not an image")


def _png(start: bytes, file: BinaryIO) -> ImageHeader:
    width, height, _depth, colour = struct.unpack(">II2B", start[16:26])
    alpha = colour in (4, 6)
    if not alpha:
        file.seek(8)
        alpha = any(kind == b"tRNS" for kind in _png_chunks_before_pixels(file))
    return ImageHeader("png", width, height, alpha)


def _png_chunks_before_pixels(file: BinaryIO) -> Iterator[bytes]:
    for _attempt in range(_MAX_SEGMENTS):
        head = file.read(8)
        if len(head) < 8 or head[4:] in (b"IDAT", b"IEND"):
            return
        yield head[4:]
        file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)


def _jpeg(file: BinaryIO) -> ImageHeader:
    file.seek(2)
    for _attempt in range(_MAX_SEGMENTS):
        marker = _jpeg_marker(file)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">3xHH", file.read(7))
            return ImageHeader("jpeg", width, height, has_alpha=False)
        if marker == 0xDA:
            break
        if marker not in _JPEG_WITHOUT_LENGTH:
            (length,) = struct.unpack(">H", file.read(2))
            file.seek(max(length - 2, 0), io.SEEK_CUR)
    raise ImageHeaderError(_("the JPEG header contains no size"))


def _jpeg_marker(file: BinaryIO) -> int:
    if file.read(1) != b"\xff":
        raise ImageHeaderError(_("the JPEG header is damaged"))
    marker = file.read(1)
    while marker == b"\xff":
        marker = file.read(1)
    return marker[0]


def _webp(start: bytes) -> ImageHeader:
    kind = start[12:16]
    if kind == b"VP8X":
        flags, low_width, high_width, low_height, high_height = struct.unpack("<B3xHBHB", start[20:30])
        width, height = low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1
        return ImageHeader("webp", width, height, bool(flags & 0x10))
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", start[21:25])
        return ImageHeader("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", start[26:30])
        return ImageHeader("webp", width & 0x3FFF, height & 0x3FFF, has_alpha=False)
    raise ImageHeaderError(_("the WebP header is damaged"))
