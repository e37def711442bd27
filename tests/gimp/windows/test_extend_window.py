"""The Extend Canvas window, driven by keyboard and mouse and read through the accessibility interface."""

import time

import pytest

from tests.gimp import accessibility
from tests.gimp.screen import (
    MAIN,
    activate,
    can_be_used,
    choose,
    click,
    point_at,
    shoot,
    texts,
    undo_and_redo,
    visible,
    wait_for_layers,
)
from tests.waiting import wait_until

TITLE = "Extend Canvas"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture
def image(window):
    """An image of 640×480 with the window open and all amounts 0; both are closed afterwards."""
    image_id = window.call("edits.show", case="plain")
    window.settle()
    open_window(window)
    for side in "fthb":
        enter(window, f"alt+{side}", "0")
    yield image_id
    close_window(window)
    window.call("edits.close", image_id=image_id)
    window.settle()


def open_window(window):
    choose(window, "Extend Canvas…", TITLE)
    wait_until(lambda: is_open(window), "the window is open")
    window.settle()


def is_open(window):
    return TITLE in " ".join(window.call("accessibility.windows"))


def close_window(window):
    if is_open(window):
        activate(window, TITLE)
        window.keys("key", "Escape")
        wait_until(lambda: not is_open(window), "the window closes")


def enter(window, mnemonic, text):
    window.keys("key", mnemonic)
    window.keys("key", "ctrl+a")
    window.keys("type", text)
    window.keys("key", "Tab")


def pick(window, mnemonic, *steps):
    """Focus a list by its mnemonic and step through its values."""
    window.keys("key", mnemonic)
    window.settle()
    for step in steps:
        window.keys("key", step)
    window.settle()


def read(window):
    return texts(window, TITLE)


def wait_for_text(window, text):
    wait_until(lambda: text in read(window), f"{text!r} is in the window")


def generate(window):
    wait_until(lambda: can_be_used(window, "Generate", TITLE), "Generate can be clicked")
    window.keys("key", "alt+g")


def drag(window, start, end):
    """Drag the mouse between two points of the drawing, relative to its centre."""
    x, y = point_at(window, "The new canvas around the image", TITLE, start)
    window.keys("mousedown", "1")
    for part in (0.3, 0.6, 1):
        here = [round(a + (b - a) * part) for a, b in zip(start, end, strict=True)]
        window.keys("mousemove", str(x + here[0]), str(y + here[1]))
        time.sleep(0.1)
    window.keys("mouseup", "1")


def test_quick_mask_disables_generate_until_it_is_turned_off(window, image):
    enter(window, "alt+f", "64")
    wait_until(lambda: can_be_used(window, "Generate", TITLE), "the edit can be sent")
    for on in (True, False):
        activate(window, MAIN)
        window.keys("key", "shift+q")
        wait_until(lambda on=on: ("Turn off Quick Mask (Shift+Q)" in read(window)) is on, "the message follows")
        wait_until(lambda on=on: can_be_used(window, "Generate", TITLE) is not on, "Generate follows")
    activate(window, TITLE)


def test_the_canvas_is_extended_in_one_undo_step(window, image, endpoint):
    endpoint.behave("echo")
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    wait_for_text(window, "Enter how far to extend")
    assert not can_be_used(window, "Generate", TITLE)
    shoot(window, "extend-nothing")
    enter(window, "alt+f", "64")
    enter(window, "alt+b", "20")
    wait_for_text(window, "640×480 → 704×500 pixels")
    window.settle()
    shoot(window, "extend-sides")
    generate(window)
    wait_for_layers(window, image, len(before["layers"]) + 1)
    wait_until(lambda: not is_open(window), "the window closes by itself")
    assert window.call("edits.size_of", image_id=image) == [704, 500]
    window.settle()
    shoot(window, "extend-result")
    edited = visible(window, image)
    assert endpoint.received[-1].fields["prompt"] == "extend" and endpoint.received[-1].mask is not None
    undo_and_redo(window, image, before, pixels, edited)


def test_percent_and_linked_sides_with_the_keyboard(window, image):
    enter(window, "alt+f", "64")
    pick(window, "alt+u", "Down")
    wait_for_text(window, "640×480 → 704×480 pixels")
    window.settle()
    shoot(window, "extend-percent")
    pick(window, "alt+k", "Down", "Down")
    wait_for_text(window, "640×480 → 768×576 pixels")
    enter(window, "alt+h", "25")
    wait_for_text(window, "640×480 → 960×720 pixels")
    shoot(window, "extend-linked")
    pick(window, "alt+k", "Up", "Up")
    pick(window, "alt+u", "Up")
    wait_for_text(window, "640×480 → 960×720 pixels")


def test_an_edge_can_be_dragged(window, image):
    enter(window, "alt+h", "200")
    wait_for_text(window, "640×480 → 840×480 pixels")
    window.settle()
    # The new canvas is in the middle of the drawing, 204 pixels high with a margin of 14 % of its longer side.
    scale = 204 / (480 + 0.28 * 840)
    edge = round(840 * scale / 2)
    drag(window, (edge, 10), (edge - 40, 10))
    grown = wait_until(lambda: _width(read(window)), "the new size is shown")
    assert abs(grown - (840 - 40 / scale)) < 12
    shoot(window, "extend-dragged")


def _width(text):
    _before, arrow, after = text.partition("640×480 → ")
    width = int(after.split("×")[0]) if arrow else 0
    return width if width != 840 else 0


def test_gimp_can_be_used_during_an_edit_and_cancel_leaves_the_image_unchanged(window, image, endpoint):
    endpoint.behave("held")
    before = window.call("edits.state_of", image_id=image)
    enter(window, "alt+f", "30")
    generate(window)
    wait_until(lambda: endpoint.received, "the request has arrived")
    wait_for_text(window, "Waiting for the result")
    window.settle(3)
    shoot(window, "extend-running")
    activate(window, MAIN)
    window.keys("key", "ctrl+a")
    wait_until(lambda: window.call("edits.state_of", image_id=image)["selection"] != before["selection"], "GIMP works")
    activate(window, TITLE)
    click(window, "Cancel the edit", TITLE)
    wait_for_text(window, "Cancelled. The request had already been sent")
    assert not endpoint.release.is_set(), "it did not wait for the answer"
    assert window.call("edits.size_of", image_id=image) == [640, 480]
    assert window.call("edits.state_of", image_id=image)["layers"] == before["layers"]
    assert can_be_used(window, "Generate", TITLE)


def test_an_error_is_shown_and_the_edit_can_be_tried_again(window, image, endpoint):
    endpoint.behave("reject_key")
    enter(window, "alt+t", "40")
    generate(window)
    wait_until(lambda: has_control(window, "Try again"), "the error is shown")
    window.settle()
    shoot(window, "extend-error")
    assert window.call("edits.size_of", image_id=image) == [640, 480]
    endpoint.behave("echo")
    click(window, "Try again", TITLE)
    wait_until(lambda: not is_open(window), "it works the second time")
    assert window.call("edits.size_of", image_id=image) == [640, 520]


def has_control(window, name):
    return any(one["name"] == name for one in window.call("accessibility.controls", title=TITLE))


def test_the_result_goes_into_a_new_image_if_the_canvas_was_resized(window, image, endpoint):
    endpoint.behave("echo", seconds=3)
    enter(window, "alt+f", "30")
    generate(window)
    wait_until(lambda: endpoint.received, "the request has arrived")
    window.call("edits.crop", image_id=image, width=500, height=400)
    wait_until(lambda: not is_open(window), "the window closes")
    window.settle()
    shoot(window, "extend-new-image")
    assert window.call("edits.size_of", image_id=image) == [500, 400]
    new = window.call("edits.newest")
    assert new["id"] != image and len(new["layers"]) == 1 and not new["layers"][0]["masked"]
    window.keys("key", "Escape")  # GIMP's message


def test_the_built_in_engine_describes_itself_and_extends_the_canvas(window, image):
    window.call("accessibility.choose", title=TITLE, name="Provider", item="Built in (this computer)")
    enter(window, "alt+h", "40")
    wait_for_text(window, "Works on this computer")
    enter(window, "alt+w", "a dragon")
    wait_until(lambda: not can_be_used(window, "Generate", TITLE), "the engine would refuse this prompt")
    window.settle()
    shoot(window, "extend-refused")
    enter(window, "alt+w", "extend")
    wait_until(lambda: can_be_used(window, "Generate", TITLE), "the engine understands this prompt")
    shoot(window, "extend-built-in")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: not is_open(window), "the window closes")
    assert window.call("edits.size_of", image_id=image) == [680, 480]


def test_every_control_has_a_name_and_is_reached_by_tab(window, image):
    window.keys("key", "alt+f")
    order = accessibility.check(window, TITLE)
    sides = [order.index(name) for name in ("Left", "Top", "Right", "Bottom")]
    assert sides == sorted(sides)


def test_the_menu_entry_raises_the_open_window(window, image):
    choose(window, "Extend Canvas…", TITLE)
    window.settle()
    assert len([title for title in window.call("accessibility.windows") if TITLE in (title or "")]) == 1
