"""What a result's thumbnail shows: the selection with a little around it, inside the frame."""

import pytest

from lib.frame.geometry import Rect, Size
from plugin.panel.crop import around

FRAME, SHAPE = Size(1000, 800), Size(160, 104)


@pytest.mark.parametrize(
    ("selected", "crop"),
    [
        (Rect(400, 300, 160, 104), Rect(364, 276, 233, 152)),
        (Rect(0, 0, 40, 40), Rect(0, 0, 80, 52)),
        (Rect(960, 760, 40, 40), Rect(920, 748, 80, 52)),
        (Rect(0, 0, 1000, 800), Rect(0, 0, 1000, 800)),
    ],
)
def test_the_crop_has_the_shape_of_a_thumbnail_where_the_frame_allows_it(selected, crop):
    result = around(selected, FRAME, SHAPE)
    assert Rect(0, 0, 1000, 800).contains(result) and result.contains(selected)
    assert all(abs(a - b) <= 2 for a, b in zip(result.to_list(), crop.to_list(), strict=True)), result
