"""Extend Canvas in real GIMPs."""

import numpy as np
import pytest

from tests.gimp.test_edit import load


def extend(gimp, out, **arguments):
    return gimp.call("edits.extend_case", out=str(out), **arguments)


def test_extend_with_the_embedded_endpoint(gimp, out):
    done = extend(gimp, out, left="10%", bottom="40")
    assert done["status"] == "success", done["error"]
    assert done["size"] == [704, 520] and len(done["layers"]) == 1
    before, after = load(out, "before.raw", [640, 480]), load(out, "after.raw", done["size"])
    assert (after[..., 3] == 65535).all(), "the new canvas has no transparent pixels"
    unchanged = slice(0, 480 - 30), slice(64 + 30, 704)
    assert np.array_equal(after[unchanged], before[: 480 - 30, 30:]), "pixels away from the old edge are unchanged"
    step = (
        np.abs(np.diff(after[:440, 60:70, :3].astype(int), axis=1)).mean(),
        np.abs(np.diff(after[:440, 300:310, :3].astype(int), axis=1)).mean(),
    )
    assert step[0] < 4 * step[1] + 400, "the old edge is not visible"


def test_the_new_area_is_sent_transparent_and_masked(gimp, out, endpoint):
    endpoint.behave("echo")
    done = extend(gimp, out, top="64", provider="custom", prompt="more sky")
    assert done["status"] == "success", done["error"]
    received = endpoint.received[-1]
    x, y, width, height = done["report"]["frame"]
    picture, mask = (np.array(image.convert("RGBA"))[..., 3] for image in (received.images[0], received.mask))
    assert (x, y) == (0, 0) and (picture[:64, :width] == 0).all() and (picture[64:height, :width] == 255).all()
    assert (mask[:64, :width] == 0).all() and (mask[64 + 30 : height, :width] == 255).all()


def test_a_failed_extension_leaves_the_image_unchanged(gimp, out, endpoint):
    endpoint.behave("refuse")
    done = extend(gimp, out, right="100", provider="custom")
    assert done["status"] == "execution-error" and done["after"] == done["before"] and done["size"] == [640, 480]


@pytest.mark.parametrize(
    ("sides", "sentence"), [({}, "at least one of left"), ({"left": "far"}, "left 'far': must be a number of pixels")]
)
def test_invalid_amounts_are_reported(gimp, out, sides, sentence):
    done = extend(gimp, out, **sides)
    assert done["status"] == "calling-error" and sentence in done["error"]
