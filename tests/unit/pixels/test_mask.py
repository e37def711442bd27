"""plugin.pixels.mask against numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plugin.pixels import mask


@given(st.binary(max_size=64))
def test_every_value_above_0_is_selected(values):
    assert mask.selected(values) == bytes(255 if value else 0 for value in values)


@given(st.integers(0, 9), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
def test_grow_is_the_maximum_over_a_square(radius, width, height, seed):
    rng = np.random.default_rng(seed)
    mask_with_margin = (rng.random((height + 2 * radius, width + 2 * radius)) < 0.05).astype(np.uint8) * 255
    expected = np.zeros((height, width), np.uint8)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            expected = np.maximum(expected, mask_with_margin[dy : dy + height, dx : dx + width])
    assert mask.grow(mask_with_margin.tobytes(), mask_with_margin.shape[1], radius) == expected.tobytes()


def test_the_edit_mask_has_alpha_0_and_white_where_an_edit_is_allowed():
    assert mask.edit_mask(b"\xff\x00") == b"\xff\xff\xff\x00" + b"\x00\x00\x00\xff"
