#!/usr/bin/env python3
"""The file that GIMP starts: loads the plug-in beside it, or reports that the installation is not complete.

GIMP 3.2 copies the configuration folder of 3.0 only to a certain depth, so that whole folders of an installation can be
missing. Only the translation is imported before the check.
"""

import json
import sys
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib

ROOT = Path(__file__).absolute().parent
sys.path.insert(0, str(ROOT))
try:
    from lib.translation import _
except ImportError:

    def _(message: str) -> str:
        return message


NOT_INSTALLED = _(
    "This installation of Generative Edit is incomplete or belongs to another version of GIMP. "
    "Run “python3 install.py” again, then restart GIMP."
)


def is_complete() -> bool:
    """Return whether all folders of the installation exist; checks one file of each, as 2000 files take 50 ms."""
    try:
        stamp = json.loads((ROOT / "stamp.json").read_text(encoding="utf-8"))
        samples = {name.rpartition("/")[0]: name for name in stamp["files"]}.values()
        return Path(stamp["python"]).exists() and all((ROOT / name).exists() for name in samples)
    except (OSError, ValueError, KeyError):
        return False


class BrokenInstallation(Gimp.PlugIn):
    """Replaces the plug-in: its menu entry reports how to repair the installation."""

    def do_set_i18n(self, _name: str) -> tuple[bool, None, None]:
        return False, None, None

    def do_query_procedures(self) -> list[str]:
        return ["generative-edit"]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self._run, None)
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
        procedure.set_menu_label(_("_Edit with Prompt…"))
        procedure.add_menu_path("<Image>/Filters/Generative Edit")
        procedure.set_documentation(NOT_INSTALLED, NOT_INSTALLED, name)
        return procedure

    def _run(self, procedure: Gimp.Procedure, *_arguments: object) -> Gimp.ValueArray:
        error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), NOT_INSTALLED, 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


PlugIn: type[Gimp.PlugIn] = BrokenInstallation
if is_complete():
    from plugin.procedures.plug_in import GenerativeEdit

    PlugIn = GenerativeEdit

Gimp.main(PlugIn.__gtype__, sys.argv)
