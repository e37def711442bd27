"""Edit Folder… in a real window: from choosing the folders to a finished run, with failures and pauses."""

import json
import os
import signal
import time

import pytest
from PIL import Image

from plugin.folder import leases
from plugin.folder.arguments import InputPicture, RunSpec
from tests.gimp import accessibility, screen
from tests.gimp.screen import activate, can_be_used, choose, click, close_by_escape, is_open, shoot
from tests.waiting import wait_until

TITLE = "Edit Folder"
BUTTONS = ("Try on One", "Open Result", "Run Again", "Pause", "Stop After Current", "Cancel Run", "Edit All", "Close")


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture
def folders(window):
    """A folder with ten wide pictures and two tall ones, and one for the results."""
    window.clear()  # a run that went on without its window ends with a message
    work = window.work / f"folder-{len(list(window.work.glob('folder-*')))}"
    source, out = work / "in", work / "out"
    source.mkdir(parents=True)
    out.mkdir()
    for number in range(12):
        size = (48, 64) if number in (3, 7) else (64, 48)
        Image.linear_gradient("L").resize(size).convert("RGB").save(source / f"{number + 1:02}.png")
    mask = Image.new("L", (64, 48))
    mask.paste(255, (20, 10, 40, 30))
    mask.save(source / "01.mask.png")
    yield source, out
    if is_open(window, TITLE):
        close_by_escape(window, TITLE)


def use_folders(window, source, out):
    """Let the window open with these folders, as after an earlier run."""
    window.data.mkdir(parents=True, exist_ok=True)
    last = {"version": 1, "input_folder": str(source), "output_folder": str(out)}
    (window.data / "last-used.json").write_text(json.dumps(last))


def open_window(window):
    choose(window, "Edit Folder…", TITLE)
    wait_until(lambda: is_open(window, TITLE), "the window is seen")


def choose_folder(window, label, folder):
    """Choose a folder in GTK's dialog, by its path."""
    title = label.rstrip(":")
    window.call("accessibility.choose", title=TITLE, name=label, item="Other…")
    activate(window, f"^{title}$")
    window.settle()
    window.keys("key", "slash")
    window.settle()
    window.keys("type", "--delay", "60", str(folder)[1:])
    window.settle()
    window.keys("key", "Return")
    wait_until(lambda: title not in window.call("accessibility.windows"), "the dialog closes")
    activate(window, TITLE)


def texts(window):
    return " ".join(window.call("accessibility.texts", title=TITLE))


def wait_for_text(window, text):
    screen.wait_for_text(window, text, TITLE)


def places(window):
    return {name: window.call("accessibility.place", title=TITLE, name=name) for name in BUTTONS}


def states(out):
    """Return the last state of each picture in the run's file."""
    lines = [json.loads(line) for line in (out / ".generative-edit" / "run.jsonl").read_text().splitlines()]
    return {line["picture"]: line.get("state") for line in lines if "picture" in line}


def test_a_run_from_choosing_to_the_end_with_failures_run_again(window, folders, endpoint):
    source, out = folders
    endpoint.behave("refuse_tall", seconds=1.5)
    open_window(window)
    wait_for_text(window, "Choose the folder with the pictures.")
    choose_folder(window, "Input folder:", source)
    choose_folder(window, "Output folder:", out)
    wait_for_text(window, "12 pictures to edit")
    at_rest = places(window)

    images = window.call("history.images")
    click(window, "Try on One", TITLE)
    wait_for_text(window, "11 pictures to edit")
    (new,) = set(window.call("history.images")) - set(images)
    assert len(window.call("edits.layers_of", image_id=new)) == 2, "the picture and its result above it"
    assert len(endpoint.received) == 1 and endpoint.received[0].mask is not None
    assert states(out) == {"01.png": "done"}

    activate(window, TITLE)
    wait_until(lambda: can_be_used(window, "Edit All", TITLE), "Edit All can be used")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: len(endpoint.received) > 2, "requests are sent")
    window.keys("key", "alt+s")
    wait_for_text(window, "paused")
    assert places(window) == at_rest, "nothing moves while the run works"
    wait_for_text(window, "0 requests in progress")
    received = len(endpoint.received)
    time.sleep(0.5)
    assert len(endpoint.received) == received < 12, "nothing is sent during the pause"
    shoot(window, "folder-paused")
    endpoint.seconds = 0.1
    window.keys("key", "alt+s")
    wait_for_text(window, "10 of 12 pictures are done, 1 of them by another run, 2 failed")
    assert places(window) == at_rest, "nor at its end"
    shoot(window, "folder-failures")

    endpoint.behave("invert")
    accessibility.tab_to(window, TITLE, "Pictures")
    window.keys("key", "ctrl+a")
    wait_until(lambda: can_be_used(window, "Run Again", TITLE), "Run Again can be used")
    click(window, "Run Again", TITLE)
    wait_for_text(window, "12 of 12 pictures are done")
    assert len(endpoint.received) == 2, "only the two that had failed are sent"
    shoot(window, "folder-done")
    assert sorted(path.name for path in out.glob("*.png")) == [f"{number:02}.png" for number in range(1, 13)]
    assert set(states(out).values()) == {"done"}


def test_every_control_has_a_name_and_the_keyboard_reaches_the_list_and_the_options(window, folders):
    use_folders(window, *folders)
    open_window(window)
    for name in ("Max cost", "Pictures"):
        accessibility.tab_to(window, TITLE, name)
    controls = accessibility.controls_by_path(window, TITLE).values()
    assert not [each for each in controls if not each["name"] and not each["label"]]


def test_an_interrupted_run_is_offered_and_a_closed_window_lets_it_go_on(window, folders, endpoint):
    source, out = folders
    use_folders(window, source, out)
    endpoint.behave("held")
    open_window(window)
    wait_for_text(window, "12 pictures to edit")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: len(endpoint.received) == 4, "four requests are sent")
    window.kill(signal.SIGKILL, "generative-edit.py")
    endpoint.release.set()
    wait_until(lambda: not is_open(window, TITLE), "the window has gone")
    wait_until(lambda: not window.processes("lib.worker"), "the worker has stored the results")

    endpoint.behave("invert", seconds=0.3)
    open_window(window)
    wait_for_text(window, "An earlier run is unfinished: 0 of 12 pictures are done. Edit All continues it.")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: endpoint.received, "the run goes on")
    window.keys("key", "Escape")
    wait_until(lambda: is_open(window, "Continue the run"), "the question")
    shoot(window, "folder-closing")
    window.keys("key", "Return")
    wait_until(lambda: not is_open(window, TITLE), "the window closes")
    wait_until(lambda: (out / "report.csv").exists(), "the run ends")
    assert set(states(out).values()) == {"done"} and len(states(out)) == 12
    assert len(endpoint.received) == 8, "the four that were sent are not sent again"


def test_five_thousand_pictures_are_listed_at_once(window, folders, endpoint):
    source, out = folders
    for number in range(5000):
        os.link(source / "02.png", source / f"many-{number:04}.png")
    use_folders(window, source, out)
    open_window(window)
    wait_until(lambda: "5012 pictures to edit" in texts(window), "all are listed", 10)
    click(window, "Pictures", TITLE)
    window.keys("key", "End")
    window.settle()
    shoot(window, "folder-many")


def test_pictures_of_another_run_are_left_to_it(window, folders, endpoint):
    source, out = folders
    endpoint.behave("echo")
    own = out / ".generative-edit"
    own.mkdir()
    pictures = [InputPicture(f"{number + 1:02}.png", {}) for number in range(12)]
    digest = RunSpec(source, out, pictures, 1, 0.0, False, {"output-format": ""}).names_digest()
    with leases.join(own, digest) as other:
        assert other.claim("02.png")
        use_folders(window, source, out)
        open_window(window)
        wait_for_text(window, "12 pictures to edit")
        click(window, "Edit All", TITLE)
        wait_for_text(window, "11 of 12 done · 0 requests in progress")
        shoot(window, "folder-shared")
        assert len(list(out.glob("*.png"))) == 11 and not (out / "02.png").exists()
        other.release("02.png")
        wait_for_text(window, "12 of 12 pictures are done")
    assert len(endpoint.received) == 12


def test_a_model_that_has_ended_says_so_with_a_button_for_its_successor(window, folders):
    note = "gpt-image-1 ended on 2026-10-23; use gpt-image-2 instead."
    use_folders(window, *folders)
    open_window(window)
    window.settle()
    click(window, "Model", TITLE)
    window.keys("key", "ctrl+a")
    window.keys("type", "gpt-image-1\t")
    wait_for_text(window, note)
    shoot(window, "folder-model-ended")
    click(window, "Use gpt-image-2", TITLE)
    wait_until(lambda: note not in texts(window), "no note on the successor")
    assert "gpt-image-2" in window.call("accessibility.texts", title=TITLE)
