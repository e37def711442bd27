"""The plain dialog of `generative-edit`: GIMP's own procedure dialog with the arguments that matter most."""

from collections.abc import Sequence

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gtk

from lib.translation import _


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, title: str, shown: Sequence[str]) -> bool:
    """Shows the dialog with the arguments named in `shown`; True where the user wants the edit."""
    GimpUi.init("generative-edit")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
    dialog.set_ok_label(_("_Generate"))
    prompt = dialog.get_widget("prompt", Gtk.TextView.__gtype__)
    prompt.set_size_request(360, 72)
    prompt.set_wrap_mode(Gtk.WrapMode.WORD_CHAR)
    above = dialog.get_label("prompt-label", _("_What should be there:"), False, True)
    above.set_mnemonic_widget(prompt)
    above.set_xalign(0.0)
    before = shown.index("prompt")
    dialog.fill([*shown[:before], "prompt-label", *shown[before:]])
    prompt.grab_focus()
    # The last prompt is offered, and typing replaces it.
    text = prompt.get_buffer()
    text.select_range(*text.get_bounds())
    wanted = dialog.run()
    dialog.destroy()
    return bool(wanted)
