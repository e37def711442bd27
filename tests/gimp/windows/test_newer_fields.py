"""The newer models' fields, and the options that came with them, seen at a recording server.

From Python and Script-Fu here, and the sentence on the area from the panel; for the fields from the panel see
test_panel_inputs.py, for markup test_markup.py.
"""

import json
from contextlib import contextmanager

import pytest

from tests.gimp.screen import PANEL, activate, click, open_group, open_panel, press_generate, shoot, texts
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")

SCRIPT = """
    (script-fu-use-v3)
    (generative-edit #:run-mode RUN-NONINTERACTIVE #:image {image} #:drawables (vector {layer})
                     #:prompt "a boat" #:provider "mine" MORE)
"""
SENTENCE = "Change only the middle of the image, from "


@contextmanager
def provider_without_masks(running, endpoint):
    """Add a provider that ignores masks to the settings, as "mine"."""
    settings = running.data / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    entry = {"title": "Mine", "like": "sglang", "base_url": endpoint.url}
    settings.write_text(json.dumps({"version": 1, "providers": {"mine": entry}}), encoding="utf-8")
    yield
    settings.unlink()


def test_python_sends_the_newer_models_fields(gimp, out, endpoint):
    endpoint.behave("invert")
    arguments = {"model": "gpt-image-2.6-flare", "complexity": "medium", "moderation": "low", "quality": "xhigh"}
    done = gimp.call(
        "edits.edit_case", case="ellipse", out=str(out), prompt="a boat", provider="openai", user="me", **arguments
    )
    assert done["status"] == "success", done["error"]
    fields = endpoint.received[-1].fields
    assert arguments | {"safety_identifier": "me"} == {name: fields[name] for name in (*arguments, "safety_identifier")}
    assert "user" not in fields
    done = gimp.call(
        "edits.edit_case", case="ellipse", out=str(out), prompt="a boat", provider="custom", user="me", **arguments
    )
    fields = endpoint.received[-1].fields
    assert done["status"] == "success" and fields["user"] == "me" and "safety_identifier" not in fields


def test_script_fu_sets_the_options_that_came_with_them(gimp, endpoint):
    endpoint.behave("night")

    def edit(more):
        done = gimp.call("edits.script_case", case="ellipse", script=SCRIPT.replace("MORE", more))
        assert done["status"] == "success", done["error"]
        return done

    with provider_without_masks(gimp, endpoint):
        first = edit('#:match-colour "always"')
        second = edit('#:describe-area #f #:match-colour "never" #:provenance "none"')
    described, plain = (received.fields["prompt"] for received in endpoint.received)
    assert described.startswith(f"a boat\n\n{SENTENCE}") and plain == "a boat"
    assert "DigitalSourceType" in first["metadata"] and "DigitalSourceType" not in second["metadata"]
    colours = [done["record"]["corrections"][0]["colours"] for done in (first, second)]
    assert colours[0] == "matched" != colours[1]


def test_the_panel_shows_the_sentence_on_the_area_and_can_leave_it_out(window, endpoint):
    endpoint.behave("invert")
    with provider_without_masks(window, endpoint):
        window.call("edits.show", case="ellipse")
        window.settle()
        open_panel(window, None)
        window.call("accessibility.choose", title=PANEL, name="Provider", item="Mine")
        wait_until(lambda: f"Added to the prompt: “{SENTENCE}" in texts(window), "the sentence is shown")
        shoot(window, "panel-describe-area")
        assert SENTENCE in generate(window, endpoint)
        open_group(window, "Result", "Describe the area")
        click(window, "Describe the area")
        wait_until(lambda: "Added to the prompt" not in texts(window), "no sentence")
        assert SENTENCE not in generate(window, endpoint)


def generate(window, endpoint):
    """Generate, discard the result, and return the prompt that the endpoint received."""
    activate(window, PANEL)
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result")
    window.settle()
    click(window, "Discard")
    wait_until(lambda: "1 result" not in texts(window), "the result is gone")
    return endpoint.received[-1].fields["prompt"]
