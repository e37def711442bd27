"""The plug-in in a real window: the menu, the dialog, one undo step. Screenshots are left for a person to look at."""

import time
from pathlib import Path

import numpy as np
import pytest

OUTPUT = Path(__file__).parents[1] / "output"


@pytest.fixture(scope="module")
def window(installed, environment, tmp_path_factory):
    work = tmp_path_factory.mktemp(f"window-{installed.minor}")
    with installed.start(work, environment=environment, window=(1280, 800)) as running:
        running.wait_for_window("GNU Image Manipulation Program")
        yield running


def test_menu_dialog_generate_undo_redo(window):
    image = window.call("edits.show", case="ellipse")
    window.settle()
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)

    window.keys("key", "alt+r")
    window.settle()
    window.keys("key", "Up", "Right")  # the last entry of the menu is ours
    window.settle()
    shoot(window, "menu")
    window.keys("key", "e")
    window.wait_for_window("Edit with Prompt")
    window.settle()
    window.keys("type", "remove")
    window.settle()
    shoot(window, "dialog")
    window.keys("key", "alt+g")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    window.settle()
    shoot(window, "result")
    after = window.call("edits.state_of", image_id=image)
    assert after["layers"][0]["name"] == "remove" and after["layers"][0]["masked"]
    edited = visible(window, image)
    assert not np.array_equal(edited, pixels)

    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"])) == before
    assert np.array_equal(visible(window, image), pixels)
    window.keys("key", "ctrl+y")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    assert np.array_equal(visible(window, image), edited)


def test_a_script_that_edits_several_results_leaves_one_undo_step(window, endpoint):
    endpoint.behave("invert")
    image = window.call("edits.show", case="small_layer")
    before = window.call("edits.state_of", image_id=image)
    done = window.call("edits.edit_shown", image_id=image, prompt="three", provider="custom", n=3)
    assert done["status"] == "success", done["error"]
    window.settle()
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"])) == before


def test_a_failed_edit_leaves_no_undo_step(window, endpoint):
    endpoint.behave("invert")
    image = window.call("edits.show", case="corner")
    before = window.call("edits.state_of", image_id=image)
    done = window.call("edits.edit_shown", image_id=image, prompt="first", provider="custom")
    assert done["status"] == "success", done["error"]
    endpoint.behave("refuse")
    done = window.call("edits.edit_shown", image_id=image, prompt="second", provider="custom")
    assert done["status"] == "execution-error"
    window.settle()
    shoot(window, "failed")
    window.keys("key", "Return")  # GIMP's message with the sentence
    window.settle()
    window.keys("key", "ctrl+z")  # undoes the first edit, as the second has left nothing
    assert wait_for_layers(window, image, len(before["layers"])) == before


def shoot(window, name):
    window.screenshot(OUTPUT / f"{name}-{window.gimp.minor}.png")


def visible(window, image):
    path = window.work / "visible.raw"
    window.call("edits.visible_of", image_id=image, path=str(path))
    return np.frombuffer(path.read_bytes(), np.uint16)


def wait_for_layers(window, image, count, seconds=90):
    """Waits until the image has so many layers; returns its state."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = window.call("edits.state_of", image_id=image)
        if len(state["layers"]) == count:
            return state
        time.sleep(0.4)
    raise AssertionError(f"{len(state['layers'])} layers instead of {count}: {state}")
