"""The arithmetic of extending a canvas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.frame.geometry import Rect, Size
from plugin.extend.extension import Extension, ExtensionError

SIDES = st.integers(0, 40)


def values(extension, frame):
    return np.frombuffer(extension.values(frame), np.uint8).reshape(frame.height, frame.width)


def test_sides_are_pixels_or_percent_of_the_canvas():
    extension = Extension.read(Size(200, 100), "10%", "", " 7 ", "2.5 %")
    assert (extension.left, extension.top, extension.right, extension.bottom) == (20, 0, 7, 2)
    assert extension.size == Size(227, 102) and extension.whole == Rect(-20, 0, 227, 102)


@pytest.mark.parametrize("side", ["wide", "-3", "10 px", "nan", "1e9"])
def test_a_side_that_is_no_number_is_refused(side):
    with pytest.raises(ExtensionError, match="left .*: must be a number of pixels"):
        Extension.read(Size(10, 10), side, "", "", "")


def test_no_side_at_all_is_refused():
    with pytest.raises(ExtensionError, match="at least one"):
        Extension.read(Size(10, 10), "", "0", "", "0%")


@given(SIDES, SIDES, SIDES, SIDES)
def test_all_that_is_new_is_full_and_nothing_else_is(left, top, right, bottom):
    extension = Extension(Size(60, 50), left, top, right, bottom)
    whole = Rect(0, 0, extension.size.width, extension.size.height)
    new = np.ones((whole.height, whole.width), bool)
    new[extension.old.y : extension.old.bottom, extension.old.x : extension.old.right] = False
    shown = values(extension, whole)
    assert (shown[new] == 255).all() and (shown[~new] < 255).all()


@given(SIDES, SIDES, SIDES, SIDES)
def test_changed_holds_exactly_what_may_change(left, top, right, bottom):
    extension = Extension(Size(60, 50), left, top, right, bottom)
    shown = values(extension, Rect(0, 0, extension.size.width, extension.size.height))
    rows, columns = np.nonzero(shown)
    changed = extension.changed
    if len(rows) == 0:
        assert changed.empty
    else:
        found = Rect.from_edges(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert found == changed


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 40), st.integers(1, 25))
def test_a_part_is_what_the_whole_has_there(x, y, width, height):
    extension = Extension(Size(60, 50), 9, 0, 12, 5)
    whole = values(extension, Rect(0, 0, extension.size.width, extension.size.height))
    assert np.array_equal(values(extension, Rect(x, y, width, height)), whole[y : y + height, x : x + width])


def test_a_canvas_that_gimp_cannot_have_is_refused():
    with pytest.raises(ExtensionError, match="524288 are the most"):
        Extension.read(Size(60, 50), "0", "524239", "", "")
    assert Extension.read(Size(60, 50), "", "524238", "", "").size.height == 524_288
