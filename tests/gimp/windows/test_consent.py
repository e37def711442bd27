"""The question before the first edit at a remote host and before an expensive edit; nothing is sent without a yes.

A proxy on this computer answers for the host, so no network is needed.
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
    """Return a function that starts GIMP with a default provider and a limit above which the user is asked."""

    def start(entry, confirm_above, variables=None):
        desktop.renew(variables or {})
        stored = {"version": 1, "provider": "studio", "providers": {"studio": entry}, "confirm_above": confirm_above}
        (desktop.data / "settings.json").write_text(json.dumps(stored), encoding="utf-8")
        endpoint.behave("invert")
        return desktop

    yield start
    desktop.clear()


@pytest.fixture
def window(studio, endpoint):
    return studio(ENTRY, 100.0, {"http_proxy": endpoint.url.removesuffix("/v1")})


def wait_for_question(window):
    wait_until(lambda: QUESTION in window.call("accessibility.windows"), "the question")
    window.settle()
    return texts(window, QUESTION)


def answer(window, key):
    window.keys("key", key)
    wait_until(lambda: QUESTION not in window.call("accessibility.windows"), "the question closes")


def test_the_first_edit_at_a_provider_is_sent_only_after_a_yes(window, endpoint):
    image = window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, image)
    click(window, "Prompt")
    window.keys("type", "a lake")
    press_generate(window)
    question = wait_for_question(window)
    assert "512×512 pixels, leaves this computer and is sent to edits.example." in question
    assert "You are asked only once for each provider." in question
    shoot(window, "first-use")
    answer(window, "Escape")
    assert not endpoint.received and len(layers(window, image)) == 1
    activate(window, PANEL)
    press_generate(window)
    wait_for_question(window)
    window.call("edits.select", image_id=image, box=[900, 500, 600, 400])
    answer(window, "Return")
    wait_for_layers(window, image, 2)
    left, top, width, height = layers(window, image)[0]["box"]
    assert left <= 900 and top <= 500 and left + width >= 1500 and top + height >= 900, "the current selection is sent"
    assert len(endpoint.received) == 1 and endpoint.received[0].headers["Host"] == HOST
    press_generate(window)
    wait_until(lambda: len(endpoint.received) == 2, "the second edit is sent without a question")
    wait_for_layers(window, image, 3)
    assert QUESTION not in window.call("accessibility.windows")


def test_remove_selection_asks_too(window, endpoint):
    image = window.call("edits.show", case="corner")
    window.settle()
    press_entry(window, "Remove Selection")
    assert "leaves this computer and is sent to edits.example." in wait_for_question(window)
    answer(window, "Escape")
    assert not endpoint.received and len(layers(window, image)) == 1


def test_more_like_this_asks_again_for_an_expensive_edit(studio, endpoint):
    entry = {"title": "Studio", "like": "custom", "base_url": endpoint.url, "model": "gpt-image-2"}
    window = studio(entry, 0.0001)
    image = window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, image)
    press_generate(window)
    assert "leaves this computer" not in wait_for_question(window)
    answer(window, "Return")
    wait_until(lambda: "1 result" in texts(window), "the result")
    click(window, "More like this")
    assert "The edit costs" in wait_for_question(window)
    answer(window, "Escape")
    assert len(endpoint.received) == 1
    click(window, "More like this")
    wait_for_question(window)
    answer(window, "Return")
    wait_until(lambda: "Result 2" in texts(window), "a second result beside it")
    assert len(endpoint.received) == 2
