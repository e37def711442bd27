"""Whether windows can be shown, and where the system puts them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import gi

from lib.frame.geometry import Rect

if TYPE_CHECKING:
    from gi.repository import Gtk


def has_display() -> bool:
    """Return whether windows can be shown."""
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    # Without this check GTK would exit the process if there is no display.
    return bool(Gtk.init_check([])[0])  # type: ignore[call-arg]  # the stubs lack its argument


def active_window() -> Rect | None:
    """Return where the active window is, of whatever program; None where the window system does not tell."""
    gi.require_version("Gdk", "3.0")
    from gi.repository import Gdk

    screen = Gdk.Screen.get_default()
    window = screen.get_active_window() if screen else None
    if window is None:
        return None
    extents = window.get_frame_extents()
    return Rect(extents.x, extents.y, extents.width, extents.height)


def keep_above_gimp(window: Gtk.Window) -> None:
    """Keep a window of the plug-in above GIMP's, on Windows and macOS, where it would open behind them.

    It needs GIMP 3.2; on Linux, the desktop does so.
    """
    if sys.platform not in ("win32", "darwin"):
        return
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    if hasattr(GimpUi, "window_set_transient"):
        GimpUi.window_set_transient(window)
