"""The Help button of every window, and F1 in it, open that window's section in the user's browser."""

import pytest

from tests.gimp.screen import MAIN, PANEL, activate, choose, click, wait_until

BROWSER = """#!/bin/sh
printf '%s\\n' "$1" >> "$HOME/opened"
"""
WINDOWS = [
    ("e", PANEL, "first-edit"),
    ("x", "Extend Canvas", "extending"),
    ("f", "Edit Folder", "batch"),
    ("h", "Generative Edit: History", "history"),
    ("s", "Generative Edit Settings", "providers"),
]


@pytest.fixture(scope="module")
def window(installed, environment, tmp_path_factory):
    work = tmp_path_factory.mktemp(f"help-{installed.minor}")
    make_browser(work)
    with installed.start(work, environment=environment, window=(1280, 720), accessible=True) as running:
        running.wait_for_window(MAIN)
        running.call("edits.show", case="plain")
        running.settle()
        yield running


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
    (home / ".config").mkdir()
    (home / ".config" / "mimeapps.list").write_text("[Default Applications]\ntext/html=browser.desktop\n")
    for data in (home / ".local" / "share", home / "data"):
        (data / "applications").mkdir(parents=True)
        (data / "applications" / "browser.desktop").write_text(
            f"[Desktop Entry]\nType=Application\nName=Browser\nExec={script} %u\nMimeType=text/html;\n"
        )


def opened(window):
    path = window.work / "opened"
    return path.read_text().splitlines() if path.exists() else []


def assert_nothing_of_gimp(window):
    """GIMP's own help, which is not installed, would come with a window that says so."""
    assert not [name for name in window.call("accessibility.windows") if "missing" in name]


@pytest.mark.parametrize(("mnemonic", "title", "section"), WINDOWS)
def test_help_and_f1_open_the_windows_section(window, mnemonic, title, section):
    choose(window, mnemonic, title)
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
