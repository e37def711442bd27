"""The fields for the four sides, in pixels or percent, which can be linked and follow the arguments."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.extend.side_amounts import (
    ALL,
    MAX_PERCENT,
    MAX_PIXELS,
    OPPOSITE,
    PERCENT,
    PIXELS,
    SIDES,
    UNLINKED,
    canvas_length,
    common_unit,
    convert,
    format_amount,
    linked_sides,
    parse_amount,
)


class SideFields(Gtk.Grid):
    """A number field for each side, their unit, and a choice of which sides are linked."""

    def __init__(self, config: Gimp.ProcedureConfig, canvas: Size) -> None:
        super().__init__(column_spacing=6, row_spacing=3, valign=Gtk.Align.CENTER)
        self._config = config
        self._canvas = canvas
        self._updating = False
        self._spins = {name: Gtk.SpinButton.new_with_range(0, MAX_PIXELS, 1) for name in SIDES}
        titles = {"left": _("Le_ft:"), "top": _("_Top:"), "right": _("Rig_ht:"), "bottom": _("_Bottom:")}
        self._unit = _combo({PIXELS: _("pixels"), PERCENT: _("percent")})
        self._link = _combo({UNLINKED: _("no sides"), OPPOSITE: _("opposite sides"), ALL: _("all sides")})
        rows: list[tuple[str, Gtk.Widget]] = [(titles[name], self._spins[name]) for name in SIDES]
        rows += [(_("_Unit:"), self._unit), (_("Lin_ked:"), self._link)]
        for row, (title, widget) in enumerate(rows):
            self._attach(row, title, widget)
        self._link.set_active_id(UNLINKED)
        self._link.set_tooltip_text(_("Sides that change together"))
        self._unit.connect("changed", self._on_unit)
        self._link.connect("changed", self._on_link)
        for name, spin in self._spins.items():
            spin.set_activates_default(True)
            spin.connect("value-changed", self._on_changed, name)
            config.connect(f"notify::{name}", lambda *_ignored: self._read())
        self._read()

    def set_canvas(self, canvas: Size) -> None:
        """Set the canvas size that percentages refer to."""
        self._canvas = canvas
        self._read()

    def take_focus(self) -> None:
        """Focus the first side."""
        self._spins["left"].grab_focus()

    def drag(self, side: str, pixels: int) -> None:
        """Set a side to a number of pixels, converted to the current unit."""
        number = parse_amount(str(pixels), self._current_unit, canvas_length(side, self._canvas))
        text = format_amount(number, self._current_unit)
        self._write(dict.fromkeys((side, *linked_sides(side, self._current_link)), text))

    @property
    def _current_unit(self) -> str:
        return str(self._unit.get_active_id())

    @property
    def _current_link(self) -> str:
        return str(self._link.get_active_id())

    def _texts(self) -> dict[str, str]:
        return {name: self._config.get_property(name) or "" for name in SIDES}

    def _read(self) -> None:
        """Show the arguments in their own unit; keep the current unit if all are empty."""
        if self._updating:
            return
        self._updating = True
        texts = self._texts()
        if any(text.strip() for text in texts.values()) or not self._unit.get_active_id():
            self._unit.set_active_id(common_unit(texts.values()))
        self._show(texts)
        self._updating = False

    def _show(self, texts: dict[str, str]) -> None:
        percent = self._current_unit == PERCENT
        for name, spin in self._spins.items():
            spin.set_digits(1 if percent else 0)
            spin.set_range(0, MAX_PERCENT if percent else MAX_PIXELS)
            spin.set_increments(1, 10) if percent else spin.set_increments(16, 128)
            value = parse_amount(texts[name], self._current_unit, canvas_length(name, self._canvas))
            if spin.get_value() != value:
                spin.set_value(value)

    def _write(self, texts: dict[str, str]) -> None:
        """Set several arguments, then show all of them once."""
        self._updating = True
        for name, text in texts.items():
            if self._config.get_property(name) != text:
                self._config.set_property(name, text)
        self._show(self._texts())
        self._updating = False

    def _on_changed(self, spin: Gtk.SpinButton, name: str) -> None:
        if not self._updating:
            text = format_amount(spin.get_value(), self._current_unit)
            self._write(dict.fromkeys((name, *linked_sides(name, self._current_link)), text))

    def _on_unit(self, _combo: Gtk.ComboBoxText) -> None:
        if not self._updating:
            self._write(convert(self._texts(), self._current_unit, self._canvas))

    def _on_link(self, _combo: Gtk.ComboBoxText) -> None:
        """Set all linked sides to the largest of them."""
        texts, link = self._texts(), self._current_link

        def largest(name: str) -> str:
            linked = (name, *linked_sides(name, link))
            return max((texts[each] for each in linked), key=lambda text: parse_amount(text, self._current_unit, 1))

        self._write({name: largest(name) for name in SIDES})

    def _attach(self, row: int, title: str, widget: Gtk.Widget) -> None:
        label = Gtk.Label(label=title, use_underline=True, xalign=0.0)
        label.set_mnemonic_widget(widget)
        widget.get_accessible().set_name(label.get_text().rstrip(":"))
        self.attach(label, 0, row, 1, 1)
        self.attach(widget, 1, row, 1, 1)


def _combo(choices: dict[str, str]) -> Gtk.ComboBoxText:
    combo = Gtk.ComboBoxText.new()
    for value, title in choices.items():
        combo.append(value, title)
    return combo
