"""Levelling the seam: inside the selection only, smooth differences only."""

import numpy as np
import pytest

from lib.imaging.seam import levelled
from tests.fit_trials import blobs, texture

SIDE = 256


@pytest.fixture
def scene():
    """An original, a selection in it, and a smooth tint of a few levels."""
    rng = np.random.default_rng(1)
    original = np.clip(texture((SIDE, SIDE), rng), 30, 225)
    rows = np.linspace(-6, 6, SIDE)[:, None, None]
    return original, blobs((SIDE, SIDE), 0.1, rng), rows * np.array([1.0, 0.5, -1.0])


def tinted(original, tint):
    return np.rint(original + tint).astype(np.uint8)


def inside_error(picture, original, selected):
    return np.abs(picture[selected].astype(float) - original[selected]).mean()


def test_a_smooth_tint_is_taken_out_of_the_selection(scene):
    original, selected, tint = scene
    fitted = tinted(original, tint)
    result = levelled(original, fitted, selected)
    assert inside_error(result, original, selected) < inside_error(fitted, original, selected) / 3


def test_nothing_outside_the_selection_changes(scene):
    original, selected, tint = scene
    fitted = tinted(original, tint)
    assert np.array_equal(levelled(original, fitted, selected)[~selected], fitted[~selected])


def test_what_agrees_with_its_surroundings_comes_back_bit_identical(scene):
    original, selected, _ = scene
    fitted = original.copy()
    fitted[selected] = 255 - fitted[selected]
    assert np.array_equal(levelled(original, fitted, selected), fitted)


def test_other_content_around_the_selection_hardly_bleeds_in(scene):
    original, selected, _ = scene
    fitted = np.where(selected[..., None], original, np.uint8(255))
    assert inside_error(levelled(original, fitted, selected), original, selected) <= 3


@pytest.mark.parametrize("fill", [True, False])
def test_without_an_edge_there_is_nothing_to_level(scene, fill):
    original, _, tint = scene
    fitted = tinted(original, tint)
    assert levelled(original, fitted, np.full((SIDE, SIDE), fill)) is fitted


@pytest.mark.parametrize("shape", [(1, 2), (3, 500), (77, 91), (1300, 700)])
def test_any_size_and_alpha(shape):
    rng = np.random.default_rng(2)
    original = rng.integers(40, 200, (*shape, 4), dtype=np.uint8)
    fitted = original.copy()
    fitted[..., :3] += 5
    selected = np.zeros(shape, bool)
    selected[shape[0] // 2 :, shape[1] // 2 :] = True
    result = levelled(original, fitted, selected)
    assert np.array_equal(result[..., 3], original[..., 3])
    assert np.array_equal(result[~selected], fitted[~selected])
    assert np.abs(result[selected].astype(int) - original[selected])[:, :3].max() <= 2
