"""The building blocks of the pages of Settings: rows of a label and a control with an accessible name."""

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
    """Set the accessible name of a control, without mnemonic and colon; return the control."""
    widget.get_accessible().set_name(name.replace("_", "").rstrip(":… "))
    return widget


def note(text: str = "") -> Gtk.Label:
    """Return a label whose text wraps."""
    label = wrapped_label(text, characters=_TEXT_WIDTH)
    label.set_width_chars(_TEXT_WIDTH)
    return label


def message() -> WrappingText:
    """Return a label for text of any length, such as a server's message."""
    return WrappingText(characters=_TEXT_WIDTH)


def button(label: str, on_click: Callable[[], None]) -> Gtk.Button:
    """Return a button with a mnemonic."""
    widget = named(Gtk.Button(label=label, use_underline=True), label)
    widget.connect("clicked", lambda _button: on_click())
    return widget


def spin(low: float, high: float, step: float, digits: int = 0) -> Gtk.SpinButton:
    """Return a spin button for a number between two limits."""
    widget = Gtk.SpinButton.new_with_range(low, high, step)
    widget.set_digits(digits)
    widget.set_activates_default(False)
    return widget


class Page(Gtk.Grid):
    """A grid of two columns, labels and controls."""

    def __init__(self) -> None:
        super().__init__(row_spacing=SPACE // 2, column_spacing=SPACE, border_width=SPACE)
        self._rows = 0

    def commit(self) -> None:
        """Commit a number that is still being typed when the window is closed."""
        for row in self.get_children():
            for widget in [row, *(row.get_children() if isinstance(row, Gtk.Box) else [])]:
                if isinstance(widget, Gtk.SpinButton):
                    widget.update()

    def add_row(self, text: str, widget: Gtk.Widget, control: Gtk.Widget | None = None) -> None:
        """Add a row; `control` is the one that the label belongs to, where `widget` holds several."""
        control = control or widget
        label = Gtk.Label(label=text, use_underline=True, xalign=0.0, mnemonic_widget=control)
        named(control, text)
        self.attach(label, 0, self._rows, 1, 1)
        widget.set_hexpand(True)
        self.attach(widget, 1, self._rows, 1, 1)
        self._rows += 1

    def add_wide(self, widget: Gtk.Widget) -> None:
        """Add a row that spans both columns."""
        self.attach(widget, 0, self._rows, 2, 1)
        self._rows += 1

    def add_heading(self, text: str) -> Gtk.Label:
        """Add a bold heading for the rows that follow."""
        label = Gtk.Label(label=text, xalign=0.0, margin_top=SPACE // 2)
        bold(label)
        self.add_wide(label)
        return label


def bold(label: Gtk.Label) -> None:
    """Make the text of a label bold, without markup."""
    attributes = Pango.AttrList()
    attributes.insert(Pango.attr_weight_new(Pango.Weight.BOLD))
    label.set_attributes(attributes)


def beside(*widgets: Gtk.Widget) -> Gtk.Box:
    """Return controls side by side; the first takes the remaining width."""
    box = Gtk.Box(spacing=SPACE // 2)
    for number, widget in enumerate(widgets):
        box.pack_start(widget, number == 0, True, 0)
    return box
