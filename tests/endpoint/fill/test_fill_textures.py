"""Fills of textures with a known correct result, and where the copied pixels come from."""

import numpy as np
import pytest

from lib.endpoint.fill import fill
from lib.endpoint.fill.fill import shift_maps
from lib.endpoint.fill.pyramid import Level, build


def disc(side, radius):
    rows, cols = np.mgrid[:side, :side]
    return np.hypot(rows - side // 2, cols - side // 2) < radius


def stripes(side, down, along, period):
    rows, cols = np.mgrid[:side, :side]
    wave = np.sin(2 * np.pi * (down * rows + along * cols) / period)
    return (np.stack([wave, wave * 0.5, -wave], 2) * 100 + 128).astype(np.uint8)


def checks(side, size):
    rows, cols = np.mgrid[:side, :side] // size
    return np.repeat((((rows + cols) % 2) * 200 + 20).astype(np.uint8)[..., None], 3, 2)


def error(image, hole, **options):
    blank = np.where(hole[..., None], np.uint8(127), image)
    return np.abs(fill(blank, hole, **options)[hole].astype(int) - image[hole]).mean()


# In an exactly periodic texture, several patches match equally well, so rounding, which differs by processor, selects
# one, and a seed may fail on one machine and succeed on another. Misaligned stripes differ by about 60 levels.
@pytest.mark.parametrize("seed", [0, pytest.param(7, marks=pytest.mark.whole_run)])
@pytest.mark.parametrize(
    ("image", "limit"),
    [(stripes(192, 0, 1, 16), 10), (stripes(192, 1, 0, 24), 10), (stripes(192, 1, 1, 32), 20)],
    ids=["upright", "level", "diagonal"],
)
def test_stripes_continue(image, limit, seed):
    assert error(image, disc(192, 35), seed=seed) < limit


@pytest.mark.parametrize("size", [8, pytest.param(12, marks=pytest.mark.whole_run)])
def test_checks_continue_with_one_of_ten_seeds(size):
    assert any(error(checks(192, size), disc(192, 35), seed=seed) < 4 for seed in range(10))


def test_plain_colour_stays_exactly_plain():
    image = np.full((90, 120, 3), (10, 120, 240), np.uint8)
    hole = np.zeros((90, 120), bool)
    hole[30:70, 40:] = True
    assert error(image, hole) == 0


def test_gradients_continue():
    ramp = np.repeat(np.linspace(20, 220, 160).astype(np.uint8)[None, :, None], 160, 0)
    assert error(np.repeat(ramp, 3, 2), disc(160, 30)) < 3


def test_an_edge_continues_through_the_hole():
    image = np.zeros((160, 160, 3), np.uint8)
    image[80:] = 200
    assert error(image, disc(160, 25)) < 3


def test_an_extension_continues_level_stripes():
    hole = np.zeros((192, 192), bool)
    hole[:, :48] = True
    assert error(stripes(192, 1, 0, 24), hole) < 4


@pytest.mark.parametrize("side", [96, 200])
def test_every_pixel_is_copied_from_a_source_outside_avoid(side):
    rng = np.random.default_rng(3)
    hole, avoid = disc(side, side // 6), np.zeros((side, side), bool)
    avoid[:, : side // 3] = True
    avoid[rng.random((side, side)) < 0.0002] = True
    source = ~(hole | avoid)
    levels = build(Level(rng.integers(0, 256, (side, side, 3)).astype(np.float32), ~hole, source))
    for shift_map in shift_maps(levels, seed=1):
        graph, moves = shift_map.graph, shift_map.moves
        copies = moves.any(1)
        rows, cols = graph.rows[copies] + moves[copies, 0], graph.cols[copies] + moves[copies, 1]
        assert copies.mean() > 0.99
        assert graph.level.source[rows, cols].all()
    assert np.array_equal(graph.level.source, source)


def test_an_avoided_colour_is_not_copied():
    image = np.full((200, 200, 3), (0, 90, 0), np.uint8)
    image += np.random.default_rng(0).integers(0, 40, image.shape, dtype=np.uint8)
    image[20:60, 20:180] = (250, 0, 0)
    hole = np.zeros((200, 200), bool)
    hole[100:150, 60:140] = True
    avoid = np.zeros_like(hole)
    avoid[15:65, 15:185] = True
    assert fill(image, hole, avoid=avoid)[hole][:, 0].max() < 80


def test_with_everything_avoided_the_hole_is_filled_smoothly():
    image = np.full((60, 60, 3), 90, np.uint8)
    image[:, 30:] = 110
    hole = disc(60, 12)
    filled = fill(image, hole, avoid=np.ones((60, 60), bool))[hole]
    assert filled.min() >= 85 and filled.max() <= 115


def test_if_the_surroundings_are_avoided_the_rest_of_the_picture_is_copied():
    image, hole = checks(400, 8), np.zeros((400, 400), bool)
    hole[40:80, 40:80] = True
    avoid = np.zeros_like(hole)
    avoid[:200] = True
    assert error(image, hole, avoid=avoid) < 60
