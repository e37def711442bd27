"""The four sides as fields, in pixels or percent, alone or linked; they follow the arguments, as presets set them."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.extend.side_amounts import (
    ALL,
    ALONE,
    MOST_PERCENT,
    MOST_PIXELS,
    NAMES,
    OPPOSITE,
    PERCENT,
    PIXELS,
    amount,
    followers,
    in_unit,
    length_of,
    text_of,
    unit_of,
)


class SideFields(Gtk.Grid):
    """A number for each side, their unit, and which of them are linked."""

    def __init__(self, config: Gimp.ProcedureConfig, canvas: Size) -> None:
        super().__init__(column_spacing=6, row_spacing=3, valign=Gtk.Align.CENTER)
        self._config = config
        self._canvas = canvas
        self._reading = False
        self._spins = {name: Gtk.SpinButton.new_with_range(0, MOST_PIXELS, 1) for name in NAMES}
        titles = {"left": _("Le_ft:"), "top": _("_Top:"), "right": _("Rig_ht:"), "bottom": _("_Bottom:")}
        self._unit = _combo({PIXELS: _("pixels"), PERCENT: _("percent")})
        self._link = _combo({ALONE: _("each by itself"), OPPOSITE: _("opposite sides"), ALL: _("all sides")})
        rows: list[tuple[str, Gtk.Widget]] = [(titles[name], self._spins[name]) for name in NAMES]
        rows += [(_("_Unit:"), self._unit), (_("Lin_ked:"), self._link)]
        for row, (title, widget) in enumerate(rows):
            self._attach(row, title, widget)
        self._link.set_active_id(ALONE)
        self._link.set_tooltip_text(_("Which sides change together"))
        self._unit.connect("changed", self._on_unit)
        self._link.connect("changed", self._on_link)
        for name, spin in self._spins.items():
            spin.set_activates_default(True)
            spin.connect("value-changed", self._on_changed, name)
            config.connect(f"notify::{name}", lambda *_ignored: self._read())
        self._read()

    def set_canvas(self, canvas: Size) -> None:
        """The canvas that percentages are of."""
        self._canvas = canvas
        self._read()

    def take_focus(self) -> None:
        """Goes to the first side."""
        self._spins["left"].grab_focus()

    def drag(self, side: str, pixels: int) -> None:
        """Sets a side to a number of pixels, in the unit that is chosen."""
        text = text_of(amount(str(pixels), self._chosen_unit, length_of(side, self._canvas)), self._chosen_unit)
        self._write(dict.fromkeys((side, *followers(side, self._chosen_link)), text))

    @property
    def _chosen_unit(self) -> str:
        return str(self._unit.get_active_id())

    @property
    def _chosen_link(self) -> str:
        return str(self._link.get_active_id())

    def _texts(self) -> dict[str, str]:
        return {name: self._config.get_property(name) or "" for name in NAMES}

    def _read(self) -> None:
        """Shows the arguments; their unit is the one that is shown, unless nothing is written."""
        if self._reading:
            return
        self._reading = True
        texts = self._texts()
        if any(text.strip() for text in texts.values()) or not self._unit.get_active_id():
            self._unit.set_active_id(unit_of(texts.values()))
        self._show(texts)
        self._reading = False

    def _show(self, texts: dict[str, str]) -> None:
        percent = self._chosen_unit == PERCENT
        for name, spin in self._spins.items():
            spin.set_digits(1 if percent else 0)
            spin.set_range(0, MOST_PERCENT if percent else MOST_PIXELS)
            spin.set_increments(1, 10) if percent else spin.set_increments(16, 128)
            value = amount(texts[name], self._chosen_unit, length_of(name, self._canvas))
            if spin.get_value() != value:
                spin.set_value(value)

    def _write(self, texts: dict[str, str]) -> None:
        """Sets arguments and shows them, once for all."""
        self._reading = True
        for name, text in texts.items():
            if self._config.get_property(name) != text:
                self._config.set_property(name, text)
        self._show(self._texts())
        self._reading = False

    def _on_changed(self, spin: Gtk.SpinButton, name: str) -> None:
        if not self._reading:
            text = text_of(spin.get_value(), self._chosen_unit)
            self._write(dict.fromkeys((name, *followers(name, self._chosen_link)), text))

    def _on_unit(self, _combo: Gtk.ComboBoxText) -> None:
        if not self._reading:
            self._write(in_unit(self._texts(), self._chosen_unit, self._canvas))

    def _on_link(self, _combo: Gtk.ComboBoxText) -> None:
        """The sides that are linked become equal at once: the larger of them."""
        texts, link = self._texts(), self._chosen_link

        def larger(name: str) -> str:
            same = (name, *followers(name, link))
            return max((texts[each] for each in same), key=lambda text: amount(text, self._chosen_unit, 1))

        self._write({name: larger(name) for name in NAMES})

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
