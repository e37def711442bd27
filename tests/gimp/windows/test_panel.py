"""The panel in a real window, driven by keyboard and mouse and read through the accessibility interface.

Screenshots are saved in tests/output for review.
"""

import re
import shutil
import time

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
    close_by_escape,
    close_panel,
    layers,
    open_group,
    open_panel,
    panel_of,
    point_at,
    press_entry,
    press_entry_by_keys,
    press_generate,
    scroll_to,
    set_counts,
    shoot,
    texts,
    undo_and_redo,
    visible,
    wait_for_layers,
    wait_for_text,
)
from tests.waiting import wait_until

# Tests that do not depend on GIMP's version, shared between the two.
in_3_0, in_3_2 = pytest.mark.one_gimp("3.0"), pytest.mark.one_gimp("3.2")


@pytest.fixture
def image(window):
    """An image with a feathered ellipse selected and its panel open; both are closed afterwards."""
    with panel_of(window, "ellipse") as image_id:
        yield image_id


def generate(window, prompt):
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)


def changed_area(before, after):
    """Return the width and height of the box in which the canvas differs between two screenshots."""
    canvas = [np.asarray(picture.crop((214, 98, 600, 640)).convert("L"), int) for picture in (before, after)]
    rows, columns = np.nonzero(np.abs(canvas[0] - canvas[1]) > 24)
    return np.ptp(columns) + 1, np.ptp(rows) + 1


def test_previews_appear_in_place_and_the_edit_is_one_undo_step(window, image, endpoint):
    endpoint.behave("previews", seconds=1.5)
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    set_counts(window, previews=2)
    screen = window.settle()
    generate(window, "a lake")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    time.sleep(0.5)
    preview = window.screenshot(OUTPUT / f"panel-preview-{window.gimp.minor}.png")
    width, height = changed_area(screen, preview)
    assert 195 <= width <= 225 and 115 <= height <= 145, "the selection is 210 by 130 pixels on the screen"
    first = visible(window, image)
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the next preview replaces the first")
    wait_until(lambda: "1 result" in texts(window), "the result is shown")
    window.settle()
    shoot(window, "panel-result")
    edited = visible(window, image)
    (layer, *_) = layers(window, image)
    assert layer["name"] == "a lake" and layer["masked"] and layer["parasites"] == ["generative-edit"]
    assert endpoint.received[-1].fields["partial_images"] == "2"
    assert np.array_equal(np.asarray(endpoint.received[-1].images[0].size), layer["box"][2:])

    undo_and_redo(window, image, before, pixels, edited)


@in_3_0
def test_keeping_the_second_of_three_results_is_one_undo_step(window, image, endpoint):
    endpoint.behave("variations")
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    set_counts(window, results=3)
    generate(window, "red, green or blue")
    wait_until(lambda: "3 results" in texts(window), "three results are shown")
    window.settle()
    shoot(window, "panel-three")
    first = visible(window, image)
    click(window, "Result 2")
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the second is on the canvas")
    second = visible(window, image)
    click(window, "Keep")
    wait_until(lambda: "3 results" not in texts(window), "the results are hidden")
    assert np.array_equal(visible(window, image), second)
    assert len(layers(window, image)) == len(before["layers"]) + 1
    undo_and_redo(window, image, before, pixels, second)


@in_3_2
def test_colours_are_matched_after_all_without_another_request(window, image, endpoint):
    endpoint.behave("night")
    before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
    set_counts(window)
    generate(window, "put a boat here")
    wait_until(lambda: "was kept" in texts(window), "the panel says that the colours were kept")
    window.settle()
    shoot(window, "panel-corrections")
    dark = visible(window, image)
    click(window, "Match its colours")
    wait_until(lambda: "colours were matched" in texts(window), "the result was made again")
    bright = visible(window, image)
    assert bright.mean() > dark.mean() and len(endpoint.received) == 1
    click(window, "Keep its colours")
    wait_until(lambda: "was kept" in texts(window), "and once more")
    assert np.array_equal(visible(window, image), dark)
    click(window, "Keep")
    undo_and_redo(window, image, before, pixels, dark)


@in_3_0
def test_a_result_can_be_selected_and_kept_with_the_keyboard(window, image, endpoint):
    endpoint.behave("variations")
    set_counts(window, results=3)
    generate(window, "by keys")
    wait_until(lambda: "3 results" in texts(window), "three results are shown")
    order = accessibility.check(window, PANEL)
    expected = ["Prompt", "Result 1", "Result 2", "Result 3", "Keep", "Keep all", "Discard", "Before",
                "More like this", "Use as input", "Generate"]  # fmt: skip
    assert [name for name in order if name in expected] == expected
    first = visible(window, image)
    accessibility.tab_to(window, PANEL, "Result 2")
    window.keys("key", "space")
    wait_until(lambda: not np.array_equal(visible(window, image), first), "the second is on the canvas")
    second = visible(window, image)
    window.keys("key", "alt+k")
    wait_until(lambda: "3 results" not in texts(window), "the results are hidden")
    assert np.array_equal(visible(window, image), second)


@in_3_2
def test_more_like_this_and_keep_all_put_results_into_one_group(window, image, endpoint):
    endpoint.behave("variations")
    set_counts(window, results=2)
    generate(window, "two")
    wait_until(lambda: "2 results" in texts(window), "two results")
    click(window, "More like this")
    wait_until(lambda: "4 results" in texts(window), "two more")
    group = layers(window, image)[0]
    assert [child["visible"] for child in group["children"]] == [True, False]
    assert len(endpoint.received) == 2
    assert endpoint.received[0].image_bytes[0] == endpoint.received[1].image_bytes[0]
    click(window, "Keep all")
    wait_until(lambda: "4 results" not in texts(window), "the results are hidden")
    group = next(layer for layer in layers(window, image) if len(layer["children"]) == 4)
    assert [child["visible"] for child in group["children"]] == [True, False, False, False]
    assert all(child["masked"] for child in group["children"])


@in_3_2
def test_the_result_goes_to_the_original_selection_if_that_was_changed_during_the_edit(window, image, endpoint):
    endpoint.behave("invert", seconds=2)
    set_counts(window)
    open_group(window, "Images to send", "Add a layer")
    before = window.settle()
    wait_for_text(window, "880×720 pixels")
    generate(window, "first")
    wait_until(lambda: endpoint.received, "the request was received")
    window.call("edits.select", image_id=image, box=[100, 700, 90, 60])
    scroll_to(window, "Quality and size")
    wait_until(lambda: "512×512 pixels" in texts(window), "the panel's thumbnail follows")
    wait_until(lambda: "1 result" in texts(window), "the result is shown")
    assert not np.array_equal(*(np.asarray(shot.crop((620, 20, 810, 160))) for shot in (before, window.settle())))
    (layer, *_) = layers(window, image)
    assert layer["box"][2:] == [880, 720]
    masked = window.call("edits.mask_at", image_id=image, points=[[910, 510], [140, 730]])
    assert masked == [255, None], "the layer mask is the selection that was sent"


@in_3_0
def test_a_result_for_a_deleted_layer_is_above_all_other_layers(window, endpoint):
    endpoint.behave("invert", seconds=2)
    with panel_of(window, "small_layer") as image:
        set_counts(window)
        generate(window, "orphan")
        wait_until(lambda: endpoint.received, "the request was received")
        window.call("edits.delete_layer", image_id=image, name="small")
        wait_until(lambda: "layer was deleted, so the result is above all other layers" in texts(window), "the note")
        assert [layer["name"] for layer in layers(window, image)][0] == "orphan"
        assert len(layers(window, image)) == 2


# For each stage: the case; the endpoint's behaviour, and for how many seconds; the numbers of results and previews; the
# message during the stage and the one after cancelling. The export is left out: it ends before a click is handled.
SENT = "Cancelled. The request had already been sent and may have been billed."
NOT_SENT = "Cancelled. Nothing was billed."
ARRIVED = "Cancelled. The result had already arrived and is in the history."
STAGES = {
    "sending": ("large", "deaf", 30, 1, 0, "Sending: ", NOT_SENT),
    "waiting": ("ellipse", "echo", 30, 1, 0, "Waiting for the result", SENT),
    "preview": ("ellipse", "previews", 30, 1, 2, "waiting for the next", SENT),
    "repeat": ("ellipse", "busy", 0, 1, 0, "Trying again in", NOT_SENT),
    "download": ("ellipse", "drip", 0, 1, 0, "Receiving", SENT),
    "aligning": ("ellipse", "drift", 0, 10, 0, "Aligning the result", ARRIVED),
}


@pytest.mark.parametrize("stage", in_turns(STAGES))
def test_cancel_leaves_the_image_unchanged(window, endpoint, stage):
    """At every stage; tests/bench/edits.py measures that it takes less than half a second."""
    case, behaviour, seconds, results, previews, message, ending = STAGES[stage]
    endpoint.behave(behaviour, seconds)
    with panel_of(window, case) as image:
        before, pixels = window.call("edits.state_of", image_id=image), visible(window, image)
        set_counts(window, results, previews)
        generate(window, "never")
        wait_until(lambda: message in texts(window), f"the panel says {message!r}")
        job = max((window.data / "jobs").glob("*-*"))
        point_at(window, "Cancel the edit: never")
        window.keys("click", "1")
        wait_until(lambda: has_ended(job), "the job has ended")
        wait_until(lambda: ending in texts(window), f"the panel says {ending!r}")
        assert layers(window, image) == before["layers"]
        assert np.array_equal(visible(window, image), pixels)
        assert len(endpoint.received) == (0 if behaviour == "deaf" else 1)
        assert job.exists() == (ending != NOT_SENT)
        assert len(list(job.glob("result-*"))) == (results if ending == ARRIVED else 0)


def has_ended(job):
    """Return whether the panel has finished a job: it was marked in its folder, or deleted as it was never sent."""
    return not job.exists() or (job / "told").exists()


@in_3_0
def test_an_error_is_shown_and_the_edit_can_be_tried_again(window, image, endpoint):
    count = len(layers(window, image))
    generate_refused(window, endpoint, "reject_key", "The test does not know this key")
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
    assert left <= 20 and top <= 30 and left + width >= 120 and top + height >= 110, "the current selection is sent"
    assert "The test does not know this key" not in texts(window)


@in_3_2
def test_a_request_that_would_be_refused_again_is_not_offered_again(window, image, endpoint):
    generate_refused(window, endpoint, "refuse")
    wait_for_text(window, "the same request will be refused again")
    assert "Copy details" in names(window)
    assert "Try again" not in names(window)


@in_3_2
def test_a_long_error_leaves_every_button_on_the_screen(window, image, endpoint):
    generate_refused(window, endpoint, "refuse_at_length")
    width, height = window.settle().size
    shoot(window, "panel-long-error")
    for name in ("Generate", "Close", "Copy details", "Prompt"):
        x, y = window.call("accessibility.place", title=PANEL, name=name)
        assert 0 < x < width and 0 < y < height, f"{name} is at {x}, {y}"
    assert {"Copy details", "Generate", "Close"} <= set(accessibility.check(window, PANEL))


@in_3_2
def test_an_edit_that_may_have_been_billed_cannot_be_tried_again(window, image, endpoint):
    endpoint.behave("die")
    set_counts(window)
    generate(window, "dies")
    wait_until(lambda: "may have been billed" in texts(window), "the message")
    assert "Try again" not in names(window) and len(endpoint.received) == 1


@in_3_2
def test_deleted_result_files_are_reported(window, image, endpoint):
    endpoint.behave("variations")
    count = len(layers(window, image))
    set_counts(window, results=3)
    generate(window, "deleted")
    wait_until(lambda: "3 results" in texts(window), "three results")
    for path in max((window.data / "jobs").glob("*-*")).glob("layer-*"):
        path.unlink()
    click(window, "Result 2")
    wait_until(lambda: "Couldn't read or write a file" in texts(window), "the message")
    click(window, "Keep all")
    window.settle()
    shoot(window, "panel-deleted")
    assert "3 results" in texts(window) and len(layers(window, image)) == count + 1
    click(window, "Discard")
    wait_for_layers(window, image, count)
    assert "Couldn't read or write a file" not in texts(window)


@in_3_2
def test_a_preview_that_was_undone_is_not_inserted_again(window, image, endpoint):
    endpoint.behave("previews", seconds=2)
    count = len(layers(window, image))
    set_counts(window, previews=2)
    generate(window, "undone")
    wait_for_layers(window, image, count + 1)
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_for_layers(window, image, count)
    wait_until(lambda: "Click a result to insert it" in texts(window), "the result is only listed")
    assert len(layers(window, image)) == count
    click(window, "Result 1")
    wait_for_layers(window, image, count + 1)


@in_3_2
def test_a_prompt_refused_by_the_built_in_engine_disables_generate(window, image, endpoint):
    endpoint.behave("invert")
    set_counts(window)
    generate(window, "offered")
    wait_until(lambda: "1 result" in texts(window), "a result is shown")
    choose_provider(window, "Built in (this computer)")
    click_prompt(window)
    window.keys("key", "ctrl+a")
    window.keys("type", "remove the dog")
    wait_until(lambda: can_be_used(window, "Generate"), "the engine accepts the prompt")
    window.keys("key", "ctrl+a")
    window.keys("type", "a castle made of cheese")
    wait_for_text(window, "does not understand “a castle made of cheese”")
    assert not can_be_used(window, "Generate") and can_be_used(window, "Settings…")
    window.keys("key", "ctrl+a")
    window.keys("type", "replace the dog with a cat")
    wait_until(lambda: "would have to be painted" in texts(window), "the engine says what it cannot do")
    window.settle()
    shoot(window, "panel-refused")
    click(window, "Use This Prompt")
    wait_until(lambda: can_be_used(window, "Generate"), "the prompt is the one that the engine suggested")
    choose_provider(window, "Any other server")  # after an edit the panel remembers the last provider


@in_3_0
def test_quick_mask_disables_generate_until_it_is_turned_off(window, image, endpoint):
    """Quick Mask is turned on in an open panel, then before the panel is opened, when no layer is selected."""
    endpoint.behave("invert")
    open_group(window, "Images to send", "Add a layer")
    wait_for_text(window, "880×720 pixels")
    assert can_be_used(window, "Generate")
    for opened in (True, False):
        activate(window, MAIN)
        window.keys("key", "shift+q")
        if not opened:
            open_panel(window, image)
        wait_until(lambda: "Turn off Quick Mask (Shift+Q)" in texts(window), "the message")
        assert not can_be_used(window, "Generate")
        shoot(window, f"panel-quick-mask-{opened}")
        activate(window, MAIN)
        window.keys("key", "shift+q")
        wait_until(lambda: can_be_used(window, "Generate"), "the edit can be sent again")
        open_group(window, "Images to send", "Add a layer")
        wait_for_text(window, "880×720 pixels")
        assert "Quick Mask" not in texts(window)
        close_panel(window)
    assert not endpoint.received


@in_3_0
def test_an_expensive_edit_needs_confirmation(window, image, endpoint):
    endpoint.behave("invert")
    choose_provider(window, "OpenAI")
    window.call("accessibility.choose", title=PANEL, name="Quality", item="high")
    set_counts(window, results=10)
    generate(window, "expensive")
    question = "Send this edit to OpenAI?"
    window.wait_for_window(question)
    window.settle()
    shoot(window, "panel-question")
    close_by_escape(window, question)
    assert not endpoint.received


def active_title(window):
    """Return the title of the window that has the keyboard; "" while it goes from one to another."""
    try:
        return window.keys("getactivewindow", "getwindowname")
    except AssertionError:
        return ""


@in_3_2
def test_a_second_call_raises_the_open_panel(window, image):
    activate(window, MAIN)
    press_entry(window, "Edit with Prompt…")
    wait_until(lambda: PANEL in active_title(window), "the panel has the focus")
    wait_until(lambda: len(window.processes(window.plug_in)) == 1, "the second process has ended")
    assert sum(PANEL in title for title in window.call("accessibility.windows")) == 1


@in_3_0
def test_every_control_has_a_name_and_is_reached_by_tab(window, image):
    for group in ("Quality and size", "Area", "More options"):
        open_group(window, group)
    click_prompt(window)
    order = accessibility.check(window, PANEL)
    expected = ["Prompt", "Model", "Number of results", "Quality and size", "Size", "Area", "Grow", "More options",
                "Timeout", "Generate"]  # fmt: skip
    assert [name for name in order if name in expected] == expected


@in_3_0
def test_remove_selection_takes_one_click(window, endpoint):
    endpoint.behave("invert")
    image = window.call("edits.show", case="corner")
    window.settle()
    count = len(layers(window, image))
    press_entry_by_keys(window, "r", "menu")
    wait_until(lambda: asked_or_inserted(window, image, count), "a question about the cost, or the result")
    window.settle()
    shoot(window, "remove-question")
    window.keys("key", "Return")
    state = wait_for_layers(window, image, count + 1)
    assert state["layers"][0]["name"] == "remove" and endpoint.received[-1].fields["prompt"] == "remove"
    window.call("edits.close", image_id=image)


@in_3_0
def test_repeat_asks_before_an_edit_of_unknown_cost(window, image, endpoint):
    endpoint.behave("invert")
    set_counts(window)
    generate(window, "once")
    wait_until(lambda: "1 result" in texts(window), "the result is shown")
    close_panel(window)
    activate(window, MAIN)
    window.keys("key", "ctrl+f")
    question = f"Send this edit to {endpoint.url.split('/')[2]}?"
    wait_until(lambda: question in window.call("accessibility.windows"), "the question")
    close_by_escape(window, question)
    assert len(endpoint.received) == 1


def test_menu_entries_are_enabled_only_where_they_can_be_used(window):
    """Edits need one or more layers, the other entries no image. GIMP cannot make an entry depend on the selection."""
    pluginrc = (window.gimp.config / "pluginrc").read_text(errors="replace")
    entry = r'proc-def "generative-edit-?(\w*)" .*?\n\s+"([^"]*)"\n\s+(\d+)\n\s+\d+ \d+\n'
    entries = re.findall(entry, pluginrc, re.DOTALL)
    one_or_several, always = "5", str(2**31 - 1)
    masks = {name: mask for name, _types, mask in entries}
    assert {name for name, mask in masks.items() if mask == one_or_several} == {"", "remove", "extend", "again"}
    assert {name for name, mask in masks.items() if mask == always} == {"history", "settings", "folder"}
    assert all(types.startswith("RGB") == (mask == one_or_several) for _name, types, mask in entries)


def asked_or_inserted(window, image, count):
    question = any("Send this edit" in title for title in window.call("accessibility.windows"))
    return question or len(layers(window, image)) > count


def names(window):
    return [control["name"] for control in window.call("accessibility.controls", title=PANEL)]


def click_prompt(window):
    click(window, "Prompt")


def generate_refused(window, endpoint, behaviour, message="The test refuses this"):
    """Generate, and wait until the panel shows the endpoint's message."""
    endpoint.behave(behaviour)
    set_counts(window)
    generate(window, "refused")
    wait_until(lambda: message in texts(window), "the endpoint's message")
    wait_until(lambda: "Copy details" in names(window), "the error is shown")


def choose_provider(window, title):
    window.call("accessibility.choose", title=PANEL, name="Provider", item=title)


def close_image_during_edit(window, endpoint, behaviour, case):
    """Open the image of a case, start an edit with the prompt "late", and close the image before the response."""
    endpoint.behave(behaviour, seconds=2)
    image = window.call("edits.show", case=case)
    window.settle()
    open_panel(window, image)
    set_counts(window)
    generate(window, "late")
    wait_until(lambda: endpoint.received, "the request was received")
    window.call("edits.close", image_id=image)


@in_3_2
def test_a_result_for_a_closed_image_opens_in_a_new_image(window, endpoint):
    before = window.call("edits.images")  # a plug-in that was killed may have left some without a window
    close_image_during_edit(window, endpoint, "invert", "small_layer")
    wait_until(lambda: "so the result is in a new image" in texts(window), "the message")
    (image,) = set(window.call("edits.images")).difference(before)
    (layer,) = layers(window, image)
    assert layer["name"] == "late" and layer["masked"] and layer["box"][:2] == [0, 0]
    close_panel(window)
    window.settle()
    if "GIMP Message" in window.call("accessibility.windows"):
        raise AssertionError(f"the panel used the closed image: {texts(window, 'GIMP Message')}")
    window.call("edits.close_all")


@in_3_2
def test_an_error_after_the_image_was_closed_can_still_be_read(window, endpoint):
    close_image_during_edit(window, endpoint, "refuse", "ellipse")
    wait_until(lambda: "The test refuses this" in texts(window), "the panel shows the error")
    window.settle()
    shoot(window, "panel-error-without-image")
    assert "Try again" not in names(window) and not can_be_used(window, "Generate")
    close_panel(window)


def test_the_picture_to_be_sent_is_shown_with_the_selection_highlighted(window, image):
    def highlighted():
        red, green, blue = np.moveaxis(np.asarray(window.screenshot().convert("RGB"), int), 2, 0)
        return ((red > green + 80) & (blue > green + 30)).sum()

    open_group(window, "Images to send")
    window.settle()
    ellipse = highlighted()
    window.call("edits.select", image_id=image, box=[100, 100, 4, 4])
    wait_until(lambda: highlighted() < ellipse - 1000, "hardly any")


@in_3_2
def test_the_panel_fits_on_the_screen_with_a_light_theme_at_double_scale(installed, environment, tmp_path):
    """The screen has 2560×1440 pixels, and everything is twice as large."""
    work = tmp_path / "work"
    config = work / "config"
    shutil.copytree(installed.config, config, symlinks=True, ignore=shutil.ignore_patterns("plug-in-settings"))
    rc = config / "gimprc"
    rc.write_text(rc.read_text() + "(theme-color-scheme light)\n")
    variables = {**environment, "GDK_SCALE": "2", "GENERATIVE_EDIT_PROVIDER": "custom"}
    with installed.start(work, environment=variables, window=(2560, 1440), config=config, accessible=True) as running:
        running.wait_for_window(MAIN)
        image = running.call("edits.show", case="ellipse")
        running.settle()
        open_panel(running, image)
        shoot(running, "panel-light-double")
        picture = np.asarray(running.screenshot().convert("L"))
        for name in ("Prompt", "Generate", "Close", "Help"):
            x, y = running.call("accessibility.place", title=PANEL, name=name)
            assert 0 < x < 1280 and 0 < y < 720, f"{name} is at {x}, {y} of 1280 by 720"
        x, y = running.call("accessibility.place", title=PANEL, name="Generate")
        assert picture[2 * y, 2 * x - 100 : 2 * x + 100].max() > 200, "the theme is light"
