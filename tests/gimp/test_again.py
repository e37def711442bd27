"""Edit Again in real GIMPs, without a window: from a saved and reopened XCF, which may come from anybody."""

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
    """An XCF with one edit, the outcome of that edit, and its request."""
    endpoint.behave("invert")
    path = str(gimp.work / "edited.xcf")
    arguments = {"prompt": "a boat", "provider": "custom", "quality": "high", "context": "40", "grow": 2, "user": "me"}
    arguments |= {"feather": 3.0, "extra": '{"seed": 3}'}
    done = gimp.call("history.make_edited", case="two_layers", path=path, **arguments)
    assert done["status"] == "success", done["error"]
    return path, done, endpoint.received[0]


def test_a_reopened_file_sends_the_same_request(gimp, edited, endpoint):
    path, first, former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat")
    assert done["status"] == "success", done["error"]
    (again,) = endpoint.received
    fields = {name: value for name, value in former.fields.items() if name not in ("user", "seed")}
    assert again.fields == fields and [image.size for image in again.images] == [image.size for image in former.images]
    assert again.image_bytes == former.image_bytes, "the edited layer and the reference, not the earlier result"
    assert done["report"]["frame"] == first["report"]["frame"] and done["same_mask"] is True
    assert "Not taken from the earlier edit: extra, user." in done["report"]["notes"]


def test_the_area_of_an_applied_mask_is_edited_again(gimp, edited, endpoint):
    path, first, former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat", mask="apply")
    assert done["status"] == "success", done["error"]
    assert endpoint.received[0].image_bytes == former.image_bytes, "the same frame and the same mask"
    assert done["report"]["frame"] == first["report"]["frame"] and done["same_mask"] is True


def test_without_a_mask_the_whole_result_is_edited_again(gimp, edited, endpoint):
    path, first, _former = edited
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="a boat", mask="discard", context="0")
    assert done["status"] == "success", done["error"]
    assert done["report"]["frame"] == first["report"]["frame"] and done["all_masked"] is True


@pytest.mark.parametrize("case", ["nothing_selected", "hole_and_nothing_selected"])
def test_an_edit_without_a_selection_is_repeated_without_one(gimp, out, endpoint, case):
    endpoint.behave("echo")
    path = str(out / "whole.xcf")
    first = gimp.call("history.make_edited", case=case, path=path, prompt="x", provider="custom")
    assert first["status"] == "success", first["error"]
    done = gimp.call("history.again", path=path, layer="x")
    assert done["status"] == "success", done["error"]
    former, again = endpoint.received
    assert again.image_bytes == former.image_bytes and again.mask is None


def test_the_earlier_result_is_hidden_and_nothing_else_changes(gimp, edited, endpoint):
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


def test_the_file_contains_no_private_data(edited):
    text = json.dumps(edited[1]["parasite"])
    assert '"me"' not in text and "seed" not in text and "/jobs/" not in text and "sk-test" not in text


def test_a_failure_does_not_change_the_image(gimp, edited, endpoint):
    endpoint.behave("refuse")
    done = gimp.call("history.again", path=edited[0], layer="a boat")
    assert done["status"] == "execution-error" and "The test refuses this" in done["error"]
    assert done["after"] == done["before"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "cannot be read"),
        ({"version": 1, "request": {"n": 5000}}, "n 5000"),
        ({"version": 1, "request": {}, "provider": "nobody"}, "no provider “nobody”"),
        ({"version": 1, "request": {}, "references": {"layers": [{"name": "gone"}], "others": 1}}, "2 reference"),
    ],
)
def test_an_invalid_record_is_reported_and_nothing_is_sent(gimp, edited, endpoint, record, message):
    endpoint.behave("echo")
    done = gimp.call("history.again", path=edited[0], layer="a boat", record=record)
    assert done["status"] in ("execution-error", "calling-error") and message in done["error"], done["error"]
    assert not endpoint.received and done["after"] == done["before"]


@pytest.mark.parametrize(("layer", "record"), [("reference", None), ("a boat", "null")])
def test_a_layer_without_a_record_is_reported(gimp, edited, layer, record):
    """The layer “Before” of version 0.1 has the record null."""
    done = gimp.call("history.again", path=edited[0], layer=layer, record=record)
    assert done["status"] == "execution-error" and "not made by Generative Edit" in done["error"]


def test_a_crash_during_the_request_does_not_change_the_image(gimp, edited, endpoint):
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
    path = str(out / "visible.xcf")
    arguments = {"prompt": "x", "provider": "custom", "sample_merged": True}
    first = gimp.call("history.make_edited", case="corner", path=path, **arguments)
    assert first["status"] == "success", first["error"]
    (former,) = endpoint.received
    endpoint.behave("echo")
    done = gimp.call("history.again", path=path, layer="x")
    assert done["status"] == "success", done["error"]
    assert endpoint.received[0].image_bytes == former.image_bytes
    assert [layer["visible"] for layer in done["after"]["layers"] if layer["name"] == "x"] == [False]


def test_an_area_beyond_the_canvas_is_reported(gimp, edited, endpoint):
    endpoint.behave("echo")
    done = gimp.call("history.again", path=edited[0], layer="a boat", moved=[-5000, 0])
    assert done["status"] == "execution-error" and "area that was edited is no longer in this image" in done["error"]
    assert not endpoint.received


def test_one_of_several_results_edits_the_layer_below_their_group(gimp, out, endpoint):
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


def test_a_script_cannot_call_the_history(gimp):
    done = gimp.call("history.call_history")
    assert done["status"] == "calling-error" and "opens a window" in done["error"]


def test_an_extension_in_the_history_is_inserted_only_into_an_image_of_its_size(gimp, out, endpoint):
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
    ("reason", "message"),
    [
        ("GIMP", "cannot be inserted: GIMP refuses this. It is in "),
        ("the disk", "cannot be inserted: No space left on device. It is in "),
        ("unforeseen", "An unexpected error"),
    ],
)
def test_a_failed_insertion_is_reported_and_leaves_no_image(gimp, edited, reason, message):
    folder = gimp.data / "jobs" / Path(edited[1]["report"]["job"]).name
    made = json.loads(json.dumps(history_requests.layers({"job": str(folder)})))
    done = gimp.call("history.insert_in_vain", folder=str(folder), made=made, why=reason)
    assert message in done["message"] and done["left"] == 0


def test_a_failed_choice_is_reported_in_the_panel(gimp):
    unexpected = "An unexpected error"
    for reason, message in (("GIMP", unexpected), ("the disk", "No space left"), ("unforeseen", unexpected)):
        (reported,) = gimp.call("history.choose_in_vain", why=reason)
        assert message in reported
