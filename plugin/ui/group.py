"""A group of options under a title, folded away until the user opens it; it stays as the user left it."""

from __future__ import annotations

import contextlib

from gi.repository import GLib, GObject, Gtk

from lib.settings import window_state
from plugin.expect import expect


class Group(Gtk.Expander):
    """A folded group; `name` is what its state is stored under."""

    def __init__(self, name: str, title: str, content: Gtk.Widget) -> None:
        super().__init__(label=title, use_underline=True)
        self._state_name = name
        content.set_margin_start(12)
        content.set_margin_top(3)
        self.add(content)
        content.show_all()
        content.set_no_show_all(True)
        self.set_expanded(window_state.group_is_open(name))
        # GTK only folds the content away: unless it is hidden too, Tab and screen readers still reach its controls.
        self.bind_property("expanded", content, "visible", GObject.BindingFlags.SYNC_CREATE)
        self.connect("notify::expanded", lambda *_ignored: self._on_expanded())

    def _on_expanded(self) -> None:
        if self.get_expanded():
            GLib.idle_add(self._scroll_into_view)  # after the layout, which has a higher priority
        with contextlib.suppress(OSError):  # on a full disk it is closed the next time
            window_state.remember_group(self._state_name, self.get_expanded())

    def _scroll_into_view(self) -> bool:
        """Scroll so that the content is visible, or at least the title and the beginning."""
        scroller = self.get_ancestor(Gtk.ScrolledWindow)
        if scroller and self.get_mapped():
            adjustment, area = expect(Gtk.ScrolledWindow, scroller).get_vadjustment(), self.get_allocation()
            adjustment.clamp_page(area.y, area.y + area.height)
            adjustment.set_value(min(adjustment.get_value(), area.y))
        return GLib.SOURCE_REMOVE
