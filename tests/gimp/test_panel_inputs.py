"""What the panel sends: its list of pictures, a model that nobody knows, and GIMP's own saved settings."""

import json

import numpy as np
import pytest

from tests.gimp.screen import PANEL, activate, can_be_used, click, close_panel, open_panel, press_generate, shoot, texts
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture(scope="module", autouse=True)
def panel(window):
    """The panel of a picture with a tint over it, open for all tests."""
    window.call("edits.show", case="tinted")
    window.settle()
    open_panel(window, None)


@pytest.fixture
def sent(window, endpoint):
    """Generates with what the panel shows; returns what the endpoint got, the result discarded."""
    endpoint.behave("invert")

    def generate():
        count = len(endpoint.received)
        activate(window, PANEL)
        press_generate(window)
        wait_until(lambda: len(endpoint.received) > count and "1 result" in texts(window), "the result")
        window.settle()
        click(window, "Discard")
        wait_until(lambda: "1 result" not in texts(window), "it is gone")
        return endpoint.received[-1]

    return generate


def content(window, name):
    return window.call("accessibility.content", title=PANEL, name=name)


def write(window, name, text):
    click(window, name)
    window.keys("key", "ctrl+a")
    window.keys("type", f"{text}\t")


def test_layers_are_added_put_in_order_and_taken_out(window, sent):
    assert "1 · picture" in texts(window) and "2 · " not in texts(window)
    click(window, "Add a layer")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: "2 · tint" in texts(window), "the other layer is in the list")
    first, second = sent().images
    frame, whole = first.size, second.size
    assert whole[0] / whole[1] == pytest.approx(1500 / 900, abs=0.01) and frame != whole, "a whole layer"
    shoot(window, "panel-inputs")
    click(window, "Send it earlier: tint")
    wait_until(lambda: "1 · tint" in texts(window) and "2 · picture" in texts(window), "they have changed places")
    tint = sent().images[0].convert("RGBA")
    assert tint.getpixel((tint.width - 1, tint.height - 1))[:3] == (0, 128, 128), "the tint is what is edited now"
    click(window, "Do not send it: tint")
    wait_until(lambda: "1 · picture" in texts(window) and "tint" not in texts(window), "it is out of the list")
    assert len(sent().images) == 1


def test_a_model_that_is_in_no_list_is_typed(window, sent):
    write(window, "Model", "painter-9")
    assert sent().fields["model"] == "painter-9"
    click(window, "Model")
    window.keys("key", "ctrl+a", "BackSpace", "Tab")


def test_what_is_seen_is_sent_however_fast_the_keys_come(window, endpoint):
    endpoint.behave("invert")
    click(window, "Number of results")
    window.keys("key", "ctrl+a")
    window.keys("type", "--delay", "0", "2")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: "2 results" in texts(window), "two results")
    click(window, "Discard")
    wait_until(lambda: "2 results" not in texts(window), "they are gone")
    assert len(endpoint.received) == 2, "one request for each, as previews do not say which result they are of"


def test_gimps_saved_settings_come_back(window, sent):
    write(window, "Number of results", "3")
    click(window, "Save Settings")
    window.settle()
    write(window, "Number of results", "1")
    wait_until(lambda: can_be_used(window, "Load Saved Settings"), "they are saved")
    click(window, "Load Saved Settings")
    wait_until(lambda: content(window, "Number of results") == "3", "three again")
    write(window, "Number of results", "1")


def test_what_settings_have_is_shown_and_can_be_set_to_nothing(window, sent):
    close_panel(window)
    (window.data / "settings.json").write_text(json.dumps({"version": 1, "grow": 40}), encoding="utf-8")
    open_panel(window, None)
    window.keys("key", "alt+o")
    window.settle()
    shoot(window, "panel-more-options")
    assert content(window, "Grow") == "40"
    grown = holes(sent())
    write(window, "Grow", "0")
    assert holes(sent()) < grown, "only what is selected"


def test_all_of_the_window_stays_on_a_small_screen_as_parts_come_and_go(window, endpoint):
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
    wait_until(lambda: window.call("accessibility.extent", title=PANEL)[3] == before[3], "as high as before")


def test_a_compression_is_the_servers_own_until_there_is_a_number(window, sent):
    window.call("accessibility.choose", title=PANEL, name="Output format", item="jpeg")
    wait_until(lambda: can_be_used(window, "Output compression"), "JPEG can be compressed")
    assert content(window, "Output compression") == "default"
    assert "output_compression" not in sent().fields
    write(window, "Output compression", "80")
    assert sent().fields["output_compression"] == "80"
    click(window, "Output compression")
    window.keys("key", "ctrl+a", "minus", "1", "Tab")
    wait_until(lambda: content(window, "Output compression") == "default", "the word again")


def holes(request):
    """How many pixels of the mask that was sent are to be changed."""
    return int((np.asarray(request.mask.getchannel("A")) < 128).sum())
