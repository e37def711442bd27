"""After a refusal by moderation the panel offers what may help, and says the next step after other refusals."""

import pytest

from tests.gimp.screen import (
    PANEL,
    activate,
    can_be_used,
    click,
    open_group,
    open_panel,
    press_generate,
    shoot,
    texts,
    wait_for_text,
)
from tests.waiting import wait_until

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")

LOW, BUILT_IN = "Use Low Moderation", "Use the Built-in Engine"


@pytest.fixture(scope="module", autouse=True)
def panel(window):
    """The panel of an image with a part selected, open for all tests."""
    window.call("edits.show", case="corner")
    window.settle()
    open_panel(window, None)
    click(window, "Model")
    window.keys("key", "ctrl+a")
    window.keys("type", "gpt-image-2\t")


def controls(window):
    return {control["name"] for control in window.call("accessibility.controls", title=PANEL)}


def generate_refused(window, endpoint, prompt):
    """Generate, and wait until the refusal is shown."""
    endpoint.behave("moderate")
    activate(window, PANEL)
    click(window, "Prompt")
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)
    wait_until(lambda: any(name.startswith(f"{prompt}: Failed") for name in controls(window)), "the refusal")
    wait_for_text(window, "rejected by the safety system")
    window.settle()


def discard(window):
    wait_until(lambda: "1 result" in texts(window), "the result")
    window.settle()
    click(window, "Discard")
    wait_until(lambda: "1 result" not in texts(window), "the result is gone")


def test_low_moderation_is_one_click_and_generate(window, endpoint):
    generate_refused(window, endpoint, "a boat")
    shoot(window, "panel-moderation")
    assert LOW in controls(window) and BUILT_IN not in controls(window), "the engine can't paint a boat"
    click(window, LOW)
    wait_until(lambda: "Moderation is set to low" in texts(window), "the panel says what was set")
    assert LOW not in controls(window) and len(endpoint.received) == 1, "nothing is sent by itself"
    shoot(window, "panel-moderation-low")
    press_generate(window)
    discard(window)
    assert [request.fields.get("moderation") for request in endpoint.received] == [None, "low"]
    open_group(window, "More options")
    window.call("accessibility.choose", title=PANEL, name="Moderation", item="default")


def test_the_built_in_engine_is_offered_for_a_prompt_that_it_understands(window, endpoint):
    generate_refused(window, endpoint, "remove")
    assert {LOW, BUILT_IN} <= controls(window)
    shoot(window, "panel-moderation-both")
    click(window, BUILT_IN)
    wait_until(lambda: can_be_used(window, "Generate") and "free" in texts(window), "the engine is selected")
    press_generate(window)
    discard(window)
    assert len(endpoint.received) == 1, "the edit stayed on this computer"
