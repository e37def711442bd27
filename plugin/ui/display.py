"""Whether windows can be shown."""

import gi


def has_display() -> bool:
    """Return whether windows can be shown."""
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    # Without this check GTK would exit the process if there is no display.
    return bool(Gtk.init_check([])[0])  # type: ignore[call-arg]  # the stubs lack its argument
