"""Select Subject and cut-outs in a real GIMP, with the real network."""

import numpy as np
import pytest
from PIL import Image

from tests.endpoint.test_cutouts import agreement, needs_network, scene
from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    click,
    close_panel,
    open_group,
    open_panel,
    press_generate,
    shoot,
    texts,
)
from tests.gimp.test_folder import run as run_folder
from tests.waiting import wait_until

pytestmark = needs_network
SUBJECT = "generative-edit-select-subject"


@pytest.fixture
def disc(gimp, out):
    """A picture of a disc, open in GIMP; return the disc's mask."""
    picture, mask = scene(240, 320)
    Image.fromarray(picture).convert("RGB").save(out / "disc.png")
    gimp.call("subjects.load", path=str(out / "disc.png"))
    yield mask
    gimp.call("subjects.close")


def values(gimp, out):
    """Return the selection and what is visible as arrays."""
    width, height = gimp.call("subjects.values", path=str(out / "values"))
    data = np.fromfile(out / "values", np.uint8)
    return data[: width * height].reshape(height, width), data[width * height :].reshape(height, width, 4)


def test_select_generate_keep(gimp, out, disc):
    done = gimp.call("subjects.run", name=SUBJECT)
    selection, _visible = values(gimp, out)
    assert done["status"] == "success" and done["channels"] == 0 and agreement(selection, disc) > 0.9
    left, top, width, height = done["report"]["selected"]
    assert abs(width - 160) < 24 and abs(height - 160) < 24 and left > 60 and top > 20
    before = values(gimp, out)[1]
    done = gimp.call("subjects.run", name="generative-edit", prompt="black and white", provider="local")
    after = values(gimp, out)[1]
    assert done["status"] == "success" and len(done["layers"]) == 2
    assert np.array_equal(after[selection == 0], before[selection == 0])
    assert np.ptp(after[selection == 255][:, :3].astype(int), axis=1).max() <= 1


@pytest.mark.one_gimp("3.0")
def test_a_rough_selection_and_the_four_operations(gimp, out, disc):
    corner = [0, 0, 40, 40]
    results = {}
    for operation in ("replace", "add", "subtract", "intersect"):
        gimp.call("subjects.select", box=[40, 10, 240, 220] if operation == "replace" else corner)
        assert gimp.call("subjects.run", name=SUBJECT, operation=operation)["status"] == "success"
        results[operation] = values(gimp, out)[0]
    assert agreement(results["replace"], disc) > 0.9
    assert results["add"][:40, :40].min() == 255 and agreement(results["add"][40:], disc[40:]) > 0.9
    assert results["subtract"][:40, :40].min() == 255 and not results["subtract"][60:].any()
    assert not results["intersect"].any()
    done = gimp.call("subjects.run", name=SUBJECT, operation="merge")
    assert done["status"] == "calling-error" and "operation 'merge': must be replace, add" in done["error"]


def test_a_cut_out_is_a_layer_mask_and_hides_the_edited_layer(gimp, out, disc):
    before = values(gimp, out)[1]
    done = gimp.call("subjects.run", name="generative-edit", prompt="transparent background", provider="local")
    assert done["status"] == "success"
    assert done["layers"] == [{"visible": True, "mask": True}, {"visible": False, "mask": False}]
    _selection, visible = values(gimp, out)
    assert agreement(visible[..., 3], disc) > 0.9
    solid = visible[..., 3] == 255
    assert np.array_equal(visible[solid], before[solid])


@pytest.mark.one_gimp("3.0")
def test_the_background_as_the_mask_of_a_script(gimp, out, disc):
    before = values(gimp, out)[1]
    arguments = {"prompt": "black and white", "provider": "local", "mask": "background"}
    assert gimp.call("subjects.run", name="generative-edit", **arguments)["status"] == "success"
    after = values(gimp, out)[1]
    assert np.array_equal(after[disc][:2000], before[disc][:2000]) and not np.array_equal(after, before)
    assert np.ptp(after[:20, :, :3].astype(int), axis=2).max() <= 1
    done = gimp.call("subjects.run", name="generative-edit", prompt="remove", provider="local", mask="sky")
    assert done["status"] == "calling-error" and "mask 'sky': must be subject, background or empty." in done["error"]


@pytest.mark.one_gimp("3.2")
def test_a_folder_run_cuts_out_twenty_product_pictures(gimp, out):
    source = out / "in"
    source.mkdir()
    truths = {}
    for number in range(20):
        picture, mask = scene(100 + 2 * number, 160)
        if number % 2:
            picture[~mask, :3] = 245 - number
        Image.fromarray(picture).convert("RGB").save(source / f"{number:02}.png")
        truths[f"{number:02}.png"] = mask
    done, results = run_folder(gimp, source, prompt="transparent background", provider="local", concurrency=4)
    assert done["status"] == "success" and done["report"]["done"] == 20
    for name, mask in truths.items():
        with Image.open(results / name) as result:
            assert result.size == mask.shape[::-1] and agreement(np.asarray(result.getchannel("A")), mask) > 0.9, name


@pytest.mark.one_gimp("3.0")
def test_a_folder_run_edits_each_background(gimp, out):
    source = out / "in"
    source.mkdir()
    picture, mask = scene(240, 320)
    Image.fromarray(picture).convert("RGB").save(source / "disc.png")
    done, results = run_folder(gimp, source, prompt="black and white", provider="local", mask="background")
    assert done["status"] == "success"
    with Image.open(results / "disc.png") as result:
        pixels = np.asarray(result.convert("RGB")).astype(int)
    inside = np.asarray(Image.fromarray(mask).resize(mask.shape[::-1]))
    assert np.ptp(pixels[:20], axis=2).max() <= 1 and np.ptp(pixels[120, 160]) > 60 and inside[120, 160]


@pytest.mark.one_gimp("3.2")
def test_in_a_window_each_is_one_undo_step(window):
    """A cut-out by a script and by the panel, which shows the layer that it hides with Before; Select Subject there."""
    path = window.work / "disc.png"
    Image.fromarray(scene(240, 320)[0]).convert("RGB").save(path)
    image_id = window.call("subjects.load", path=str(path), show=True)
    window.settle()
    before = window.call("subjects.state")
    done = window.call("subjects.run", name="generative-edit", prompt="transparent background", provider="local")
    assert [layer["visible"] for layer in done["layers"]] == [True, False]
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_until(lambda: window.call("subjects.state") == before, "one undo removes the cut-out and shows the layer")
    open_panel(window, image_id)
    window.call("accessibility.choose", title=PANEL, name="Provider", item="Built in (this computer)")
    click(window, "Prompt")
    window.keys("type", "transparent background")
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the cut-out")
    window.keys("keydown", "F9")
    wait_until(lambda: _visible(window) == [True, True], "the picture without the cut-out", 10)
    shoot(window, "panel-cut-out-before")
    window.keys("keyup", "F9")
    wait_until(lambda: _visible(window) == [True, False], "the cut-out again", 10)
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_until(lambda: window.call("subjects.state") == before, "one undo removes the panel's cut-out")
    open_group(window, "Area", "Select Subject")
    shoot(window, "panel-select-subject")
    click(window, "Select Subject")
    window.settle()
    window.keys("key", "Down", "Return")
    wait_until(lambda: window.call("subjects.state")["selected"], "the subject is selected")
    close_panel(window)
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_until(lambda: window.call("subjects.state") == before, "one undo removes the selection")
    window.call("edits.close", image_id=image_id)


def _visible(window):
    return [layer["visible"] for layer in window.call("subjects.state")["layers"]]
