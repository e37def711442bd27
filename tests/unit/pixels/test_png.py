"""plugin.pixels.png against Pillow as an independent reader."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from plugin.pixels.png import encode

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(sorted(MODES)), st.booleans(), st.data())
def test_every_byte_is_preserved(width, height, channels, flat, data):
    count = width * height * channels
    pixels = data.draw(st.binary(min_size=count, max_size=count))
    picture = Image.open(io.BytesIO(encode(width, height, channels, pixels, flat=flat)))
    assert (picture.size, picture.mode) == ((width, height), MODES[channels])
    assert picture.tobytes() == pixels


def test_white_under_alpha_0_is_preserved():
    picture = Image.open(io.BytesIO(encode(1, 1, 4, b"\xff\xff\xff\x00")))
    assert picture.getpixel((0, 0)) == (255, 255, 255, 0)


@pytest.mark.parametrize("pixels", [b"", b"123", b"12345"])
def test_a_wrong_number_of_bytes_raises_value_error(pixels):
    with pytest.raises(ValueError, match="are not a picture of 2x1 with 2 channels"):
        encode(2, 1, 2, pixels)
