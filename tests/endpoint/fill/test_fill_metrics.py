"""The metrics for fills: they measure what their names say."""

import numpy as np
import pytest

from tests.bench import fill_metrics as metrics
from tests.bench.fill import object_hole, strip_hole, table


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(60, 200, (96, 96, 3), dtype=np.uint8)


@pytest.fixture
def hole():
    return object_hole(96)


def blurred(picture):
    rows = np.mean([np.roll(picture, k, 0) for k in range(-3, 4)], 0)
    return np.mean([np.roll(rows, k, 1) for k in range(-3, 4)], 0).astype(np.uint8)


def test_the_truth_is_perfect(truth, hole):
    assert metrics.psnr(truth, truth, hole) == float("inf")
    assert metrics.ssim(truth, truth, hole) == pytest.approx(1)
    assert metrics.seam(truth, truth, hole) == 0
    assert metrics.texture_distance(truth, truth, hole) == 0


def test_psnr_of_a_known_error(truth, hole):
    assert metrics.psnr(truth + np.uint8(10), truth, hole) == pytest.approx(20 * np.log10(25.5))


def test_psnr_ignores_pixels_outside_the_hole(truth, hole):
    other = np.where(hole[..., None], truth, 0).astype(np.uint8)
    assert metrics.psnr(other, truth, hole) == float("inf")


def test_a_brighter_fill_has_a_visible_seam(hole):
    flat = np.full((96, 96, 3), 100, np.uint8)
    brighter = np.where(hole[..., None], np.uint8(130), flat)
    assert metrics.seam(brighter, flat, hole) == pytest.approx(30)
    assert metrics.seam(flat, brighter, hole) == pytest.approx(-30)


def test_texture_distance_forgives_moved_texture_but_not_blur(truth, hole):
    moved = np.roll(truth, 17, 0)
    smear = np.where(hole[..., None], blurred(truth), truth)
    assert metrics.texture_distance(moved, truth, hole) < metrics.texture_distance(smear, truth, hole) / 2
    assert metrics.psnr(smear, truth, hole) > metrics.psnr(moved, truth, hole)


def test_holes_have_the_size_in_the_table():
    assert 0.045 < object_hole(512).mean() < 0.08
    for side, edge in {"top": (0, 5), "bottom": (-1, 5), "left": (5, 0), "right": (5, -1)}.items():
        strip = strip_hole(1024, side)
        assert strip.sum() == 96 * 1024
        assert strip[edge]


def test_the_table_omits_the_seconds_of_small_pictures():
    one = {"PSNR": 20.0, "SSIM": 0.5, "seam": -1.0, "|seam|": 1.0, "SWD": 0.1, "seconds": 2.0}
    other = {**one, "PSNR": 10.0, "seconds": float("nan")}
    assert "| ours | 15.000 | 0.500 | -1.000 | 1.000 | 0.100 | 2.000 |" in table("object", {"ours": [one, other]})
