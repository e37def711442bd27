"""The panel's previous prompts (keys, search, stars), and the details of an error on the clipboard."""

import json

import pytest

from tests.gimp.screen import PANEL, activate, can_be_used, click, open_panel, press_generate, shoot, texts
from tests.waiting import wait_until

PROMPTS = ["a red boat", "a blue lake", "a blue boat"]


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture(scope="module", autouse=True)
def panel(window):
    """The panel with some previous prompts, open for all tests."""
    window.data.mkdir(parents=True, exist_ok=True)
    prompts = [{"text": text, "starred": False} for text in reversed(PROMPTS)]
    (window.data / "prompts.json").write_text(json.dumps({"version": 1, "prompts": prompts}), encoding="utf-8")
    window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, None)


def prompt(window):
    """Return the text of the prompt box."""
    return window.call("accessibility.content", title=PANEL, name="Prompt")


def stored(window):
    return json.loads((window.data / "prompts.json").read_text(encoding="utf-8"))["prompts"]


def replace_prompt(window, text):
    activate(window, PANEL)
    click(window, "Prompt")
    window.keys("key", "ctrl+a")
    window.keys("type", text)


def test_ctrl_up_and_down_browse_the_previous_prompts(window):
    replace_prompt(window, "x")
    for key, text in (("Up", "a blue boat"), ("Up", "a blue lake"), ("Up", "a red boat"), ("Up", "a red boat"),
                      ("Down", "a blue lake"), ("Down", "a blue boat"), ("Down", "x"), ("Down", "x")):  # fmt: skip
        window.keys("key", f"ctrl+{key}")
        wait_until(lambda text=text: prompt(window) == text, f"{key} shows {text!r}")


def test_previous_prompts_can_be_searched_starred_and_used(window):
    replace_prompt(window, "x")
    click(window, "Previous prompts")
    window.settle()
    window.keys("type", "boat blue")
    window.settle()
    shoot(window, "panel-earlier")
    click(window, "Star")
    wait_until(lambda: stored(window)[0] == {"text": "a blue boat", "starred": True}, "the star is stored")
    click(window, "Search previous prompts")
    window.keys("key", "ctrl+a")
    window.keys("type", "red")
    window.settle()
    window.keys("key", "Tab", "Return")
    wait_until(lambda: prompt(window) == "a red boat", "the matching prompt is in the box")


def test_a_sent_prompt_is_listed_first_after_the_starred_ones(window, endpoint):
    endpoint.behave("invert")
    replace_prompt(window, "a green boat")
    press_generate(window)
    wait_until(lambda: "1 result" in texts(window), "the result")
    click(window, "Discard")
    assert [each["text"] for each in stored(window)][:2] == ["a blue boat", "a green boat"]


def test_copied_error_details_contain_no_key(window, endpoint):
    endpoint.behave("refuse")
    replace_prompt(window, "refused")
    press_generate(window)
    wait_until(lambda: "The test refuses this" in texts(window), "the endpoint's message")
    assert can_be_used(window, "Copy details")
    click(window, "Copy details")
    replace_prompt(window, "")
    window.keys("key", "BackSpace")
    window.keys("key", "ctrl+v")
    pasted = wait_until(lambda: prompt(window), "the clipboard was pasted")
    details = json.loads(pasted)
    assert "The test refuses this" in details["message"] and details["code"] == "refused"
    assert "sk-test-key" not in pasted
