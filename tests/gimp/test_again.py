"""Edit Again in real GIMPs, without a window: from a saved and reopened XCF, which somebody else may have made."""

import json
import signal
from pathlib import Path

import pytest

from lib.worker.requests import history as history_requests
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture(scope="module")
def edited(gimp, endpoint):
    """An XCF with one edit in it, what was told of that edit, and its request."""
    endpoint.behave("invert")
    path = str(gimp.work / "edited.xcf")
    asked = {"prompt": "a boat", "provider": "custom", "quality": "high", "context": "40", "grow": 2, "feather": 3.0}
    done = gimp.call("history.make_edited", case="two_layers", path=path, user="me", extra='{"seed": 3}', **asked)
    assert done["status"] == "success", done["error"]
    return path, done, endpoint.received[0]


def test_the_same_request_again_from_a_reopened_file(gimp, edited, endpoint):
    path, first, former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat")
    assert done["status"] == "success", done["error"]
    (again,) = endpoint.received
    fields = {name: value for name, value in former.fields.items() if name not in ("user", "seed")}
    assert again.fields == fields and [image.size for image in again.images] == [image.size for image in former.images]
    assert again.image_bytes == former.image_bytes, "the edited layer and the reference, not the earlier result"
    assert done["report"]["frame"] == first["report"]["frame"] and done["same_mask"] is True
    assert "Not taken over from the layer: extra, user." in done["report"]["notes"]


def test_a_mask_that_was_applied_is_still_the_area(gimp, edited, endpoint):
    path, first, former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat", mask="apply")
    assert done["status"] == "success", done["error"]
    assert endpoint.received[0].image_bytes == former.image_bytes, "the same frame and the same mask"
    assert done["report"]["frame"] == first["report"]["frame"] and done["same_mask"] is True


def test_without_its_mask_all_of_the_result_is_the_area(gimp, edited, endpoint):
    path, first, _former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat", mask="discard", context="0")
    assert done["status"] == "success", done["error"]
    assert done["report"]["frame"] == first["report"]["frame"] and done["all_masked"] is True


@pytest.mark.parametrize("case", ["nothing_selected", "hole_and_nothing_selected"])
def test_an_edit_without_a_selection_is_repeated_without_one(gimp, out, endpoint, case):
    endpoint.behave("echo")
    path, asked = str(out / "whole.xcf"), {"prompt": "x", "provider": "custom"}
    first = gimp.call("history.make_edited", case=case, path=path, **asked)
    assert first["status"] == "success", first["error"]
    done = gimp.call("history.again", path=path, layer="x")
    assert done["status"] == "success", done["error"]
    former, again = endpoint.received
    assert again.image_bytes == former.image_bytes and again.mask is None


def test_it_hides_the_earlier_result_and_leaves_the_rest(gimp, edited, endpoint):
    endpoint.behave("echo")
    done = gimp.call("history.again", path=edited[0], layer="a boat", provider="custom", n=2, prompt="two boats")
    assert done["status"] == "success", done["error"]
    before, after = done["before"], done["after"]
    names = [layer["name"] for layer in after["layers"]]
    assert sorted(names) == sorted([*(layer["name"] for layer in before["layers"]), "two boats"])
    (earlier,) = [layer for layer in after["layers"] if layer["name"] == "a boat"]
    assert earlier["visible"] is False and endpoint.received[-1].fields["n"] == "2"
    for unchanged in ("selection", "guides", "active", "colours", "channels"):
        assert after[unchanged] == before[unchanged]


def test_nothing_of_the_user_travels_in_the_file(edited):
    text = json.dumps(edited[1]["parasite"])
    assert '"me"' not in text and "seed" not in text and "/jobs/" not in text and "sk-test" not in text


def test_a_failure_leaves_the_image(gimp, edited, endpoint):
    endpoint.behave("refuse")
    done = gimp.call("history.again", path=edited[0], layer="a boat")
    assert done["status"] == "execution-error" and "The test refuses this" in done["error"]
    assert done["after"] == done["before"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("{", "cannot be read"),
        ({"version": 1, "request": {"n": 5000}}, "n 5000"),
        ({"version": 1, "request": {}, "provider": "nobody"}, "no provider “nobody”"),
        ({"version": 1, "request": {}, "references": {"layers": [{"name": "gone"}], "others": 1}}, "2 reference"),
    ],
)
def test_a_record_that_cannot_be_meant_is_a_sentence_and_sends_nothing(gimp, edited, endpoint, changes, told):
    endpoint.behave("echo")
    done = gimp.call("history.again", path=edited[0], layer="a boat", record=changes)
    assert done["status"] in ("execution-error", "calling-error") and told in done["error"], done["error"]
    assert not endpoint.received and done["after"] == done["before"]


@pytest.mark.parametrize(("layer", "record"), [("reference", None), ("a boat", "null")])
def test_a_layer_that_was_not_made_here_is_a_sentence(gimp, edited, layer, record):
    """“Before” of version 0.1 said null."""
    done = gimp.call("history.again", path=edited[0], layer=layer, record=record)
    assert done["status"] == "execution-error" and "not made by Generative Edit" in done["error"]


def test_a_crash_while_the_endpoint_works_leaves_the_image(gimp, edited, endpoint):
    endpoint.behave("held")
    gimp.begin("history.again", path=edited[0], layer="a boat")
    wait_until(lambda: endpoint.received, "the request is out")
    gimp.kill(signal.SIGKILL, "generative-edit.py")
    done = gimp.result()
    endpoint.release.set()
    wait_until(lambda: not gimp.processes("lib.worker"), "the worker has ended")
    assert done["status"] != "success" and done["after"] == done["before"]


def test_the_earlier_result_is_not_sent_with_what_is_visible(gimp, out, endpoint):
    endpoint.behave("invert")
    path, asked = str(out / "visible.xcf"), {"prompt": "x", "provider": "custom"}
    first = gimp.call("history.make_edited", case="corner", path=path, sample_merged=True, **asked)
    assert first["status"] == "success", first["error"]
    (former,) = endpoint.received
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="x")
    assert done["status"] == "success", done["error"]
    assert endpoint.received[0].image_bytes == former.image_bytes
    assert [layer["visible"] for layer in done["after"]["layers"] if layer["name"] == "x"] == [False]


def test_an_area_beyond_the_canvas_is_a_sentence(gimp, edited, endpoint):
    endpoint.behave("echo")
    done = gimp.call("history.again", path=edited[0], layer="a boat", moved=[-5000, 0])
    assert done["status"] == "execution-error" and "The area that was edited is not in this image" in done["error"]
    assert not endpoint.received


def test_one_of_several_results_leads_to_the_layer_below_their_group(gimp, out, endpoint):
    endpoint.behave("invert")
    path = str(out / "several.xcf")
    first = gimp.call("history.make_edited", case="corner", path=path, prompt="x", provider="custom", n=3)
    assert first["stack"][0] == "x", first["error"]
    (former,) = endpoint.received
    record = {"version": 1, "request": {"prompt": "x"}, "provider": "custom"}
    done = gimp.call("history.again", path=path, layer="x 2", record=record)
    assert done["status"] == "success", done["error"]
    assert endpoint.received[-1].image_bytes == former.image_bytes
    (group,) = [layer for layer in done["after"]["layers"] if layer["children"]]
    assert group["visible"] is False


def test_the_history_is_a_window_only(gimp):
    told = gimp.call("history.call_history")
    assert told["status"] == "calling-error" and "is a window" in told["error"]


def test_a_kept_extension_grows_the_canvas_once_more_and_fits_no_other_size(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.extend_case", out=str(out), left="64", provider="custom")
    assert done["status"] == "success", done["error"]
    folder = gimp.data / "jobs" / Path(done["report"]["job"]).name
    for width, height, fits in ((640, 480, True), (704, 480, True), (641, 480, False), (1920, 1080, False)):
        made = json.loads(json.dumps(history_requests.layers({"job": str(folder)})))
        again = gimp.call("history.insert_again", folder=str(folder), made=made, width=width, height=height)
        assert (again is not None) is fits
        if again:
            layer, background = again["layers"]
            assert again["size"] == [704, 480] and layer["box"] == done["report"]["frame"] and layer["masked"]
            assert background["box"][0] == (64 if width == 640 else 0)


@pytest.mark.parametrize(
    ("why", "message"),
    [
        ("GIMP", "cannot be inserted: GIMP refuses this. It is in "),
        ("the disk", "cannot be inserted: No space left on device. It is in "),
        ("unforeseen", "in a way that nobody foresaw"),
    ],
)
def test_an_insertion_that_is_refused_ends_in_a_sentence_and_leaves_no_image(gimp, edited, why, message):
    folder = gimp.data / "jobs" / Path(edited[1]["report"]["job"]).name
    made = json.loads(json.dumps(history_requests.layers({"job": str(folder)})))
    done = gimp.call("history.insert_in_vain", folder=str(folder), made=made, why=why)
    assert message in done["message"] and done["left"] == 0


def test_a_choice_that_is_refused_is_said_in_the_panel(gimp):
    for why, message in (("GIMP", "nobody foresaw"), ("the disk", "No space left"), ("unforeseen", "nobody foresaw")):
        (said,) = gimp.call("history.choose_in_vain", why=why)
        assert message in said
