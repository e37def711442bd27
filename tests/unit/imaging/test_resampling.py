"""Resampling: no seams between tiles, no visible blur, one rounding."""

import math

import numpy as np
import pytest
from PIL import Image

from lib.imaging import resampling
from lib.imaging.registration import Motion
from lib.imaging.resampling import move, scale

MOTION = Motion(1.01 + 0.02j, complex(6.3, -4.6))


def wave(x, y):
    """Return fine stripes, float32 (H, W, 3), at any positions, also between pixels."""
    bands = [128 + 90 * np.sin(2 * math.pi * (x * a + y * b)) for a, b in ((0.19, 0.05), (0.02, 0.21), (0.11, 0.12))]
    return np.stack(bands, 2).astype(np.float32)


def positions(width, height):
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return x - width / 2 + 1j * (y - height / 2)


def error(visible):
    source = positions(400, 300)
    target = MOTION.turn * source + MOTION.shift
    result = move(wave(source.real, source.imag), MOTION, visible)
    return np.abs(result - wave(target.real, target.imag))[30:-30, 30:-30]


def test_visible_parts_keep_their_fine_detail():
    plain = error(np.zeros((300, 400), bool)).mean()
    assert error(np.ones((300, 400), bool)).mean() < 0.5 * plain < 3


def test_only_visible_tiles_are_sharp(monkeypatch):
    monkeypatch.setattr(resampling, "TILE", 64)
    visible = np.zeros((300, 400), bool)
    visible[100:180, 200:260] = True
    left = error(visible)
    assert left[70:150, 170:230].mean() < 0.5 * left[:, :90].mean()


@pytest.mark.parametrize("sharp", [True, False])
def test_tiles_leave_no_seams(monkeypatch, sharp):
    picture = wave(*np.meshgrid(np.arange(150.0), np.arange(130.0)))
    visible = np.full(picture.shape[:2], sharp)
    whole = move(picture, MOTION, visible)
    monkeypatch.setattr(resampling, "TILE", 32)
    assert np.abs(move(picture, MOTION, visible) - whole).max() < 0.01


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_scaling_rounds_only_once(mode):
    values = np.random.default_rng(1).integers(90, 160, (60, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(values).convert(mode)
    box, size = (3.5, 2, 71.5, 53), (177, 131)
    exact = [band.convert("F").resize(size, Image.Resampling.LANCZOS, box) for band in picture.split()]
    result = np.asarray(scale(picture, size, box), float)
    assert np.abs(result - np.stack([np.asarray(band) for band in exact], 2)).max() <= 0.501


def test_scaling_does_not_reveal_hidden_colours():
    values = np.full((40, 40, 4), 200, np.uint8)
    values[:, :20] = (255, 0, 0, 0)
    values[:, 20:, 3] = 255
    result = np.asarray(scale(Image.fromarray(values), (60, 60), (0, 0, 40, 40)), int)
    opaque = result[result[..., 3] > 8]
    assert np.abs(opaque[:, 0] - opaque[:, 1]).max() <= 2, "the red that was hidden"
