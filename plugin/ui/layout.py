"""Where the panel finds room on the screen: beside the image, and never taller than the screen."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gdk, Gtk

from plugin.expect import expect

_MARGIN = 12
_LEAST_HEIGHT = 120
_FRAME_HEIGHT = 40  # of the desktop's frame, until the window has one


def scrollable_column(asked: Gtk.Widget, now_and_then: Sequence[Gtk.Widget]) -> Gtk.Box:
    """What is asked for above the parts that are seen now and then, all of them still hidden.

    Where the screen is not tall enough for all, what is asked for scrolls.
    """
    scroller = Gtk.ScrolledWindow(can_focus=False, propagate_natural_height=True, min_content_height=_LEAST_HEIGHT)
    scroller.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
    scroller.add(asked)
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
    column.pack_start(scroller, True, True, 0)
    for part in now_and_then:
        column.pack_start(part, False, False, 0)
    column.show_all()
    for part in now_and_then:
        part.set_no_show_all(True)
        part.hide()
    return column


def move_beside(window: Gtk.Window) -> None:
    """Moves a window to the right edge of its screen, where it covers less of the image; some desktops ignore that."""
    area = _work_area(window)
    width = window.get_preferred_width()[1]
    window.set_position(Gtk.WindowPosition.NONE)
    window.move(area.x + area.width - width - _MARGIN, area.y + _MARGIN)


class FittingHeight:
    """Makes a window taller and lower by what its parts need as they come and go, but never taller than the screen."""

    def __init__(self, window: Gtk.Window) -> None:
        self._window = window
        self._needed = 0
        window.connect("check-resize", lambda *_ignored: self._fit())

    def _fit(self) -> None:
        width, height = self._window.get_size()
        needed = self._window.get_preferred_height_for_width(width)[1]
        if needed == self._needed or not self._window.get_mapped():
            return
        # What the user has added to the height by dragging stays.
        spare = max(0, height - self._needed) if self._needed else 0
        self._needed = needed
        area, frame = _work_area(self._window), self._frame_height()
        height = min(needed + spare, area.height - frame)
        self._window.resize(width, height)
        x, y = self._window.get_position()
        if y + height + frame > area.y + area.height:
            self._window.move(x, max(area.y, area.y + area.height - height - frame))

    def _frame_height(self) -> int:
        own = expect(Gdk.Window, self._window.get_window())
        return max(_FRAME_HEIGHT, own.get_frame_extents().height - own.get_height())


def _work_area(window: Gtk.Window) -> Gdk.Rectangle:
    display = window.get_display()
    own = window.get_window()
    monitor = display.get_monitor_at_window(own) if own else display.get_primary_monitor()
    return expect(Gdk.Monitor, monitor or display.get_monitor(0)).get_workarea()
