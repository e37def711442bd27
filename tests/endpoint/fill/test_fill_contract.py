"""The contract of `fill`, for every picture and hole."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from lib.endpoint.cancellation import Cancelled
from lib.endpoint.fill import NothingToCopyFrom, fill
from tests.campaigns import examples


def noise(height, width, seed=0):
    """Return a picture of random values."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disc(height, width, radius):
    rows, cols = np.mgrid[:height, :width]
    return np.hypot(rows - height // 2, cols - width // 2) < radius


@st.composite
def cases(draw):
    """Generate pictures from 1×1 to 36×36, and holes of one pixel up to all but one."""
    height, width = draw(st.integers(1, 36)), draw(st.integers(1, 36))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.02, 0.25, 0.5, 0.9, 1.0]))
    if draw(st.booleans()):
        hole = rng.random((height, width)) < share
    else:
        top, left = draw(st.integers(0, height)), draw(st.integers(0, width))
        hole = np.zeros((height, width), bool)
        hole[top : top + 1 + int(share * height), left : left + 1 + int(share * width)] = True
    if draw(st.booleans()):
        hole = ~hole
    avoid = rng.random((height, width)) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), hole, avoid


@examples(50, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.booleans())
def test_only_the_hole_changes(case, avoiding):
    image, hole, avoid = case
    before = image.copy()
    if hole.all():
        with pytest.raises(NothingToCopyFrom):
            fill(image, hole)
        return
    result = fill(image, hole, avoid=avoid if avoiding else None)
    assert result.dtype == np.uint8 and result.shape == image.shape
    assert np.array_equal(result[~hole], image[~hole])
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    "hole",
    [
        disc(100, 130, 20),
        disc(100, 130, 43),
        ~disc(100, 130, 25),
        np.arange(100 * 130).reshape(100, 130) == 5000,
        np.abs(np.subtract.outer(np.arange(100), np.arange(130))) < 2,
        np.broadcast_to(np.arange(130) % 9 < 2, (100, 130)),
        np.add.outer(np.arange(100), np.arange(130)) > 0,
        np.random.default_rng(0).random((100, 130)) < 0.5,
    ],
    ids=["small", "44 %", "ring of 84 %", "one pixel", "thin diagonal", "stripes", "all but one pixel", "noise"],
)
def test_shapes_of_holes(hole):
    image = noise(100, 130)
    result = fill(image, hole)
    assert np.array_equal(result[~hole], image[~hole])


def test_empty_hole_gives_a_copy():
    image = noise(20, 30)
    result = fill(image, np.zeros((20, 30), bool))
    assert np.array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_a_hole_that_covers_everything_is_a_value_error():
    with pytest.raises(ValueError, match="whole picture"):
        fill(noise(5, 5), np.ones((5, 5), bool))


@pytest.mark.parametrize(
    ("image", "hole", "avoid"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool), None),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), bool), None),
        (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), bool), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), bool), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool), np.zeros((3, 4), bool)),
    ],
)
def test_invalid_arguments_are_refused(image, hole, avoid):
    with pytest.raises(ValueError, match="must be"):
        fill(image, hole, avoid=avoid)


def test_the_result_depends_only_on_the_seed():
    image, hole = noise(80, 80), disc(80, 80, 15)
    first = fill(image, hole, seed=1)
    assert np.array_equal(first, fill(image, hole, seed=1))
    assert not np.array_equal(first, fill(image, hole, seed=2))


def test_the_pixels_in_the_hole_have_no_influence():
    image, hole = noise(60, 60), disc(60, 60, 10)
    other = np.where(hole[..., None], noise(60, 60, seed=5), image)
    assert np.array_equal(fill(image, hole), fill(other, hole))


def test_partials_are_whole_pictures_with_increasing_detail():
    image, hole = noise(300, 320), disc(300, 320, 80)
    states = []
    result = fill(image, hole, on_partial=lambda state: states.append(state.copy()))
    assert len(states) >= 3
    for state in states:
        assert state.shape == image.shape and state.dtype == np.uint8
        assert np.array_equal(state[~hole], image[~hole])
    detail = [state[hole].std() for state in states] + [result[hole].std()]
    assert detail == sorted(detail)


def test_partials_do_not_change_the_result():
    image, hole = noise(60, 60), disc(60, 60, 12)

    def overwrite(state):
        state[:] = 0

    assert np.array_equal(fill(image, hole), fill(image, hole, on_partial=overwrite))


def test_cancelled_reaches_the_caller():
    def stop(_state):
        raise Cancelled

    with pytest.raises(Cancelled):
        fill(noise(80, 80), disc(80, 80, 20), on_partial=stop)
