"""Whether a window can be used with a screen reader and without a mouse; start GIMP with `accessible=True` for it."""

import time

_MOST_STEPS = 80


def check(window, title):
    """Each control of the window has a name, and each that can be used now is reached by Tab; returns the order."""
    controls = window.call("accessibility.controls", title=title)
    unnamed = [one for one in controls if not one["name"] and not one["label"]]
    assert not unnamed, f"controls without a name in {title!r}: {unnamed}"
    reached = tab_through(window, title)
    usable = [one for one in controls if one["focusable"] and one["sensitive"]]
    missed = [one for one in usable if one["path"] not in {other["path"] for other in reached}]
    assert not missed, f"Tab does not reach {missed} in {title!r}; it reaches {[one['name'] for one in reached]}"
    return [one["name"] or one["label"] for one in reached]


def tab_through(window, title):
    """The controls that have the keyboard one after the other, until it comes round."""
    reached = []
    for _step in range(_MOST_STEPS):
        found = focused(window, title)
        if reached and found["path"] == reached[0]["path"]:
            return reached
        reached.append(found)
        window.keys("key", "Tab")
    raise AssertionError(f"Tab does not come round in {title!r}: {[one['name'] for one in reached]}")


def focused(window, title, seconds=10):
    """The control that has the keyboard, once it stays the same for a moment."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        time.sleep(0.1)
        found = window.call("accessibility.focused", title=title)
        if found and found == last:
            return found
        last = found
    raise AssertionError(f"nothing in {title!r} has the keyboard")
