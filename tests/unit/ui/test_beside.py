"""A new window leaves the selection uncovered where there is room."""

import pytest

from lib.frame.geometry import Rect, Size
from plugin.ui.beside import on_screen, place_beside

SCREEN = Rect(0, 0, 1280, 720)
PANEL = Size(480, 700)
CANVAS = Size(1920, 1080)


def test_a_selection_is_estimated_to_be_where_a_fitting_image_shows_it():
    assert on_screen(Rect(0, 0, 1920, 1080), CANVAS, SCREEN) == Rect(256, 144, 768, 432)
    assert on_screen(Rect(960, 540, 96, 54), CANVAS, SCREEN) == Rect(640, 360, 38, 22)
    assert on_screen(Rect(0, 0, 100, 100), Size(100, 100), SCREEN) == Rect(590, 310, 100, 100), "never enlarged"


@pytest.mark.parametrize(
    ("selection", "left"), [(Rect(100, 100, 200, 200), 788), (Rect(1600, 500, 300, 300), 12), (None, 788)]
)
def test_the_panel_is_at_the_right_edge_unless_it_would_cover_the_selection_there(selection, left):
    avoided = on_screen(selection, CANVAS, SCREEN) if selection else None
    assert place_beside(PANEL, SCREEN, avoided) == (left, 12)
