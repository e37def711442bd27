"""Decode a picture of any raster format that Pillow opens, upright and in sRGB; every failure is a `PictureError`."""

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

# Every class that a decoder of Pillow 13 raises, by reading its plug-ins: OSError (truncated data, unknown formats),
# SyntaxError (broken headers and PNG chunks), ValueError (values out of range, text chunks that are too large, UTF-8),
# struct.error and LookupError (short headers, missing tags), EOFError (frames, chunks), zlib.error (PNG, TIFF, FITS),
# TypeError and AttributeError (tags of another type than the decoder expects), ArithmeticError (sizes of 0 or without
# end), AssertionError, ImportError (a part that this build of Pillow lacks), MemoryError, RuntimeError (AVIF, WebP;
# NotImplementedError for variants of DDS, BLP, PSD; RecursionError), DecompressionBombError, and warnings where those
# are errors.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, struct.error, LookupError, EOFError, zlib.error, TypeError, AttributeError,
    ArithmeticError, AssertionError, ImportError, MemoryError, RuntimeError, Warning, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises for a picture that it can't decode."""

# No rasters of their own: EPS runs Ghostscript on what a server sent, the others need a program or hold no pixels.
_NOT_RASTER = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_BY_CONTENT = {"png": ("PNG",), "jpeg": ("JPEG",), "webp": ("WEBP",)}
_NAMES = {"MPO": "jpeg", "JPEG2000": "jp2"}
_LARGEST_TEXT = 32 << 20
_SRGB = ImageCms.createProfile("sRGB")
_ALMOST_SRGB = 2  # levels by which an embedded profile may differ from sRGB before colours are converted

# The usual 1 MiB refuses a whole picture for a long comment or a printer's profile.
PngImagePlugin.MAX_TEXT_CHUNK = _LARGEST_TEXT


class PictureError(Exception):
    """The picture can't be decoded; the text says why, without a full stop."""


def probe(data: bytes) -> tuple[str, int, int]:
    """Return the format (as a file's ending), width and height that a picture claims; raise `PictureError`."""
    with _opened(data) as picture:
        kind = picture.format or ""
        return _NAMES.get(kind, kind.lower()), picture.width, picture.height


def decode(source: bytes | Path) -> Image.Image:
    """Return a picture's first frame as RGB or RGBA, 8 bits a channel, upright, in sRGB; raise `PictureError`.

    A PNG whose comments or other descriptions are broken is decoded without them. Raises OSError where the file that
    `source` names can't be read.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        return _decoded(data)
    except PictureError:
        essential = essential_png(data)
        if essential is None:
            raise
        return _decoded(essential)


def reduced(source: Path, edge: int) -> Image.Image:
    """Return a picture in RGBA that is at most `edge` pixels wide and high; raise as `decode` does."""
    picture = decode(source).convert("RGBA")
    picture.thumbnail((edge, edge))
    return picture


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as picture:
            yield picture
    except DECODER_ERRORS as error:
        raise PictureError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return _("it is in no format that can be read")
    if isinstance(error, MemoryError):
        return _("there is not enough memory for it")
    return str(error).rstrip(".") or type(error).__name__


def _formats(data: bytes) -> tuple[str, ...]:
    """Return the names of the formats to try; the three that endpoints send don't load all of Pillow's plug-ins."""
    for kind, names in _BY_CONTENT.items():
        if _starts_as(kind, data):
            return names
    Image.init()
    return tuple(name for name in Image.ID if name not in _NOT_RASTER)


def _starts_as(kind: str, data: bytes) -> bool:
    if kind == "webp":
        return data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith(_PNG if kind == "png" else b"\xff\xd8")


def essential_png(data: bytes) -> bytes | None:
    """Return a PNG with nothing but what its pixels need, each chunk with a right checksum; None for other files.

    Comments, profiles and times that a decoder stumbles over are gone, and so is what follows the pixels.
    """
    if not data.startswith(_PNG):
        return None
    parts, place, pixels = [_PNG], len(_PNG), False
    while place + 8 <= len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if name in _PIXEL_CHUNKS:
            parts.append(_chunk(name, data[place + 8 : place + 8 + length]))
        elif pixels:
            break
        pixels = name == b"IDAT"
        place += length + 12
    return b"".join((*parts, _chunk(b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _decoded(data: bytes) -> Image.Image:
    with _opened(data) as picture:
        picture.load()
        profile = picture.info.get("icc_profile")
        return _in_srgb(_upright(_eight_bits(picture)), profile)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return greys of more than 8 bits scaled to 8; Pillow's own conversion cuts them off, and they become white."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    highest = 65535.0 if picture.mode.startswith("I;16") else _highest(values)
    grey = Image.fromarray(np.rint(np.clip(values / highest, 0, 1) * 255).astype(np.uint8))
    grey.info = {name: value for name, value in picture.info.items() if name != "transparency"}
    with contextlib.suppress(*DECODER_ERRORS):
        grey.getexif().load(picture.getexif().tobytes())
    return grey


def _highest(values: np.ndarray) -> float:
    """Return what white is in a grey picture of 32-bit numbers, which doesn't say: 1, 255 or 65535, or its own most."""
    most = float(values.max(initial=0.0))
    return next((white for white in (1.0, 255.0, 65535.0) if most <= white), most)


def _upright(picture: Image.Image) -> Image.Image:
    """Return the picture turned as its EXIF orientation says; one that can't be read counts as none."""
    with contextlib.suppress(*DECODER_ERRORS):
        return ImageOps.exif_transpose(picture)
    return picture


def _in_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """Return RGB, or RGBA where any pixel is transparent, with the colours of an embedded profile converted."""
    if isinstance(profile, bytes) and profile:
        # A profile that can't be used is no reason to lose the picture.
        with contextlib.suppress(ImageCms.PyCMSError, *DECODER_ERRORS):
            picture = _converted(picture, profile)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    lowest, _highest_alpha = picture.getchannel("A").getextrema()
    return picture if lowest != 255 else picture.convert("RGB")


def _converted(picture: Image.Image, profile: bytes) -> Image.Image:
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    mode = {"L": "L", "LA": "L", "1": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(picture.mode, "RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    if mode == "RGB" and _changes_nothing(transform):
        return picture
    converted = transform.apply(picture.convert(mode))
    if alpha:
        converted.putalpha(alpha)
    return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether a profile is sRGB by another name: rounding alone must not touch pixels."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    after = np.asarray(transform.apply(Image.fromarray(colours)))
    return int(np.abs(after.astype(int) - colours).max()) <= _ALMOST_SRGB
