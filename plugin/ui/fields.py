"""Controls that are bound to a procedure's arguments, each with its label, and a tooltip that says why it is off."""

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
    """A control for one argument; it follows the argument, too, so that presets reach it."""

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
        self.allow(None)
        config.connect(f"notify::{name}", lambda *_ignored: self.read())

    def allow(self, disabled_reason: str | None) -> None:
        """Switches the control on, or off with the reason as its tooltip."""
        for each in (self.widget, self.label):
            each.set_sensitive(disabled_reason is None)
            each.set_tooltip_text(disabled_reason or self._tooltip)

    def choose_from(self, choice: OptionChoices) -> None:
        """Takes a new choice; a control without a list only notes whether there is one."""
        self.allow(choice.disabled_reason)

    def read(self) -> None:
        """Shows the argument's value."""

    def write(self, value: object) -> None:
        """Sets the argument, if that changes it."""
        if self.config.get_property(self.name) != value:
            self.config.set_property(self.name, value)


class ListField(Field):
    """A list of values to choose from, the first being the argument's default; free text where `free`."""

    widget: Gtk.ComboBoxText

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        name: str,
        default: str,
        *,
        free: bool = False,
        label: str = "",
        tooltip: str = "",
    ) -> None:
        self._titles: dict[str, str] = {}
        combo = Gtk.ComboBoxText.new_with_entry() if free else shorten_choices(Gtk.ComboBoxText.new())
        self._values: list[str] = []
        self._default = default
        self._free = free
        self._filling = False
        super().__init__(config, name, combo, label, tooltip)
        if free:
            entry = self._entry()
            entry.set_placeholder_text(default)
            entry.set_width_chars(14)
            entry.get_accessible().set_name(self.label.get_text().rstrip(":"))
            self.label.set_mnemonic_widget(entry)
            # The arrow is for the mouse: the entry's own Up and Down go through the list.
            _leave_out_arrows(combo)
        combo.connect("changed", self._on_changed)
        self.choose_from(OptionChoices())

    def set_default(self, text: str) -> None:
        """What the default means now, in words."""
        if text != self._default:
            self._default = text
            self._fill()
            if self._free:
                self._entry().set_placeholder_text(text)

    def name_values(self, titles: dict[str, str]) -> None:
        """How values are shown, where that is not the value itself."""
        self._titles = titles

    def choose_from(self, choice: OptionChoices) -> None:
        super().choose_from(choice)
        if list(choice.values) != self._values or not choice.values:
            self._values = list(choice.values)
            self._fill()

    def read(self) -> None:
        if self._filling:
            return
        value = self.config.get_property(self.name) or ""
        if self._free:
            if self._entry().get_text() != value:
                self._entry().set_text(value)
        elif not self.widget.set_active_id(value or "default"):
            self.widget.append(value, value)
            self.widget.set_active_id(value)

    def _entry(self) -> Gtk.Entry:
        """Where free text is typed."""
        return expect(Gtk.Entry, self.widget.get_child())

    def _fill(self) -> None:
        self._filling = True
        self.widget.remove_all()
        if not self._free:
            self.widget.append("default", self._default)
        for value in self._values:
            self.widget.append(value, self._titles.get(value, value))
        self._filling = False
        self.read()

    def _on_changed(self, combo: Gtk.ComboBoxText) -> None:
        if self._filling:
            return
        if self._free:
            self.write(self._entry().get_text().strip())
        elif combo.get_active_id() is not None:
            self.write("" if combo.get_active_id() == "default" else combo.get_active_id())


class NumberField(Field):
    """A number within limits; the argument may have others, which a script can set.

    `lowest` are words that are shown in place of the lowest number.
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
        lowest: str = "",
        label: str = "",
        tooltip: str = "",
    ) -> None:
        spin = Gtk.SpinButton.new_with_range(*limits, step)
        spin.set_digits(digits)
        if lowest:
            spin.set_numeric(False)
            spin.set_update_policy(Gtk.SpinButtonUpdatePolicy.IF_VALID)  # a word is no number, and changes nothing
            spin.connect("output", _say_lowest, limits[0], lowest)
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
    """A switch; its own text is its label."""

    def __init__(self, config: Gimp.ProcedureConfig, name: str) -> None:
        check = Gtk.CheckButton.new_with_mnemonic(config.find_property(name).get_nick())
        super().__init__(config, name, check)
        flags = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
        config.bind_property(name, check, "active", flags)


def _say_lowest(spin: Gtk.SpinButton, value: float, words: str) -> bool:
    """Shows words instead of one value; what is returned says whether something was shown."""
    if spin.get_value() != value:
        return False
    spin.set_text(words)
    return True


def _leave_out_arrows(part: Gtk.Widget) -> None:
    if isinstance(part, Gtk.ToggleButton):
        part.set_can_focus(False)
    elif isinstance(part, Gtk.Container):
        part.forall(_leave_out_arrows)


def grid(rows: list[list[Field]]) -> Gtk.Grid:
    """Fields in rows, each with its label before it; a check fills both of its cells."""
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
    """A button with a mnemonic."""
    made = Gtk.Button.new_with_mnemonic(text)
    made.set_tooltip_text(tooltip or None)
    made.connect("clicked", lambda *_ignored: on_click())
    return made


def _with_colon(text: str) -> str:
    return _("{label}:").format(label=text)
