"""History… in a real window: GIMP was killed while a request was out, and its result is there and can be inserted."""

import os
import shutil
import signal
import time

import numpy as np
import pytest

from lib.history import State, record
from tests.gimp import accessibility
from tests.gimp.screen import OUTPUT, choose, press_generate, visible, wait_for_layers
from tests.waiting import wait_until

TITLE = "Generative Edit: History"
LOST = "the lost one"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture(scope="module")
def crashed(installed, environment, endpoint, tmp_path_factory):
    """A user's folder after GIMP was killed while a request was out; an earlier edit, of three results, went well."""
    work = tmp_path_factory.mktemp(f"crashed-{installed.minor}")
    with installed.start(work, environment=environment, linger=True) as running:
        endpoint.behave("invert")
        asked = {"prompt": "three boats", "provider": "custom", "n": 3}
        done = running.call("edits.edit_case", case="corner", out=str(work), **asked)
        assert done["status"] == "success", done["error"]
        endpoint.behave("invert", seconds=2)
        running.begin("edits.edit_case", case="ellipse", out=str(work), prompt=LOST, provider="custom")
        wait_until(lambda: endpoint.received)
        for process in running.processes("--batch-interpreter"):
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: len(list(running.data.glob("jobs/*/response.json"))) == 2)
        wait_until(lambda: not running.processes("lib.worker"))
    assert len(endpoint.received) == 1
    return work


@pytest.fixture(scope="module")
def window(window, crashed):
    """The user's next GIMP, with the folder that is left."""
    shutil.copytree(crashed / "data", window.work / "data")
    return window


@pytest.fixture
def history(window):
    """Opens History from the menu, over an image like the one that was edited."""
    image = window.call("edits.show", case="ellipse")
    window.settle()
    open_history(window)
    yield image
    window.keys("key", "Escape")


def open_history(window):
    choose(window, "History…", TITLE)
    window.settle()


def jobs(window):
    """The kept jobs by prompt."""
    found = [record(folder) for folder in (window.data / "jobs").glob("2*")]
    return {job.prompt: job for job in found}


def shoot(window, name):
    window.screenshot(OUTPUT / f"history-{name}-{window.gimp.minor}.png")


def wait_for_text(window, text, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        texts = window.call("accessibility.texts", title=TITLE)
        if any(text in each for each in texts):
            return
        time.sleep(0.2)
    raise AssertionError(f"{text!r} is not among {texts}")


def test_the_result_of_a_killed_gimp_is_told_and_inserted_in_one_step(window, history):
    assert jobs(window)[LOST].state is State.WAITING
    wait_for_text(window, "arrived, but was never inserted")
    assert (jobs(window)[LOST].folder / "told").exists()
    before, pixels = window.call("edits.state_of", image_id=history), visible(window, history)
    shoot(window, "open")
    window.keys("key", "alt+i")
    wait_for_text(window, "Inserted into")
    after = wait_for_layers(window, history, len(before["layers"]) + 1)
    shoot(window, "inserted")
    assert after["layers"][0]["name"] == LOST and after["layers"][0]["masked"]
    assert after["layers"][0]["box"] == jobs(window)[LOST].plan.frame.to_list()
    assert window.call("history.mask_is_selection", image_id=history), "the same ellipse is selected"
    for unchanged in ("selection", "guides", "active", "colours", "channels"):
        assert after[unchanged] == before[unchanged]
    assert not np.array_equal(visible(window, history), pixels)
    assert jobs(window)[LOST].state is State.INSERTED
    window.keys("key", "Escape")
    window.settle()
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, history, len(before["layers"])) == before
    assert np.array_equal(visible(window, history), pixels)


def test_all_is_named_reached_by_tab_and_done_by_keyboard(window, history):
    order = accessibility.check(window, TITLE)
    assert "Kept jobs" in order and "Insert" in order

    window.keys("key", "ctrl+f")
    window.keys("type", "boats")
    wait_for_text(window, "Folder: " + jobs(window)["three boats"].folder.name)
    shoot(window, "found")
    window.keys("key", "alt+p")
    wait_for_text(window, "The prompt was copied")
    window.keys("key", "ctrl+f", "ctrl+a")
    window.keys("type", "nothing has this")
    wait_until(lambda: not any("Folder: " in text for text in window.call("accessibility.texts", title=TITLE)))
    window.keys("key", "ctrl+a", "ctrl+v")
    wait_for_text(window, "Folder: " + jobs(window)["three boats"].folder.name)

    images = window.call("history.images")
    window.keys("key", "alt+m")
    new = wait_until(lambda: next(iter(set(window.call("history.images")) - set(images)), None))
    layers = wait_for_layers(window, new, 2)["layers"]
    assert [layer["name"] for layer in layers] == ["three boats", "Before"] and len(layers[0]["children"]) == 3
    assert all(child["masked"] and child["box"] == layers[1]["box"] for child in layers[0]["children"])
    window.settle()
    shoot(window, "new-image")

    window.keys("search", "--name", TITLE, "windowactivate", "--sync")
    window.keys("key", "alt+d")
    window.settle()
    shoot(window, "delete")
    folder = jobs(window)["three boats"].folder
    window.keys("key", "Escape")
    window.settle()
    assert folder.exists()
    window.keys("key", "alt+d")
    window.settle()
    window.keys("key", "alt+d")
    wait_until(lambda: not folder.exists())
    wait_for_text(window, "1 job,")


def test_edit_again_opens_the_panel_with_the_request_of_a_reopened_file(window, endpoint):
    endpoint.behave("invert")
    asked = {"prompt": "a boat again", "provider": "custom", "quality": "high", "n": 2}
    first = window.call("edits.show", case="ellipse")
    done = window.call("edits.edit_shown", image_id=first, **asked)
    assert done["status"] == "success", done["error"]
    (former,) = endpoint.received
    image = window.call("history.save_and_reopen", image_id=first, path=str(window.work / "again.xcf"))
    window.call("history.select_layer", image_id=image, name="a boat again")
    before = window.call("edits.state_of", image_id=image)
    window.settle()
    choose(window, "Edit Again…", "Edit with Prompt")
    window.settle()
    window.screenshot(OUTPUT / f"again-{window.gimp.minor}.png")
    shown = window.call("edits.state_of", image_id=image)
    assert shown["selection"] != before["selection"] and shown["layers"][0]["visible"] is False

    endpoint.behave("echo")
    press_generate(window)
    wait_until(lambda: endpoint.received)
    assert endpoint.received[0].fields == former.fields and endpoint.received[0].image_bytes == former.image_bytes
    wait_for_layers(window, image, len(before["layers"]) + 1)
    window.settle()
    window.screenshot(OUTPUT / f"again-done-{window.gimp.minor}.png")
