"""Levelling of the light: only inside the selection, only smooth differences."""

import numpy as np
import pytest

from lib.imaging import light
from tests.bench.fit_trials import blobs, texture

SIDE = 256


def level(original, aligned, selected, colours=None):
    return light.level(original, aligned, selected, colours).picture


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


def test_a_smooth_tint_is_removed_from_the_selection(scene):
    original, selected, tint = scene
    aligned = tinted(original, tint)
    result = level(original, aligned, selected)
    assert inside_error(result, original, selected) < inside_error(aligned, original, selected) / 3


def test_nothing_outside_the_selection_changes(scene):
    original, selected, tint = scene
    aligned = tinted(original, tint)
    assert np.array_equal(level(original, aligned, selected)[~selected], aligned[~selected])


def test_a_result_that_matches_its_surroundings_is_not_changed(scene):
    original, selected, _ = scene
    aligned = original.copy()
    aligned[selected] = 255 - aligned[selected]
    assert np.array_equal(level(original, aligned, selected), aligned)


def test_different_content_around_the_selection_hardly_bleeds_in(scene):
    original, selected, _ = scene
    aligned = np.where(selected[..., None], original, np.uint8(255))
    assert inside_error(level(original, aligned, selected), original, selected) <= 3


@pytest.mark.parametrize("fill", [True, False])
def test_without_an_edge_nothing_is_levelled(scene, fill):
    original, _, tint = scene
    aligned = tinted(original, tint)
    assert level(original, aligned, np.full((SIDE, SIDE), fill)) is aligned


@pytest.mark.parametrize("shape", [(1, 2), (3, 500), (77, 91), (1300, 700)])
def test_any_size_is_levelled_and_alpha_is_preserved(shape):
    rng = np.random.default_rng(2)
    original = rng.integers(40, 200, (*shape, 4), dtype=np.uint8)
    aligned = original.copy()
    aligned[..., :3] += 5
    selected = np.zeros(shape, bool)
    selected[shape[0] // 2 :, shape[1] // 2 :] = True
    result = level(original, aligned, selected)
    assert np.array_equal(result[..., 3], original[..., 3])
    assert np.array_equal(result[~selected], aligned[~selected])
    assert np.abs(result[selected].astype(int) - original[selected])[:, :3].max() <= 2


@pytest.mark.parametrize("part", [0.2, 0.36])
def test_light_from_one_side_leaves_no_step(scene, part):
    original, selected, _ = scene
    light = np.linspace(1 - part / 2, 1 + part / 2, SIDE)[None, :, None]
    aligned = np.rint(np.minimum(original * light, 255)).astype(np.uint8)
    before, after = (inside_error(each, original, selected) for each in (aligned, level(original, aligned, selected)))
    assert after < min(1.0, before / 5)


def test_a_change_that_stays_is_not_levelled(scene):
    original, selected, _ = scene
    night = np.rint(original * [0.4, 0.4, 0.6]).astype(np.uint8)
    result = level(original, night, selected, lambda colours: (colours * [0.4, 0.4, 0.6]).astype(np.float32))
    assert inside_error(result, night, selected) < 0.6


def test_the_mean_change_is_reported(scene):
    original, selected, _ = scene
    levelled = light.level(original, tinted(original, 5), selected)
    assert levelled.levels == pytest.approx(5, abs=0.5)
