"""History… in a real window, after GIMP was killed during a request: its result can be inserted."""

import os
import shutil
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from lib.jobs.history import record
from lib.jobs.history_record import JobState
from tests.gimp import accessibility, screen
from tests.gimp.screen import (
    OUTPUT,
    PANEL,
    choose,
    click,
    close_by_escape,
    close_panel,
    is_open,
    press_generate,
    texts,
    visible,
    wait_for_layers,
)
from tests.waiting import wait_until

TITLE = "Generative Edit: History"
LOST = "the lost one"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture(scope="module")
def crashed(installed, environment, endpoint, tmp_path_factory):
    """The folder of a user whose GIMP was killed during a request, after an edit with three results."""
    work = tmp_path_factory.mktemp(f"crashed-{installed.minor}")
    with installed.start(work, environment=environment, linger=True) as running:
        endpoint.behave("invert")
        arguments = {"prompt": "three boats", "provider": "custom", "n": 3}
        done = running.call("edits.edit_case", case="corner", out=str(work), **arguments)
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
    """The next GIMP of that user, with the same folder."""
    shutil.copytree(crashed / "data", window.work / "data", dirs_exist_ok=True)
    return window


@pytest.fixture
def history(window):
    """Opens History from the menu, with an image like the edited one."""
    with history_beside(window, "ellipse") as image:
        yield image


@pytest.fixture
def small(window):
    """Opens History with an image of another size than the edited one."""
    with history_beside(window, "plain") as image:
        yield image
    window.call("edits.close", image_id=image)


@contextmanager
def history_beside(window, case):
    """Show the image of a case and open History; close History afterwards."""
    image = window.call("edits.show", case=case)
    window.settle()
    open_history(window)
    yield image
    if is_open(window, TITLE):
        close_history(window)


def close_history(window):
    close_by_escape(window, TITLE)


def open_history(window):
    choose(window, "History…", TITLE)
    window.settle()


def jobs(window):
    """Return the stored jobs by prompt."""
    records = [record(folder) for folder in (window.data / "jobs").glob("2*")]
    return {job.prompt: job for job in records}


def shoot(window, name):
    window.screenshot(OUTPUT / f"history-{name}-{window.gimp.minor}.png")


def wait_for_text(window, text, title=TITLE):
    screen.wait_for_text(window, text, title)


def test_the_result_of_a_killed_gimp_is_reported_and_inserted_in_one_step(window, history):
    assert jobs(window)[LOST].state is JobState.WAITING
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
    assert jobs(window)[LOST].state is JobState.INSERTED
    window.keys("key", "Escape")
    window.settle()
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, history, len(before["layers"])) == before
    assert np.array_equal(visible(window, history), pixels)


def test_results_are_inserted_into_an_image_of_another_size_centred_or_scaled(window, small):
    image = small
    window.keys("key", "ctrl+f")
    window.keys("type", LOST)
    wait_for_text(window, "Folder: " + jobs(window)[LOST].folder.name)
    window.keys("key", "alt+a")
    wait_until(lambda: jobs(window)[LOST].is_starred, "the star")
    plan, canvas = jobs(window)[LOST].plan.frame, jobs(window)[LOST].canvas
    insert_elsewhere(window, "alt+t")
    (layer,) = wait_for_layers(window, image, 2)["layers"][:1]
    assert layer["box"] == [(640 - plan.width) // 2, (480 - plan.height) // 2, plan.width, plan.height]
    insert_elsewhere(window, "alt+s")
    (layer,) = wait_for_layers(window, image, 3)["layers"][:1]
    scale = 640 / canvas.width, 480 / canvas.height
    middle = (plan.x + plan.width / 2) * scale[0], (plan.y + plan.height / 2) * scale[1]
    x, y, width, height = layer["box"]
    assert layer["masked"] and abs(width / height - plan.width / plan.height) < 0.02
    assert abs(x + width / 2 - middle[0]) <= 1 and abs(y + height / 2 - middle[1]) <= 1

    window.keys("key", "ctrl+f", "ctrl+a", "BackSpace", "Tab", "alt+t")  # only stars: the other edit is left out
    wait_for_text(window, "Folder: " + jobs(window)[LOST].folder.name)
    window.keys("key", "alt+t")
    wait_until(lambda: window.call("accessibility.focus", title=TITLE, name="Earlier edits"), "the grid", 20)
    window.keys("key", "ctrl+a")
    window.settle()
    shoot(window, "several")
    before = len(jobs(window))
    insert_elsewhere(window, "alt+t")
    wait_for_layers(window, image, 3 + before)
    wait_for_text(window, "Inserted into")


def insert_elsewhere(window, choice):
    """Insert the selected results into an image of another size, and answer the question by a key."""
    window.keys("key", "alt+i")
    wait_until(lambda: is_open(window, "Question"), "the question")
    assert "This image has another size" in texts(window, "Question")
    window.settle()
    shoot(window, "placement")
    window.keys("key", choice)
    wait_for_text(window, "Inserted into")


def test_every_control_is_named_and_works_with_the_keyboard(window, history):
    order = accessibility.check(window, TITLE)
    assert order.count("") == 4 and "Insert" in order, "the grid, images, days and models are reached"

    window.keys("key", "ctrl+f")
    window.keys("type", "boats")
    wait_for_text(window, "Folder: " + jobs(window)["three boats"].folder.name)
    shoot(window, "search")
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
    assert layers[1]["parasites"] == [], "the picture that was sent is not the result of an edit"

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
    wait_for_text(window, "1 edit,")


def test_an_edit_in_a_new_image_is_repeated_with_the_picture_that_was_sent(window, history, endpoint):
    images = window.call("history.images")
    window.keys("key", "ctrl+f")
    window.keys("type", LOST)
    wait_for_text(window, "Folder: " + jobs(window)[LOST].folder.name)
    window.keys("key", "alt+m")
    new = wait_until(lambda: next(iter(set(window.call("history.images")) - set(images)), None))
    wait_for_layers(window, new, 2)
    wait_for_text(window, "Opened as a new image")
    done = window.call("history.again_shown", image_id=new, name="Before")
    assert done["status"] == "execution-error" and "not made by Generative Edit" in done["error"]
    endpoint.behave("echo")
    done = window.call("history.again_shown", image_id=new, name=LOST)
    assert done["status"] == "success", done["error"]
    sent, before = endpoint.received[0].images[0].convert("RGB"), jobs(window)[LOST].folder / "image-1.png"
    assert np.array_equal(np.asarray(sent), np.asarray(Image.open(before).convert("RGB")))


def test_a_killed_worker_is_restarted(window, history):
    wait_for_text(window, "Folder: ")
    window.kill(signal.SIGKILL, "lib.worker")
    wait_until(lambda: not window.processes("lib.worker"))
    images = window.call("history.images")
    window.keys("key", "alt+m")
    wait_until(lambda: set(window.call("history.images")) - set(images), "the layers were made")


def test_edit_again_opens_the_panel_with_the_request_from_a_reopened_file(window, endpoint):
    endpoint.behave("invert")
    arguments = {"prompt": "a boat again", "provider": "custom", "quality": "high", "n": 2}
    first = window.call("edits.show", case="ellipse")
    done = window.call("edits.edit_shown", image_id=first, **arguments)
    assert done["status"] == "success", done["error"]
    (former,) = endpoint.received
    image = window.call("history.save_and_reopen", image_id=first, path=str(window.work / "again.xcf"))
    window.call("history.select_layer", image_id=image, name="a boat again")
    before = window.call("edits.state_of", image_id=image)
    window.settle()
    choose(window, "Edit Again…", "Edit with Prompt")
    window.settle()
    window.screenshot(OUTPUT / f"again-{window.gimp.minor}.png")
    wait_for_text(window, "The area of the previous edit will be sent", PANEL)
    assert window.call("edits.state_of", image_id=image) == before

    endpoint.behave("held")
    press_generate(window)
    wait_until(lambda: endpoint.received)
    assert endpoint.received[0].fields == former.fields and endpoint.received[0].image_bytes == former.image_bytes
    assert window.call("edits.state_of", image_id=image) == before, "the image does not change during the request"
    endpoint.release.set()
    after = wait_for_layers(window, image, len(before["layers"]) + 1)
    wait_until(lambda: "2 results" in texts(window))
    assert [layer["visible"] for layer in after["layers"][:2]] == [False, True], "the earlier result, then the new one"
    assert after["selection"] == before["selection"]
    window.settle()
    window.screenshot(OUTPUT / f"again-done-{window.gimp.minor}.png")
    click(window, "Discard")
    wait_until(lambda: window.call("edits.state_of", image_id=image) == before, "the image is as before")

    window.call("edits.select", image_id=image, box=[20, 30, 100, 80])
    wait_until(lambda: "The same area" not in texts(window), "the new selection is used")
    close_panel(window)
