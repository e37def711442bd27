"""Markup: a layer of arrows and notes arrives as an overlay of the first image's size and place, without a mask."""

import numpy as np
import pytest

from tests.gimp.screen import (
    click,
    close_group,
    close_panel,
    layers,
    open_group,
    open_panel,
    press_generate,
    shoot,
    texts,
)
from tests.gimp.test_edit import assert_only_selection_changed
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")

SIZE = [1920, 1080]
SCRIPT = """
    (script-fu-use-v3)
    (generative-edit #:run-mode RUN-NONINTERACTIVE #:image {image} #:drawables (vector {layer})
                     #:prompt "a boat" #:provider "openai" #:markup "{notes}" #:complexity "low" #:user "me"
                     #:model "gpt-image-2.6-flare")
"""


def overlay_box(picture):
    """Return left, top, width and height of what is drawn on an overlay."""
    left, top, right, bottom = picture.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox()
    return np.array([left, top, right - left, bottom - top])


def assert_is_overlay(received, frame, mark):
    """Check that the markup is as large as the first image, and that the mark is where it is on the canvas."""
    assert received.markup.size == received.images[0].size and received.markup.mode == "RGBA"
    assert received.mask is None
    x, y, width, height = frame
    left, top = max(mark[0], x), max(mark[1], y)
    right, bottom = min(mark[0] + mark[2], x + width), min(mark[1] + mark[3], y + height)
    scale = np.array(received.images[0].size) / (width, height)
    expected = np.array([left - x, top - y, right - left, bottom - top]) * [*scale, *scale]
    assert np.abs(overlay_box(received.markup) - expected).max() <= 1.01
    red = (np.asarray(received.images[0].convert("RGB")) == (255, 0, 0)).all(-1)
    assert not red.any(), "the markup is not part of the picture"


@pytest.mark.whole_run
@pytest.mark.parametrize(
    ("mark", "selected", "size"),
    [
        pytest.param((760, 420, 90, 40), (700, 380, 420, 260), "", id="full size"),
        pytest.param((760, 420, 90, 40), None, "960x544", id="scaled"),
        pytest.param((-10, 30, 60, 50), (0, 0, 130, 90), "", id="edge"),
    ],
)
def test_a_layer_is_used_as_markup_in_the_window(window, endpoint, mark, selected, size):
    endpoint.behave("invert")
    image = window.call("markup.show_marked", size=SIZE, mark=mark, selected=selected)
    window.settle()
    open_panel(window, image)
    open_group(window, "Quality and size", "Size")
    click(window, "Size")
    window.keys("key", "ctrl+a", "BackSpace")
    window.keys("type", f"{size}\t")
    for group in ("Quality and size", "Images to send"):
        close_group(window, group)
    open_group(window, "Images to send", "Add a layer")
    click(window, "Add a layer")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: "2 · notes" in texts(window), "the layer is in the list")
    click(window, "Use as markup: notes")
    wait_until(lambda: "Markup · notes" in texts(window), "it is markup")
    window.settle()
    shoot(window, f"panel-markup-{size or 'full'}-{mark[0]}")
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result")
    (frame,) = [layer["box"] for layer in layers(window, image) if layer["name"] not in ("notes", "picture")]
    (received,) = endpoint.received
    assert_is_overlay(received, frame, mark)
    assert not size or "x".join(map(str, received.images[0].size)) == size
    close_panel(window)
    window.call("edits.close", image_id=image)


@pytest.mark.parametrize(
    ("mark", "selected", "values"),
    [
        pytest.param((760, 420, 90, 40), (700, 380, 420, 260), {}, id="full size"),
        pytest.param((760, 420, 90, 40), None, {"largest_size": "1024"}, id="scaled"),
        pytest.param((-10, 30, 60, 50), (0, 0, 130, 90), {}, id="edge"),
        pytest.param((1880, 1050, 40, 30), (1700, 900, 220, 180), {"sample_merged": True}, id="visible layers"),
    ],
)
def test_markup_arrives_in_the_frame_and_leaves_no_trace(gimp, out, endpoint, mark, selected, values):
    endpoint.behave("invert")
    values = values | {"prompt": "a boat", "provider": "custom", "fit": False}
    done = gimp.call("markup.edit_marked", out=str(out), size=SIZE, mark=mark, selected=selected, **values)
    assert done["status"] == "success", done["error"]
    assert_is_overlay(endpoint.received[-1], done["report"]["frame"], mark)
    assert len(endpoint.received[-1].images) == 1 and done["untouched"]
    assert [each for each in done["after"]["layers"] if each["name"] != "a boat"] == done["before"]["layers"]
    if selected:
        assert_only_selection_changed(out, SIZE)


@pytest.mark.one_gimp("3.2")
def test_markup_in_a_group_is_sent_where_the_group_is_not(gimp, out, endpoint):
    endpoint.behave("invert")
    case = {"size": SIZE, "mark": (760, 420, 90, 40), "selected": (700, 380, 420, 260), "grouped": True}
    values = {"prompt": "a boat", "provider": "custom", "fit": False}
    done = gimp.call("markup.edit_marked", out=str(out), sample_merged=True, **case, **values)
    assert done["status"] == "success", done["error"]
    assert_is_overlay(endpoint.received[-1], done["report"]["frame"], case["mark"])
    done = gimp.call("markup.edit_marked", out=str(out), **case, **values)
    assert done["status"] != "success" and "is in the group “group”, which is sent" in done["error"]
    assert len(endpoint.received) == 1


def test_edit_again_sends_the_same_markup(gimp, out, endpoint):
    endpoint.behave("invert")
    case = {"size": SIZE, "mark": (760, 420, 90, 40), "selected": (700, 380, 420, 260)}
    done = gimp.call("markup.edit_marked", out=str(out), again=True, prompt="a boat", provider="custom", **case)
    assert done["status"] == "success", done["error"]
    first, second = endpoint.received
    assert first.markup.tobytes() == second.markup.tobytes() and second.mask is None


def test_script_fu_sends_the_newer_models_fields(gimp, out, endpoint):
    endpoint.behave("invert")
    case = {"size": SIZE, "mark": (760, 420, 90, 40), "selected": (700, 380, 420, 260)}
    done = gimp.call("markup.edit_marked", out=str(out), script=SCRIPT, **case)
    assert done["status"] == "success" and done["untouched"], done["error"]
    (received,) = endpoint.received
    assert received.markup.size == received.images[0].size and received.mask is None
    sent = {name: received.fields[name] for name in ("complexity", "safety_identifier", "quality")}
    assert sent == {"complexity": "low", "safety_identifier": "me", "quality": "medium"}
    assert "user" not in received.fields


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"provider": "local"}, "markup: built-in doesn't support this field."),
        ({"provider": "custom", "model": "gpt-image-2"}, "markup: gpt-image-2 doesn't support this field."),
        ({"provider": "custom"}, "Nothing is drawn on the markup layer “notes” in the area that is sent."),
    ],
)
def test_markup_that_cannot_be_sent_is_a_sentence(gimp, out, endpoint, values, problem):
    endpoint.behave("invert")
    case = {"size": SIZE, "mark": (1700, 900, 90, 40), "selected": (100, 100, 200, 160)}
    done = gimp.call("markup.edit_marked", out=str(out), prompt="remove", **case, **values)
    assert done["status"] != "success" and problem in done["error"]
    assert endpoint.received == [] and done["after"] == done["before"]
