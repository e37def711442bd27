"""The second pass over a result that was enlarged, from the panel: tiles at 1:1, blended into a result of its own."""

import numpy as np
import pytest

from lib.jobs.history import record
from lib.jobs.history_record import JobState
from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    can_be_used,
    click,
    is_open,
    layers,
    open_group,
    panel_of,
    press_generate,
    set_counts,
    shoot,
    texts,
    visible,
    wait_for_layers,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.one_gimp("3.2")

SELECTED = (260, 190, 1400, 700)
REFINE = "Refine ("
QUESTION = "Send this edit"


@pytest.fixture(scope="module")
def environment(endpoint):
    """A model with published prices, and with sizes that are multiples of 16."""
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-test", "GENERATIVE_EDIT_MODEL": "gpt-image-2"}


@pytest.fixture
def image(window):
    """An image with most of it selected, and its panel, with a largest size of about half of that."""
    with panel_of(window, "nothing_selected", SELECTED) as image_id:
        set_counts(window)
        set_largest_size(window, "1024")
        yield image_id
        if is_open(window):
            set_largest_size(window, "")


def set_largest_size(window, size):
    open_group(window, "Quality and size")
    click(window, "Largest size")
    window.keys("key", "ctrl+a")
    window.keys("type", f"{size}\t" if size else "\b\t")
    click(window, "Prompt")


def first_pass(window, prompt):
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the first pass is shown")
    window.settle()


def refine_button(window):
    """The name of the button that offers a second pass; None where it is not offered."""
    names = [control["name"] for control in window.call("accessibility.controls", title=PANEL)]
    return next((name for name in names if name.startswith(REFINE)), None)


def confirm(window):
    """Agree to the cost of all tiles, which is above the limit where that of the first pass was not; return it."""
    wait_until(lambda: is_open(window, QUESTION), "the window asks")
    cost = texts(window, QUESTION)
    click(window, "Send", QUESTION)
    return cost


def jobs(window):
    """The records of the stored jobs, the oldest first."""
    return [record(folder) for folder in sorted((window.data / "jobs").glob("2*"))]


def selected_and_rest(pixels):
    """The selected part of a canvas of 1920×1080, and the other pixels."""
    canvas = pixels.reshape(1080, 1920, -1).astype(int)
    left, top, width, height = SELECTED
    inside = np.zeros(canvas.shape[:2], bool)
    inside[top : top + height, left : left + width] = True
    return canvas[top : top + height, left : left + width, :3], canvas[~inside]


def steepness(picture):
    """How steep the edges are: the 99th percentile of the steps between neighbouring pixels."""
    return np.percentile(np.abs(np.diff(picture, axis=1)).max(2), 99)


def test_a_result_is_refined_in_tiles_at_full_resolution(window, image, endpoint):
    endpoint.behave("rings", seconds=0.2)
    before, original = window.call("edits.state_of", image_id=image), visible(window, image)
    first_pass(window, "rings")
    shoot(window, "refine-offered")
    first = visible(window, image)
    assert "resolution" in texts(window)
    button = refine_button(window)
    assert "$" in button, "the cost is shown before the click"

    click(window, button)
    assert button.removeprefix(REFINE).removesuffix(")") in confirm(window)
    wait_until(lambda: "2 results" in texts(window), "the refined result is beside the first")
    window.settle()
    shoot(window, "refine-done")
    refined = visible(window, image)
    first_request, *tiles = endpoint.received
    assert 2 <= len(tiles) <= 4
    assert endpoint.most_at_once <= 2, "the provider's limit"
    assert "Refined at full resolution" in texts(window)
    assert refine_button(window) is None, "a refined result is not refined again"
    for tile in tiles:
        width, height = tile.images[0].size
        assert width % 16 == height % 16 == 0
        assert width * height >= 655_360
        assert max(width, height) <= 1024
        assert tile.mask.size == (width, height)
        assert tile.fields["prompt"].startswith("rings\n\n")
        assert tile.fields.get("n", "1") == "1"
    assert first_request.images[0].size[0] <= 1024
    soft, untouched = selected_and_rest(first)
    sharp, rest = selected_and_rest(refined)
    assert np.array_equal(rest, untouched)
    assert np.array_equal(rest, selected_and_rest(original)[1])
    assert steepness(sharp) > 1.5 * steepness(soft)

    click(window, "Keep")
    assert np.array_equal(visible(window, image), refined)
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_until(lambda: np.array_equal(visible(window, image), first), "one undo brings the first pass back")
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"])) == before
    window.keys("key", "ctrl+y")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    window.keys("key", "ctrl+y")
    wait_until(lambda: np.array_equal(visible(window, image), refined), "redo")


def test_a_tile_that_fails_leaves_the_first_pass_there(window, image, endpoint):
    endpoint.behave("torn", seconds=0.2)
    original = visible(window, image)
    first_pass(window, "rings again")
    first = visible(window, image)
    click(window, refine_button(window))
    confirm(window)
    wait_until(lambda: "2 results" in texts(window), "the tile that arrived is shown")
    window.settle()
    shoot(window, "refine-torn")
    assert "couldn't be refined" in texts(window)
    assert "The test refuses this" in texts(window)
    assert "in 1 tile." in texts(window)
    refined = visible(window, image)
    soft, rest = selected_and_rest(first)
    mixed = selected_and_rest(refined)[0]
    changed = (mixed != soft).any(2).any(0)
    assert changed.any()
    assert not changed.all(), "the columns of the failed tile are as they were"
    assert np.array_equal(selected_and_rest(refined)[1], selected_and_rest(original)[1])


def test_cancelling_leaves_the_first_pass_and_its_button(window, image, endpoint):
    endpoint.behave("rings")
    first_pass(window, "rings once more")
    first, count = visible(window, image), len(layers(window, image))
    endpoint.seconds = 3.0
    click(window, refine_button(window))
    confirm(window)
    wait_until(lambda: "Refining: tile 1 of" in texts(window), "the tiles are on their way")
    assert not can_be_used(window, refine_button(window)), "not twice"
    shoot(window, "refine-running")
    wait_until(lambda: len(endpoint.received) > 1, "a tile has been received")
    click(window, "Cancel the edit: rings once more")
    wait_until(lambda: "may have been billed" in texts(window), "the window says what became of the tiles")
    assert np.array_equal(visible(window, image), first)
    assert len(layers(window, image)) == count
    assert can_be_used(window, refine_button(window)), "it may be asked for again"


def test_the_first_result_may_be_kept_while_it_is_refined(window, image, endpoint):
    endpoint.behave("rings")
    before = len(jobs(window))
    first_pass(window, "rings to keep")
    first = visible(window, image)
    endpoint.seconds = 2.0
    click(window, refine_button(window))
    confirm(window)
    wait_until(lambda: "Refining: tile 1 of" in texts(window), "the tiles are on their way")
    click(window, "Keep")
    wait_until(lambda: "Refined at full resolution" in texts(window), "the refined result comes all the same")
    group = layers(window, image)[0]
    assert [child["visible"] for child in group["children"]] == [True, False]
    assert not np.array_equal(visible(window, image), first)
    stored = jobs(window)[before:]
    assert len(stored) == len(endpoint.received), "each request is in the history"
    assert all(each.state is JobState.INSERTED and each.results for each in stored)
    click(window, "Discard")
    wait_until(lambda: np.array_equal(visible(window, image), first), "without it, the first one is shown")
