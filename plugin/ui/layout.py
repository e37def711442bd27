"""The layout of the windows: a scrollable column, placed beside the image and never taller than the screen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from gi.repository import Gdk, Gtk

from lib.frame.geometry import Rect, Size
from lib.settings import window_state
from plugin.expect import expect
from plugin.ui.beside import place_beside

_MIN_HEIGHT = 120
_FRAME_HEIGHT = 40  # assumed height of the title bar until the window is mapped


def scrolling(min_height: int) -> Gtk.ScrolledWindow:
    """Return a place for controls, which scroll where the screen is not tall enough for them."""
    scroller = Gtk.ScrolledWindow(can_focus=False, propagate_natural_height=True, min_content_height=min_height)
    scroller.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
    scroller.set_overlay_scrolling(False)  # only the bar says that there is more
    return scroller


def scrollable_column(controls: Gtk.Widget, optional_parts: Sequence[Gtk.Widget]) -> Gtk.Box:
    """Return a column of the controls and, below them, optional parts, which are hidden at first.

    If the screen is not tall enough for all of it, the controls scroll.
    """
    scroller = scrolling(_MIN_HEIGHT)
    scroller.add(controls)
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
    column.pack_start(scroller, True, True, 0)
    for part in optional_parts:
        column.pack_start(part, False, False, 0)
    column.show_all()
    for part in optional_parts:
        part.set_no_show_all(True)
        part.hide()
    return column


def side_by_side(*widgets: Gtk.Widget) -> Gtk.Box:
    """Return widgets in a row, of the same width."""
    row = Gtk.Box(spacing=6, homogeneous=True)
    for widget in widgets:
        row.pack_start(widget, True, True, 0)
    row.show()
    return row


def restore_place(window: Gtk.Window, name: str, avoided: Rect | None = None) -> int:
    """Move a window to where it was when it was last closed; return its height then, or 0.

    The first time it is placed at an edge of the screen, where it covers less of the image and of the area `avoided`.
    """
    area, stored = _work_area(window), window_state.geometry(name)
    if stored is None or stored[0] not in range(area.x, area.x + area.width):
        _move_beside(window, avoided)
        return 0
    x, y, width, height = stored
    window.set_position(Gtk.WindowPosition.NONE)
    window.move(x, max(area.y, min(y, area.y + area.height - _MIN_HEIGHT)))
    window.resize(min(width, area.width), min(height, area.height))
    return height


def open_large(window: Gtk.Window, width: int, height: int) -> None:
    """Let a window with a list open over three quarters of the screen, and at least in this size if that fits."""
    area = _work_area(window)
    window.set_default_size(max(width, area.width * 3 // 4), max(height, area.height * 3 // 4))


def remember_place(window: Gtk.Window, name: str) -> None:
    """Store where a window is and how large."""
    with contextlib.suppress(OSError):  # on a full disk the former place is used
        window_state.remember_geometry(name, (*window.get_position(), *window.get_size()))


def _move_beside(window: Gtk.Window, avoided: Rect | None) -> None:
    """Move a window to an edge of its screen; some desktops ignore this."""
    area = _work_area(window)
    size = Size(window.get_preferred_width()[1], window.get_preferred_height()[1])
    window.set_position(Gtk.WindowPosition.NONE)
    window.move(*place_beside(size, Rect(area.x, area.y, area.width, area.height), avoided))


def tighten(widget: Gtk.Widget) -> None:
    """Leave only a few pixels between a button's edge and its content, such as a picture."""
    style = Gtk.CssProvider()
    style.load_from_data(b"button { padding: 2px; min-height: 0; min-width: 0; }")
    widget.get_style_context().add_provider(style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)


def clear_background(widget: Gtk.Widget) -> None:
    """Let the button below a container be seen, which themes may paint over."""
    style = Gtk.CssProvider()
    style.load_from_data(b"* { background: none; }")
    widget.get_style_context().add_provider(style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)


class FittingHeight:
    """Resizes a window to the height that its visible parts need, up to the height of the screen.

    `height` is the one that the user has given it earlier, or 0. `on_cramped` is called once, where the screen is not
    tall enough for all parts; what it hides makes room for the others, as the window then stays as tall as the screen.
    """

    def __init__(self, window: Gtk.Window, height: int = 0, on_cramped: Callable[[], None] | None = None) -> None:
        self._window = window
        self._earlier = height
        self._needed = 0
        self._on_cramped, self._is_cramped = on_cramped, False
        window.connect("check-resize", lambda *_ignored: self._fit())

    def _fit(self) -> None:
        width, height = self._window.get_size()
        needed = self._window.get_preferred_height_for_width(width)[1]
        if needed == self._needed or not self._window.get_mapped():
            return
        # Keep the height that the user has added by resizing the window.
        spare = max(0, height - self._needed) if self._needed else max(0, self._earlier - needed)
        self._needed = needed
        area, frame = _work_area(self._window), self._frame_height()
        tallest = area.height - frame
        if needed > tallest and self._on_cramped and not self._is_cramped:
            self._is_cramped = True
            self._on_cramped()
        height = tallest if self._is_cramped else min(needed + spare, tallest)
        self._window.resize(width, height)
        x, y = self._window.get_position()
        if y + height + frame > area.y + area.height:
            self._window.move(x, max(area.y, area.y + area.height - height - frame))

    def _frame_height(self) -> int:
        gdk_window = expect(Gdk.Window, self._window.get_window())
        return max(_FRAME_HEIGHT, gdk_window.get_frame_extents().height - gdk_window.get_height())


def _work_area(window: Gtk.Window) -> Gdk.Rectangle:
    display = window.get_display()
    gdk_window = window.get_window()
    monitor = display.get_monitor_at_window(gdk_window) if gdk_window else display.get_primary_monitor()
    return expect(Gdk.Monitor, monitor or display.get_monitor(0)).get_workarea()
