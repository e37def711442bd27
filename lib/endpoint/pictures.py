"""Decode and encode pictures: which ones are refused, how they are converted, and how results are encoded."""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from lib.endpoint.errors import HttpError, invalid

MAX_IMAGE_BYTES = 50 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_EDIT_PIXELS = 4096 * 4096
MAX_INPUT_SIDE = 16_384  # longer and thinner images would take minutes and gigabytes
MAX_REFERENCE_SIDE = 1536

OutputFormat = Literal["png", "jpeg", "webp"]

MAX_SIDES: dict[OutputFormat, int] = {"png": MAX_INPUT_SIDE, "jpeg": MAX_INPUT_SIDE, "webp": 16_383}
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")

_FORMATS = ("PNG", "JPEG", "WEBP", "MPO")
_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX")
_STRIP = 64
_BIT_DEPTH_OFFSET = 24  # in a PNG: signature 8, chunk length 4, "IHDR" 4, width 4, height 4, then the depth


def decode(data: bytes, param: str, *, reference: bool = False) -> np.ndarray:
    """Return the picture in `data`, upright, (H, W, 4), uint8, RGBA, not premultiplied.

    A `reference` is scaled down to `MAX_REFERENCE_SIDE`, as only its appearance matters. Metadata and colour
    profiles are ignored. Raise HttpError 400 for anything but one still 8-bit grey or RGB picture.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise invalid("The image is larger than 50 MB.", param, "image_too_large")
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_header(image, data, param, MAX_PIXELS if reference else MAX_EDIT_PIXELS)
        if reference:
            image.draft("RGB", (MAX_REFERENCE_SIDE, MAX_REFERENCE_SIDE))
            image = _reduced(image)
        ImageOps.exif_transpose(image, in_place=True)
        upright = image.convert("RGBA")
    except HttpError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(param) from error
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything on hostile bytes
        raise _unreadable(param) from error
    if reference:
        upright.thumbnail((MAX_REFERENCE_SIDE, MAX_REFERENCE_SIDE))
    return np.array(upright)


def pixels(data: bytes) -> int:
    """Return the number of pixels from the header of the picture in `data`; 0 if `decode` refuses it."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return image.width * image.height
    except Exception:  # noqa: BLE001 - as in `decode`, which reports the error
        return 0


def _reduced(image: Image.Image) -> Image.Image:
    """Return `image` in RGBA, reduced by the largest integer that `MAX_REFERENCE_SIDE` allows, strip by strip."""
    factor = max(image.size) // MAX_REFERENCE_SIDE
    if factor < 2:
        return image
    small = Image.new("RGBA", (-(-image.width // factor), -(-image.height // factor)))
    rows = _STRIP * factor
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        small.paste(strip.convert("RGBA").reduce(factor), (0, top // factor))
    small.info = image.info  # for its orientation
    return small


def has_alpha(data: bytes) -> bool:
    """Return whether the picture in `data`, which `decode` accepted, has alpha or a transparent colour."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def encode(image: Image.Image, output_format: OutputFormat, compression: int) -> bytes:
    """Return `image`, RGB or RGBA, as a file. `compression`, 0 to 100, is the quality of JPEG and lossy WebP.

    PNG is always lossless, WebP at 100. For JPEG, `image` must be RGB.
    """
    if image.mode == "RGBA" and not is_transparent(image):
        image = image.convert("RGB")
    out = io.BytesIO()
    if output_format == "png":
        image.save(out, "PNG", compress_level=4)
    elif output_format == "webp":
        image.save(out, "WEBP", quality=compression, lossless=compression == 100, exact=True, method=2)
    else:
        image.save(out, "JPEG", quality=max(1, compression), subsampling=0 if compression >= 90 else 2)
    return out.getvalue()


def is_transparent(image: Image.Image) -> bool:
    """Return whether any pixel of an RGBA `image` is not opaque."""
    return image.getchannel("A").getextrema()[0] != 255


def flatten(image: Image.Image) -> Image.Image:
    """Return `image` on white, without alpha."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _check_header(image: Image.Image, data: bytes, param: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise _too_many_pixels(param)
    if max(width, height) > MAX_INPUT_SIDE:
        raise invalid(f"The image has a side of more than {MAX_INPUT_SIDE:,} pixels.", param, "image_too_large")
    if image.mode not in _MODES:
        raise _refused(f"its colours are {image.mode}; save it as 8-bit RGB", param)
    if image.format == "PNG" and data[_BIT_DEPTH_OFFSET] == 16:
        raise _refused("it has 16 bits per channel; save it with 8 bits", param)
    # A phone's JPEG may contain a gain map as a second picture (MPO); the first is the photograph.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise _refused("it is animated; send one frame", param)


def _too_many_pixels(param: str) -> HttpError:
    return invalid(
        f"The image has too many pixels. The limit is {MAX_EDIT_PIXELS:,} pixels; further images of a "
        f"request can have {MAX_PIXELS:,}.",
        param,
        "image_too_large",
    )


def _unreadable(param: str) -> HttpError:
    return invalid(
        "Invalid image file: it is not a complete PNG, JPEG or WebP image.",
        param,
        "invalid_image_file",
    )


def _refused(reason: str, param: str) -> HttpError:
    return invalid(f"Invalid image file or mode: {reason}.", param, "invalid_image_file")
