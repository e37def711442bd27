"""Edits in real GIMPs, without a window."""

import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.gimp.conftest import in_turns
from tests.recording_proxy import RecordingProxy

CASES = ("ellipse", "corner", "small_layer")


@pytest.fixture(scope="module")
def proxy():
    with RecordingProxy() as running:
        yield running


@pytest.fixture(scope="module")
def environment(environment, proxy):
    """All tests here run with a proxy configured, as on a network that requires one."""
    return environment | proxy.variables()


def load(out, name, size):
    return np.frombuffer((out / name).read_bytes(), np.uint16).reshape(size[1], size[0], 4)


def selection(out, size):
    return np.frombuffer((out / "selection.raw").read_bytes(), np.uint8).reshape(size[1], size[0])


def assert_only_selection_changed(out, size):
    """Check that no visible pixel outside the selection has changed; return whether one inside has."""
    before, after, selected = load(out, "before.raw", size), load(out, "after.raw", size), selection(out, size) > 0
    assert np.array_equal(before[~selected], after[~selected])
    return (before[selected] != after[selected]).any()


def assert_unchanged(done):
    assert done["after"] == done["before"]


@pytest.mark.parametrize("case", in_turns(CASES))
def test_remove_with_the_embedded_endpoint(gimp, out, case):
    done = gimp.call("edits.edit_case", case=case, out=str(out), prompt="remove")
    assert done["status"] == "success", done["error"]
    assert assert_only_selection_changed(out, done["size"])
    report, layer = done["report"], done["layers"][0]
    assert len(done["after"]["layers"]) == len(done["before"]["layers"]) + 1
    assert layer["box"] == report["frame"] and layer["name"] == "remove"
    assert done["masks"] == [True]
    for unchanged in ("selection", "guides", "colours", "channels", "images", "active"):
        assert done["after"][unchanged] == done["before"][unchanged]
    assert done["parasite"]["request"]["prompt"] == "remove" and "job" not in done["parasite"]
    assert report["provider"] == "local" and report["model"] == "built-in" and report["request_ids"]
    assert set(report["seconds"]) >= {"export", "request", "insert"}


@pytest.mark.one_gimp("3.0")
def test_local_traffic_does_not_use_the_proxy(gimp, out, endpoint, proxy):
    endpoint.behave("invert")
    for provider in ("local", "custom"):
        done = gimp.call("edits.edit_case", case="corner", out=str(out), prompt="invert", provider=provider)
        assert done["status"] == "success", done["error"]
    assert len(endpoint.received) == 1
    assert proxy.connections() == 0


@pytest.mark.one_gimp("3.0")
def test_transparent_pixels_are_filled_without_a_selection(gimp, out):
    done = gimp.call("edits.edit_case", case="hole_and_nothing_selected", out=str(out), prompt="")
    assert done["status"] == "success", done["error"]
    assert done["masks"] == [None] and done["layers"][0]["box"] == [0, 0, 640, 480]
    after = load(out, "after.raw", done["size"])
    assert (after[..., 3] == 65535).all()


@pytest.mark.one_gimp("3.2")
def test_no_selection_sends_the_whole_layer_and_no_mask(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="nothing_selected", out=str(out), prompt="invert", provider="custom")
    assert done["status"] == "success", done["error"]
    received = endpoint.received[-1]
    # An unknown model is asked for sides in multiples of 16: eight rows of padding, which are cropped again.
    assert received.fields["size"] == "1920x1088" and received.images[0].size == (1920, 1088)
    assert received.mask is None and len(received.images) == 1
    assert received.fields["prompt"] == "invert" and received.headers["Authorization"] == "Bearer sk-test-key"
    assert done["layers"][0]["box"] == [0, 0, 1920, 1080] and done["masks"] == [None]
    before, after = load(out, "before.raw", done["size"]), load(out, "after.raw", done["size"])
    assert np.abs(65535 - before[..., :3].astype(int) - after[..., :3]).max() <= 1


@pytest.mark.one_gimp("3.2")
def test_two_layers_are_sent_as_two_images(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="two_layers", out=str(out), prompt="like the second", provider="custom")
    assert done["status"] == "success", done["error"]
    first, second = endpoint.received[-1].images
    assert first.size == tuple(done["report"]["frame"][2:]) and second.size == (300, 200)
    assert assert_only_selection_changed(out, done["size"])
    assert [layer["name"] for layer in done["after"]["layers"]] == [
        "reference",
        "like the second",
        done["before"]["layers"][1]["name"],
    ]


@pytest.mark.one_gimp("3.2")
def test_without_drawables_the_selected_layers_are_sent_and_the_lowest_is_edited(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="both_selected", out=str(out), prompt="x", provider="custom")
    assert done["status"] == "success", done["error"]
    first, second = endpoint.received[-1].images
    assert first.size == tuple(done["report"]["frame"][2:]) and second.size == (300, 200)


@pytest.mark.one_gimp("3.2")
def test_the_mask_has_both_polarities_and_is_four_pixels_wider(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom")
    received = endpoint.received[-1]
    x, y, width, height = done["report"]["frame"]
    selected = Image.fromarray(selection(out, done["size"])).filter(ImageFilter.MaxFilter(2 * 4 + 1))
    mask, selected = np.array(received.mask), np.array(selected)[y : y + height, x : x + width] > 0
    assert received.mask.mode == "RGBA" and received.mask.size == received.images[0].size == (width, height)
    assert (mask[selected] == (255, 255, 255, 0)).all() and (mask[~selected] == (0, 0, 0, 255)).all()


@pytest.mark.one_gimp("3.2")
def test_an_echo_is_identical_to_the_original(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom")
    x, y, width, height = done["report"]["frame"]
    layer = np.frombuffer((out / "layer.raw").read_bytes(), np.uint8).reshape(height, width, 4)
    before = load(out, "before.raw", done["size"])[y : y + height, x : x + width] // 257
    assert np.array_equal(layer, before)


@pytest.mark.one_gimp("3.2")
def test_a_link_layer_is_read_like_any_other_and_stays_a_link(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="linked", out=str(out), prompt="x", provider="custom")
    assert done["status"] == "success", done["error"]
    x, y, width, height = done["report"]["frame"]
    layer = np.frombuffer((out / "layer.raw").read_bytes(), np.uint8).reshape(height, width, 4)
    before = load(out, "before.raw", done["size"])[y : y + height, x : x + width] // 257
    assert np.array_equal(layer, before) and not assert_only_selection_changed(out, done["size"])
    assert done["after"]["layers"][1:] == done["before"]["layers"]


@pytest.mark.one_gimp("3.0")
def test_a_misaligned_result_is_aligned_before_it_is_inserted(gimp, out, endpoint):
    """Published plug-ins show a mean error of 13 levels in the 16 pixels inside the selection's edge."""
    endpoint.behave("drift")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom")
    assert done["status"] == "success", done["error"]
    drift = done["report"]["drift"][0]
    assert drift["accepted"] and drift["shift"] == pytest.approx(7.2, abs=0.2) and abs(drift["zoom"] - 1) < 0.05
    selected = Image.fromarray((selection(out, done["size"]) > 0).astype(np.uint8) * 255)
    band = (np.asarray(selected) > 0) & (np.asarray(selected.filter(ImageFilter.MinFilter(33))) == 0)
    before, after = (load(out, name, done["size"])[..., :3] / 257 for name in ("before.raw", "after.raw"))
    assert np.abs(after - before)[band].mean() <= 2.0
    assert_only_selection_changed(out, done["size"])
    assert done["parasite"]["drift"][0]["accepted"]


@pytest.mark.one_gimp("3.2")
def test_several_results_go_into_a_group_with_the_first_visible(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="corner", out=str(out), prompt="three", provider="custom", n=3)
    group = done["after"]["layers"][0]
    assert [child["visible"] for child in group["children"]] == [True, False, False]
    assert group["name"] == "three" and len(done["layers"]) == 3 and done["masks"] == [True] * 3
    assert len(done["after"]["layers"]) == len(done["before"]["layers"]) + 1


@pytest.mark.one_gimp("3.2")
def test_a_result_of_a_different_size_is_scaled_to_the_frame_and_reported(gimp, out, endpoint):
    endpoint.behave("half")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom")
    assert done["layers"][0]["box"] == done["report"]["frame"]
    assert any("was scaled" in note for note in done["report"]["notes"])
    assert_only_selection_changed(out, done["size"])


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    in_turns([("refuse", "The test refuses this"), ("die", "billed"), ("garbage", "endpoint")]),
)
def test_an_error_of_the_endpoint_is_reported_and_does_not_change_the_image(gimp, out, endpoint, behaviour, sentence):
    endpoint.behave(behaviour)
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom")
    assert done["status"] == "execution-error" and sentence in done["error"]
    assert "Traceback" not in done["error"] and "sk-test-key" not in done["error"]
    assert len(endpoint.received) == 1, "a request that may have been billed is never repeated"
    assert_unchanged(done)


@pytest.mark.one_gimp("3.0")
def test_a_prompt_that_the_engine_does_not_understand_is_rejected(gimp, out):
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="a cat in a hat")
    assert done["status"] == "execution-error" and "understand" in done["error"]
    assert_unchanged(done)


@pytest.mark.one_gimp("3.2")
@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        ({"n": 99, "context": "wide", "grow": -1}, ("n 99", "context 'wide'", "grow -1")),
        ({"size": "big"}, ("size big",)),
        ({"size": "big", "model": "nobody-knows", "provider": "custom"}, ("size 'big'",)),
        ({"provider": "nobody", "n": 11}, ("no provider “nobody”", "n 11")),
        (
            {"provider": "custom", "model": "gpt-image-2", "quality": "ultra", "size": "1023x1023", "n": 11},
            ("quality ultra: gpt-image-2 accepts", "size 1023x1023: gpt-image-2 returns", "n 11: must be 0 to 10"),
        ),
        ({"extra": "[1]", "references": "{}"}, ("extra: must be a JSON object", "references: must be a JSON list")),
    ],
)
def test_all_invalid_arguments_are_reported_before_anything_is_sent(gimp, out, endpoint, arguments, sentences):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), **arguments)
    assert done["status"] == "calling-error"
    assert all(sentence in done["error"] for sentence in sentences), done["error"]
    assert not endpoint.received
    assert_unchanged(done)


@pytest.mark.one_gimp("3.0")
def test_an_indexed_image_is_rejected_with_a_hint(gimp, out):
    done = gimp.call("edits.edit_case", case="indexed", out=str(out), prompt="remove")
    assert done["status"] == "execution-error" and "Mode ▸ RGB" in done["error"]
    assert_unchanged(done)


def test_script_fu_reads_layers_and_report(gimp, out, endpoint):
    endpoint.behave("invert")
    result = out / "script.txt"
    code = f"""
      (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE
                          (string-append gimp-data-directory "/images/gimp-splash.png"))))
             (layers (car (gimp-image-get-layers image))))
        (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 100 100 60 40)
        (let ((made (generative-edit #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers
                                     #:prompt "from scheme" #:provider "custom")))
          (call-with-output-file "{result}"
            (lambda (port)
              (write (car (gimp-item-get-name (vector-ref (car made) 0))) port)
              (newline port)
              (display (cadr made) port))))
        (gimp-image-delete image))"""
    done = gimp.call("edits.script_fu", code=code)
    assert done["status"] == "success", done["error"]
    name, report = result.read_text().split("\n", 1)
    assert name == '"from scheme"' and json.loads(report)["provider"] == "custom"


def test_the_procedure_declares_all_arguments(gimp):
    from plugin.edit.arguments import EDIT_ARGUMENTS

    declared = gimp.call("edits.arguments_of", name="generative-edit")
    assert declared["arguments"] == ["run-mode", "image", "drawables", *(each.name for each in EDIT_ARGUMENTS)]
    assert declared["returns"] == ["layers", "report"] and declared["menu"] == ["<Image>/Filters/Generative Edit"]


def test_no_file_of_the_run_contains_the_key(gimp):
    for path in gimp.work.rglob("*"):
        if path.is_file() and path != gimp.variables:
            assert b"sk-test-key" not in path.read_bytes(), path


@pytest.mark.one_gimp("3.0")
def test_every_parameter_of_the_api_is_sent(gimp, out, endpoint):
    """Each field of the API that a procedure argument sets is read back from the form."""
    endpoint.behave("echo")
    arguments = {
        "prompt": "ein Boot 舟", "model": "some-model", "n": 2, "size": "1024x1024", "quality": "high",
        "background": "transparent", "moderation": "low", "input_fidelity": "high", "output_format": "webp",
        "output_compression": 70, "user": "somebody",
    }  # fmt: skip
    done = gimp.call(
        "edits.edit_case", case="ellipse", out=str(out), provider="custom", extra='{"seed": 7}', **arguments
    )
    assert done["status"] == "success", done["error"]
    fields = endpoint.received[-1].fields
    assert fields == {name: str(value) for name, value in arguments.items()} | {"seed": "7"}
    assert done["report"]["model"] == "some-model"


@pytest.mark.one_gimp("3.2")
def test_the_parameters_of_a_stream_are_sent(gimp, out, endpoint):
    endpoint.behave("echo")
    arguments = {"prompt": "x", "provider": "custom", "stream": True, "partial_images": 2}
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), **arguments)
    assert done["status"] == "success", done["error"]
    fields = endpoint.received[-1].fields
    assert fields["stream"] == "true" and fields["partial_images"] == "2"
    assert done["report"]["usage"]["total_tokens"] == 7 and done["report"]["request_ids"] == ["req_test"]


@pytest.mark.one_gimp("3.0")
def test_a_file_id_makes_the_request_json(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), provider="custom", references='["file-abc"]')
    assert done["status"] == "success", done["error"]
    received = endpoint.received[-1]
    assert received.headers["Content-Type"] == "application/json" and received.images[1] == "file-abc"
    assert received.mask.size == received.images[0].size and received.mask.mode == "RGBA"


@pytest.mark.one_gimp("3.2")
def test_a_stream_with_previews(gimp, out):
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="remove", stream=True, partial_images=2)
    assert done["status"] == "success", done["error"]
    assert assert_only_selection_changed(out, done["size"])
    folder = gimp.data / "jobs" / done["report"]["job"].rsplit("/", 1)[-1]
    assert len(list(folder.glob("partial-1-*.png"))) == 2


@pytest.mark.one_gimp("3.0")
def test_sample_merged_sends_what_is_visible_and_inserts_on_top(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="tinted", out=str(out), prompt="x", provider="custom", sample_merged=True)
    assert done["status"] == "success", done["error"]
    x, y, width, height = done["report"]["frame"]
    visible = load(out, "before.raw", done["size"])[y : y + height, x : x + width, :3] / 257
    sent = np.array(endpoint.received[-1].images[0].convert("RGB"))
    assert np.abs(visible - sent).max() <= 1
    assert done["after"]["layers"][0]["name"] == "x" and assert_only_selection_changed(out, done["size"])


@pytest.mark.one_gimp("3.2")
def test_references_are_sent_after_the_layers(gimp, out, endpoint):
    endpoint.behave("echo")
    gimp.call("pictures.write_png", path=str(out / "reference.png"), width=20, height=10)
    references = json.dumps([str(out / "reference.png")])
    done = gimp.call("edits.edit_case", case="two_layers", out=str(out), provider="custom", references=references)
    assert done["status"] == "success", done["error"]
    assert [image.size for image in endpoint.received[-1].images[1:]] == [(300, 200), (20, 10)]


@pytest.mark.one_gimp("3.0")
def test_context_and_largest_size_limit_the_sent_picture(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call("edits.edit_case", case="ellipse", out=str(out), context="canvas", largest_size="960")
    assert done["report"]["size"] == "960x540" and done["report"]["frame"] == [0, 0, 1920, 1080]
    done = gimp.call("edits.edit_case", case="corner", out=str(out), context="20")
    assert done["report"]["frame"] == [0, 0, 150, 110]


@pytest.mark.one_gimp("3.2")
def test_a_change_of_the_whole_pictures_colours_is_kept(gimp, out, endpoint):
    endpoint.behave("night")
    inside = []
    for arguments in ({}, {"match_colour": "always"}):
        done = gimp.call("edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom", **arguments)
        assert done["status"] == "success", done["error"]
        assert assert_only_selection_changed(out, done["size"])
        selected = selection(out, done["size"]) == 255
        before, after = (load(out, name, done["size"])[selected, :3].mean() for name in ("before.raw", "after.raw"))
        inside.append((done["report"]["corrections"][0]["colours"], round(after / before, 1)))
    assert inside == [("kept", 0.4), ("matched", 1.0)]


@pytest.mark.one_gimp("3.2")
def test_without_a_selection_only_what_changed_is_covered(gimp, out, endpoint):
    endpoint.behave("spot")
    done = gimp.call("edits.edit_case", case="nothing_selected", out=str(out), prompt="x", provider="custom")
    assert done["status"] == "success", done["error"]
    assert done["masks"] == [False] and done["parasite"]["corrections"] == done["report"]["corrections"]
    assert 0.02 < done["report"]["corrections"][0]["changed"] < 0.1
    changed = (load(out, "before.raw", done["size"]) != load(out, "after.raw", done["size"])).any(2)
    assert changed[540, 960] and changed.mean() < 0.1


@pytest.mark.one_gimp("3.0")
def test_an_echo_at_half_the_resolution_gets_its_detail_back(gimp, out, endpoint):
    endpoint.behave("echo")
    errors = []
    for detail in (True, False):
        done = gimp.call(
            "edits.edit_case", case="ellipse", out=str(out), prompt="x", provider="custom", context="canvas",
            largest_size="960", detail=detail,
        )  # fmt: skip
        assert done["status"] == "success", done["error"]
        assert assert_only_selection_changed(out, done["size"])
        before, after = (load(out, name, done["size"]).astype(float) for name in ("before.raw", "after.raw"))
        errors.append(np.abs(after - before)[selection(out, done["size"]) > 0].mean())
        assert ("detail" in done["report"]["corrections"][0]) is detail
    assert errors[0] < errors[1] / 3
    assert not list((out.parent).glob("**/frame.raw"))


@pytest.mark.one_gimp("3.0")
def test_feather_only_softens_inwards(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="corner", out=str(out), prompt="x", provider="custom", feather=12.0)
    assert done["status"] == "success" and done["masks"] == [False]
    assert assert_only_selection_changed(out, done["size"])
    before, after = (load(out, name, done["size"]).astype(int) for name in ("before.raw", "after.raw"))
    change = np.abs(after - before)[..., 0]
    # GIMP blends in linear light: a fifteenth of the mask shows as up to a quarter of the change.
    assert change[40, 60] > 3 * change[40, 129] and change[40, 60] > 10_000


@pytest.mark.one_gimp("3.2")
def test_grow_enlarges_the_edited_area_and_is_reported(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("edits.edit_case", case="corner", out=str(out), prompt="x", provider="custom", grow=9)
    assert any("9 pixels beyond the selection" in note for note in done["report"]["notes"])
    before, after = load(out, "before.raw", done["size"]), load(out, "after.raw", done["size"])
    rows, columns = np.nonzero((before != after).any(2))
    assert (rows.max(), columns.max()) == (90 + 8, 130 + 8)


@pytest.mark.one_gimp("3.0")
def test_max_cost_stops_before_anything_is_sent(gimp, out, endpoint):
    endpoint.behave("echo")
    done = gimp.call(
        "edits.edit_case", case="ellipse", out=str(out), provider="custom", model="gpt-image-2", max_cost=0.001
    )
    assert done["status"] == "execution-error" and "max-cost" in done["error"] and not endpoint.received
    assert_unchanged(done)


@pytest.mark.one_gimp("3.2")
def test_a_provider_that_ignores_the_mask_gets_less_context_and_a_sentence(gimp, out, endpoint):
    endpoint.behave("invert")
    entry = {"title": "Mine", "like": "sglang", "base_url": endpoint.url}
    settings = gimp.data / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"version": 1, "providers": {"mine": entry}}), encoding="utf-8")
    try:
        frames = {}
        for provider, more in (("custom", {}), ("mine", {}), ("mine", {"describe_area": False})):
            done = gimp.call(
                "edits.edit_case", case="ellipse", out=str(out), prompt="a boat", provider=provider, **more
            )
            assert done["status"] == "success", done["error"]
            assert assert_only_selection_changed(out, done["size"])
            frames[provider] = done["report"]["frame"]
    finally:
        settings.unlink()
    custom, described, plain = (received.fields["prompt"] for received in endpoint.received)
    assert custom == plain == "a boat"
    assert described.startswith("a boat\n\nChange only the middle of the image, from ")
    assert frames["mine"][2] * frames["mine"][3] < 0.8 * frames["custom"][2] * frames["custom"][3]
