"""Files of which GIMP opens only the first picture: JPEG XL animations, HEIF and AVIF files with several items."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.imaging.box_check import CODESTREAM, CONTAINER
from lib.imaging.picture_check import BadPicture, check_picture


def bits(*fields):
    """Pack numbers, each given as (value, bit count), from the lowest bit of the first byte on."""
    value = place = 0
    for number, count in fields:
        value, place = value | number << place, place + count
    return value.to_bytes(place // 8 + 1, "little")


SIZES = {
    "small": [(1, 1), (3, 5), (1, 3)],
    "small with its own width": [(1, 1), (3, 5), (0, 3), (7, 5)],
    "large": [(0, 1), (1, 2), (5000, 13), (0, 3), (2, 2), (70_000, 18)],
}
MORE = {
    "animation": ([(0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1)], 2),
    "turned, with sizes of its own": ([(0, 1), (1, 1), (5, 3), (1, 1), *SIZES["large"], (0, 1), (1, 1)], 2),
    "preview": ([(0, 1), (1, 1), (0, 3), (0, 1), (1, 1), (1, 1), (2, 2), (31, 5), (0, 3), (3, 2), (99, 9), (1, 1)], 2),
    "other preview": ([(0, 1), (1, 1), (0, 3), (0, 1), (1, 1), (0, 1), (0, 2), (63, 6), (1, 3), (1, 1)], 2),
    "plain": ([(1, 1)], 1),
    "16 bits": ([(0, 1), (0, 1), (1, 1), (1, 2)], 1),
    "turned": ([(0, 1), (1, 1), (5, 3), (0, 1), (0, 1), (0, 1)], 1),
}


# As libjxl 0.11 encodes them: 64x48, one frame and three.
STILL = "ff0acb40240804010044004b188b15805dfeff006253d50280d98e3f"
ANIMATION = (
    "ff0acb044d0020260804010044004b188b15805dfeff006253d50280d98e3f0804010044004b188b15805dfeff00ce36d302c06d8c3f080405"
    "0044004b188b15805dfeff00e236d302c06d8c3f"
)


def test_files_of_a_real_encoder_are_read(tmp_path):
    assert_holds(tmp_path / "a.jxl", bytes.fromhex(STILL), 1)
    assert_holds(tmp_path / "a.jxl", bytes.fromhex(ANIMATION), 2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", MORE)
def test_an_animated_jpeg_xl_is_refused(tmp_path, size, kind):
    fields, count = MORE[kind]
    codestream = CODESTREAM + bits(*SIZES[size], *fields)
    whole = CONTAINER + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxlc", codestream)
    in_parts = CONTAINER + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxlp", b"\0\0\0\0" + codestream)
    for data in (codestream, whole, in_parts):
        assert_holds(tmp_path / "a.jxl", data, count)


def assert_holds(path, data, count):
    path.write_bytes(data)
    if count == 1:
        check_picture(path)
    else:
        with pytest.raises(BadPicture, match="several pages or frames"):
            check_picture(path)


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def heif(items, references=(), brand=b"heic"):
    """Return a HEIF file's boxes: `items` as (kind, hidden), numbered from 1; `references` as (kind, from, to …)."""
    entries = b"".join(
        box(b"infe", struct.pack(">IHH4s", 2 << 24 | hidden, number, 0, kind) + b"\0")
        for number, (kind, hidden) in enumerate(items, 1)
    )
    links = b"".join(
        box(kind, struct.pack(f">HH{len(targets)}H", source, len(targets), *targets))
        for kind, source, *targets in references
    )
    meta = box(b"iinf", struct.pack(">IH", 0, len(items)) + entries) + box(b"iref", bytes(4) + links)
    return box(b"ftyp", brand + bytes(4) + b"mif1") + box(b"meta", bytes(4) + meta) + box(b"mdat", bytes(9))


@pytest.mark.parametrize(
    ("items", "references", "count"),
    [
        ([(b"hvc1", 0)], [], 1),
        ([(b"av01", 0), (b"Exif", 0), (b"mime", 1)], [(b"cdsc", 2, 1)], 1),
        ([(b"hvc1", 0), (b"hvc1", 0), (b"av01", 0)], [(b"thmb", 2, 1), (b"auxl", 3, 1)], 1),
        ([(b"grid", 0), (b"hvc1", 1), (b"hvc1", 0)], [(b"dimg", 1, 2, 3)], 1),
        ([(b"hvc1", 0), (b"hvc1", 0), (b"tmap", 0)], [(b"auxl", 2, 1), (b"dimg", 3, 1, 2)], 1),
        ([(b"hvc1", 0), (b"hvc1", 0)], [], 2),
        ([(b"grid", 0), (b"hvc1", 1), (b"grid", 0), (b"hvc1", 1)], [(b"dimg", 1, 2), (b"dimg", 3, 4)], 2),
        ([], [], 1),
    ],
)
def test_a_heif_file_with_several_pictures_is_refused(tmp_path, items, references, count):
    assert_holds(tmp_path / "a.heic", heif(items, references), count)
    assert_holds(tmp_path / "a.avif", heif(items, references, b"avif"), count)


@given(st.binary(max_size=120), st.integers(0, 200))
def test_any_header_is_accepted_or_refused_with_a_message(tmp_path_factory, data, end):
    path = tmp_path_factory.mktemp("any") / "a"
    for start in (heif([(b"hvc1", 0)])[:end], CONTAINER, CODESTREAM, box(b"ftyp", b"heic") + b"\0\0\0\x80meta"):
        path.write_bytes(start + data)
        try:
            check_picture(path)
        except BadPicture as error:
            assert str(error)
