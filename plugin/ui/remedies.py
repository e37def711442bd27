"""Buttons beside an error, each of which sets an option with which the same edit may succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gi.repository import Gimp, Gtk

from lib.translation import _
from plugin.ui.fields import button
from plugin.ui.labels import wrapped_label


class Remedies(Gtk.Box):
    """The remedies that an error event names, as buttons; afterwards a sentence on what was set. Nothing is sent."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4, no_show_all=True)
        self._config = config
        self._note = wrapped_label(characters=52)
        tooltip = _("Refuse fewer edits: set the option Moderation to low")
        low_moderation = button(_("Use Low Moderation"), self._lower_moderation, tooltip)
        tooltip = _("Make this edit on this computer: the built-in engine understands the prompt")
        built_in = button(_("Use the Built-in Engine"), self._use_engine, tooltip)
        self._buttons = {"low-moderation": low_moderation, "built-in": built_in}
        row = Gtk.Box(spacing=4, halign=Gtk.Align.END)
        for widget in self._buttons.values():
            row.pack_start(widget, False, False, 0)
        row.show()
        self.pack_start(self._note, False, False, 0)
        self.pack_start(row, False, False, 0)

    def offer(self, names: Sequence[str]) -> None:
        """Show the buttons of these remedies; without any, nothing."""
        self._note.hide()
        for name, widget in self._buttons.items():
            widget.set_visible(name in names)
        self.set_visible(bool(names))

    def _lower_moderation(self) -> None:
        self._set({"moderation": "low"}, _("Moderation is set to low. Generate sends the edit again."))

    def _use_engine(self) -> None:
        values = {"provider": "local", "model": ""}
        self._set(values, _("The built-in engine is selected. Generate makes the edit on this computer."))

    def _set(self, values: Mapping[str, str], note: str) -> None:
        for name, value in values.items():
            self._config.set_property(name, value)
        for widget in self._buttons.values():
            widget.hide()
        self._note.set_text(note)
        self._note.show()
