"""Widgets for texts of any length, such as server messages, paths and titles, that never push buttons off screen."""

from __future__ import annotations

from typing import TypeVar

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk, Pango

from plugin.expect import expect

_MAX_LINES = 8
_CHOICE_CHARACTERS = 28
_FEWEST_LINES_WITH_BAR = 3
_Combo = TypeVar("_Combo", bound=Gtk.ComboBox)


def wrapped_label(text: str = "", *, characters: int = -1) -> Gtk.Label:
    """Return a label that wraps anywhere, at most `characters` wide."""
    wrap_mode = Pango.WrapMode.WORD_CHAR
    label = Gtk.Label(label=text, xalign=0.0, wrap=True, wrap_mode=wrap_mode, max_width_chars=characters)
    attributes = Pango.AttrList()
    attributes.insert(Pango.attr_insert_hyphens_new(False))  # in a path a hyphen would look like a part of it
    label.set_attributes(attributes)
    return label


class WrappingText(Gtk.ScrolledWindow):
    """A text that wraps anywhere; it is as tall as its lines, and scrolls if there are more than eight."""

    def __init__(self, *, characters: int = -1, selectable: bool = False) -> None:
        super().__init__(can_focus=False)
        self.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        self._label = wrapped_label(characters=characters)
        self._label.set_yalign(0.0)
        self._label.set_selectable(selectable)
        self.add(self._label)
        self._max_height = _MAX_LINES * self._label.create_pango_layout("X").get_pixel_size()[1]

    def set_text(self, text: str) -> None:
        """Show a text."""
        self._label.set_text(text)

    def get_text(self) -> str:
        """Return the text that is shown."""
        return str(self._label.get_text())

    def set_selectable(self, selectable: bool) -> None:
        """Set whether the text can be selected, and so reached by Tab."""
        self._label.set_selectable(selectable)

    # GTK 3's scrolled window computes the height of its content for a width other than its own.

    def do_get_request_mode(self) -> Gtk.SizeRequestMode:
        return Gtk.SizeRequestMode.HEIGHT_FOR_WIDTH

    def do_get_preferred_height_for_width(self, width: int) -> tuple[int, int]:
        height = min(self._label.get_preferred_height_for_width(width)[1], self._max_height)
        return height, height

    def do_get_preferred_height(self) -> tuple[int, int]:
        return self.do_get_preferred_height_for_width(self._label.get_preferred_width()[1])


class FixedText(Gtk.ScrolledWindow):
    """A text that wraps anywhere in an area of a fixed number of lines, and scrolls if it has more.

    An area of two lines is too low for a scroll bar, which would make it taller: its tooltip shows a longer text.
    """

    def __init__(self, *, lines: int, selectable: bool = False) -> None:
        super().__init__(can_focus=False)
        has_bar = lines >= _FEWEST_LINES_WITH_BAR
        self.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC if has_bar else Gtk.PolicyType.EXTERNAL)
        self.set_overlay_scrolling(False)  # only the bar says that there is more
        self._label = wrapped_label(characters=40)
        self._label.set_yalign(0.0)
        self._label.set_selectable(selectable)
        self.add(self._label)
        height = lines * self._label.create_pango_layout("X").get_pixel_size()[1] + 2
        self.set_min_content_height(height)
        self.set_max_content_height(height)
        self.connect("query-tooltip", self._on_query_tooltip)
        self.set_has_tooltip(True)

    def set_text(self, text: str) -> None:
        """Show a text, from its beginning."""
        if text != self._label.get_text():
            self._label.set_text(text)
            self.get_vadjustment().set_value(0)

    def _on_query_tooltip(self, _self: Gtk.Widget, _x: int, _y: int, _keyboard: bool, tooltip: Gtk.Tooltip) -> bool:
        """Show the text where it is longer than the area."""
        tooltip.set_text(self._label.get_text())
        adjustment = self.get_vadjustment()
        return bool(adjustment.get_upper() > adjustment.get_page_size() + 1)


def wrap_dialog(dialog: Gtk.MessageDialog) -> None:
    """Let the texts of a message dialog wrap anywhere."""
    for label in expect(Gtk.Container, dialog.get_message_area()).get_children():
        expect(Gtk.Label, label).set_line_wrap_mode(Pango.WrapMode.WORD_CHAR)


def shorten_choices(combo: _Combo) -> _Combo:
    """Let a combo box cut its choices short instead of growing with the longest."""
    for cell in combo.get_cells():
        cell.set_property("ellipsize", Pango.EllipsizeMode.END)
        cell.set_property("max-width-chars", _CHOICE_CHARACTERS)
    return combo
