"""The tiles of the second pass: guarantees as properties, and typical results as a table."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.api.models import FreeSize, SizeList
from lib.frame.frame import FrameError
from lib.frame.geometry import Rect, Size
from lib.frame.tiles import MIN_OVERLAP, MOST_TILES, OVERLAP_PART, plan_tiles
from tests.campaigns import examples

GPT = SizeList(((1024, 1024), (1536, 1024), (1024, 1536)))
FREE = FreeSize(multiple=16, max_edge=3840, max_ratio=3.0, min_pixels=655_360, max_pixels=8_294_400)
SMALL = FreeSize(multiple=16, max_edge=1536, max_ratio=3.0, min_pixels=65_536, max_pixels=1_572_864)
CANVAS = Size(7344, 4896)

rules = st.sampled_from([GPT, FREE, SMALL])


@st.composite
def areas(draw):
    """A canvas and an area of it."""
    canvas = Size(draw(st.integers(1, 9000)), draw(st.integers(1, 9000)))
    left, right = sorted((draw(st.integers(0, canvas.width)), draw(st.integers(0, canvas.width))))
    top, bottom = sorted((draw(st.integers(0, canvas.height)), draw(st.integers(0, canvas.height))))
    area = Rect.from_edges(left, top, right, bottom)
    assume(not area.empty)
    return canvas, area


@examples(150)
@given(areas(), rules)
def test_the_tiles_cover_the_area_in_allowed_sizes_with_overlaps(place, rule):
    canvas, area = place
    tiles = plan_tiles(canvas, area, rule=rule)
    assume(tiles)
    whole = Rect(0, 0, canvas.width, canvas.height)
    assert len(tiles) <= MOST_TILES
    assert len({tile.size for tile in tiles}) == 1
    for tile in tiles:
        assert rule.allows(tile.size.width, tile.size.height)
        assert tile.scale >= 1, "no detail is lost"
        assert tile.frame == tile.sent.intersect(whole)
        assert not tile.frame.empty
        assert tile.sent.width <= canvas.width or tile.frame.width == canvas.width, "inside the canvas if possible"
    columns = sorted({(tile.frame.x, tile.frame.right) for tile in tiles})
    rows = sorted({(tile.frame.y, tile.frame.bottom) for tile in tiles})
    assert len(columns) * len(rows) == len(tiles)
    assert_covered(columns, area.x, area.right)
    assert_covered(rows, area.y, area.bottom)


def assert_covered(spans, start, end):
    assert spans[0][0] <= start
    assert spans[-1][1] >= end
    for before, after in zip(spans, spans[1:], strict=False):
        assert before[1] - after[0] >= max(MIN_OVERLAP, (after[1] - after[0]) // OVERLAP_PART)


@pytest.mark.parametrize(
    ("area", "rule", "count", "size"),
    [
        (Rect(2000, 1000, 900, 900), GPT, 1, Size(1024, 1024)),
        (Rect(2000, 1000, 3000, 2000), GPT, 8, Size(1024, 1536)),
        (Rect(2000, 1000, 3000, 2000), FREE, 1, Size(3008, 2000)),
        (Rect(0, 0, 7344, 4896), FREE, 6, None),
        (Rect(2000, 1000, 3000, 2000), SMALL, 6, None),
    ],
)
def test_tiles_are_few(area, rule, count, size):
    tiles = plan_tiles(CANVAS, area, rule=rule)
    assert len(tiles) == count
    assert size in (None, tiles[0].size)
    assert all(not tile.resampled for tile in tiles), "at 1:1"


def test_the_options_limit_the_size():
    area = Rect(2000, 1000, 3000, 2000)
    assert all(tile.size.longest <= 1024 for tile in plan_tiles(CANVAS, area, rule=FREE, largest=1024))
    assert plan_tiles(CANVAS, area, rule=GPT, size=Size(1024, 1024))[0].size == Size(1024, 1024)
    with pytest.raises(FrameError):
        plan_tiles(CANVAS, area, rule=GPT, largest=100)


def test_too_many_tiles_are_none():
    assert plan_tiles(Size(30_000, 30_000), Rect(0, 0, 30_000, 30_000), rule=GPT) == []
