"""The panel's queue: several edits at once, before and after, recipes, and a layout in which nothing moves."""

from contextlib import contextmanager

import numpy as np
import pytest

from tests.gimp import accessibility
from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    click,
    is_open,
    layers,
    open_group,
    open_panel,
    panel_of,
    press_generate,
    scroll_to,
    set_counts,
    shoot,
    texts,
    visible,
    wait_for_layers,
)
from tests.waiting import wait_until

# What is drawn and sent does not depend on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")
SELECTIONS = {"first": [200, 150, 220, 160], "second": [900, 500, 200, 180], "third": [1500, 800, 210, 150]}
FIXED = ("Prompt", "Previous prompts", "Recipes", "Number of results", "Generate", "Close", "Help")


@pytest.fixture
def image(window):
    """An image with its panel open; both are closed afterwards."""
    with panel_of(window, "ellipse") as image_id:
        yield image_id


def ask_for(window, prompt):
    click(window, "Prompt")
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)


def names(window):
    return [control["name"] for control in window.call("accessibility.controls", title=PANEL)]


def row(window, prompt):
    """Return the accessible name of an edit's row: its prompt and its state."""
    return next((name for name in names(window) if name.startswith(f"{prompt}: ")), "")


def places(window):
    return {name: window.call("accessibility.place", title=PANEL, name=name) for name in FIXED}


@contextmanager
def held(window, key):
    window.keys("keydown", key)
    try:
        yield
    finally:
        window.keys("keyup", key)


def test_three_edits_run_beside_each_other_on_their_own_selections(window, image, endpoint):
    endpoint.behave("variations", seconds=4)
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    set_counts(window, 2)
    for prompt, box in SELECTIONS.items():
        window.call("edits.select", image_id=image, box=box)
        ask_for(window, prompt)
        wait_until(lambda prompt=prompt: row(window, prompt), f"{prompt} is listed", 20)
    assert "Waiting" in row(window, "third") and endpoint.most_at_once == 2, "two requests at once are the limit"
    shoot(window, "panel-queue")
    click(window, "Cancel the edit: second")
    wait_until(lambda: not row(window, "second"), "the second edit is cancelled")
    for prompt in ("first", "third"):
        wait_until(lambda prompt=prompt: "2 results" in row(window, prompt), f"the results of {prompt}")
    assert len(endpoint.received) == 3
    click(window, row(window, "first"))
    first = visible(window, image)
    click(window, "Result 2")
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the second result is on the canvas")
    click(window, "Keep")
    wait_until(lambda: not row(window, "first"), "the choice is made")
    state = wait_for_layers(window, image, len(before["layers"]) + 2)
    boxes = {layer["name"]: layer["box"] for layer in state["layers"]}
    for prompt in ("first", "third"):
        left, top, width, height = boxes[prompt]
        x, y, selected_width, selected_height = SELECTIONS[prompt]
        assert left <= x and top <= y and left + width >= x + selected_width and top + height >= y + selected_height
        window.settle()
    click(window, "Keep")
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"]))["layers"] == before["layers"]
    assert np.array_equal(visible(window, image), pixels)


def test_the_result_of_a_later_edit_is_above_that_of_an_earlier_one_though_it_comes_first(window, image, endpoint):
    endpoint.behave("held")
    set_counts(window)
    ask_for(window, "earlier")
    wait_until(lambda: len(endpoint.received) == 1, "the first request")
    endpoint.behaviour = "echo"
    ask_for(window, "later")
    wait_until(lambda: "1 result" in row(window, "later"), "the later edit is done")
    endpoint.release.set()
    wait_until(lambda: "1 result" in row(window, "earlier"), "the earlier edit is done")
    assert [layer["name"] for layer in layers(window, image)][:2] == ["later", "earlier"]


def test_closing_asks_once_and_leaves_the_image_as_it_was(window, image, endpoint):
    endpoint.behave("held")
    set_counts(window)
    before = window.call("edits.state_of", image_id=image)
    for prompt in ("one", "two", "three"):
        ask_for(window, prompt)
    activate(window, PANEL)
    window.keys("key", "Escape")
    question = "3 edits are in progress. Cancel them and close the window?"
    wait_until(lambda: question in window.call("accessibility.windows"), "the question")
    window.keys("key", "Return")
    wait_until(lambda: not is_open(window), "the panel closes")
    endpoint.release.set()
    wait_until(lambda: not window.processes("lib.worker"), "the worker ends")
    assert window.call("edits.state_of", image_id=image)["layers"] == before["layers"]
    assert len(endpoint.received) == 2, "what waited was never sent"


def test_holding_a_key_shows_the_picture_without_the_result(window, image, endpoint):
    endpoint.behave("variations")
    pixels = visible(window, image)
    set_counts(window, 2)
    ask_for(window, "compared")
    wait_until(lambda: "2 results" in row(window, "compared"), "the results")
    edited = visible(window, image)
    with held(window, "F9"):
        wait_until(lambda: np.array_equal(visible(window, image), pixels), "the picture without the result", 10)
        shoot(window, "panel-before")
    wait_until(lambda: np.array_equal(visible(window, image), edited), "the result again", 10)
    window.keys("keydown", "F9")
    wait_until(lambda: np.array_equal(visible(window, image), pixels), "the picture without the result", 10)
    activate(window, MAIN)
    window.keys("keyup", "F9")
    wait_until(lambda: np.array_equal(visible(window, image), edited), "the result again, as the focus was lost", 10)
    activate(window, PANEL)
    window.keys("key", "alt+2")
    wait_until(lambda: not np.array_equal(visible(window, image), edited), "the second result", 10)
    accessibility.tab_to(window, PANEL, "Result 2")
    window.keys("key", "1")
    wait_until(lambda: np.array_equal(visible(window, image), edited), "the first result", 10)
    window.keys("key", "Right")
    wait_until(lambda: not np.array_equal(visible(window, image), edited), "the second result again", 10)
    undone = len(layers(window, image)) - 1
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_for_layers(window, image, undone)
    assert np.array_equal(visible(window, image), pixels), "comparing was no undo step"


def test_a_result_left_hidden_by_a_killed_window_is_put_back_by_the_next_one(window, image, endpoint):
    endpoint.behave("variations")
    pixels = visible(window, image)
    set_counts(window, 1)
    ask_for(window, "hidden")
    wait_until(lambda: "1 result" in row(window, "hidden"), "the result")
    edited = visible(window, image)
    window.keys("keydown", "F9")
    wait_until(lambda: np.array_equal(visible(window, image), pixels), "the picture without the result", 10)
    window.kill(9, "generative-edit.py")
    window.keys("keyup", "F9")
    wait_until(lambda: not is_open(window), "the panel is gone")
    assert np.array_equal(visible(window, image), pixels)
    wait_until(lambda: "GIMP Message" in window.call("accessibility.windows"), "GIMP reports the end of the plug-in")
    activate(window, "GIMP Message")
    window.keys("key", "Escape")
    open_panel(window, image)
    wait_until(lambda: np.array_equal(visible(window, image), edited), "the result is back", 10)


def test_nothing_moves_when_progress_results_and_errors_come(window, image, endpoint):
    set_counts(window, 1)
    scroll_to(window, "Recipes")
    states = {"empty": places(window)}
    endpoint.behave("held")
    ask_for(window, "waits")
    wait_until(lambda: "Waiting for the result" in row(window, "waits"), "the progress")
    states["running"] = places(window)
    cancel = window.call("accessibility.place", title=PANEL, name="Cancel the edit: waits")
    endpoint.release.set()
    wait_until(lambda: "1 result" in row(window, "waits"), "the result")
    window.settle()
    states["result"] = places(window)
    assert window.call("accessibility.place", title=PANEL, name="Remove from the list: waits") == cancel
    endpoint.behave("refuse_at_length")
    ask_for(window, "refused")
    wait_until(lambda: "Copy details" in names(window), "the error")
    window.settle()
    states["error"] = places(window)
    click(window, "Remove from the list: refused")
    wait_until(lambda: not row(window, "refused"), "the error is gone")
    click(window, "Keep")
    wait_until(lambda: not row(window, "waits"), "the result is gone")
    states["kept"] = places(window)
    for state, positions in states.items():
        assert positions == states["empty"], f"{state} moves what is there"


def test_quick_mask_is_turned_on_by_a_button_and_the_selection_comes_back(window, image):
    window.call("edits.select", image_id=image, box=SELECTIONS["first"])
    before = window.call("edits.state_of", image_id=image)
    open_group(window, "Area")
    click(window, "Quick Mask")
    wait_until(lambda: "Quick Mask is on" in texts(window), "the panel says so")
    assert window.call("edits.state_of", image_id=image)["channels"] != before["channels"]
    activate(window, MAIN)
    window.keys("key", "shift+q")
    wait_until(lambda: "Quick Mask is on" not in texts(window), "it is off")
    after = window.call("edits.state_of", image_id=image)
    assert (after["selection"], after["channels"]) == (before["selection"], before["channels"])
    activate(window, PANEL)


def test_a_recipe_asks_for_its_placeholder(window, image, endpoint):
    endpoint.behave("echo")
    set_counts(window)
    click(window, "Recipes")
    window.settle()
    shoot(window, "panel-recipes")
    window.keys("key", "Down", "Down", "Down", "Return")
    wait_until(lambda: is_open(window, "Change the sky"), "the question")
    window.settle()
    shoot(window, "panel-recipe-question")
    window.keys("type", "a stormy sky")
    window.keys("key", "Return")
    wait_until(lambda: "Replace the sky with a stormy sky." in texts(window), "the prompt is filled in")
    activate(window, PANEL)
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result")
    assert endpoint.received[-1].fields["prompt"].startswith("Replace the sky with a stormy sky.")
