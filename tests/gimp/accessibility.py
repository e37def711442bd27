"""Whether a window can be used with a screen reader and without a mouse; start GIMP with `accessible=True` for it."""

import time

_MOST_STEPS = 80
_SECONDS = 2.0
_SILENT_SECONDS = 0.5


def check(window, title):
    """Each control of the window has a name, and each that can be used now is reached by Tab; returns the order.

    GTK 3 does not tell of a combo box without an entry, or of a grid, that it has the keyboard: it is "" in the order.
    """
    by_path = controls_by_path(window, title)
    reached = tab_through(window, title, by_path)
    controls = by_path.values()
    unnamed = [one for one in controls if not one["name"] and not one["label"]]
    assert not unnamed, f"controls without a name in {title!r}: {unnamed}"
    order = [one["name"] or one["label"] if one else "" for one in reached]
    paths = {one["path"] for one in reached if one}
    silent = [one for one in controls if one["sensitive"] and _is_silent(one)]
    missed = [one for one in controls if one["focusable"] and one["sensitive"] and one["path"] not in paths]
    missed = [one for one in missed if one not in silent]
    if any(one["role"] == "radio button" for one in reached if one):  # arrows lead to the others of its group
        missed = [one for one in missed if one["role"] != "radio button"]
    assert not missed, f"Tab does not reach {missed} in {title!r}; it reaches {order}"
    names = [one["name"] for one in silent]
    assert order.count("") == len(silent), f"Tab does not reach each of {names} in {title!r}; it reaches {order}"
    return order


def _is_silent(control):
    return control["role"] == "layered pane" or (control["role"] == "combo box" and not control["entry"])


def controls_by_path(window, title):
    """The controls that are on the screen now."""
    return {one["path"]: one for one in window.call("accessibility.controls", title=title)}


def tab_through(window, title, by_path):
    """What has the keyboard one after the other, until it comes round; None for what does not say so.

    `by_path` gets what comes into view on the way.
    """
    first = last = focused(window, title, None)
    if first is None:
        window.keys("key", "Tab")
        first = last = focused(window, title, None)
    assert first, f"nothing in {title!r} has the keyboard"
    reached = [first]
    for _step in range(_MOST_STEPS):
        window.keys("key", "Tab")
        last = focused(window, title, last)
        if last and last["path"] == first["path"]:
            return reached
        reached.append(last)
        by_path |= controls_by_path(window, title) if last is None else {last["path"]: last}
    raise AssertionError(f"Tab does not come round in {title!r}: {[one and one['name'] for one in reached]}")


def tab_to(window, title, name):
    """Presses Tab until the control of this name has the keyboard."""
    for _step in range(_MOST_STEPS):
        current = window.call("accessibility.focused", title=title)
        if current and name in (current["name"], current["label"]):
            return
        window.keys("key", "Tab")
        focused(window, title, current)
    raise AssertionError(f"Tab does not reach {name!r} in {title!r}")


def focused(window, title, before):
    """What has the keyboard once it has left `before`; None where nothing says so for a while."""
    end, silent = time.monotonic() + _SECONDS, time.monotonic() + _SILENT_SECONDS
    while True:
        current = window.call("accessibility.focused", title=title)
        if current and current != before:
            return current
        if current:
            silent = time.monotonic() + _SILENT_SECONDS
        if time.monotonic() > (end if current or before is None else silent):
            return current
        time.sleep(0.02)
