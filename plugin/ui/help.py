"""Opens the plug-in's own help in the user's browser, by a window's Help button and by F1 in it."""

from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, Gio, GLib, Gtk

from lib.translation import _
from plugin.expect import expect

PAGES = Path(__file__).absolute().parent.parent / "help" / "index.html"
_HELP = 90  # a response that no window has for anything else


def give_help(dialog: Gtk.Dialog, section: str) -> None:
    """Adds a Help button that opens a section, as F1 does in the dialog.

    GIMP's own, in its dialogs for procedures, would look for us in GIMP's manual; it keeps its response to itself.
    """
    own = dialog.get_widget_for_response(Gtk.ResponseType.HELP)
    if own:
        own.set_no_show_all(True)
        own.hide()
    button = dialog.add_button(_("Help"), _HELP)  # F1 is its key; letters are scarce in the large windows
    expect(Gtk.ButtonBox, button.get_parent()).set_child_secondary(button, True)
    dialog.connect("response", _on_response, section)
    dialog.connect("key-press-event", _on_key, section)


def _on_response(dialog: Gtk.Dialog, response: int, section: str) -> None:
    if response == _HELP:
        dialog.stop_emission_by_name("response")
        open_help(section)


def _on_key(_dialog: Gtk.Dialog, event: Gdk.EventKey, section: str) -> bool:
    if event.keyval == Gdk.KEY_F1:
        open_help(section)
        return True
    return False


def open_help(section: str) -> None:
    """Shows a section of the help, by its name in the page; where no browser can be started, says where the page is."""
    address = f"{PAGES.as_uri()}#{section}"
    try:
        Gio.AppInfo.launch_default_for_uri(address, None)
    except GLib.Error:
        Gimp.message(_("No browser could be started. The help is in {file}.").format(file=PAGES))
