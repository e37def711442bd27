"""A control for a folder or a file, with a button that empties it."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.translation import _
from plugin.ui.fields import Field


class PathField(Field):
    """A button with the name of a folder or a file, which opens GTK's dialog to choose another."""

    def __init__(self, config: Gimp.ProcedureConfig, name: str, action: Gtk.FileChooserAction) -> None:
        spec = config.find_property(name)
        title = spec.get_nick().replace("_", "")
        self._chooser = Gtk.FileChooserButton(title=title, action=action, hexpand=True)
        self._displayed = ""
        super().__init__(config, name, self._chooser)
        self.read()
        # "selection-changed" is also emitted while the folder is still being read.
        self._chooser.connect("file-set", lambda *_ignored: self._on_chosen())
        if action is Gtk.FileChooserAction.OPEN:
            self.widget = self._with_clear_button(title)

    def read(self) -> None:
        """Show the path."""
        path = self.config.get_property(self.name) or ""
        if path == self._displayed:
            return
        self._displayed = path
        if path:
            self._chooser.set_filename(path)
        else:
            self._chooser.unselect_all()

    def _on_chosen(self) -> None:
        self._displayed = self._chooser.get_filename() or ""
        self.write(self._displayed)

    def _with_clear_button(self, title: str) -> Gtk.Box:
        clear = Gtk.Button.new_from_icon_name("edit-clear-symbolic", Gtk.IconSize.BUTTON)
        text = _("Clear: {name}").format(name=title)
        clear.set_tooltip_text(text)
        clear.get_accessible().set_name(text)
        clear.connect("clicked", lambda *_ignored: self.write(""))
        box = Gtk.Box(spacing=3, hexpand=True)
        box.pack_start(self._chooser, True, True, 0)
        box.pack_start(clear, False, False, 0)
        return box
