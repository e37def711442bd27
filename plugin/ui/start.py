"""What each of our windows needs before it is made: GIMP's theme, and hints in entries that can be read in it."""

from __future__ import annotations

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GimpUi, Gtk

# GTK's own grey has a contrast of 3.9 in GIMP's dark theme. Other themes have colours of their own.
_GIMPS_COLOUR = "extreme-bg-color"
_STYLE = b"@define-color placeholder_text_color mix(@fg-color, @extreme-bg-color, 0.25);"


def init_windows() -> None:
    """Let windows look like GIMP's."""
    GimpUi.init("generative-edit")
    screen = Gdk.Screen.get_default()
    if screen and Gtk.Entry().get_style_context().lookup_color(_GIMPS_COLOUR)[0]:
        style = Gtk.CssProvider()
        style.load_from_data(_STYLE)
        Gtk.StyleContext.add_provider_for_screen(screen, style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
