"""The first edit at a host outside this computer: asked for always, once, and no means that nothing is sent.

The host is one that a proxy on this computer answers for; there is no network here.
"""

import json

import pytest

from tests.gimp.screen import (
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
)
from tests.waiting import wait_until

HOST = "edits.example"
ENTRY = {"title": "Studio", "like": "custom", "base_url": f"http://{HOST}/v1", "model": "painter"}
QUESTION = "Send this edit to Studio?"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture
def studio(desktop, endpoint):
    """Gives a GIMP a default provider: this entry of the settings, and an amount above which is asked."""

    def choose(entry, confirm_above, variables=None):
        desktop.renew(variables or {})
        desktop.data.mkdir(parents=True)
        stored = {"version": 1, "provider": "studio", "providers": {"studio": entry}, "confirm_above": confirm_above}
        (desktop.data / "settings.json").write_text(json.dumps(stored), encoding="utf-8")
        endpoint.behave("invert")
        return desktop

    yield choose
    desktop.clear()


@pytest.fixture
def window(studio, endpoint):
    return studio(ENTRY, 100.0, {"http_proxy": endpoint.url.removesuffix("/v1")})


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
    window.call("edits.select", image_id=image, box=[900, 500, 600, 400])
    answer(window, "Return")
    wait_for_layers(window, image, 2)
    left, top, width, height = layers(window, image)[0]["box"]
    assert left <= 900 and top <= 500 and left + width >= 1500 and top + height >= 900, "what is selected by now"
    assert len(endpoint.received) == 1 and endpoint.received[0].headers["Host"] == HOST
    press_generate(window)
    wait_until(lambda: len(endpoint.received) == 2, "the second goes without a question")
    wait_for_layers(window, image, 3)
    assert QUESTION not in window.call("accessibility.windows")


def test_one_click_removal_asks_too(window, endpoint):
    image = window.call("edits.show", case="corner")
    window.settle()
    press_entry(window, "Remove Selection")
    assert "leaves this computer and goes to edits.example." in asked(window)
    answer(window, "Escape")
    assert not endpoint.received and len(layers(window, image)) == 1


def test_more_of_what_is_dear_is_asked_for_too(studio, endpoint):
    entry = {"title": "Studio", "like": "custom", "base_url": endpoint.url, "model": "gpt-image-2"}
    window = studio(entry, 0.0001)
    image = window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, image)
    press_generate(window)
    assert "leaves this computer" not in asked(window)
    answer(window, "Return")
    wait_until(lambda: "1 result" in texts(window), "the result")
    click(window, "More like this")
    assert "The edit costs" in asked(window)
    answer(window, "Escape")
    assert len(endpoint.received) == 1
    click(window, "More like this")
    asked(window)
    answer(window, "Return")
    wait_until(lambda: "Result 2" in texts(window), "another beside it")
    assert len(endpoint.received) == 2
