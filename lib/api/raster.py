"""Decode raster images of any format that Pillow opens, upright and in sRGB; every failure is a `PictureError`."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from lib.translation import _

# The exceptions that decoders of Pillow 13 raise, from reading its plug-ins: OSError (truncated data, unknown formats),
# SyntaxError (broken headers and PNG chunks), ValueError (values out of range, text chunks that are too large, UTF-8),
# struct.error and LookupError (short headers, missing tags), EOFError (frames, chunks), zlib.error (PNG, TIFF, FITS),
# TypeError and AttributeError (tags of an unexpected type), ArithmeticError (zero or infinite sizes), AssertionError,
# ImportError (a feature missing from this build of Pillow), MemoryError, RuntimeError (AVIF, WebP; NotImplementedError
# for variants of DDS, BLP, PSD; RecursionError), DecompressionBombError, and warnings that are turned into errors.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, struct.error, LookupError, EOFError, zlib.error, TypeError, AttributeError,
    ArithmeticError, AssertionError, ImportError, MemoryError, RuntimeError, Warning, Image.DecompressionBombError,
)  # fmt: skip
"""The exceptions that Pillow raises for an image that it can't decode."""

# Not decoded: EPS runs Ghostscript on data from a server, the others need an external program or contain no pixels.
_NOT_RASTER = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_BY_CONTENT = {"png": ("PNG",), "jpeg": ("JPEG",), "webp": ("WEBP",)}
_NAMES = {"MPO": "jpeg", "JPEG2000": "jp2"}
_MAX_TEXT_CHUNK = 32 << 20
_SIGNATURE_BYTES = 16
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # of EXIF
_SRGB = ImageCms.createProfile("sRGB")
_MAX_SRGB_DIFFERENCE = 2  # levels by which a profile may differ from sRGB without its colours being converted

# Pillow's default of 1 MiB rejects an image because of a long comment or a printer's profile.
PngImagePlugin.MAX_TEXT_CHUNK = _MAX_TEXT_CHUNK


class PictureError(Exception):
    """The image can't be decoded; the message is the reason, without a full stop."""


def probe(data: bytes) -> tuple[str, int, int]:
    """Return the format (as a file extension), width and height of an image from its header; raise `PictureError`."""
    with _open(data) as picture:
        kind = picture.format or ""
        return _NAMES.get(kind, kind.lower()), picture.width, picture.height


def decode(source: bytes | Path) -> Image.Image:
    """Return the first frame of an image as RGB or RGBA with 8 bits per channel, upright, in sRGB.

    A PNG with damaged metadata is decoded without it. Raises `PictureError`, or OSError if the file can't be read.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        return _decode(data)
    except PictureError:
        stripped = strip_png(data)
        if stripped is None:
            raise
        return _decode(stripped)


def reduced(source: Path, edge: int) -> Image.Image:
    """Return an image in RGBA, reduced to at most `edge` pixels on either side; raise like `decode`."""
    picture = decode(source).convert("RGBA")
    picture.thumbnail((edge, edge))
    return picture


@contextmanager
def open_file(source: Path) -> Iterator[Image.Image]:
    """Open an image without decoding it yet; raise `PictureError`, or OSError if the file can't be read."""
    with source.open("rb") as file:
        formats = _formats(file.read(_SIGNATURE_BYTES))
    try:
        with Image.open(source, formats=formats) as picture:
            yield picture
    except DECODER_ERRORS as error:
        raise PictureError(_reason(error)) from error


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Return the width and the height of an opened image once it is shown upright."""
    # Pillow decodes a PNG to look for an orientation after the pixels, where hardly any has it.
    if picture.format != "PNG" or "exif" in picture.info:
        with contextlib.suppress(*DECODER_ERRORS):
            if picture.getexif().get(_ORIENTATION) in _ON_ITS_SIDE:
                return picture.height, picture.width
    return picture.size


def thumbnail(picture: Image.Image, edge: int) -> Image.Image:
    """Return an opened image upright in RGB or RGBA, at most `edge` pixels on either side; raise what Pillow raises.

    A JPEG is decoded at a fraction of its size. The image itself is changed.
    """
    picture.draft(None, (2 * edge, 2 * edge))
    picture.load()
    profile = picture.info.get("icc_profile")
    small = _to_eight_bits(picture)
    if small.mode in ("1", "P", "PA"):
        small = small.convert("RGBA" if small.has_transparency_data else "RGB")
    small.thumbnail((edge, edge))
    return _to_srgb(_transpose(small), profile)


@contextmanager
def _open(data: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as picture:
            yield picture
    except DECODER_ERRORS as error:
        raise PictureError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return _("its format is not supported")
    if isinstance(error, MemoryError):
        return _("there is not enough memory")
    return str(error).rstrip(".") or type(error).__name__


def _formats(data: bytes) -> tuple[str, ...]:
    """Return the formats for Pillow to try; for PNG, JPEG and WebP, its other plug-ins needn't be loaded."""
    for kind, names in _BY_CONTENT.items():
        if _has_signature(kind, data):
            return names
    Image.init()
    return tuple(name for name in Image.ID if name not in _NOT_RASTER)


def _has_signature(kind: str, data: bytes) -> bool:
    if kind == "webp":
        return data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith(_PNG if kind == "png" else b"\xff\xd8")


def strip_png(data: bytes) -> bytes | None:
    """Return a PNG with only the chunks needed for its pixels, with valid checksums; None for other formats.

    Drops comments, profiles and times that may break the decoder, and all data after the pixels.
    """
    if not data.startswith(_PNG):
        return None
    chunks, position, is_pixel_data = [_PNG], len(_PNG), False
    while position + 8 <= len(data):
        length, name = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if name in _PIXEL_CHUNKS:
            chunks.append(_chunk(name, data[position + 8 : position + 8 + length]))
        elif is_pixel_data:
            break
        is_pixel_data = name == b"IDAT"
        position += length + 12
    return b"".join((*chunks, _chunk(b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _decode(data: bytes) -> Image.Image:
    with _open(data) as picture:
        picture.load()
        profile = picture.info.get("icc_profile")
        return _to_srgb(_transpose(_to_eight_bits(picture)), profile)


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """Scale a greyscale image of more than 8 bits to 8; Pillow's own conversion would clip it to white."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    white = 65535.0 if picture.mode.startswith("I;16") else _white_level(values)
    grey = Image.fromarray(np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8))
    grey.info = {name: value for name, value in picture.info.items() if name != "transparency"}
    with contextlib.suppress(*DECODER_ERRORS):
        grey.getexif().load(picture.getexif().tobytes())
    return grey


def _white_level(values: np.ndarray) -> float:
    """Guess the white level of a 32-bit greyscale image: 1, 255, 65535, or its maximum."""
    maximum = float(values.max(initial=0.0))
    return next((white for white in (1.0, 255.0, 65535.0) if maximum <= white), maximum)


def _transpose(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation, ignoring one that can't be read."""
    with contextlib.suppress(*DECODER_ERRORS):
        return ImageOps.exif_transpose(picture)
    return picture


def _to_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """Convert an image to RGB, or RGBA if any pixel is transparent, from its embedded colour profile to sRGB."""
    if isinstance(profile, bytes) and profile:
        # An invalid profile is ignored rather than losing the image.
        with contextlib.suppress(ImageCms.PyCMSError, *DECODER_ERRORS):
            picture = _convert_colours(picture, profile)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    min_alpha, _max_alpha = picture.getchannel("A").getextrema()
    return picture if min_alpha != 255 else picture.convert("RGB")


def _convert_colours(picture: Image.Image, profile: bytes) -> Image.Image:
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    mode = {"L": "L", "LA": "L", "1": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(picture.mode, "RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    if mode == "RGB" and _is_identity(transform):
        return picture
    converted = transform.apply(picture.convert(mode))
    if alpha:
        converted.putalpha(alpha)
    return converted


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether a profile is practically sRGB, so that pixels need not change by rounding."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    transformed = np.asarray(transform.apply(Image.fromarray(colours)))
    return int(np.abs(transformed.astype(int) - colours).max()) <= _MAX_SRGB_DIFFERENCE
