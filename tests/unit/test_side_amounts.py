"""Sides as a form shows them: units, and which sides follow another."""

import pytest

from lib.frame.geometry import Size
from plugin.extend.extension import Extension
from plugin.extend.side_amounts import (
    ALL,
    ALONE,
    NAMES,
    OPPOSITE,
    PERCENT,
    PIXELS,
    amount,
    followers,
    in_unit,
    text_of,
    unit_of,
)

CANVAS = Size(640, 480)


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (("", "", "", ""), PIXELS),
        (("10%", "", "5 %", ""), PERCENT),
        (("10%", "64", "", ""), PIXELS),
        (("64", "", "", ""), PIXELS),
    ],
)
def test_the_unit_is_the_one_that_all_are_written_in(texts, unit):
    assert unit_of(texts) == unit


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [
        ("64", PIXELS, 64), ("10%", PERCENT, 10), ("12.5 %", PERCENT, 12.5), ("10%", PIXELS, 64), ("64", PERCENT, 10),
        ("", PIXELS, 0), ("far", PIXELS, 0), ("-3", PIXELS, 0), ("nan", PERCENT, 0), ("1e9", PIXELS, 0),
    ],
)  # fmt: skip
def test_a_side_is_shown_in_the_unit(text, unit, shown):
    assert amount(text, unit, 640) == shown


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(0, PIXELS, ""), (64.0, PIXELS, "64"), (10.0, PERCENT, "10%"), (12.5, PERCENT, "12.5%"), (0, PERCENT, "")],
)
def test_a_side_is_written_as_the_procedure_takes_it(number, unit, text):
    assert text_of(number, unit) == text


def test_what_is_written_is_what_the_extension_reads():
    for unit in (PIXELS, PERCENT):
        texts = [text_of(number, unit) for number in (10, 0, 2.5 if unit == PERCENT else 3, 0)]
        assert Extension.read(CANVAS, *texts).left == (64 if unit == PERCENT else 10)


def test_another_unit_keeps_the_sizes():
    pixels = {"left": "64", "top": "48", "right": "", "bottom": "120"}
    percent = in_unit(pixels, PERCENT, CANVAS)
    assert percent == {"left": "10%", "top": "10%", "right": "", "bottom": "25%"}
    assert in_unit(percent, PIXELS, CANVAS) == pixels


@pytest.mark.parametrize("name", NAMES)
def test_linked_sides_follow(name):
    assert followers(name, ALONE) == ()
    assert len(followers(name, OPPOSITE)) == 1 and followers(followers(name, OPPOSITE)[0], OPPOSITE) == (name,)
    assert {name, *followers(name, ALL)} == set(NAMES)
