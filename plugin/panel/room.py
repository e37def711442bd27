"""Where the panel finds room on the screen: beside the image, and never taller than the screen."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gdk, Gtk

_MARGIN = 12


class Room(Gtk.ScrolledWindow):
    """Shows its content whole where the screen is tall enough, else with a scroll bar."""

    def __init__(self, content: Gtk.Widget) -> None:
        super().__init__(can_focus=False)
        self.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        self.add(content)
        self._content = content
        content.connect("size-allocate", lambda *_ignored: self._take())
        self.connect("map", lambda *_ignored: self._take())

    def _take(self) -> None:
        """As high as the content, less what the rest of the window needs of the screen."""
        window = self.get_toplevel()
        wanted = self._content.get_preferred_height()[1]
        others = window.get_preferred_height()[0] - self.get_preferred_height()[0]
        screen = _work_area(window).height - 60  # for the window's frame and the desktop's bars
        height = max(120, min(wanted, screen - others))
        if height != self.get_min_content_height():
            self.set_min_content_height(height)


def stacked(asked: Gtk.Widget, now_and_then: Sequence[Gtk.Widget]) -> Gtk.Box:
    """What is asked for, in its room, above the parts that are seen now and then, all of them still hidden."""
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
    column.pack_start(Room(asked), True, True, 0)
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


def _work_area(window: Gtk.Window) -> Gdk.Rectangle:
    display = window.get_display()
    own = window.get_window()
    monitor = display.get_monitor_at_window(own) if own else display.get_primary_monitor()
    return (monitor or display.get_monitor(0)).get_workarea()
