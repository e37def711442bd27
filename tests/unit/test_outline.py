"""The drawing of a canvas that grows: both rectangles fit, and a dragged edge follows the pointer."""

import pytest

from lib.frame.geometry import Rect, Size
from plugin.extend.extension import Extension
from plugin.extend.outline import NEAR, Outline

ROOM = Size(320, 220)
CANVASES = [Size(640, 480), Size(6000, 400), Size(90, 4000), Size(1, 1)]
SIDES = [(0, 0, 0, 0), (64, 0, 0, 0), (0, 1000, 0, 30), (5, 6, 7, 8)]


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("canvas", CANVASES)
def test_both_canvases_are_drawn_in_the_room(canvas, sides):
    extension = Extension(canvas, *sides)
    outline = Outline.fit(canvas, extension.whole, ROOM)
    assert Rect(0, 0, ROOM.width, ROOM.height).contains(outline.new)
    assert outline.new.contains(outline.old)
    assert min(outline.old.width, outline.old.height) >= 1


def test_the_picture_is_as_large_as_the_room_allows_and_in_its_middle():
    outline = Outline.fit(Size(400, 100), Rect(0, 0, 400, 100), ROOM)
    assert outline.old == outline.new
    assert abs(outline.old.x - (ROOM.width - outline.old.right)) <= 1
    assert outline.old.width > 0.7 * ROOM.width


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_an_edge_is_grasped_where_it_is_drawn_and_follows_the_pointer(side):
    canvas = Size(640, 480)
    outline = Outline.fit(canvas, Extension(canvas, 100, 80, 60, 40).whole, ROOM)
    new = outline.new
    middle = {
        "left": (new.x, new.y + new.height / 2),
        "right": (new.right, new.y + new.height / 2),
        "top": (new.x + new.width / 2, new.y),
        "bottom": (new.x + new.width / 2, new.bottom),
    }[side]
    assert outline.sides_at(*middle) == (side,)
    wanted = {"left": 100, "top": 80, "right": 60, "bottom": 40}[side]
    assert abs(outline.dragged(side, *middle) - wanted) <= 2 / outline.scale
    held = outline.grown(Extension(canvas, 300, 300, 300, 300).whole)
    assert held.old == outline.old and held.new.contains(outline.new)
    inside = outline.old.x + outline.old.width / 2, outline.old.y + outline.old.height / 2
    assert outline.dragged(side, *inside) == 0


def test_a_corner_is_two_sides_and_the_middle_none():
    outline = Outline.fit(Size(640, 480), Rect(-50, -50, 740, 580), ROOM)
    assert outline.sides_at(outline.new.x + 1, outline.new.bottom - 1) == ("left", "bottom")
    assert outline.sides_at(outline.new.x + outline.new.width / 2, outline.new.y + outline.new.height / 2) == ()
    assert outline.sides_at(outline.new.x - NEAR - 1, outline.new.y) == ()


def test_a_tiny_canvas_has_both_edges_near_and_the_nearer_counts():
    outline = Outline.fit(Size(1, 1), Rect(0, -1000, 1, 1001), ROOM)
    new = outline.new
    assert outline.sides_at(new.right + 3, new.y + new.height / 2) == ("right",)


def test_an_area_of_the_new_canvas_is_drawn_in_it():
    extension = Extension(Size(200, 100), 100, 0, 0, 0)
    outline = Outline.fit(extension.canvas, extension.whole, ROOM)
    assert outline.drawn(Rect(0, 0, 300, 100)) == outline.new
    assert outline.drawn(extension.old) == outline.old
