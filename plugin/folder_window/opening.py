"""Opens results in GIMP, and the report in the program that the desktop has for it."""

from __future__ import annotations

from pathlib import Path

from gi.repository import Gimp, Gio, GLib

from lib.storage.file_identity import readable_name
from lib.translation import _


def open_image(path: Path) -> str:
    """Open a result in a window of GIMP; return a sentence on a problem, empty if there is none."""
    reason = ""
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    except GLib.Error as error:
        image, reason = None, error.message
    if image is None:
        return _("GIMP cannot open {file}: {reason}").format(file=readable_name(path.name), reason=reason)
    Gimp.Display.new(image)
    return ""


def show_with_result(image: Gimp.Image) -> None:
    """Show a copy of a picture that has just got its result, which the run goes on to save."""
    copy = image.duplicate()
    if not copy.undo_is_enabled():
        copy.undo_enable()
    copy.clean_all()
    Gimp.Display.new(copy)


def open_report(path: Path) -> str:
    """Open the report; return where it is if the desktop has no program for it."""
    try:
        Gio.AppInfo.launch_default_for_uri(path.as_uri(), None)
    except GLib.Error:
        return _("The report is in {file}.").format(file=path)
    return ""
