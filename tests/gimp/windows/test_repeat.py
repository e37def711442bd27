"""GIMP's own Repeat, in the Filters menu: the same again without a window, but never unasked where it may cost."""

import pytest

from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    choose,
    click,
    layers,
    open_panel,
    press_entry,
    press_generate,
    texts,
    wait_for_layers,
)
from tests.waiting import wait_until

QUESTION = "Send this edit to 127.0.0.1:"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture
def image(window, endpoint):
    endpoint.behave("invert")
    displayed = window.call("edits.show", case="corner")
    window.settle()
    yield displayed
    window.call("edits.close", image_id=displayed)
    window.settle()


def is_open(window, title):
    return title in " ".join(window.call("accessibility.windows"))


def answer(window, key):
    wait_until(lambda: is_open(window, QUESTION), "the question")
    window.settle()
    window.keys("key", key)
    wait_until(lambda: not is_open(window, QUESTION), "the question closes")


def repeat(window):
    activate(window, MAIN)
    window.keys("key", "ctrl+f")


def test_an_edit_is_repeated_after_a_question(window, image, endpoint):
    open_panel(window, image)
    click(window, "Prompt")
    window.keys("type", "once more")
    press_generate(window)
    wait_for_layers(window, image, 2)
    window.keys("key", "Escape")
    wait_until(lambda: not is_open(window, PANEL), "the panel closes")
    repeat(window)
    answer(window, "Escape")
    assert len(endpoint.received) == 1, "no means no"
    repeat(window)
    answer(window, "Return")
    state = wait_for_layers(window, image, 3)
    assert {layer["name"] for layer in state["layers"][:2]} == {"once more #1", "once more"}
    assert len(endpoint.received) == 2


def test_a_removal_is_repeated_after_a_question(window, image, endpoint):
    press_entry(window, "Remove Selection")
    answer(window, "Return")
    wait_for_layers(window, image, 2)
    repeat(window)
    answer(window, "Escape")
    repeat(window)
    answer(window, "Return")
    wait_for_layers(window, image, 3)
    assert [request.fields["prompt"] for request in endpoint.received] == ["remove", "remove"]


def test_an_extension_is_repeated_after_a_question(window, image, endpoint):
    choose(window, "Extend Canvas…", "Extend Canvas")
    window.settle()
    window.keys("key", "alt+f")
    window.keys("key", "ctrl+a")
    window.keys("type", "64")
    window.keys("key", "Tab")
    window.settle()
    window.keys("key", "alt+g")
    wait_for_layers(window, image, 2)
    wait_until(lambda: not is_open(window, "Extend Canvas"), "the window closes by itself")
    width, height = window.call("edits.size_of", image_id=image)
    repeat(window)
    answer(window, "Return")
    wait_for_layers(window, image, 3)
    assert window.call("edits.size_of", image_id=image) == [width + 64, height]
    assert len(endpoint.received) == 2


def test_edit_again_opens_its_window_again(window, image, endpoint):
    assert window.call("edits.edit_shown", image_id=image, prompt="a boat", provider="custom")["status"] == "success"
    activate(window, MAIN)
    for start in (lambda: press_entry(window, "Edit Again…"), lambda: repeat(window)):
        window.call("edits.select_layer", image_id=image, name="a boat")
        start()
        wait_until(lambda: is_open(window, PANEL), "the panel")
        window.settle()
        window.keys("key", "Escape")
        wait_until(lambda: not is_open(window, PANEL), "the panel closes")
    assert len(endpoint.received) == 1 and len(layers(window, image)) == 2


def test_edit_again_hides_no_result_of_another_area(window, image, endpoint):
    assert window.call("edits.edit_shown", image_id=image, prompt="a boat", provider="custom")["status"] == "success"
    activate(window, MAIN)
    window.call("edits.select_layer", image_id=image, name="a boat")
    press_entry(window, "Edit Again…")
    wait_until(lambda: is_open(window, PANEL), "the panel")
    window.call("edits.select", image_id=image, box=[100, 700, 90, 60])
    wait_until(lambda: "The area of the previous edit" not in texts(window), "the panel follows the selection")
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result is offered")
    visible_layers = [(layer["box"], layer["visible"]) for layer in layers(window, image)]
    window.keys("key", "Escape")
    wait_until(lambda: not is_open(window, PANEL), "the panel closes")
    assert len(visible_layers) == 3 and all(visible for _box, visible in visible_layers), visible_layers
