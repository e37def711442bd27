"""The geometry and the mask of an extended canvas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.frame.geometry import Rect, Size
from plugin.extend.extension import Extension, ExtensionError

SIDES = st.integers(0, 40)


def values(extension, frame):
    return np.frombuffer(extension.values(frame), np.uint8).reshape(frame.height, frame.width)


def test_amounts_are_pixels_or_percent_of_the_canvas():
    extension = Extension.parse(Size(200, 100), "10%", "", " 7 ", "2.5 %")
    assert (extension.left, extension.top, extension.right, extension.bottom) == (20, 0, 7, 2)
    assert extension.size == Size(227, 102) and extension.whole == Rect(-20, 0, 227, 102)


@pytest.mark.parametrize("side", ["wide", "-3", "10 px", "nan", "1e9"])
def test_an_invalid_amount_is_refused(side):
    with pytest.raises(ExtensionError, match="left .*: must be a number of pixels"):
        Extension.parse(Size(10, 10), side, "", "", "")


def test_an_extension_without_any_amount_is_refused():
    with pytest.raises(ExtensionError, match="at least one of left"):
        Extension.parse(Size(10, 10), "", "0", "", "0%")


@given(SIDES, SIDES, SIDES, SIDES)
def test_only_the_new_area_is_fully_masked(left, top, right, bottom):
    extension = Extension(Size(60, 50), left, top, right, bottom)
    whole = Rect(0, 0, extension.size.width, extension.size.height)
    new = np.ones((whole.height, whole.width), bool)
    new[extension.old.y : extension.old.bottom, extension.old.x : extension.old.right] = False
    mask = values(extension, whole)
    assert (mask[new] == 255).all() and (mask[~new] < 255).all()


@given(SIDES, SIDES, SIDES, SIDES)
def test_changed_is_the_bounding_box_of_the_mask(left, top, right, bottom):
    extension = Extension(Size(60, 50), left, top, right, bottom)
    mask = values(extension, Rect(0, 0, extension.size.width, extension.size.height))
    rows, columns = np.nonzero(mask)
    changed = extension.changed
    if len(rows) == 0:
        assert changed.empty
    else:
        assert changed == Rect.from_edges(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 40), st.integers(1, 25))
def test_the_mask_of_a_frame_is_a_crop_of_the_whole_mask(x, y, width, height):
    extension = Extension(Size(60, 50), 9, 0, 12, 5)
    whole = values(extension, Rect(0, 0, extension.size.width, extension.size.height))
    assert np.array_equal(values(extension, Rect(x, y, width, height)), whole[y : y + height, x : x + width])


def test_a_canvas_beyond_gimps_limit_is_refused():
    with pytest.raises(ExtensionError, match="GIMP allows 524288 per side"):
        Extension.parse(Size(60, 50), "0", "524239", "", "")
    assert Extension.parse(Size(60, 50), "", "524238", "", "").size.height == 524_288
