"""What the pages of Settings are made of: rows of a label and a control, which has a name for screen readers."""

from collections.abc import Callable
from typing import TypeVar

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk, Pango

from plugin.ui.labels import WrappingText, wrapped_label

SPACE = 12
_TEXT_WIDTH = 56
_Widget = TypeVar("_Widget", bound=Gtk.Widget)


def named(widget: _Widget, name: str) -> _Widget:
    """Gives a control the name that a screen reader says; mnemonics and colons are left out."""
    widget.get_accessible().set_name(name.replace("_", "").rstrip(":… "))
    return widget


def note(text: str = "") -> Gtk.Label:
    """A text that wraps."""
    label = wrapped_label(text, characters=_TEXT_WIDTH)
    label.set_width_chars(_TEXT_WIDTH)
    return label


def message() -> WrappingText:
    """A text of any length, as a server's is."""
    return WrappingText(characters=_TEXT_WIDTH)


def button(label: str, act: Callable[[], None]) -> Gtk.Button:
    """A button with a mnemonic."""
    made = named(Gtk.Button(label=label, use_underline=True), label)
    made.connect("clicked", lambda _button: act())
    return made


def spin(low: float, high: float, step: float, digits: int = 0) -> Gtk.SpinButton:
    """A number between two limits."""
    made = Gtk.SpinButton.new_with_range(low, high, step)
    made.set_digits(digits)
    made.set_activates_default(False)
    return made


class Page(Gtk.Grid):
    """Rows below each other, two columns: labels and controls."""

    def __init__(self) -> None:
        super().__init__(row_spacing=SPACE // 2, column_spacing=SPACE, border_width=SPACE)
        self._rows = 0

    def commit(self) -> None:
        """Takes over the number that is being typed, as the window may be closed while it is."""
        for row in self.get_children():
            for widget in [row, *(row.get_children() if isinstance(row, Gtk.Box) else [])]:
                if isinstance(widget, Gtk.SpinButton):
                    widget.update()

    def add_row(self, text: str, widget: Gtk.Widget, control: Gtk.Widget | None = None) -> None:
        """A row; `control` is what the label is for where `widget` holds several."""
        control = control or widget
        label = Gtk.Label(label=text, use_underline=True, xalign=0.0, mnemonic_widget=control)
        named(control, text)
        self.attach(label, 0, self._rows, 1, 1)
        widget.set_hexpand(True)
        self.attach(widget, 1, self._rows, 1, 1)
        self._rows += 1

    def add_wide(self, widget: Gtk.Widget) -> None:
        """A row that takes both columns."""
        self.attach(widget, 0, self._rows, 2, 1)
        self._rows += 1

    def add_heading(self, text: str) -> Gtk.Label:
        """A bold line over the rows that follow."""
        label = Gtk.Label(label=text, xalign=0.0, margin_top=SPACE // 2)
        bold(label)
        self.add_wide(label)
        return label


def bold(label: Gtk.Label) -> None:
    """Makes a label's text bold, whatever is in it."""
    attributes = Pango.AttrList()
    attributes.insert(Pango.attr_weight_new(Pango.Weight.BOLD))
    label.set_attributes(attributes)


def beside(*widgets: Gtk.Widget) -> Gtk.Box:
    """Controls in one line; the first takes the room."""
    box = Gtk.Box(spacing=SPACE // 2)
    for number, widget in enumerate(widgets):
        box.pack_start(widget, number == 0, True, 0)
    return box
