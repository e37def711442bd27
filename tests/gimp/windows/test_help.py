"""The Help button of every window, and F1 in it, open that window's section in the user's browser."""

import pytest

from tests.gimp.screen import PANEL, activate, choose, click
from tests.waiting import wait_until

BROWSER = """#!/bin/sh
printf '%s\\n' "$1" >> "$HOME/opened"
"""
WINDOWS = [
    ("Edit with Prompt…", PANEL, "first-edit"),
    ("Extend Canvas…", "Extend Canvas", "extending"),
    ("Edit Folder…", "Edit Folder", "batch"),
    ("History…", "Generative Edit: History", "history"),
    ("Settings…", "Generative Edit Settings", "providers"),
]


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture(scope="module", autouse=True)
def picture(window):
    """An open picture, and a browser that only writes down what it is to show."""
    make_browser(window.work)
    window.call("edits.show", case="plain")
    window.settle()


@pytest.fixture(autouse=True)
def no_window_is_left(window):
    """A window that a failed test left open would be in the way of the next."""
    yield
    for _attempt in range(4):
        if len(window.call("accessibility.windows")) == 1:
            return
        window.keys("key", "Escape")
        window.settle()


def make_browser(home):
    """A browser that only writes down what it is to show."""
    script = home / "browser"
    script.write_text(BROWSER)
    script.chmod(0o755)
    (home / ".config").mkdir(exist_ok=True)
    (home / ".config" / "mimeapps.list").write_text("[Default Applications]\ntext/html=browser.desktop\n")
    for data in (home / ".local" / "share", home / "data"):
        (data / "applications").mkdir(parents=True, exist_ok=True)
        (data / "applications" / "browser.desktop").write_text(
            f"[Desktop Entry]\nType=Application\nName=Browser\nExec={script} %u\nMimeType=text/html;\n"
        )


def opened(window):
    path = window.work / "opened"
    return path.read_text().splitlines() if path.exists() else []


def assert_nothing_of_gimp(window):
    """GIMP's own help, which is not installed, would come with a window that says so."""
    assert not [name for name in window.call("accessibility.windows") if "missing" in name]


@pytest.mark.parametrize(("entry", "title", "section"), WINDOWS)
def test_help_and_f1_open_the_windows_section(window, entry, title, section):
    choose(window, entry, title)
    wait_until(lambda: title in " ".join(window.call("accessibility.windows")), "the window is seen")
    window.settle()
    before = len(opened(window))
    window.keys("key", "F1")
    wait_until(lambda: len(opened(window)) == before + 1, "F1 opens a page")
    window.settle()
    assert_nothing_of_gimp(window)
    click(window, "Help", title)
    wait_until(lambda: len(opened(window)) == before + 2, "Help opens a page")
    window.settle()
    assert {address.rsplit("/", 1)[1] for address in opened(window)[before:]} == {f"index.html#{section}"}
    assert_nothing_of_gimp(window)
    activate(window, title)
    window.keys("key", "Escape")
    wait_until(lambda: title not in " ".join(window.call("accessibility.windows")), "the window closes")
