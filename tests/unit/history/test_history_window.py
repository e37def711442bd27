"""What the History window shows, and where it inserts results into images of another size."""

import time
from pathlib import Path

import pytest

from lib.frame.geometry import Rect, Size
from lib.jobs.history_record import JobState, Record
from plugin.history.criteria import Criteria
from plugin.history.placement import centred, relative

CANVAS = Size(1500, 1125)
FRAME = Rect(300, 150, 600, 450)


def record(**more):
    values = {"folder": Path("20261128-120000-000001"), "state": JobState.INSERTED, "created": time.time()}
    values |= {"prompt": "a Boat", "provider": "openai", "model": "gpt-image-2", "cost": None, "results": ("r",)}
    return Record(**{**values, "plan": None, "note": "", "size": 1, "image": "harbour", **more})


SHOWN = [
    ({}, {}, True),
    ({"text": "boat GPT"}, {}, True),
    ({"text": "boat harbour"}, {}, True),
    ({"text": "boat train"}, {}, False),
    ({"image": "harbour"}, {}, True),
    ({"image": "harbour"}, {"image": "beach"}, False),
    ({"model": "openai"}, {"model": ""}, True),
    ({"model": "openai"}, {}, False),
    ({"day": time.strftime("%Y-%m-%d")}, {}, True),
    ({"day": "2026-01-01"}, {}, False),
    ({"only_starred": True}, {}, False),
    ({"only_starred": True}, {"is_starred": True}, True),
    ({"only_not_inserted": True}, {}, False),
    ({"only_not_inserted": True}, {"state": JobState.WAITING}, True),
]


@pytest.mark.parametrize(("criteria", "more", "is_shown"), SHOWN)
def test_only_what_matches_everything_is_shown(criteria, more, is_shown):
    assert Criteria(**criteria).match(record(**more)) is is_shown


def test_a_result_is_centred_at_its_own_size_even_where_the_image_is_smaller():
    assert centred(FRAME, Size(2000, 2000)) == Rect(700, 775, 600, 450)
    assert centred(FRAME, Size(400, 300)) == Rect(-100, -75, 600, 450)


@pytest.mark.parametrize("size", [Size(3000, 2250), Size(750, 563), Size(751, 562)])
def test_in_a_scaled_image_each_edge_is_where_it_was(size):
    across, down = size.width / CANVAS.width, size.height / CANVAS.height
    placed = relative(FRAME, CANVAS, size)
    assert placed.to_list() == [round(300 * across), round(150 * down), *(placed.width, placed.height)]
    assert placed.right == round(900 * across) and placed.bottom == round(600 * down)


def test_in_an_image_of_another_shape_a_result_keeps_its_shape_and_its_middle():
    placed = relative(FRAME, CANVAS, Size(3000, 1125))
    assert placed == Rect(900, 150, 600, 450)
    assert relative(Rect(0, 0, 1, 1), CANVAS, Size(10, 10)).size == Size(1, 1)
