"""The first edit at a host outside this computer: asked for always, once, and no means that nothing is sent.

The host is one that a proxy on this computer answers for; there is no network here.
"""

import json

import pytest

from tests.gimp.screen import (
    MAIN,
    PANEL,
    activate,
    click,
    layers,
    open_panel,
    press_entry,
    press_generate,
    shoot,
    texts,
    wait_for_layers,
    wait_until,
)

HOST = "edits.example"
ENTRY = {"title": "Studio", "like": "custom", "base_url": f"http://{HOST}/v1", "model": "painter"}
QUESTION = "Send this edit to Studio?"


@pytest.fixture
def window(installed, endpoint, tmp_path):
    data = tmp_path / "data" / "generative-edit"
    data.mkdir(parents=True)
    kept = {"version": 1, "provider": "studio", "providers": {"studio": ENTRY}, "confirm_above": 100.0}
    (data / "settings.json").write_text(json.dumps(kept), encoding="utf-8")
    endpoint.behave("invert")
    proxy = endpoint.url.removesuffix("/v1")
    with installed.start(tmp_path, environment={"http_proxy": proxy}, window=(1280, 720), accessible=True) as running:
        running.wait_for_window(MAIN)
        yield running


def asked(window):
    wait_until(lambda: QUESTION in window.call("accessibility.windows"), "the question")
    window.settle()
    return texts(window, QUESTION)


def answer(window, key):
    window.keys("key", key)
    wait_until(lambda: QUESTION not in window.call("accessibility.windows"), "the question closes")


def test_a_picture_leaves_this_computer_only_after_a_yes_and_that_is_asked_once(window, endpoint):
    image = window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, image)
    click(window, "Prompt")
    window.keys("type", "a lake")
    press_generate(window)
    told = asked(window)
    assert "512×512 pixels, leaves this computer and goes to edits.example." in told
    assert "This question is asked once for each provider." in told
    shoot(window, "first-use")
    answer(window, "Escape")
    assert not endpoint.received and len(layers(window, image)) == 1
    activate(window, PANEL)
    press_generate(window)
    asked(window)
    answer(window, "Return")
    wait_for_layers(window, image, 2)
    assert endpoint.received[-1].headers["Host"] == HOST
    press_generate(window)
    wait_until(lambda: len(endpoint.received) == 2, "the second goes without a question")
    wait_for_layers(window, image, 3)
    assert QUESTION not in window.call("accessibility.windows")


def test_one_click_removal_asks_too(window, endpoint):
    image = window.call("edits.show", case="corner")
    window.settle()
    press_entry(window, "r")
    assert "leaves this computer and goes to edits.example." in asked(window)
    answer(window, "Escape")
    assert not endpoint.received and len(layers(window, image)) == 1
