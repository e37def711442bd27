"""While Quick Mask is on GIMP reports no selection: nothing is sent, and it is said how to turn it off."""

import json

import pytest

SENTENCE = "Quick Mask is on, so GIMP reports no selection. Turn off Quick Mask (Shift+Q)"
PROCEDURES = {
    "generative-edit": {"prompt": "x"},
    "generative-edit-remove": {},
    "generative-edit-extend": {"left": "64"},
    "generative-edit-again": {},
}


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_no_procedure_sends_anything(gimp, endpoint, procedure):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_with_quick_mask", procedure=procedure, provider="custom", **PROCEDURES[procedure])
    assert done["status"] == "execution-error" and SENTENCE in done["error"], done
    assert not endpoint.received and done["after"] == done["before"]
    assert "Qmask" in done["before"]["channels"]


def test_a_picture_of_a_folder_that_was_saved_with_it_is_reported(gimp, out, endpoint):
    endpoint.behave("invert")
    source, results = out / "in", out / "results"
    source.mkdir()
    for name, channel in (("masked.xcf", "Qmask"), ("saved.xcf", "hole")):
        gimp.call("folders.make", path=str(source / name), channel=[channel, [8, 8, 16, 16]])
    folders = {"input_folder": str(source), "output_folder": str(results)}
    done = gimp.call("folders.run", **folders, prompt="x", provider="custom")
    assert done["status"] == "execution-error" and "1 of 2" in done["error"], done["error"]
    lines = [json.loads(line) for line in (results / "report.jsonl").read_text().splitlines()]
    by_picture = {line["picture"]: line for line in lines}
    assert by_picture["saved.xcf"]["status"] == "done" and by_picture["masked.xcf"]["status"] == "failed"
    assert SENTENCE in json.dumps(by_picture["masked.xcf"]) and len(endpoint.received) == 1


def test_a_selection_that_becomes_a_quick_mask_meanwhile_stays_the_active_one(gimp, endpoint):
    """The result has the layer mask that was sent, and what is painted next is still painted on the Quick Mask."""
    endpoint.behave("invert")
    done = gimp.call("ends.quick_mask_meanwhile")
    assert done["mask_was_sent"] is True and done["active_channels"] == ["Qmask"] and done["more_layers"] == 1
