"""Lining up: against a known drift, on textures and photographs; what cannot be trusted is left as it came."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lib.imaging.fit import Colour, Fit, Motion, apply, fit
from tests.fit_trials import (
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
from tests.photographs import photograph

SIDE = 512
WIDE = SIDE + 2 * MARGIN
KNOWN = Drift((6, 4), 0.01, 0.0, (1.06, 1.0, 0.95))


def trial(seed, *, drift=None, damage=None, wide=None, changed=True, side=SIDE):
    rng = np.random.default_rng(seed)
    shape = (side + 2 * MARGIN, side + 2 * MARGIN)
    wide = texture(shape, rng) if wide is None else wide
    drift = random_drift(rng) if drift is None else drift
    return make_trial(wide, texture(shape, rng), drift, damage or random_damage(rng), rng, changed=changed)


def error(made: Trial, found: Fit) -> float:
    return mean_error(made, found.motion.turn, found.motion.shift)


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


def test_textures_are_lined_up_to_a_few_hundredths_of_a_pixel(campaign):
    errors, tints = [], []
    for seed in range(campaign(brief=4, whole=10)):
        made = trial(seed)
        found = fit(made.original, made.returned, made.protected)
        assert found.accepted
        assert found.reason == "lined up"
        errors.append(error(made, found))
        tints.append(colour_error(made, found.colour.gain, found.colour.bias))
    assert np.median(errors) <= 0.03
    assert max(errors) <= 0.1
    assert max(tints) <= 1.0


def test_photographs_are_lined_up_to_a_few_hundredths_of_a_pixel(photo):
    made = [trial(seed, wide=photo) for seed in range(4)]
    found = [fit(m.original, m.returned, m.protected) for m in made]
    assert all(f.accepted for f in found)
    assert np.median([error(m, f) for m, f in zip(made, found, strict=True)]) <= 0.05
    assert max(colour_error(m, f.colour.gain, f.colour.bias) for m, f in zip(made, found, strict=True)) <= 1.0


@pytest.mark.parametrize("damage", [Damage(wobble=0.7), Damage(repainted=0.2), Damage(noise=3, quality=75)])
def test_damage_does_not_lead_it_astray(photo, damage):
    made = trial(7, wide=photo, damage=damage)
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert error(made, found) <= 0.35


def test_a_plain_sky_is_lined_up_although_its_tint_looks_like_motion():
    made = trial(3, wide=sky((1024 + 2 * MARGIN, 1024 + 2 * MARGIN), np.random.default_rng(3)), side=1024)
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert error(made, found) <= 0.2


@pytest.mark.parametrize("seed", range(4))
def test_three_times_the_drift_is_lined_up_or_refused(photo, seed):
    made = trial(seed, wide=photo, drift=random_drift(np.random.default_rng(seed), 3))
    found = fit(made.original, made.returned, made.protected)
    assert error(made, found) <= 0.1 if found.accepted else found.motion == Motion()


def test_nothing_changed_means_a_faithful_band_inside_the_edge(photo):
    made = trial(1, wide=photo, drift=KNOWN, damage=Damage(), changed=False)
    result = apply(made.returned, fit(made.original, made.returned, made.protected))
    near = band(made.protected)
    before = np.abs(made.returned.astype(float) - made.original)[near].mean()
    after = np.abs(result.astype(float) - made.original)[near].mean()
    assert after <= 2.0
    assert after < before / 4


def test_the_drift_is_reported_in_pixels_percent_degrees_and_levels():
    made = trial(5, drift=replace(KNOWN, rotation=0.25), damage=Damage())
    drift = fit(made.original, made.returned, made.protected).drift
    assert drift["shift"] == pytest.approx(7.21, abs=0.05)
    assert drift["zoom"] == pytest.approx(1.0, abs=0.02)
    assert drift["rotation"] == pytest.approx(0.25, abs=0.02)
    assert drift["colour"] == pytest.approx(4.7, abs=1)


def test_an_identical_answer_comes_back_bit_identical():
    made = trial(2, drift=Drift(), damage=Damage(), changed=False)
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert (found.motion, found.colour, found.reason) == (Motion(), Colour(), "identical")
    assert apply(made.returned, found) is made.returned


def test_an_answer_changed_in_the_selection_only_comes_back_bit_identical():
    made = trial(2, drift=Drift(), damage=Damage())
    found = fit(made.original, made.returned, made.protected)
    assert found.reason == "identical"
    assert np.array_equal(apply(made.returned, found), made.returned)


def test_a_tint_alone_is_undone_without_resampling():
    made = trial(4, drift=Drift(gain=(1.05, 1.0, 0.96), bias=(2, -3, 0)), damage=Damage())
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert found.motion == Motion()
    result = apply(made.returned, found).astype(float)
    steady = made.protected & ((made.returned > 1) & (made.returned < 254)).all(2)
    assert np.abs(result - made.original)[steady].max() <= 2


def test_a_tint_is_measured_rightly_where_the_picture_was_shifted_too():
    made = trial(5, drift=Drift((6.5, 4.5), 0.01, 0.0, (1.06, 1.0, 0.95)), damage=Damage(), changed=False)
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert colour_error(made, found.colour.gain, found.colour.bias) <= 0.15


def test_another_picture_is_refused_and_keeps_its_colours(photo):
    other = texture(photo.shape[:2], np.random.default_rng(8))[MARGIN:-MARGIN, MARGIN:-MARGIN]
    original = photo[MARGIN:-MARGIN, MARGIN:-MARGIN]
    found = fit(original, other, ~blobs(original.shape[:2], 0.08, np.random.default_rng(8)))
    assert not found.accepted
    assert (found.motion, found.colour) == (Motion(), Colour())


@pytest.mark.parametrize("seed", range(4))
def test_wires_in_a_clear_sky_are_refused_as_a_shift_along_them_cannot_be_seen(seed):
    wide = sky((WIDE, WIDE), np.random.default_rng(seed)).astype(int)
    down, right = np.mgrid[:WIDE, :WIDE]
    for place in (-60, -30, 25, 70):
        off = abs(0.9 * (right - WIDE / 2) - 0.436 * (down - WIDE / 2) - place)
        wide -= (110 * np.clip(2.5 - off, 0, 1)).astype(int)[..., None]
    made = trial(seed, wide=wide.clip(0, 255).astype(np.uint8), drift=replace(KNOWN, shift=(-5, -11)))
    found = fit(made.original, made.returned, made.protected)
    assert not found.accepted and found.motion == Motion()


def test_a_plain_surface_is_not_moved_but_its_tint_is_undone():
    noise = np.random.default_rng(6).normal(0, 1, (2, SIDE, SIDE, 3))
    original, returned = (np.clip(np.rint(128 + n), 0, 255).astype(np.uint8) for n in noise)
    returned += np.uint8(9)
    found = fit(original, returned, np.ones((SIDE, SIDE), bool))
    assert found.motion == Motion()
    assert abs(apply(returned, found).mean() - original.mean()) <= 1


@pytest.mark.parametrize("protected", [np.zeros((SIDE, SIDE), bool), np.eye(SIDE, dtype=bool)])
def test_too_few_protected_pixels_are_refused(protected):
    made = trial(9)
    assert fit(made.original, made.returned, protected) == Fit(reason="too few protected pixels")


@pytest.mark.parametrize("shape", [(1, 1), (20, 300), (47, 47)])
def test_pictures_too_small_are_refused(shape):
    rng = np.random.default_rng(1)
    one, other = (rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(2))
    assert fit(one, other, np.ones(shape, bool)) == Fit(reason="too few protected pixels")


@pytest.mark.parametrize("shape", [(333, 517), (200, 900), whole_run((1000, 1999))])
def test_sizes_that_no_power_of_two_divides_are_lined_up(shape):
    rng = np.random.default_rng(11)
    wide = texture((shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN), rng)
    drift = Drift((3.3, -2.2), 0.005, 0.1, (1.04, 1, 0.97))
    made = make_trial(wide, wide[::-1], drift, Damage(noise=1, quality=90), rng)
    found = fit(made.original, made.returned, made.protected)
    assert found.accepted
    assert error(made, found) <= 0.1
    assert apply(made.returned, found).shape == made.original.shape


def test_alpha_is_carried_along_and_hidden_colour_does_not_bleed():
    rng = np.random.default_rng(12)
    picture = np.full((64, 64, 4), 255, np.uint8)
    picture[:, :32] = (0, 255, 0, 0)
    picture[:, 32:, :3] = 200
    moved = apply(picture, Fit(Motion(1 + 0j, complex(2.5, 0)), accepted=True))
    assert moved.shape == picture.shape
    assert (moved[:, :28, 3] == 0).all()
    assert (moved[:, 31:, 3] == 255).all()
    seen = moved[moved[..., 3] > 8][:, :3].astype(int)
    assert np.abs(seen - 200).max() <= 2
    opaque = np.dstack([rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), np.full((64, 64), 255, np.uint8)])
    assert (apply(opaque, Fit(Motion(1 + 0j, 3j), accepted=True))[..., 3] == 255).all()


def test_whole_pixels_are_moved_without_any_loss_and_the_edge_is_repeated():
    picture = np.asarray(Image.fromarray(texture((80, 90), np.random.default_rng(13))))
    moved = apply(picture, Fit(Motion(1 + 0j, complex(3, -2)), accepted=True))
    assert np.array_equal(moved[2:, :-3], picture[:-2, 3:])
    assert np.array_equal(moved[2:, -3:], np.repeat(picture[:-2, -1:], 3, 1))


def test_the_inputs_are_left_alone():
    made = trial(1)
    before = made.original.copy(), made.returned.copy(), made.protected.copy()
    apply(made.returned, fit(made.original, made.returned, made.protected))
    assert all(
        np.array_equal(a, b) for a, b in zip(before, (made.original, made.returned, made.protected), strict=True)
    )


def test_pictures_of_different_sizes_are_a_mistake_of_the_caller():
    one, other = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        fit(one, other, np.ones((64, 64), bool))
