"""A note beside the choice of a model that has ended or ends soon, with a button that chooses its successor."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from lib.api.models import Model
from lib.translation import _
from plugin.ui.labels import wrapped_label


class ModelNote(Gtk.Box):
    """The date on which a model ends; hidden for a model that has no such date or ends much later."""

    def __init__(self, on_use: Callable[[str], None]) -> None:
        super().__init__(spacing=6, no_show_all=True)
        self._successor = ""
        icon = Gtk.Image.new_from_icon_name("dialog-warning", Gtk.IconSize.BUTTON)
        self._label = wrapped_label(characters=40)
        self._button = Gtk.Button()
        self._button.connect("clicked", lambda _button: on_use(self._successor))
        self.pack_start(icon, False, False, 0)
        self.pack_start(self._label, True, True, 0)
        self.pack_start(self._button, False, False, 0)
        for widget in (icon, self._label):
            widget.show()

    def follow(self, model: Model | None) -> None:
        """Show the note on a model where it has one; None has none."""
        ending = model.ending() if model else None
        self._successor = (model.successor if model else None) or ""
        self._label.set_text(ending or "")
        self._button.set_label(_("Use {model}").format(model=self._successor))
        self._button.set_visible(bool(self._successor))
        self.set_visible(bool(ending))
