"""What the panel sends: its list of pictures, a model that nobody knows, and GIMP's own saved settings."""

import shutil

import pytest

from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    can_be_used,
    click,
    open_panel,
    shoot,
    texts,
    wait_until,
)


@pytest.fixture(scope="module")
def window(installed, environment, tmp_path_factory):
    work = tmp_path_factory.mktemp(f"inputs-{installed.minor}")
    shutil.rmtree(installed.config / "plug-in-settings", ignore_errors=True)  # the last values of an earlier run
    own = {**environment, "GENERATIVE_EDIT_PROVIDER": "custom"}
    with installed.start(work, environment=own, window=(1280, 720), accessible=True) as running:
        running.wait_for_window(MAIN)
        running.call("edits.show", case="tinted")
        running.settle()
        open_panel(running, None)
        yield running


@pytest.fixture
def sent(window, endpoint):
    """Generates with what the panel shows; returns what the endpoint got, the result discarded."""
    endpoint.behave("invert")

    def generate():
        count = len(endpoint.received)
        activate(window, PANEL)
        wait_until(lambda: can_be_used(window, "Generate"), "Generate can be clicked")
        window.keys("key", "ctrl+Return")
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
    assert "1 · Background" in texts(window) and "2 · " not in texts(window)
    click(window, "Add a layer")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: "2 · tint" in texts(window), "the other layer is in the list")
    first, second = sent().images
    frame, whole = first.size, second.size
    assert whole[0] / whole[1] == pytest.approx(1500 / 900, abs=0.01) and frame != whole, "a whole layer"
    shoot(window, "panel-inputs")
    click(window, "Send it earlier: tint")
    wait_until(lambda: "1 · tint" in texts(window) and "2 · Background" in texts(window), "they have changed places")
    tint = sent().images[0].convert("RGBA")
    assert tint.getpixel((tint.width - 1, tint.height - 1))[:3] == (0, 128, 128), "the tint is what is edited now"
    click(window, "Do not send it: tint")
    wait_until(lambda: "1 · Background" in texts(window) and "tint" not in texts(window), "it is out of the list")
    assert len(sent().images) == 1


def test_a_model_that_is_in_no_list_is_typed(window, sent):
    write(window, "Model", "painter-9")
    assert sent().fields["model"] == "painter-9"
    write(window, "Model", "")


def test_gimps_saved_settings_come_back(window, sent):
    write(window, "Number of results", "3")
    click(window, "Save Settings")
    window.settle()
    write(window, "Number of results", "1")
    wait_until(lambda: can_be_used(window, "Load Saved Settings"), "they are saved")
    click(window, "Load Saved Settings")
    wait_until(lambda: content(window, "Number of results") == "3", "three again")
    write(window, "Number of results", "1")
