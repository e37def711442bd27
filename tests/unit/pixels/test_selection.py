"""A selection that is given by its values in one rectangle, such as the layer mask of an earlier result."""

import pytest

from lib.frame.geometry import Rect, Size
from plugin.pixels.selection import NOTHING_SELECTED, StoredSelection

#  columns 10 to 13, rows 20 to 22
STORED = StoredSelection(Rect(10, 20, 4, 3), bytes([0, 0, 0, 0, 0, 9, 255, 0, 0, 1, 0, 0]))


def test_bounds_include_every_selected_pixel():
    assert STORED.bounds == Rect(11, 21, 2, 2)
    assert StoredSelection(Rect(-3, 5, 1, 1), b"\x01").bounds == Rect(-3, 5, 1, 1)


def test_an_empty_selection_has_no_bounds():
    assert NOTHING_SELECTED.bounds is None and StoredSelection(Rect(0, 0, 2, 1), b"\0\0").bounds is None
    assert NOTHING_SELECTED.values(Rect(3, 4, 5, 6)) == bytes(30)


@pytest.mark.parametrize(
    "area",
    [
        Rect(10, 20, 4, 3), Rect(8, 19, 9, 6), Rect(11, 21, 2, 1), Rect(12, 10, 50, 13), Rect(0, 22, 12, 9),
        Rect(0, 0, 3, 3), Rect(-5, -5, 40, 40),
    ],
)  # fmt: skip
def test_values_are_at_their_position_on_the_canvas(area):
    def value(x, y):
        inside = 10 <= x < 14 and 20 <= y < 23
        return STORED.data[(y - 20) * 4 + x - 10] if inside else 0

    rows = range(area.y, area.bottom)
    assert STORED.values(area) == bytes(value(x, y) for y in rows for x in range(area.x, area.right))


def test_a_thumbnail_has_the_values_of_the_same_area():
    assert STORED.thumbnail(STORED.rect, Size(4, 3)) == STORED.data
    assert STORED.thumbnail(Rect(10, 20, 4, 2), Size(2, 1)) == bytes(2)
    assert STORED.thumbnail(Rect(10, 21, 4, 2), Size(2, 1)) == bytes([0, 255])
