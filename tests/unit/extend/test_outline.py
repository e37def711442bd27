"""The geometry of the drawing in Extend Canvas: both canvases fit, and a dragged edge follows the pointer."""

import pytest

from lib.frame.geometry import Rect, Size
from plugin.extend.extension import Extension
from plugin.extend.outline import GRAB_DISTANCE, Outline

MAX_SIZE = Size(320, 220)
CANVASES = [Size(640, 480), Size(6000, 400), Size(90, 4000), Size(1, 1)]
SIDES = [(0, 0, 0, 0), (64, 0, 0, 0), (0, 1000, 0, 30), (5, 6, 7, 8)]


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("canvas", CANVASES)
def test_both_canvases_fit_into_the_drawing(canvas, sides):
    extension = Extension(canvas, *sides)
    outline = Outline.fit(canvas, extension.whole, MAX_SIZE)
    assert Rect(0, 0, MAX_SIZE.width, MAX_SIZE.height).contains(outline.new)
    assert outline.new.contains(outline.old)
    assert min(outline.old.width, outline.old.height) >= 1


def test_the_canvas_is_centred_and_as_large_as_the_drawing_allows():
    outline = Outline.fit(Size(400, 100), Rect(0, 0, 400, 100), MAX_SIZE)
    assert outline.old == outline.new
    assert abs(outline.old.x - (MAX_SIZE.width - outline.old.right)) <= 1
    assert outline.old.width > 0.7 * MAX_SIZE.width


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_an_edge_can_be_grabbed_where_it_is_drawn_and_follows_the_pointer(side):
    canvas = Size(640, 480)
    outline = Outline.fit(canvas, Extension(canvas, 100, 80, 60, 40).whole, MAX_SIZE)
    new = outline.new
    middle = {
        "left": (new.x, new.y + new.height / 2),
        "right": (new.right, new.y + new.height / 2),
        "top": (new.x + new.width / 2, new.y),
        "bottom": (new.x + new.width / 2, new.bottom),
    }[side]
    assert outline.sides_at(*middle) == (side,)
    expected = {"left": 100, "top": 80, "right": 60, "bottom": 40}[side]
    assert abs(outline.growth_at(side, *middle) - expected) <= 2 / outline.scale
    dragged = outline.with_extent(Extension(canvas, 300, 300, 300, 300).whole)
    assert dragged.old == outline.old and dragged.new.contains(outline.new)
    inside = outline.old.x + outline.old.width / 2, outline.old.y + outline.old.height / 2
    assert outline.growth_at(side, *inside) == 0


def test_a_corner_grabs_two_sides_and_the_middle_none():
    outline = Outline.fit(Size(640, 480), Rect(-50, -50, 740, 580), MAX_SIZE)
    assert outline.sides_at(outline.new.x + 1, outline.new.bottom - 1) == ("left", "bottom")
    assert outline.sides_at(outline.new.x + outline.new.width / 2, outline.new.y + outline.new.height / 2) == ()
    assert outline.sides_at(outline.new.x - GRAB_DISTANCE - 1, outline.new.y) == ()


def test_the_nearer_edge_of_a_tiny_canvas_is_grabbed():
    outline = Outline.fit(Size(1, 1), Rect(0, -1000, 1, 1001), MAX_SIZE)
    new = outline.new
    assert outline.sides_at(new.right + 3, new.y + new.height / 2) == ("right",)


def test_an_area_of_the_new_canvas_is_mapped_to_the_drawing():
    extension = Extension(Size(200, 100), 100, 0, 0, 0)
    outline = Outline.fit(extension.canvas, extension.whole, MAX_SIZE)
    assert outline.to_drawing(Rect(0, 0, 300, 100)) == outline.new
    assert outline.to_drawing(extension.old) == outline.old
