"""Pictures moved and scaled: no seam between tiles, no blur worth seeing, one rounding."""

import math

import numpy as np
import pytest
from PIL import Image

from lib.imaging import resampling
from lib.imaging.registration import Motion
from lib.imaging.resampling import moved, scaled

MOTION = Motion(1.01 + 0.02j, complex(6.3, -4.6))


def wave(x, y):
    """A smooth picture that is known between its pixels too: rather fine stripes, float32 (H, W, 3)."""
    bands = [128 + 90 * np.sin(2 * math.pi * (x * a + y * b)) for a, b in ((0.19, 0.05), (0.02, 0.21), (0.11, 0.12))]
    return np.stack(bands, 2).astype(np.float32)


def places(width, height):
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return x - width / 2 + 1j * (y - height / 2)


def error(shown):
    here = places(400, 300)
    there = MOTION.turn * here + MOTION.shift
    result = moved(wave(here.real, here.imag), MOTION, shown)
    return np.abs(result - wave(there.real, there.imag))[30:-30, 30:-30]


def test_what_is_shown_keeps_its_fine_detail():
    plain = error(np.zeros((300, 400), bool)).mean()
    assert error(np.ones((300, 400), bool)).mean() < 0.5 * plain < 3


def test_only_tiles_that_are_shown_are_made_sharp(monkeypatch):
    monkeypatch.setattr(resampling, "TILE", 64)
    shown = np.zeros((300, 400), bool)
    shown[100:180, 200:260] = True
    left = error(shown)
    assert left[70:150, 170:230].mean() < 0.5 * left[:, :90].mean()


@pytest.mark.parametrize("sharp", [True, False])
def test_tiles_leave_no_seam(monkeypatch, sharp):
    picture = wave(*np.meshgrid(np.arange(150.0), np.arange(130.0)))
    shown = np.full(picture.shape[:2], sharp)
    whole = moved(picture, MOTION, shown)
    monkeypatch.setattr(resampling, "TILE", 32)
    assert np.abs(moved(picture, MOTION, shown) - whole).max() < 0.01


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_scaling_rounds_once(mode):
    values = np.random.default_rng(1).integers(90, 160, (60, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(values).convert(mode)
    box, size = (3.5, 2, 71.5, 53), (177, 131)
    exact = [band.convert("F").resize(size, Image.Resampling.LANCZOS, box) for band in picture.split()]
    found = np.asarray(scaled(picture, size, box), float)
    assert np.abs(found - np.stack([np.asarray(band) for band in exact], 2)).max() <= 0.501


def test_hidden_colours_stay_hidden_when_scaled():
    values = np.full((40, 40, 4), 200, np.uint8)
    values[:, :20] = (255, 0, 0, 0)
    values[:, 20:, 3] = 255
    found = np.asarray(scaled(Image.fromarray(values), (60, 60), (0, 0, 40, 40)), int)
    seen = found[found[..., 3] > 8]
    assert np.abs(seen[:, 0] - seen[:, 1]).max() <= 2, "the red that was hidden"
