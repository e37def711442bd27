"""The plug-in class: one procedure for each menu entry."""

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gimp

from plugin.procedures import entries, folder, subject, windows
from plugin.procedures.language import follow_gimp


class GenerativeEdit(Gimp.PlugIn):
    """The plug-in, as GIMP asks it for its procedures."""

    def do_set_i18n(self, _name: str) -> tuple[bool, None, None]:
        # The plug-in registers translated texts, so GIMP needs no catalogue of ours.
        follow_gimp()
        return False, None, None

    def do_query_procedures(self) -> list[str]:
        return [*entries.ENTRIES, folder.NAME, subject.NAME, *windows.WINDOWS]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        if name in windows.WINDOWS:
            return windows.create(self, name)
        if name == folder.NAME:
            return folder.create(self)
        if name == subject.NAME:
            return subject.create(self)
        return entries.create(self, name)
