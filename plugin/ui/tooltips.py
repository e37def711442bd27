"""Tooltips that appear after a second, and not over a text that is being typed."""

from __future__ import annotations

import time

from gi.repository import GLib, Gtk

_SECONDS = 1.0
_GTK_SECONDS = 0.5  # after so long without a motion GTK asks for the tooltip
_TOLERANCE = 0.2
_PAUSE = 50  # milliseconds


def calm_tooltips(widget: Gtk.Widget) -> None:
    """Delay the tooltips of a widget and of all that is in it.

    GTK itself hides a tooltip at a key press, and shows none until the pointer moves again.
    """
    rest = _Rest()
    widget.connect("query-tooltip", rest.on_query)
    if isinstance(widget, Gtk.Container):
        widget.forall(calm_tooltips)


class _Rest:
    """Where the pointer rests on a widget, and since when."""

    def __init__(self) -> None:
        self._place = (-1, -1)
        self._since = 0.0

    def on_query(self, widget: Gtk.Widget, x: int, y: int, keyboard: bool, _tooltip: Gtk.Tooltip) -> bool:
        now = time.monotonic()
        if self._place != (x, y):
            self._place, self._since = (x, y), now - _GTK_SECONDS
        is_early = now - self._since < _SECONDS - _TOLERANCE
        is_typed_in = isinstance(widget, (Gtk.Entry, Gtk.TextView)) and widget.has_focus()
        if not keyboard and (is_early or is_typed_in):
            widget.stop_emission_by_name("query-tooltip")
            if is_early:
                # Not at once: while a tooltip is visible, GTK would ask again immediately, in an endless loop.
                GLib.timeout_add(_PAUSE, _ask_again, widget)
        return False  # GTK shows the text, unless it was stopped


def _ask_again(widget: Gtk.Widget) -> bool:
    if widget.get_mapped():
        Gtk.Tooltip.trigger_tooltip_query(widget.get_display())
    return GLib.SOURCE_REMOVE
