"""The panel in a real window: driven by keys and mouse, seen on the screen and through a screen reader's eyes.

Screenshots are left in tests/output for a person to look at.
"""

import re
import shutil
import time
from contextlib import contextmanager

import numpy as np
import pytest

from tests.gimp import accessibility
from tests.gimp.conftest import in_turns
from tests.gimp.screen import (
    MAIN,
    OUTPUT,
    PANEL,
    activate,
    can_be_used,
    click,
    close_panel,
    is_open,
    layers,
    open_panel,
    point_at,
    press_entry,
    press_entry_by_keys,
    press_generate,
    shoot,
    texts,
    visible,
    wait_for_layers,
)
from tests.waiting import wait_until

# What does not depend on GIMP's version; the two share the work.
in_3_0, in_3_2 = pytest.mark.one_gimp("3.0"), pytest.mark.one_gimp("3.2")


@pytest.fixture
def image(window):
    """A picture with a soft ellipse selected and its panel open; both are closed afterwards."""
    with panel_of(window, "ellipse") as shown:
        yield shown


@contextmanager
def panel_of(window, case):
    """The picture of a case with its panel open; both are closed afterwards."""
    shown = window.call("edits.show", case=case)
    window.settle()
    open_panel(window, shown)
    try:
        yield shown
    finally:
        if is_open(window):
            close_panel(window)
        window.call("edits.close", image_id=shown)
        window.settle()


def undo_and_redo(window, image, before, pixels, edited):
    """One undo brings all back as it was, redo what was seen last."""
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"])) == before
    assert np.array_equal(visible(window, image), pixels)
    window.keys("key", "ctrl+y")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    assert np.array_equal(visible(window, image), edited)


def generate(window, prompt):
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)


def changed_area(before, after):
    """The box of all pixels of the canvas that differ between two screenshots: width and height."""
    left = [np.asarray(picture.crop((214, 98, 600, 640)).convert("L"), int) for picture in (before, after)]
    rows, columns = np.nonzero(np.abs(left[0] - left[1]) > 24)
    return np.ptp(columns) + 1, np.ptp(rows) + 1


def test_previews_appear_in_place_and_all_is_one_undo_step(window, image, endpoint):
    endpoint.behave("previews", seconds=1.5)
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    ask_for(window, previews=2)
    screen = window.settle()
    generate(window, "a lake")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    time.sleep(0.5)
    preview = window.screenshot(OUTPUT / f"panel-preview-{window.gimp.minor}.png")
    width, height = changed_area(screen, preview)
    assert 195 <= width <= 225 and 115 <= height <= 145, "the selection is 210 by 130 pixels on the screen"
    first = visible(window, image)
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the next preview replaces the first")
    wait_until(lambda: "1 result" in texts(window), "the result is offered")
    window.settle()
    shoot(window, "panel-result")
    edited = visible(window, image)
    (layer, *_) = layers(window, image)
    assert layer["name"] == "a lake" and layer["masked"] and layer["parasites"] == ["generative-edit"]
    assert endpoint.received[-1].fields["partial_images"] == "2"
    assert np.array_equal(np.asarray(endpoint.received[-1].images[0].size), layer["box"][2:])

    undo_and_redo(window, image, before, pixels, edited)


@in_3_0
def test_the_second_of_three_results_is_chosen_and_kept_in_one_undo_step(window, image, endpoint):
    endpoint.behave("variations")
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    ask_for(window, results=3)
    generate(window, "red, green or blue")
    wait_until(lambda: "3 results" in texts(window), "three results are offered")
    window.settle()
    shoot(window, "panel-three")
    first = visible(window, image)
    click(window, "Result 2")
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the second is on the canvas")
    second = visible(window, image)
    click(window, "Keep")
    wait_until(lambda: "3 results" not in texts(window), "the choice is made")
    assert np.array_equal(visible(window, image), second)
    assert len(layers(window, image)) == len(before["layers"]) + 1
    undo_and_redo(window, image, before, pixels, second)


@in_3_0
def test_a_result_is_chosen_and_kept_with_the_keyboard_alone(window, image, endpoint):
    endpoint.behave("variations")
    ask_for(window, results=3)
    generate(window, "by keys")
    wait_until(lambda: "3 results" in texts(window), "three results are offered")
    order = accessibility.check(window, PANEL)
    expected = ["Prompt", "Result 1", "Result 2", "Result 3", "Keep", "Keep all", "Discard", "More like this",
                "Use as input", "Generate"]  # fmt: skip
    assert [name for name in order if name in expected] == expected
    first = visible(window, image)
    accessibility.tab_to(window, PANEL, "Result 2")
    window.keys("key", "space")
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the second is on the canvas")
    second = visible(window, image)
    window.keys("key", "alt+k")
    wait_until(lambda: "3 results" not in texts(window), "the choice is made")
    assert np.array_equal(visible(window, image), second)


@in_3_2
def test_keep_all_makes_a_group_and_more_like_this_joins_it(window, image, endpoint):
    endpoint.behave("variations")
    ask_for(window, results=2)
    generate(window, "two")
    wait_until(lambda: "2 results" in texts(window), "two results")
    click(window, "More like this")
    wait_until(lambda: "Result 4" in names(window), "two more")
    group = layers(window, image)[0]
    assert [child["visible"] for child in group["children"]] == [True, False]
    assert len(endpoint.received) == 2
    assert endpoint.received[0].image_bytes[0] == endpoint.received[1].image_bytes[0]
    click(window, "Keep all")
    wait_until(lambda: "Result 4" not in names(window), "the choice is made")
    group = next(layer for layer in layers(window, image) if len(layer["children"]) == 4)
    assert [child["visible"] for child in group["children"]] == [True, False, False, False]
    assert all(child["masked"] for child in group["children"])


@in_3_2
def test_the_picture_follows_the_selection_and_the_result_goes_where_it_was_asked_for(window, image, endpoint):
    endpoint.behave("invert", seconds=2)
    ask_for(window)
    before = window.settle()
    assert "880×720 pixels" in texts(window)
    generate(window, "first")
    wait_until(lambda: endpoint.received, "the request is out")
    window.call("edits.select", image_id=image, box=[100, 700, 90, 60])
    wait_until(lambda: "512×512 pixels" in texts(window), "the panel's picture follows")
    wait_until(lambda: "1 result" in texts(window), "the result is offered")
    assert not np.array_equal(*(np.asarray(shot.crop((620, 20, 810, 160))) for shot in (before, window.settle())))
    (layer, *_) = layers(window, image)
    assert layer["box"][2:] == [880, 720]
    assert "The selection was changed meanwhile" in texts(window)
    masked = window.call("edits.mask_at", image_id=image, points=[[910, 510], [140, 730]])
    assert masked == [255, None], "the layer mask is the selection that was sent"


@in_3_0
def test_a_result_for_a_layer_that_was_deleted_lies_above_all_and_says_so(window, endpoint):
    endpoint.behave("invert", seconds=2)
    with panel_of(window, "small_layer") as image:
        ask_for(window)
        generate(window, "orphan")
        wait_until(lambda: endpoint.received, "the request is out")
        window.call("edits.delete_layer", image_id=image, name="small")
        wait_until(lambda: "was deleted meanwhile, so the result is above all others" in texts(window), "it says so")
        assert "The selection was changed" not in texts(window)
        assert [layer["name"] for layer in layers(window, image)][0] == "orphan"
        assert len(layers(window, image)) == 2


# For each stage: the picture; what the endpoint does, and for how many seconds; results and previews asked for; what
# the panel says while the stage lasts, and what it says of the end. Reading the picture is over before a click counts.
SENT = "Cancelled. The request had been sent, so it may have been billed."
NOT_SENT = "Cancelled; nothing was billed."
ARRIVED = "Cancelled. The result had arrived already: it is in the history."
STAGES = {
    "sending": ("large", "deaf", 4, 1, 0, "Sending: ", NOT_SENT),
    "waiting": ("ellipse", "echo", 4, 1, 0, "Waiting for the result", SENT),
    "preview": ("ellipse", "previews", 4, 1, 2, "waiting for the next", SENT),
    "repeat": ("ellipse", "busy", 0, 1, 0, "Trying again in", NOT_SENT),
    "download": ("ellipse", "drip", 0, 1, 0, "Receiving", SENT),
    "lining up": ("ellipse", "drift", 0, 10, 0, "Lining the result up", ARRIVED),
}


@pytest.mark.parametrize("stage", in_turns(STAGES))
def test_cancel_leaves_the_picture_as_it_was(window, endpoint, stage):
    """That it is over within half a second is measured by tests/bench.py."""
    case, behaviour, seconds, results, previews, told, ending = STAGES[stage]
    endpoint.behave(behaviour, seconds)
    with panel_of(window, case) as image:
        before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
        ask_for(window, results, previews)
        generate(window, "never")
        wait_until(lambda: told in texts(window), f"the panel says {told!r}")
        job = max((window.data / "jobs").glob("*-*"))
        point_at(window, "Cancel the edit")
        window.keys("click", "1")
        wait_until(lambda: is_over(job), "it is over")
        wait_until(lambda: ending in texts(window), f"the panel says {ending!r}")
        assert layers(window, image) == before["layers"]
        assert np.array_equal(visible(window, image), pixels)
        assert len(endpoint.received) == (0 if behaviour == "deaf" else 1)
        assert job.exists() == (ending != NOT_SENT)
        assert len(list(job.glob("result-*"))) == (results if ending == ARRIVED else 0)


def is_over(job):
    """Whether the panel has done with a job: it says so in the folder, or the folder of what was not sent has gone."""
    return not job.exists() or (job / "told").exists()


@in_3_0
def test_an_error_is_told_in_the_panel_and_tried_again(window, image, endpoint):
    count = len(layers(window, image))
    be_refused(window, endpoint, "refuse")
    window.settle()
    shoot(window, "panel-error")
    assert {"Copy details", "Try again"} <= set(accessibility.check(window, PANEL))
    assert len(layers(window, image)) == count
    endpoint.behave("invert")
    window.call("edits.select", image_id=image, box=[20, 30, 100, 80])
    window.settle()
    click(window, "Try again")
    wait_for_layers(window, image, count + 1)
    left, top, width, height = layers(window, image)[0]["box"]
    assert left <= 20 and top <= 30 and left + width >= 120 and top + height >= 110, "what is selected by now"
    assert "The test refuses this" not in texts(window)


@in_3_2
def test_a_long_error_leaves_every_button_on_the_screen(window, image, endpoint):
    be_refused(window, endpoint, "refuse_at_length")
    width, height = window.settle().size
    shoot(window, "panel-long-error")
    for name in ("Generate", "Close", "Try again", "Copy details", "Prompt"):
        x, y = window.call("accessibility.place", title=PANEL, name=name)
        assert 0 < x < width and 0 < y < height, f"{name} is at {x}, {y}"
    assert {"Copy details", "Try again", "Generate", "Close"} <= set(accessibility.check(window, PANEL))


@in_3_2
def test_what_may_have_been_billed_is_not_offered_again(window, image, endpoint):
    endpoint.behave("die")
    ask_for(window)
    generate(window, "dies")
    wait_until(lambda: "may have been billed" in texts(window), "it says so")
    assert not can_be_used(window, "Try again") and len(endpoint.received) == 1


@in_3_2
def test_results_that_were_deleted_meanwhile_are_told_of(window, image, endpoint):
    endpoint.behave("variations")
    count = len(layers(window, image))
    ask_for(window, results=3)
    generate(window, "deleted")
    wait_until(lambda: "3 results" in texts(window), "three results")
    for path in max((window.data / "jobs").glob("*-*")).glob("layer-*"):
        path.unlink()
    click(window, "Result 2")
    wait_until(lambda: "A file could not be read" in texts(window), "it says so")
    click(window, "Keep all")
    window.settle()
    shoot(window, "panel-deleted")
    assert "3 results" in texts(window) and len(layers(window, image)) == count + 1
    click(window, "Discard")
    wait_for_layers(window, image, count)
    assert "A file could not be read" not in texts(window)


def test_an_undo_during_previews_is_respected(window, image, endpoint):
    endpoint.behave("previews", seconds=2)
    count = len(layers(window, image))
    ask_for(window, previews=2)
    generate(window, "undone")
    wait_for_layers(window, image, count + 1)
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_for_layers(window, image, count)
    wait_until(lambda: "click a result to insert it" in texts(window), "the result is only offered")
    assert len(layers(window, image)) == count
    click(window, "Result 1")
    wait_for_layers(window, image, count + 1)


@in_3_2
def test_a_prompt_that_the_built_in_engine_refuses_disables_generate(window, image, endpoint):
    endpoint.behave("invert")
    ask_for(window)
    generate(window, "offered")
    wait_until(lambda: "1 result" in texts(window), "a result is offered all the while")
    choose_provider(window, "Built in (this computer)")
    click_prompt(window)
    window.keys("key", "ctrl+a")
    window.keys("type", "remove the dog")
    wait_until(lambda: can_be_used(window, "Generate"), "it can do that")
    assert "Works on this computer" not in texts(window), "results have the room"
    window.keys("key", "ctrl+a")
    window.keys("type", "a castle made of cheese")
    wait_until(lambda: not can_be_used(window, "Generate"), "it cannot do that")
    assert "does not understand this" in texts(window) and can_be_used(window, "Settings…")
    window.settle()
    shoot(window, "panel-refused")
    choose_provider(window, "Any other server")  # as an edit was made, what is chosen now is so the next time


@in_3_0
def test_quick_mask_disables_generate_until_it_is_turned_off(window, image, endpoint):
    """The panel is open as it comes; then it is opened while it is on, when GIMP has selected no layer."""
    endpoint.behave("invert")
    assert "880×720 pixels" in texts(window) and can_be_used(window, "Generate")
    for opened in (True, False):
        activate(window, MAIN)
        window.keys("key", "shift+q")
        if not opened:
            open_panel(window, image)
        wait_until(lambda: "Turn off Quick Mask (Shift+Q)" in texts(window), "it says so")
        assert not can_be_used(window, "Generate")
        shoot(window, f"panel-quick-mask-{opened}")
        activate(window, MAIN)
        window.keys("key", "shift+q")
        wait_until(lambda: can_be_used(window, "Generate"), "it can be sent again")
        assert "880×720 pixels" in texts(window) and "Quick Mask" not in texts(window)
        close_panel(window)
    assert not endpoint.received


@in_3_0
def test_a_dear_edit_is_asked_for_first(window, image, endpoint):
    endpoint.behave("invert")
    choose_provider(window, "OpenAI")
    ask_for(window, results=10)
    generate(window, "dear")
    question = "Send this edit to OpenAI?"
    window.wait_for_window(question)
    window.settle()
    shoot(window, "panel-question")
    window.keys("key", "Escape")
    wait_until(lambda: question not in window.call("accessibility.windows"), "the question closes")
    assert not endpoint.received


@in_3_2
def test_a_second_call_raises_the_panel_that_is_open(window, image):
    activate(window, MAIN)
    press_entry(window, "Edit with Prompt…")
    wait_until(lambda: PANEL in window.keys("getactivewindow", "getwindowname"), "the panel has the keyboard")
    wait_until(lambda: len(window.processes(window.plug_in)) == 1, "the second process has done its work")
    assert sum(PANEL in title for title in window.call("accessibility.windows")) == 1


@in_3_0
def test_every_control_has_a_name_and_is_reached_by_tab(window, image):
    click_prompt(window)
    window.keys("key", "alt+o")
    window.settle()
    order = accessibility.check(window, PANEL)
    expected = ["Prompt", "Model", "Size", "Number of results", "More options", "Grow", "Timeout", "Generate"]
    assert [name for name in order if name in expected] == expected


@in_3_0
def test_remove_selection_takes_one_click(window, endpoint):
    endpoint.behave("invert")
    shown = window.call("edits.show", case="corner")
    window.settle()
    count = len(layers(window, shown))
    press_entry_by_keys(window, "r", "menu")
    wait_until(lambda: asked_or_done(window, shown, count), "a question about the cost, or the result")
    window.settle()
    shoot(window, "remove-question")
    window.keys("key", "Return")
    state = wait_for_layers(window, shown, count + 1)
    assert state["layers"][0]["name"] == "remove" and endpoint.received[-1].fields["prompt"] == "remove"
    window.call("edits.close", image_id=shown)


@in_3_0
def test_repeat_asks_first_where_nobody_knows_the_cost(window, image, endpoint):
    endpoint.behave("invert")
    ask_for(window)
    generate(window, "once")
    wait_until(lambda: "1 result" in texts(window), "the result is offered")
    close_panel(window)
    activate(window, MAIN)
    window.keys("key", "ctrl+f")
    question = f"Send this edit to {endpoint.url.split('/')[2]}?"
    wait_until(lambda: question in window.call("accessibility.windows"), "the question")
    window.keys("key", "Escape")
    wait_until(lambda: question not in window.call("accessibility.windows"), "the question closes")
    assert len(endpoint.received) == 1


def test_entries_are_greyed_where_they_cannot_be_used(window):
    """With a layer or several: what edits; always: what needs no image. GIMP has no such switch for the selection."""
    known = (window.gimp.config / "pluginrc").read_text(errors="replace")
    ours = re.findall(r'proc-def "generative-edit-?(\w*)" .*?\n\s+"([^"]*)"\n\s+(\d+)\n\s+\d+ \d+\n', known, re.DOTALL)
    one_or_several, always = "5", str(2**31 - 1)
    masks = {name: mask for name, _types, mask in ours}
    assert {name for name, mask in masks.items() if mask == one_or_several} == {"", "remove", "extend", "again"}
    assert {name for name, mask in masks.items() if mask == always} == {"history", "settings", "folder"}
    assert all(types.startswith("RGB") == (mask == one_or_several) for _name, types, mask in ours)


def asked_or_done(window, image, count):
    asked = any("Send this edit" in title for title in window.call("accessibility.windows"))
    return asked or len(layers(window, image)) > count


def names(window):
    return [one["name"] for one in window.call("accessibility.controls", title=PANEL)]


def click_prompt(window):
    click(window, "Prompt")


def ask_for(window, results=1, previews=0):
    """Sets both, as GIMP remembers them from one test to the next, and goes back to the prompt."""
    for name, value in (("Number of results", results), ("Live previews", previews)):
        click(window, name)
        window.keys("key", "ctrl+a")
        window.keys("type", f"{value}\t")
    click_prompt(window)


def be_refused(window, endpoint, behaviour):
    """Generates, and returns when the panel shows the endpoint's words."""
    endpoint.behave(behaviour)
    ask_for(window)
    generate(window, "refused")
    wait_until(lambda: "The test refuses this" in texts(window), "the endpoint's words")


def choose_provider(window, title):
    window.call("accessibility.choose", title=PANEL, name="Provider", item=title)


def close_while_the_endpoint_works(window, endpoint, behaviour, case):
    """Opens the picture of a case, asks for an edit named "late", and closes the image before the answer."""
    endpoint.behave(behaviour, seconds=2)
    shown = window.call("edits.show", case=case)
    window.settle()
    open_panel(window, shown)
    ask_for(window)
    generate(window, "late")
    wait_until(lambda: endpoint.received, "the request is out")
    window.call("edits.close", image_id=shown)


def test_a_result_for_an_image_that_was_closed_comes_in_a_new_one(window, endpoint):
    close_while_the_endpoint_works(window, endpoint, "invert", "small_layer")
    wait_until(lambda: "is in a new one" in texts(window), "it says where the result is")
    (image,) = window.call("edits.images")
    (layer,) = layers(window, image)
    assert layer["name"] == "late" and layer["masked"] and layer["box"][:2] == [0, 0]
    close_panel(window)
    window.settle()
    if "GIMP Message" in window.call("accessibility.windows"):
        raise AssertionError(f"it works on the image that has gone: {texts(window, 'GIMP Message')}")
    window.call("edits.close_all")


@in_3_2
def test_an_error_after_the_image_was_closed_can_still_be_read(window, endpoint):
    close_while_the_endpoint_works(window, endpoint, "refuse", "ellipse")
    wait_until(lambda: "The test refuses this" in texts(window), "the panel says what went wrong")
    window.settle()
    shoot(window, "panel-error-without-image")
    assert not can_be_used(window, "Try again") and not can_be_used(window, "Generate")
    close_panel(window)


@in_3_2
def test_a_light_theme_at_double_scale(installed, environment, tmp_path):
    """On a screen of 2560 by 1440 with everything twice as large, nothing of the panel is beyond the screen."""
    work = tmp_path / "work"
    config = work / "config"
    shutil.copytree(installed.config, config, symlinks=True, ignore=shutil.ignore_patterns("plug-in-settings"))
    rc = config / "gimprc"
    rc.write_text(rc.read_text() + "(theme-color-scheme light)\n")
    variables = {**environment, "GDK_SCALE": "2"}
    with installed.start(work, environment=variables, window=(2560, 1440), config=config, accessible=True) as running:
        running.wait_for_window(MAIN)
        shown = running.call("edits.show", case="ellipse")
        running.settle()
        open_panel(running, shown)
        shoot(running, "panel-light-double")
        picture = np.asarray(running.screenshot().convert("L"))
        for name in ("Prompt", "Generate", "Close", "Help"):
            x, y = running.call("accessibility.place", title=PANEL, name=name)
            assert 0 < x < 1280 and 0 < y < 720, f"{name} is at {x}, {y} of 1280 by 720"
        x, y = running.call("accessibility.place", title=PANEL, name="Generate")
        assert picture[2 * y, 2 * x - 100 : 2 * x + 100].max() > 200, "the theme is light"
