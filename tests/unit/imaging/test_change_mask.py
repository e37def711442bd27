"""The layer mask of an edit without a selection covers what changed, and nothing else."""

import numpy as np
import pytest

from lib.imaging.change_mask import find_change
from tests.bench.fit_trials import blobs, texture, through_jpeg, wobbled

SIDE = 384


@pytest.fixture(scope="module")
def scene():
    """A picture, a change in it, and the picture with it."""
    rng = np.random.default_rng(3)
    before = texture((SIDE, SIDE), rng)
    where = blobs((SIDE, SIDE), 0.08, rng)
    after = before.copy()
    after[where] = 255 - before[where][::-1]
    return before, where, after


def redrawn(picture, amount):
    rng = np.random.default_rng(1)
    drawn = wobbled(picture.astype(np.float32), amount, rng) + rng.normal(0, 2, picture.shape)
    return through_jpeg(np.clip(np.rint(drawn), 0, 255).astype(np.uint8), 85)


@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_the_change_is_covered_and_the_rest_is_not(scene, amount):
    before, where, after = scene
    mask = find_change(before, redrawn(after, amount))
    assert (mask[where] > 128).mean() > 0.95
    assert (mask[~where] == 0).mean() > 0.9


@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_what_was_only_redrawn_is_not_covered(scene, amount):
    before, _where, _after = scene
    assert find_change(before, redrawn(before, amount)) is None


def test_a_change_of_everything_has_no_mask(scene):
    before, _where, _after = scene
    assert find_change(before, 255 - before) is None


def test_the_inside_of_a_changed_ring_belongs_to_it(scene):
    before = np.full((SIDE, SIDE, 3), 90, np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    after = before.copy()
    after[np.abs(np.hypot(x, y) - 80) < 12] = 200
    mask = find_change(before, after)
    assert (mask[np.hypot(x, y) < 80] == 255).all() and not mask[np.hypot(x, y) > 120].any()


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (60, 41)])
def test_any_size_has_a_mask(shape):
    before = np.zeros((*shape, 3), np.uint8)
    after = before.copy()
    after[: shape[0] // 3, : shape[1] // 3] = 200
    mask = find_change(before, after)
    assert mask is None or mask.shape == shape
