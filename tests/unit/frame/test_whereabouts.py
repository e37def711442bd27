"""Where the selection is, in words, for a provider that ignores the mask; and how tightly the frame is drawn then."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.frame.frame import MIN_MARGIN, context_margin, tight_margin
from lib.frame.geometry import Rect, Size
from lib.frame.whereabouts import describe_area

SENT = Rect(100, 200, 1000, 500)


@pytest.mark.parametrize(
    ("selection", "place", "bounds"),
    [
        (Rect(100, 200, 200, 100), "upper left part", "0% to 20% of its width and from 0% to 20% of"),
        (Rect(500, 400, 200, 100), "middle", "40% to 60% of its width and from 40% to 60% of"),
        (Rect(900, 400, 200, 100), "right part", "80% to 100% of its width and from 40% to 60% of"),
        (Rect(500, 600, 200, 100), "lower part", "40% to 60% of its width and from 80% to 100% of"),
        (Rect(150, 210, 900, 100), "upper part", "5% to 95% of its width and from 2% to 22% of"),
        (Rect(110, 210, 980, 480), "middle", "1% to 99% of its width and from 2% to 98% of"),
        (Rect(0, 0, 250, 300), "upper left part", "0% to 15% of its width and from 0% to 20% of"),
        (Rect(603, 452, 2, 1), "middle", "50% to 51% of its width and from 50% to 51% of"),
        (Rect(1098, 699, 2, 1), "lower right part", "99% to 100% of its width and from 99% to 100% of"),
    ],
)
def test_the_sentence_names_the_place_and_the_bounds(selection, place, bounds):
    sentence = describe_area(selection, SENT)
    assert sentence.startswith(f"Change only the {place} of the image, from {bounds} its height.")
    assert sentence.endswith(" Leave everything else exactly as it is.")


@given(st.integers(0, 900), st.integers(0, 400), st.integers(1, 900), st.integers(1, 400))
def test_the_bounds_are_in_the_image(x, y, width, height):
    numbers = list(map(int, re.findall(r"(\d+)%", describe_area(Rect(100 + x, 200 + y, width, height), SENT))))
    assert 0 <= numbers[0] < numbers[1] <= 100 and 0 <= numbers[2] < numbers[3] <= 100


@pytest.mark.parametrize("side", [1, 50, 400, 2000])
def test_the_tight_margin_is_half_of_the_automatic_one(side):
    margin = tight_margin(Size(side, side))
    assert margin == max(MIN_MARGIN, context_margin(Size(side, side)) // 2) < context_margin(Size(side, side))
