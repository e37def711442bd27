"""What the panel sends: its list of layers, an unlisted model, and GIMP's saved settings."""

import json

import numpy as np
import pytest

from tests.gimp.screen import (
    PANEL,
    activate,
    click,
    close_panel,
    open_group,
    open_panel,
    press_generate,
    scroll_to,
    shoot,
    texts,
    wait_for_text,
)
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture(scope="module", autouse=True)
def panel(window):
    """The panel of an image with a tint layer above the picture, open for all tests."""
    window.call("edits.show", case="tinted")
    window.settle()
    open_panel(window, None)
    open_group(window, "Images to send", "Add a layer")


@pytest.fixture
def sent(window, endpoint):
    """Return a function that generates, discards the result, and returns the request that the endpoint received."""
    endpoint.behave("invert")

    def generate():
        count = len(endpoint.received)
        activate(window, PANEL)
        press_generate(window)
        wait_until(lambda: len(endpoint.received) > count and "1 result" in texts(window), "the result")
        window.settle()
        click(window, "Discard")
        wait_until(lambda: "1 result" not in texts(window), "the result is gone")
        return endpoint.received[-1]

    return generate


def content(window, name):
    return window.call("accessibility.content", title=PANEL, name=name)


def write(window, name, text):
    scroll_to(window, name)
    click(window, name)
    window.keys("key", "ctrl+a")
    window.keys("type", f"{text}\t")


def test_layers_can_be_added_reordered_and_removed(window, sent):
    wait_for_text(window, "1 · picture")
    assert "2 · " not in texts(window)
    click(window, "Add a layer")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: "2 · tint" in texts(window), "the other layer is in the list")
    first, second = sent().images
    frame, whole = first.size, second.size
    assert whole[0] / whole[1] == pytest.approx(1500 / 900, abs=0.01) and frame != whole, "a whole layer"
    shoot(window, "panel-inputs")
    click(window, "Move up: tint")
    wait_until(lambda: "1 · tint" in texts(window) and "2 · picture" in texts(window), "the layers are swapped")
    tint = sent().images[0].convert("RGBA")
    assert tint.getpixel((tint.width - 1, tint.height - 1))[:3] == (0, 128, 128), "the tint is the edited layer now"
    click(window, "Remove from the list: tint")
    wait_until(lambda: "1 · picture" in texts(window) and "tint" not in texts(window), "the tint is no longer listed")
    assert len(sent().images) == 1


def test_a_layer_can_be_used_as_markup(window, sent):
    click(window, "Add a layer")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: "2 · tint" in texts(window), "the other layer is in the list")
    click(window, "Use as markup: tint")
    wait_until(lambda: "Markup · tint" in texts(window) and "no mask is sent" in texts(window), "it is markup")
    window.settle()
    shoot(window, "panel-markup")
    request = sent()
    assert len(request.images) == 1 and request.mask is None and request.markup.size == request.images[0].size
    left, top, right, bottom = request.markup.getchannel("A").getbbox()
    assert left > 0 and top >= 0 and (right, bottom) == request.markup.size, "the tint begins right of the frame's edge"
    click(window, "Remove from the list: tint")
    wait_until(lambda: "tint" not in texts(window) and "no mask is sent" not in texts(window), "no markup")
    assert sent().markup is None


def use_own_recipe(window, recipe):
    (window.data / "recipes.json").write_text(json.dumps({"version": 1, "recipes": {"own-recipe": recipe}}))
    click(window, "Recipes")
    window.settle()
    window.keys("key", "Up", "Up", "Up", "Up", "Up", "Return")  # below it: save, delete, import, export


def test_a_recipe_says_which_layers_are_reference_images(window, sent):
    recipe = {"title": "In this style", "values": {"prompt": "like the other"}, "references": ["tint", "palette"]}
    use_own_recipe(window, recipe)
    wait_for_text(window, "There is no layer “palette” to send as a reference image.")
    wait_until(lambda: "2 · tint" in texts(window), "it is in the list")
    request = sent()
    assert len(request.images) == 2 and request.fields["prompt"].startswith("like the other")
    click(window, "Remove from the list: tint")
    wait_until(lambda: "tint" not in texts(window), "the tint is no longer listed")


def test_a_recipe_says_which_layer_is_the_markup(window, sent):
    recipe = {"title": "Follow the marks", "values": {"prompt": "as drawn", "markup": "tint"}}
    use_own_recipe(window, recipe)
    wait_until(lambda: "Markup · tint" in texts(window), "it is markup")
    request = sent()
    assert request.markup and request.fields["prompt"].startswith("as drawn")
    click(window, "Remove from the list: tint")


def test_an_unlisted_model_can_be_typed(window, sent):
    write(window, "Model", "painter-9")
    assert sent().fields["model"] == "painter-9"
    click(window, "Model")
    window.keys("key", "ctrl+a", "BackSpace", "Tab")


def test_the_models_that_the_provider_listed_can_be_chosen(window, sent, endpoint):
    listed = {"date": "2026-11-28", "names": ["gpt-image-2", "image-painter-9", "a-text-model"]}
    entry = {"base_url": endpoint.url, "models": listed}
    tests = {"version": 1, "providers": {"custom": entry}}
    (window.data / "provider-tests.json").write_text(json.dumps(tests), encoding="utf-8")
    sent()
    window.call("accessibility.choose", title=PANEL, name="Model", item="image-painter-9")
    assert sent().fields["model"] == "image-painter-9"
    click(window, "Model")
    window.keys("key", "ctrl+a", "BackSpace", "Tab")


def test_a_model_that_has_ended_says_so_with_a_button_for_its_successor(window, sent):
    note = "gpt-image-1 ended on 2026-10-23; use gpt-image-2 instead."
    assert note not in texts(window)
    write(window, "Model", "gpt-image-1")
    wait_until(lambda: note in texts(window), "the note")
    shoot(window, "panel-model-ended")
    assert sent().fields["model"] == "gpt-image-1", "another address may still have the model"
    click(window, "Use gpt-image-2")
    wait_until(lambda: note not in texts(window), "no note on the successor")
    assert sent().fields["model"] == "gpt-image-2"
    click(window, "Model")
    window.keys("key", "ctrl+a", "BackSpace", "Tab")


def test_a_number_typed_just_before_ctrl_enter_is_sent(window, endpoint):
    endpoint.behave("invert")
    click(window, "Number of results")
    window.keys("key", "ctrl+a")
    window.keys("type", "--delay", "0", "2")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: "2 results" in texts(window), "two results")
    click(window, "Discard")
    wait_until(lambda: "2 results" not in texts(window), "the results are gone")
    assert len(endpoint.received) == 2, "one request per result, as previews do not say which result they belong to"


def test_gimps_saved_settings_are_restored(window, sent):
    write(window, "Number of results", "3")
    open_group(window, "More options")
    click(window, "Save Settings")
    window.settle()
    write(window, "Number of results", "1")
    scroll_to(window, "Load Saved Settings")
    click(window, "Load Saved Settings")
    scroll_to(window, "Number of results")
    wait_until(lambda: content(window, "Number of results") == "3", "three again")
    write(window, "Number of results", "1")
    scroll_to(window, "Number of results")
    wait_until(lambda: content(window, "Number of results") == "1", "one again")


def test_a_default_from_settings_is_shown_and_can_be_set_to_0(window, sent):
    close_panel(window)
    (window.data / "settings.json").write_text(json.dumps({"version": 1, "grow": 40}), encoding="utf-8")
    open_panel(window, None)
    open_group(window, "Area", "Grow")
    shoot(window, "panel-more-options")
    assert content(window, "Grow") == "40"
    grown = holes(sent())
    write(window, "Grow", "0")
    assert holes(sent()) < grown, "only the selection is masked"


def test_the_window_fits_on_a_small_screen_with_all_parts_shown(window, endpoint):
    endpoint.behave("invert")
    before = window.call("accessibility.extent", title=PANEL)
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result")
    window.settle()
    shoot(window, "panel-more-options-result")
    for name in ("Prompt", "Keep", "Use as input", "Help", "Generate"):
        _x, y = window.call("accessibility.place", title=PANEL, name=name)
        assert 0 < y < 720, f"{name} is at {y}"
    click(window, "Discard")
    wait_until(lambda: window.call("accessibility.extent", title=PANEL)[3] == before[3], "the former height")


def test_output_compression_is_sent_only_if_it_is_set(window, sent):
    open_group(window, "More options")
    window.call("accessibility.choose", title=PANEL, name="Output format", item="jpeg")
    scroll_to(window, "Output compression")
    assert content(window, "Output compression") == "default"
    assert "output_compression" not in sent().fields
    write(window, "Output compression", "80")
    assert sent().fields["output_compression"] == "80"
    click(window, "Output compression")
    window.keys("key", "ctrl+a", "minus", "1", "Tab")
    wait_until(lambda: content(window, "Output compression") == "default", "the default is shown again")


def test_the_newer_models_fields_are_sent(window, sent):
    window.call("accessibility.choose", title=PANEL, name="Provider", item="OpenAI")
    write(window, "Model", "gpt-image-2.6-flare")
    open_group(window, "More options")
    write(window, "User", "me")
    window.call("accessibility.choose", title=PANEL, name="Complexity", item="low")
    shoot(window, "panel-complexity")
    fields = sent().fields
    assert (fields["complexity"], fields["safety_identifier"], fields["quality"]) == ("low", "me", "medium")
    wait_until(lambda: "from your last edit" in texts(window), "the cost is estimated from what the answer reported")


def holes(request):
    """Return how many pixels of the sent mask are transparent, which means to be changed."""
    return int((np.asarray(request.mask.getchannel("A")) < 128).sum())
