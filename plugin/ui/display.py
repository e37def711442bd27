"""Whether there is somebody to see a window."""

import gi


def has_display() -> bool:
    """Whether there is somebody to see a window."""
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    # Without this, GTK ends the process where there is no display.
    return bool(Gtk.init_check([])[0])  # type: ignore[call-arg]  # the stubs lack its argument
