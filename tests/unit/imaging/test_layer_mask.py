"""Growing and feathering of a layer mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.imaging import layer_mask


def square(side=64, low=16, high=48):
    mask = np.zeros((side, side), np.uint8)
    mask[low:high, low:high] = 255
    return mask


def shape(mask, grow=0, feather=0.0):
    height, width = mask.shape
    return np.frombuffer(layer_mask.shape(mask.tobytes(), width, height, grow, feather), np.uint8).reshape(mask.shape)


def test_a_mask_neither_grown_nor_feathered_is_the_selection():
    assert np.array_equal(shape(square()), square())


def test_growing_adds_exactly_the_requested_pixels():
    assert np.array_equal(shape(square(), grow=5), square(low=11, high=53))


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_feathering_never_reaches_outwards(feather, seed):
    soft = np.random.default_rng(seed).integers(0, 256, (40, 40)).astype(np.uint8)
    assert (shape(soft, feather=float(feather)) <= soft).all()


def test_feathering_falls_from_full_inside_to_zero_at_the_edge():
    row = shape(square(), feather=8.0)[32]
    assert row[15] == 0 and row[16] < 40 and row[25] > 235 and row[32] == 255
    assert (np.diff(row[16:32].astype(int)) >= 0).all()


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_growing_is_the_maximum_over_a_square(radius, seed):
    soft = np.random.default_rng(seed).integers(0, 256, (17, 29)).astype(np.uint8)
    padded = np.pad(soft, radius)
    square_of = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    assert np.array_equal(shape(soft, grow=radius), square_of.max((2, 3)))


@pytest.mark.timeout(60)
def test_growing_by_many_pixels_is_fast():
    """Pillow's own filter takes minutes for a radius of 80, as its time grows with the square of it."""
    mask = np.zeros((1300, 1300), np.uint8)
    mask[600:700, 600:700] = 255
    grown = shape(mask, grow=500, feather=500.0)
    assert grown[100, 650] > 0 or grown[600, 600] == 255
