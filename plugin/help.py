"""Opens the plug-in's own help in the user's browser."""

from pathlib import Path

from gi.repository import Gimp, Gio, GLib

from lib.translation import _

PAGES = Path(__file__).absolute().parent / "help" / "index.html"


def open_help(section: str) -> None:
    """Shows a section of the help, by its name in the page; where no browser can be started, says where the page is."""
    address = f"{PAGES.as_uri()}#{section}"
    try:
        Gio.AppInfo.launch_default_for_uri(address, None)
    except GLib.Error:
        Gimp.message(_("No browser could be started. The help is in {file}.").format(file=PAGES))
