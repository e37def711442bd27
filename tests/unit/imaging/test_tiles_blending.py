"""Blending the tiles of a second pass: weights, seams, missing tiles."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.api.models import SizeList
from lib.frame.geometry import Rect, Size
from lib.frame.tiles import plan_tiles
from lib.imaging.light import follow
from lib.imaging.tiles import Tile, blend, span_weights
from tests.campaigns import examples

RULE = SizeList(((160, 160), (240, 160)))


def noise(seed, height, width, channels=4):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def tiles_of(picture, missing=()):
    """The tiles of a picture, as the plan of its size has them."""
    size = Size(picture.shape[1], picture.shape[0])
    plans = plan_tiles(size, Rect(0, 0, size.width, size.height), rule=RULE)
    assert plans
    places = [plan.frame for plan in plans]
    return [
        Tile(at, None if number in missing else picture[at.y : at.bottom, at.x : at.right])
        for number, at in enumerate(places)
    ]


@examples(100)
@given(st.lists(st.tuples(st.integers(-50, 400), st.integers(80, 300)), min_size=1, max_size=6), st.integers(1, 500))
def test_weights_sum_to_one_wherever_there_is_a_span(starts, length):
    spans = sorted({(start, start + side) for start, side in starts})
    assume(all(before[1] <= after[1] for before, after in zip(spans, spans[1:], strict=False)))
    weights = span_weights(spans, length)
    covered = np.zeros(length, bool)
    for start, end in spans:
        covered[max(0, start) : max(0, end)] = True
    assert weights.min() >= 0
    assert np.allclose(weights.sum(0), covered, atol=1e-6)


def test_a_ramp_rises_without_a_step():
    first, second = span_weights([(0, 100), (36, 136)], 136)
    assert np.abs(np.diff(second)).max() < np.pi / 2 / 64 * 1.01
    assert (first[:36] == 1).all()
    assert (second[100:] == 1).all()


@examples(25)
@given(st.integers(161, 420), st.integers(161, 420), st.integers(0, 9))
def test_tiles_of_a_picture_give_that_picture(width, height, seed):
    refined = noise(seed, height, width)
    result = noise(seed + 100, height, width)
    blended = blend(result, tiles_of(refined))
    assert np.array_equal(blended[..., :3], refined[..., :3])
    assert np.array_equal(blended[..., 3], result[..., 3]), "the alpha channel is the result's"


def test_different_tiles_meet_without_a_seam():
    result = np.full((300, 420, 4), 100, np.uint8)
    tiles = [
        Tile(tile.place, np.full_like(tile.picture, 100 + 40 * (number % 2)))
        for number, tile in enumerate(tiles_of(result))
    ]
    steps = [np.abs(np.diff(blend(result, tiles)[..., 0].astype(int), axis=axis)).max() for axis in (0, 1)]
    assert 0 < max(steps) <= 2, "of 40 levels"


def test_a_missing_tile_fades_into_the_result():
    refined, result = np.full((300, 420, 4), 200, np.uint8), np.full((300, 420, 4), 100, np.uint8)
    tiles = tiles_of(refined, missing={0})
    blended = blend(result, tiles)[..., 0].astype(int)
    assert blended[0, 0] == 100
    assert blended[-1, -1] == 200
    assert max(np.abs(np.diff(blended, axis=axis)).max() for axis in (0, 1)) <= 4


def test_a_tile_may_reach_beyond_the_result():
    result, refined = noise(1, 200, 200), noise(2, 400, 400)
    blended = blend(result, [Tile(Rect(-100, -150, 400, 400), refined)])
    assert np.array_equal(blended[..., :3], refined[150:350, 100:300, :3])


def test_a_refined_tile_takes_its_light_from_what_was_sent():
    rows = np.linspace(60, 180, 256)
    sent = np.repeat(np.rint(rows)[:, None, None], 256, 1).repeat(3, 2).astype(np.uint8)
    texture = np.random.default_rng(0).normal(0, 20, (256, 256, 1))
    answer = np.clip(sent * 0.8 + 30 + texture, 0, 255).astype(np.uint8)
    levelled = follow(sent, answer)
    difference = levelled.picture.astype(int) - sent
    assert levelled.levels > 3
    blocks = difference.reshape(4, 64, 4, 64, 3).mean((1, 3))
    assert np.abs(blocks).max() < 1.0, "as light as what was sent"
    assert difference.std() == pytest.approx(20, abs=2), "with its detail"
