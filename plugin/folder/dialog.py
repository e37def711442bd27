"""The dialog of `generative-edit-folder`: GIMP's own, with choosers for the two folders and the prompts file."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gtk

from lib.translation import N_, _
from plugin.ui.help import add_help_button

_CHOOSERS = {
    "input-folder": (N_("_Input folder:"), Gtk.FileChooserAction.SELECT_FOLDER),
    "output-folder": (N_("_Output folder:"), Gtk.FileChooserAction.SELECT_FOLDER),
    "prompts-file": (N_("Prompts fi_le:"), Gtk.FileChooserAction.OPEN),
}
_ARGUMENTS = (
    "pattern", "prompt", "mask", "output-format", "provider", "model", "concurrency", "max-cost", "retry-unknown",
)  # fmt: skip


def confirm_run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig) -> bool:
    """Show the dialog; return whether the user starts the run."""
    GimpUi.init("generative-edit")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Edit Folder"))
    dialog.set_ok_label(_("_Edit All"))
    add_help_button(dialog, "batch")
    dialog.get_content_area().pack_start(_choosers(config), False, False, 0)
    dialog.fill(list(_ARGUMENTS))
    dialog.show_all()
    is_confirmed = bool(dialog.run())
    dialog.destroy()
    return is_confirmed


def _choosers(config: Gimp.ProcedureConfig) -> Gtk.Grid:
    grid = Gtk.Grid(row_spacing=6, column_spacing=6, margin=12)
    for row, (name, (text, action)) in enumerate(_CHOOSERS.items()):
        label = Gtk.Label(label=_(text), use_underline=True, xalign=0.0)
        chooser = Gtk.FileChooserButton(title=_(text).replace("_", "").rstrip(":"), action=action, hexpand=True)
        if config.get_property(name):
            chooser.set_filename(config.get_property(name))
        # "selection-changed" is also emitted while the folder is still being read.
        chooser.connect("selection-changed", _store_choice, config, name)
        label.set_mnemonic_widget(chooser)
        grid.attach(label, 0, row, 1, 1)
        grid.attach(chooser, 1, row, 1, 1)
    return grid


def _store_choice(chooser: Gtk.FileChooserButton, config: Gimp.ProcedureConfig, name: str) -> None:
    config.set_property(name, chooser.get_filename() or "")
