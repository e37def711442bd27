"""The window of the first time: three choices, before the panel opens, and once only."""

import json

import pytest

from tests.gimp import accessibility
from tests.gimp.screen import PANEL, choose, close_panel, is_open, press_entry, shoot, texts
from tests.waiting import wait_until

WELCOME = "Welcome to Generative Edit"
pytestmark = pytest.mark.one_gimp("3.2")


@pytest.fixture
def new_user(desktop, environment):
    """A GIMP whose user has never used the plug-in, with an image open."""
    desktop.clear()
    desktop.renew(environment, welcome=True)
    desktop.call("edits.show", case="ellipse")
    desktop.settle()
    return desktop


def test_the_first_time_asks_where_edits_are_made(new_user):
    choose(new_user, "Edit with Prompt…", WELCOME)
    new_user.settle()
    shoot(new_user, "first-time")
    order = accessibility.check(new_user, WELCOME)
    assert [name for name in order if name in ("Skip", "Continue", "Help")] == ["Help", "Skip", "Continue"]
    new_user.keys("key", "Down")
    accessibility.tab_to(new_user, WELCOME, "OpenAI, with your key")
    new_user.keys("key", "Up")
    said = texts(new_user, WELCOME)
    assert "This computer, free" in said and "is sent to OpenAI" in said and "Nothing leaves this computer" in said
    new_user.keys("key", "Return")
    wait_until(lambda: is_open(new_user), "the panel opens")
    settings = json.loads((new_user.data / "settings.json").read_text())
    assert settings["provider"] == "local"
    new_user.settle()
    shoot(new_user, "first-panel")
    close_panel(new_user)
    press_entry(new_user, "Edit with Prompt…")
    wait_until(lambda: is_open(new_user), "the panel opens again")
    assert not is_open(new_user, WELCOME)
    close_panel(new_user)


def test_it_can_be_skipped(new_user):
    choose(new_user, "Edit with Prompt…", WELCOME)
    new_user.keys("key", "Escape")
    wait_until(lambda: is_open(new_user), "the panel opens")
    assert not (new_user.data / "settings.json").exists()
    assert PANEL in new_user.keys("getactivewindow", "getwindowname")
    close_panel(new_user)
