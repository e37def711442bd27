"""Image headers: they are read with the same result as by Pillow, without decoding the image."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib.api.image_header import ImageHeader, ImageHeaderError, read_header
from tests.wire.pictures import picture


def saved(mode: str, size: tuple[int, int], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


CASES = [
    (saved("RGB", (5, 7), "PNG"), "png", False),
    (saved("RGBA", (5, 7), "PNG"), "png", True),
    (saved("L", (5, 7), "PNG"), "png", False),
    (saved("LA", (5, 7), "PNG"), "png", True),
    (saved("P", (5, 7), "PNG"), "png", False),
    (saved("P", (5, 7), "PNG", transparency=0), "png", True),
    (saved("RGB", (5, 7), "PNG", transparency=(0, 0, 0)), "png", True),
    (saved("RGB", (5, 7), "JPEG"), "jpeg", False),
    (saved("RGB", (5, 7), "JPEG", progressive=True), "jpeg", False),
    (saved("L", (5, 7), "JPEG"), "jpeg", False),
    (saved("RGB", (5, 7), "JPEG", exif=b"Exif\0\0" + b"x" * 60_000, comment=b"c" * 60_000), "jpeg", False),
    (saved("RGB", (5, 7), "JPEG").replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1), "jpeg", False),
    (saved("RGB", (5, 7), "WEBP"), "webp", False),
    (saved("RGB", (5, 7), "WEBP", lossless=True), "webp", False),
    (saved("RGBA", (5, 7), "WEBP", lossless=True, exact=True), "webp", True),
    (saved("RGBA", (5, 7), "WEBP"), "webp", True),
    (saved("RGB", (5, 7), "WEBP", exif=b"Exif\0\0x"), "webp", False),
]


@pytest.mark.parametrize(("data", "kind", "alpha"), CASES)
def test_format_size_and_alpha(data: bytes, kind: str, alpha: bool) -> None:
    expected = ImageHeader(kind, 5, 7, alpha)
    assert read_header(data) == expected
    assert read_header(io.BytesIO(data)) == expected
    assert expected.mime_type == f"image/{kind}"


@given(st.integers(1, 16_000), st.integers(1, 16_000), st.sampled_from(["PNG", "WEBP"]))
def test_size_of_any_image(width: int, height: int, kind: str) -> None:
    if kind == "PNG":
        body = struct.pack(">II5B", width, height, 8, 6, 0, 0, 0)
        check = struct.pack(">I", zlib.crc32(b"IHDR" + body))
        data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + body + check
    else:
        sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        data = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + sizes
    assert read_header(data) == ImageHeader(kind.lower(), width, height, has_alpha=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"GIF89a", "it is a GIF file"),
        (b"BM1234", "it is a BMP file"),
        (b"II*\0", "it is a TIFF file"),
        (b"gimp xcf v011", "it is a XCF file"),
        (b"\0\0\0\x20ftypavif", "it is an AVIF, HEIC or video file"),
        (b"<html>", "it is not an image"),
        (b"\xff\xd8\xff\xda", "header contains no size"),
        (b"\xff\xd8oops", "header is damaged"),
        (b"RIFF\0\0\0\0WEBPXXXX" + b"\0" * 20, "header is damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 22, "a size of 0x0"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 10_001, "header contains no size"),
    ],
)
def test_error_names_what_is_not_an_image(data: bytes, reason: str) -> None:
    with pytest.raises(ImageHeaderError, match=reason):
        read_header(data)


@pytest.mark.parametrize("data", [case[0] for case in CASES[::5]] + [picture("WEBP"), CASES[14][0]])
def test_truncated_image_gives_a_header_or_an_error(data: bytes) -> None:
    for cut in range(min(len(data), 400)):
        try:
            header = read_header(data[:cut])
        except ImageHeaderError as error:
            assert str(error)
        else:
            assert header.width > 0


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "]))
def test_any_bytes_give_a_header_or_an_error(data: bytes, start: bytes) -> None:
    try:
        assert read_header(start + data).width > 0
    except ImageHeaderError as error:
        assert str(error)
