"""Growing and softening a layer mask."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib.layer_mask import shaped


def square(side=64, low=16, high=48):
    mask = np.zeros((side, side), np.uint8)
    mask[low:high, low:high] = 255
    return mask


def shape(mask, grow=0, feather=0.0):
    height, width = mask.shape
    return np.frombuffer(shaped(mask.tobytes(), width, height, grow, feather), np.uint8).reshape(mask.shape)


def test_nothing_asked_changes_nothing():
    assert np.array_equal(shape(square()), square())


def test_growing_adds_exactly_so_many_pixels():
    assert np.array_equal(shape(square(), grow=5), square(low=11, high=53))


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_softening_never_reaches_outwards(feather, seed):
    soft = np.random.default_rng(seed).integers(0, 256, (40, 40)).astype(np.uint8)
    assert (shape(soft, feather=float(feather)) <= soft).all()


def test_softening_falls_from_full_inside_to_nothing_at_the_edge():
    row = shape(square(), feather=8.0)[32]
    assert row[15] == 0 and row[16] < 40 and row[25] > 235 and row[32] == 255
    assert (np.diff(row[16:32].astype(int)) >= 0).all()
