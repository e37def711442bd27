"""Alignment: of textures and photographs with a known misalignment; unreliable estimates are not applied."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lib.imaging.fit import Colour, Fit, Motion, correct, estimate
from tests.bench.fit_trials import (
    MARGIN,
    Damage,
    Drift,
    Trial,
    blobs,
    colour_error,
    make_trial,
    mean_error,
    random_damage,
    random_drift,
    sky,
    texture,
)
from tests.bench.photographs import photograph

SIDE = 512
WIDE = SIDE + 2 * MARGIN
DRIFT = Drift((6, 4), 0.01, 0.0, (1.06, 1.0, 0.95))


def trial(seed, *, drift=None, damage=None, wide=None, changed=True, side=SIDE):
    rng = np.random.default_rng(seed)
    shape = (side + 2 * MARGIN, side + 2 * MARGIN)
    wide = texture(shape, rng) if wide is None else wide
    drift = random_drift(rng) if drift is None else drift
    return make_trial(wide, texture(shape, rng), drift, damage or random_damage(rng), rng, changed=changed)


def error(made: Trial, fit: Fit) -> float:
    return mean_error(made, fit.motion.turn, fit.motion.shift)


def band(protected: np.ndarray, width: int = 16) -> np.ndarray:
    """The selection's pixels that are less than `width` from its edge."""
    hole = ~protected
    inner = hole.copy()
    for axis in (0, 1):
        for step in range(-width, width + 1):
            inner &= np.roll(hole, step, axis)
    return hole & ~inner


def whole_run(value):
    """A parameter of whole runs only."""
    return pytest.param(value, marks=pytest.mark.whole_run)


@pytest.fixture(scope="module", params=["coffee.png", whole_run("retina.jpg"), whole_run("motorcycle_left.png")])
def photo(request):
    try:
        return photograph(request.param, WIDE, WIDE)
    except (subprocess.CalledProcessError, OSError):
        pytest.fail("pip cannot fetch the photographs")


def test_textures_are_aligned_to_a_few_hundredths_of_a_pixel(campaign):
    errors, tints = [], []
    for seed in range(campaign(brief=4, whole=10)):
        made = trial(seed)
        fit = estimate(made.original, made.returned, made.protected)
        assert fit.accepted
        assert fit.reason == "lined up"
        errors.append(error(made, fit))
        tints.append(colour_error(made, fit.colour.gain, fit.colour.bias))
    assert np.median(errors) <= 0.03
    assert max(errors) <= 0.1
    assert max(tints) <= 1.0


def test_photographs_are_aligned_to_a_few_hundredths_of_a_pixel(photo):
    made = [trial(seed, wide=photo) for seed in range(4)]
    fit = [estimate(m.original, m.returned, m.protected) for m in made]
    assert all(f.accepted for f in fit)
    assert np.median([error(m, f) for m, f in zip(made, fit, strict=True)]) <= 0.05
    assert max(colour_error(m, f.colour.gain, f.colour.bias) for m, f in zip(made, fit, strict=True)) <= 1.0


@pytest.mark.parametrize("damage", [Damage(wobble=0.7), Damage(repainted=0.2), Damage(noise=3, quality=75)])
def test_damage_hardly_affects_the_alignment(photo, damage):
    made = trial(7, wide=photo, damage=damage)
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert error(made, fit) <= 0.35


def test_a_plain_sky_is_aligned_although_its_tint_looks_like_motion():
    made = trial(3, wide=sky((1024 + 2 * MARGIN, 1024 + 2 * MARGIN), np.random.default_rng(3)), side=1024)
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert error(made, fit) <= 0.2


@pytest.mark.parametrize("seed", range(4))
def test_three_times_the_misalignment_is_corrected_or_left(photo, seed):
    made = trial(seed, wide=photo, drift=random_drift(np.random.default_rng(seed), 3))
    fit = estimate(made.original, made.returned, made.protected)
    assert error(made, fit) <= 0.1 if fit.accepted else fit.motion == Motion()


def test_an_unchanged_picture_matches_the_original_inside_the_edge(photo):
    made = trial(1, wide=photo, drift=DRIFT, damage=Damage(), changed=False)
    result = correct(made.returned, estimate(made.original, made.returned, made.protected))
    near = band(made.protected)
    before = np.abs(made.returned.astype(float) - made.original)[near].mean()
    after = np.abs(result.astype(float) - made.original)[near].mean()
    assert after <= 2.0
    assert after < before / 4


def test_the_misalignment_is_reported_in_pixels_percent_degrees_and_levels():
    made = trial(5, drift=replace(DRIFT, rotation=0.25), damage=Damage())
    misalignment = estimate(made.original, made.returned, made.protected).misalignment
    assert misalignment["shift"] == pytest.approx(7.21, abs=0.05)
    assert misalignment["zoom"] == pytest.approx(1.0, abs=0.02)
    assert misalignment["rotation"] == pytest.approx(0.25, abs=0.02)
    assert misalignment["colour"] == pytest.approx(4.7, abs=1)


def test_an_identical_result_is_not_changed():
    made = trial(2, drift=Drift(), damage=Damage(), changed=False)
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert (fit.motion, fit.colour, fit.reason) == (Motion(), Colour(), "identical")
    assert correct(made.returned, fit) is made.returned


def test_a_result_changed_only_in_the_selection_is_not_changed():
    made = trial(2, drift=Drift(), damage=Damage())
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.reason == "identical"
    assert np.array_equal(correct(made.returned, fit), made.returned)


def test_a_tint_alone_is_corrected_without_resampling():
    made = trial(4, drift=Drift(gain=(1.05, 1.0, 0.96), bias=(2, -3, 0)), damage=Damage())
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert fit.motion == Motion()
    result = correct(made.returned, fit).astype(float)
    steady = made.protected & ((made.returned > 1) & (made.returned < 254)).all(2)
    assert np.abs(result - made.original)[steady].max() <= 2


def test_the_tint_of_a_shifted_picture_is_estimated_correctly():
    made = trial(5, drift=Drift((6.5, 4.5), 0.01, 0.0, (1.06, 1.0, 0.95)), damage=Damage(), changed=False)
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert colour_error(made, fit.colour.gain, fit.colour.bias) <= 0.15


def test_a_different_picture_is_neither_aligned_nor_recoloured(photo):
    other = texture(photo.shape[:2], np.random.default_rng(8))[MARGIN:-MARGIN, MARGIN:-MARGIN]
    original = photo[MARGIN:-MARGIN, MARGIN:-MARGIN]
    fit = estimate(original, other, ~blobs(original.shape[:2], 0.08, np.random.default_rng(8)))
    assert not fit.accepted
    assert (fit.motion, fit.colour) == (Motion(), Colour())


@pytest.mark.parametrize("seed", range(4))
def test_wires_in_a_clear_sky_are_not_aligned_as_a_shift_along_them_is_invisible(seed):
    wide = sky((WIDE, WIDE), np.random.default_rng(seed)).astype(int)
    down, right = np.mgrid[:WIDE, :WIDE]
    for place in (-60, -30, 25, 70):
        off = abs(0.9 * (right - WIDE / 2) - 0.436 * (down - WIDE / 2) - place)
        wide -= (110 * np.clip(2.5 - off, 0, 1)).astype(int)[..., None]
    made = trial(seed, wide=wide.clip(0, 255).astype(np.uint8), drift=replace(DRIFT, shift=(-5, -11)))
    fit = estimate(made.original, made.returned, made.protected)
    assert not fit.accepted and fit.motion == Motion()


def test_a_plain_surface_is_not_moved_but_its_tint_is_corrected():
    noise = np.random.default_rng(6).normal(0, 1, (2, SIDE, SIDE, 3))
    original, returned = (np.clip(np.rint(128 + n), 0, 255).astype(np.uint8) for n in noise)
    returned += np.uint8(9)
    fit = estimate(original, returned, np.ones((SIDE, SIDE), bool))
    assert fit.motion == Motion()
    assert abs(correct(returned, fit).mean() - original.mean()) <= 1


@pytest.mark.parametrize("protected", [np.zeros((SIDE, SIDE), bool), np.eye(SIDE, dtype=bool)])
def test_too_few_protected_pixels_give_no_estimate(protected):
    made = trial(9)
    assert estimate(made.original, made.returned, protected) == Fit(reason="too few protected pixels")


@pytest.mark.parametrize("shape", [(1, 1), (20, 300), (47, 47)])
def test_tiny_pictures_give_no_estimate(shape):
    rng = np.random.default_rng(1)
    one, other = (rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(2))
    assert estimate(one, other, np.ones(shape, bool)) == Fit(reason="too few protected pixels")


@pytest.mark.parametrize("shape", [(333, 517), (200, 900), whole_run((1000, 1999))])
def test_sizes_not_divisible_by_a_power_of_two_are_aligned(shape):
    rng = np.random.default_rng(11)
    wide = texture((shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN), rng)
    drift = Drift((3.3, -2.2), 0.005, 0.1, (1.04, 1, 0.97))
    made = make_trial(wide, wide[::-1], drift, Damage(noise=1, quality=90), rng)
    fit = estimate(made.original, made.returned, made.protected)
    assert fit.accepted
    assert error(made, fit) <= 0.1
    assert correct(made.returned, fit).shape == made.original.shape


def test_alpha_is_moved_along_and_hidden_colours_do_not_bleed():
    rng = np.random.default_rng(12)
    picture = np.full((64, 64, 4), 255, np.uint8)
    picture[:, :32] = (0, 255, 0, 0)
    picture[:, 32:, :3] = 200
    moved = correct(picture, Fit(Motion(1 + 0j, complex(2.5, 0)), accepted=True))
    assert moved.shape == picture.shape
    assert (moved[:, :28, 3] == 0).all()
    assert (moved[:, 31:, 3] == 255).all()
    visible = moved[moved[..., 3] > 8][:, :3].astype(int)
    assert np.abs(visible - 200).max() <= 2
    opaque = np.dstack([rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), np.full((64, 64), 255, np.uint8)])
    assert (correct(opaque, Fit(Motion(1 + 0j, 3j), accepted=True))[..., 3] == 255).all()


def test_whole_pixels_are_moved_losslessly_and_the_edge_is_replicated():
    picture = np.asarray(Image.fromarray(texture((80, 90), np.random.default_rng(13))))
    moved = correct(picture, Fit(Motion(1 + 0j, complex(3, -2)), accepted=True))
    assert np.array_equal(moved[2:, :-3], picture[:-2, 3:])
    assert np.array_equal(moved[2:, -3:], np.repeat(picture[:-2, -1:], 3, 1))


def test_the_inputs_are_not_modified():
    made = trial(1)
    before = made.original.copy(), made.returned.copy(), made.protected.copy()
    correct(made.returned, estimate(made.original, made.returned, made.protected))
    assert all(
        np.array_equal(a, b) for a, b in zip(before, (made.original, made.returned, made.protected), strict=True)
    )


def test_pictures_of_different_sizes_raise_an_error():
    one, other = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        estimate(one, other, np.ones((64, 64), bool))
