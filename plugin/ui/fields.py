"""Controls bound to a procedure's arguments, each with a label and a tooltip, which explains why it is disabled."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GObject, Gtk

from lib.translation import _
from plugin.edit.choices import OptionChoices
from plugin.expect import expect
from plugin.ui.labels import shorten_choices


class Field:
    """A control for one argument. It also follows changes of the argument, such as those made by presets."""

    def __init__(
        self, config: Gimp.ProcedureConfig, name: str, widget: Gtk.Widget, label: str = "", tooltip: str = ""
    ) -> None:
        self.name = name
        self.widget = widget
        self.config = config
        spec = config.find_property(name)
        self._tooltip = tooltip or spec.get_blurb()
        self.label = Gtk.Label(label=label or _with_colon(spec.get_nick()), use_underline=True, xalign=0.0)
        self.label.set_mnemonic_widget(widget)
        widget.get_accessible().set_name(self.label.get_text().rstrip(":"))
        widget.set_hexpand(True)
        self.set_disabled_reason(None)
        config.connect(f"notify::{name}", lambda *_ignored: self.read())

    def set_disabled_reason(self, disabled_reason: str | None) -> None:
        """Disable the control and show the reason as its tooltip; None enables it."""
        for widget in (self.widget, self.label):
            widget.set_sensitive(disabled_reason is None)
            widget.set_tooltip_text(disabled_reason or self._tooltip)

    def set_choices(self, choices: OptionChoices) -> None:
        """Set what can be chosen; a control without a list is only enabled or disabled."""
        self.set_disabled_reason(choices.disabled_reason)

    def read(self) -> None:
        """Show the argument's value."""

    def write(self, value: object) -> None:
        """Set the argument, unless it already has this value."""
        if self.config.get_property(self.name) != value:
            self.config.set_property(self.name, value)


class ListField(Field):
    """A list of values, the default first; with `free_text` an entry in which other values can be typed."""

    widget: Gtk.ComboBoxText

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        name: str,
        default: str,
        *,
        free_text: bool = False,
        label: str = "",
        tooltip: str = "",
    ) -> None:
        self._titles: dict[str, str] = {}
        combo = Gtk.ComboBoxText.new_with_entry() if free_text else shorten_choices(Gtk.ComboBoxText.new())
        self._values: list[str] = []
        self._default = default
        self._free_text = free_text
        self._filling = False
        super().__init__(config, name, combo, label, tooltip)
        if free_text:
            entry = self._entry()
            entry.set_placeholder_text(default)
            entry.set_width_chars(14)
            entry.get_accessible().set_name(self.label.get_text().rstrip(":"))
            self.label.set_mnemonic_widget(entry)
            # The arrow is for the mouse only: Up and Down in the entry go through the list.
            _exclude_arrows_from_tab(combo)
        combo.connect("changed", self._on_changed)
        self.set_choices(OptionChoices())

    def set_default(self, text: str) -> None:
        """Set the text that is shown for the default."""
        if text != self._default:
            self._default = text
            self._fill_list()
            if self._free_text:
                self._entry().set_placeholder_text(text)

    def set_titles(self, titles: dict[str, str]) -> None:
        """Set the titles that are shown instead of values."""
        self._titles = titles

    def set_choices(self, choices: OptionChoices) -> None:
        super().set_choices(choices)
        if list(choices.values) != self._values or not choices.values:
            self._values = list(choices.values)
            self._fill_list()

    def read(self) -> None:
        if self._filling:
            return
        value = self.config.get_property(self.name) or ""
        if self._free_text:
            if self._entry().get_text() != value:
                self._entry().set_text(value)
        elif not self.widget.set_active_id(value or "default"):
            self.widget.append(value, value)
            self.widget.set_active_id(value)

    def _entry(self) -> Gtk.Entry:
        """Return the entry for free text."""
        return expect(Gtk.Entry, self.widget.get_child())

    def _fill_list(self) -> None:
        self._filling = True
        self.widget.remove_all()
        if not self._free_text:
            self.widget.append("default", self._default)
        for value in self._values:
            self.widget.append(value, self._titles.get(value, value))
        self._filling = False
        self.read()

    def _on_changed(self, combo: Gtk.ComboBoxText) -> None:
        if self._filling:
            return
        if self._free_text:
            self.write(self._entry().get_text().strip())
        elif combo.get_active_id() is not None:
            self.write("" if combo.get_active_id() == "default" else combo.get_active_id())


class NumberField(Field):
    """A number within limits, which may be narrower than those of the argument in scripts.

    `lowest_text` is shown instead of the lowest number.
    """

    widget: Gtk.SpinButton

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        name: str,
        limits: tuple[float, float],
        *,
        step: float = 1,
        digits: int = 0,
        lowest_text: str = "",
        label: str = "",
        tooltip: str = "",
    ) -> None:
        spin = Gtk.SpinButton.new_with_range(*limits, step)
        spin.set_digits(digits)
        if lowest_text:
            spin.set_numeric(False)
            spin.set_update_policy(Gtk.SpinButtonUpdatePolicy.IF_VALID)  # text that is not a number is ignored
            spin.connect("output", _show_lowest_text, limits[0], lowest_text)
        self._digits = digits
        super().__init__(config, name, spin, label, tooltip)
        self.read()
        spin.connect("value-changed", self._on_changed)

    def read(self) -> None:
        value = self.config.get_property(self.name)
        if self.widget.get_value() != value:
            self.widget.set_value(value)

    def _on_changed(self, spin: Gtk.SpinButton) -> None:
        self.write(spin.get_value() if self._digits else spin.get_value_as_int())


class TextField(Field):
    """A line of free text."""

    widget: Gtk.Entry

    def __init__(self, config: Gimp.ProcedureConfig, name: str, placeholder: str = "") -> None:
        entry = Gtk.Entry(placeholder_text=placeholder, width_chars=14)
        super().__init__(config, name, entry)
        self.read()
        entry.connect("changed", lambda *_ignored: self.write(entry.get_text().strip()))

    def read(self) -> None:
        value = self.config.get_property(self.name) or ""
        if self.widget.get_text().strip() != value:
            self.widget.set_text(value)


class CheckField(Field):
    """A check box with its own label."""

    def __init__(self, config: Gimp.ProcedureConfig, name: str) -> None:
        check = Gtk.CheckButton.new_with_mnemonic(config.find_property(name).get_nick())
        super().__init__(config, name, check)
        flags = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
        config.bind_property(name, check, "active", flags)


def _show_lowest_text(spin: Gtk.SpinButton, value: float, text: str) -> bool:
    """Show a text instead of one value; return True if it was shown, as GTK's "output" signal requires."""
    if spin.get_value() != value:
        return False
    spin.set_text(text)
    return True


def _exclude_arrows_from_tab(widget: Gtk.Widget) -> None:
    if isinstance(widget, Gtk.ToggleButton):
        widget.set_can_focus(False)
    elif isinstance(widget, Gtk.Container):
        widget.forall(_exclude_arrows_from_tab)


def grid(rows: list[list[Field]]) -> Gtk.Grid:
    """Return a grid of rows of fields, each with its label on the left; a check box takes both cells."""
    table = Gtk.Grid(column_spacing=6, row_spacing=6)
    for top, row in enumerate(rows):
        for number, field in enumerate(row):
            left = 2 * number
            if isinstance(field, CheckField):
                table.attach(field.widget, left, top, 2, 1)
            else:
                table.attach(field.label, left, top, 1, 1)
                table.attach(field.widget, left + 1, top, 1, 1)
    return table


def button(text: str, on_click: Callable[[], None], tooltip: str = "") -> Gtk.Button:
    """Return a button whose text has a mnemonic."""
    widget = Gtk.Button.new_with_mnemonic(text)
    widget.set_tooltip_text(tooltip or None)
    widget.connect("clicked", lambda *_ignored: on_click())
    return widget


def _with_colon(text: str) -> str:
    return _("{label}:").format(label=text)
