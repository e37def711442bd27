"""The amounts of the sides: their units, and the links between sides."""

import pytest

from lib.frame.geometry import Size
from plugin.extend.extension import Extension
from plugin.extend.side_amounts import (
    ALL,
    OPPOSITE,
    PERCENT,
    PIXELS,
    SIDES,
    UNLINKED,
    common_unit,
    convert,
    format_amount,
    linked_sides,
    parse_amount,
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
def test_the_common_unit_is_percent_only_where_all_amounts_are(texts, unit):
    assert common_unit(texts) == unit


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("64", PIXELS, 64), ("10%", PERCENT, 10), ("12.5 %", PERCENT, 12.5), ("10%", PIXELS, 64), ("64", PERCENT, 10),
        ("", PIXELS, 0), ("far", PIXELS, 0), ("-3", PIXELS, 0), ("nan", PERCENT, 0), ("1e9", PIXELS, 0),
    ],
)  # fmt: skip
def test_an_amount_is_parsed_in_a_unit(text, unit, number):
    assert parse_amount(text, unit, 640) == number


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(0, PIXELS, ""), (64.0, PIXELS, "64"), (10.0, PERCENT, "10%"), (12.5, PERCENT, "12.5%"), (0, PERCENT, "")],
)
def test_an_amount_is_formatted_as_the_procedures_argument(number, unit, text):
    assert format_amount(number, unit) == text


def test_the_extension_parses_formatted_amounts():
    for unit in (PIXELS, PERCENT):
        texts = [format_amount(number, unit) for number in (10, 0, 2.5 if unit == PERCENT else 3, 0)]
        assert Extension.parse(CANVAS, *texts).left == (64 if unit == PERCENT else 10)


def test_converting_the_unit_keeps_the_amounts():
    pixels = {"left": "64", "top": "48", "right": "", "bottom": "120"}
    percent = convert(pixels, PERCENT, CANVAS)
    assert percent == {"left": "10%", "top": "10%", "right": "", "bottom": "25%"}
    assert convert(percent, PIXELS, CANVAS) == pixels


@pytest.mark.parametrize("name", SIDES)
def test_linked_sides_are_the_opposite_one_or_all_others(name):
    assert linked_sides(name, UNLINKED) == ()
    assert len(linked_sides(name, OPPOSITE)) == 1 and linked_sides(linked_sides(name, OPPOSITE)[0], OPPOSITE) == (name,)
    assert {name, *linked_sides(name, ALL)} == set(SIDES)
