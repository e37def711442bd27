"""Input images: which files are accepted, and how they are converted."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lib.endpoint import pictures
from lib.endpoint.errors import HttpError
from tests.endpoint.support import Caller, decoded, encoded, error_of, part, photo

RGB = Image.fromarray(photo()).convert("RGB")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def png_header(width: int, height: int) -> bytes:
    """Return a small PNG file whose header claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def sixteen_bit_rgb() -> bytes:
    """Return a 16-bit PNG, which Pillow silently reads as 8-bit."""
    data = bytearray(png_header(4, 4))
    data[24], data[25] = 16, 2
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a complete"),
        (b"hello", "not a complete"),
        (SVG, "not a complete"),
        (encoded(RGB)[:-30], "not a complete"),
        (encoded(RGB, "JPEG")[:200], "not a complete"),
        (encoded(RGB, "WEBP")[:60], "not a complete"),
        (encoded(RGB, "GIF"), "not a complete"),
        (encoded(RGB, "TIFF"), "not a complete"),
        (encoded(RGB.convert("CMYK"), "JPEG"), "CMYK"),
        (encoded(Image.fromarray(np.zeros((4, 4), np.uint16))), "I;16"),
        (sixteen_bit_rgb(), "16 bits"),
        (encoded(RGB, save_all=True, append_images=[RGB.rotate(180)]), "animated"),
        (encoded(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(180)]), "animated"),
        (png_header(100_000, 100_000), "pixels"),
        (png_header(2**31 - 1, 2**31 - 1), "pixels"),
        (png_header(5000, 5000), "pixels"),
        (png_header(0, 7), "not a complete"),
    ],
    ids=lambda value: value if isinstance(value, str) else len(value),
)
def test_anything_but_a_still_8_bit_picture_is_refused(caller: Caller, data: bytes, reason: str) -> None:
    response = caller.form(prompt="sepia", image=part(data))
    assert response.status_code == 400
    error = error_of(response)
    assert reason in error["message"] and error["param"] == "image[0]"
    assert error["code"] in ("invalid_image_file", "image_too_large")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_modes_that_are_converted(caller: Caller, mode: str) -> None:
    response = caller.form(prompt="invert", image=part(encoded(RGB.convert(mode))))
    assert response.status_code == 200
    expected = 255 - np.array(RGB.convert(mode).convert("RGB"))
    assert np.array_equal(decoded(response.json["data"][0]["b64_json"])[..., :3], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photograph_is_turned_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = pictures.decode(encoded(RGB, exif=exif.tobytes()), "image[0]")
    turned = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: np.rot90,
    }[orientation](np.array(RGB))  # fmt: skip
    assert np.array_equal(upright[..., :3], turned)


def test_a_reference_is_scaled_down() -> None:
    big = Image.new("RGB", (4000, 1000))
    for kind in ("PNG", "JPEG"):
        assert pictures.decode(encoded(big, kind), "image[1]", reference=True).shape == (384, 1536, 4)


def test_a_file_over_50_mb_is_refused_undecoded() -> None:
    with pytest.raises(HttpError) as caught:
        pictures.decode(bytes(pictures.MAX_IMAGE_BYTES + 1), "image[0]")
    assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_lossless_formats_preserve_colours_under_transparency(kind: str) -> None:
    pixels = photo()
    pixels[:20, :, 3] = np.arange(48) * 5
    data = pictures.encode(Image.fromarray(pixels), kind, 100)
    assert np.array_equal(decoded(data), pixels)


def test_an_opaque_picture_is_encoded_without_alpha() -> None:
    data = pictures.encode(Image.fromarray(photo()), "png", 100)
    assert Image.open(io.BytesIO(data)).mode == "RGB"
    assert not pictures.has_alpha(data)


def test_a_transparent_colour_counts_as_alpha() -> None:
    data = encoded(RGB.quantize(8), transparency=0)
    assert pictures.has_alpha(data)
