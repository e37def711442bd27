"""What window tests share: the menu's entries, controls by their names, what is seen on the canvas."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from tests.gimp.harness import FailedInside
from tests.waiting import wait_until

OUTPUT = Path(__file__).parents[1] / "output"
PANEL = "Edit with Prompt"
MAIN = "(GIMP|GNU Image Manipulation Program)$"


def shoot(window, name):
    """Leaves a picture of the screen for a person to look at."""
    window.screenshot(OUTPUT / f"{name}-{window.gimp.minor}.png")


def choose(window, entry, title):
    """Choose an entry of our menu; return when its window has the keyboard: a key before that is lost."""
    press_entry(window, entry)
    window.wait_for_window(title)
    activate(window, title)


def press_entry(window, entry):
    """Choose an entry of our menu, by its first words, as soon as it can be chosen."""
    path = ["Filters", "Generative Edit", entry]
    wait_until(lambda: window.call("accessibility.press_menu", path=path), f"{entry!r} can be chosen")


def press_entry_by_keys(window, mnemonic, picture):
    """Choose an entry of our menu by its underlined letter; leave a picture of the menu."""
    activate(window, MAIN)
    window.keys("key", "alt+r")
    window.settle()
    window.keys("key", "Up", "Right")
    window.settle()
    shoot(window, picture)
    window.keys("key", mnemonic)


def activate(window, title):
    """Gives the window whose title this matches the keyboard."""
    wait_until(lambda: _activated(window, title), f"{title} has the keyboard", 20)


def _activated(window, title):
    """Whether that worked: a window may go while xdotool looks through them."""
    try:
        ids = window.keys("search", "--onlyvisible", "--name", title).split()
        window.keys("windowactivate", "--sync", ids[-1])
    except AssertionError:
        return False
    return True


def open_panel(window, image):
    """Opens the panel from the menu; returns when it has the keyboard."""
    choose(window, "Edit with Prompt…", PANEL)
    wait_until(lambda: is_open(window), "the panel is seen")
    window.settle()


@contextmanager
def panel_of(window, case, selected=None):
    """Open the image of a case and its panel, perhaps with a rectangle selected; close both afterwards."""
    image_id = window.call("edits.show", case=case)
    if selected:
        window.call("edits.select", image_id=image_id, box=selected)
    window.settle()
    open_panel(window, image_id)
    try:
        yield image_id
    finally:
        if is_open(window):
            close_panel(window)
        window.call("edits.close", image_id=image_id)
        window.settle()


def close_panel(window):
    """Close the panel by Escape."""
    close_by_escape(window, PANEL)


def close_by_escape(window, title):
    """Close the window of this title, with the key pressed once more where a window that had just come took it."""
    for patience in (20, 180):
        activate(window, title)
        window.keys("key", "Escape")
        try:
            return wait_until(lambda: not is_open(window, title), f"{title} closes", patience)
        except AssertionError:
            shoot(window, "still-open")
    raise AssertionError(f"{title} does not close")


def is_open(window, title=PANEL):
    """Whether there is a window of this title."""
    return title in " ".join(window.call("accessibility.windows"))


def click(window, name, title=PANEL):
    """Clicks the control of this name with the mouse."""
    point_at(window, name, title)
    window.keys("click", "1")


def point_at(window, name, title=PANEL, away=(0, 0)):
    """Moves the mouse so far away from the middle of a control; returns where that middle is.

    A tooltip that lies there would take the click. It goes when the mouse has come, and it has gone when the window
    answers then; where the control has moved meanwhile, the mouse follows.
    """

    if title == PANEL:  # whose options scroll
        window.call("accessibility.focus", title=title, name=name)

    def pointed():
        try:
            place = window.call("accessibility.place", title=title, name=name)
        except FailedInside:  # GTK still scrolls to it
            return None
        window.keys("mousemove", *(str(middle + step) for middle, step in zip(place, away, strict=True)))
        return place if window.call("accessibility.place", title=title, name=name) == place else None

    return wait_until(pointed, f"{name!r} stays in its place", 20)


def scroll_to(window, name, title=PANEL):
    """Gives a control the keyboard, which scrolls it into view."""
    wait_until(lambda: window.call("accessibility.focus", title=title, name=name), f"{name} takes the keyboard", 20)
    window.settle()


def open_group(window, title, control=None):
    """Opens a group of the panel's options, unless it is open; scrolls to one of its controls."""
    if not window.call("accessibility.is_checked", title=PANEL, name=title):
        scroll_to(window, title)
        window.keys("key", "space")
        wait_until(lambda: window.call("accessibility.is_checked", title=PANEL, name=title), f"{title} is open", 20)
        window.settle()
    if control:
        scroll_to(window, control)


def set_counts(window, results=1, previews=0):
    """Set both numbers, which GIMP remembers from test to test, and focus the prompt."""
    close_group(window, "Images to send")
    open_group(window, "Quality and size")
    for name, value in (("Number of results", results), ("Live previews", previews)):
        click(window, name)
        window.keys("key", "ctrl+a")
        window.keys("type", f"{value}\t")
    click(window, "Prompt")


def close_group(window, title):
    """Folds a group of the panel's options away, unless it is folded."""
    if window.call("accessibility.is_checked", title=PANEL, name=title):
        scroll_to(window, title)
        window.keys("key", "space")
        unfolded = partial(window.call, "accessibility.is_checked", title=PANEL, name=title)
        wait_until(lambda: not unfolded(), f"{title} is folded", 20)


def press_generate(window):
    """Ctrl+Enter in the panel, once it is ready for it: a layer comes a moment before its edit has ended."""
    wait_until(lambda: can_be_used(window, "Generate"), "Generate can be clicked")
    window.keys("key", "ctrl+Return")


def texts(window, title=PANEL):
    """All that can be read in a window."""
    return " ".join(window.call("accessibility.texts", title=title))


def wait_for_text(window, text, title=PANEL):
    """Wait until this can be read in a window, whose controls may go while they are looked at."""

    def is_read():
        try:
            return text in texts(window, title)
        except FailedInside:
            return False

    try:
        wait_until(is_read)
    except AssertionError:
        raise AssertionError(f"{text!r} is not in {texts(window, title)!r}") from None


def can_be_used(window, name, title=PANEL):
    """Whether a control is switched on."""
    matches = [one for one in window.call("accessibility.controls", title=title) if one["name"] == name]
    assert matches, f"no {name!r} in {title!r}"
    return matches[0]["sensitive"]


def visible(window, image):
    """What is visible of an image: 16-bit values, row by row."""
    path = window.work / "visible.raw"
    window.call("edits.visible_of", image_id=image, path=str(path))
    return np.frombuffer(path.read_bytes(), np.uint16)


def layers(window, image):
    return window.call("edits.layers_of", image_id=image)


def wait_for_layers(window, image, count, seconds=90):
    """Waits until the image has so many layers; returns its state."""
    wait_until(lambda: len(layers(window, image)) == count, f"{count} layers", seconds)
    return window.call("edits.state_of", image_id=image)


def undo_and_redo(window, image, before, pixels, edited):
    """Check that one undo restores the original image, and redo the edited one."""
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    assert wait_for_layers(window, image, len(before["layers"])) == before
    assert np.array_equal(visible(window, image), pixels)
    window.keys("key", "ctrl+y")
    wait_for_layers(window, image, len(before["layers"]) + 1)
    assert np.array_equal(visible(window, image), edited)
