"""The Help button and F1 of the windows, which open the plug-in's help page in the web browser."""

from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, Gio, GLib, Gtk

from lib.translation import _
from plugin.expect import expect

PAGES = Path(__file__).absolute().parent.parent / "help" / "index.html"
_HELP_RESPONSE = 90  # a response id that no window uses for anything else


def add_help_button(dialog: Gtk.Dialog, section: str) -> None:
    """Add a Help button to a dialog; both it and F1 open a section of the help page.

    The Help button of GIMP's procedure dialogs is hidden: it opens GIMP's manual, and emits no response.
    """
    gimp_button = dialog.get_widget_for_response(Gtk.ResponseType.HELP)
    if gimp_button:
        gimp_button.set_no_show_all(True)
        gimp_button.hide()
    button = dialog.add_button(_("Help"), _HELP_RESPONSE)  # no mnemonic: it has F1, and letters are scarce
    expect(Gtk.ButtonBox, button.get_parent()).set_child_secondary(button, True)
    dialog.connect("response", _on_response, section)
    dialog.connect("key-press-event", _on_key, section)


def _on_response(dialog: Gtk.Dialog, response: int, section: str) -> None:
    if response == _HELP_RESPONSE:
        dialog.stop_emission_by_name("response")
        open_help(section)


def _on_key(_dialog: Gtk.Dialog, event: Gdk.EventKey, section: str) -> bool:
    if event.keyval == Gdk.KEY_F1:
        open_help(section)
        return True
    return False


def open_help(section: str) -> None:
    """Open a section of the help page by its id; show the path of the page if no web browser can be opened."""
    address = f"{PAGES.as_uri()}#{section}"
    try:
        Gio.AppInfo.launch_default_for_uri(address, None)
    except GLib.Error:
        Gimp.message(_("Couldn't open a web browser. The help is in {file}.").format(file=PAGES))
