#!/usr/bin/env python3
"""The file that GIMP starts: loads the plug-in beside it, or reports that the installation is not complete.

GIMP 3.2 copies the configuration folder of 3.0 only to a certain depth, so that whole folders of an installation can be
missing. Only the translation is imported before the check.
"""

from __future__ import annotations

import json
import sys
import sysconfig
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


PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
OLDEST_PYTHON = (3, 10)
WORKERS_PYTHON = (3, 11)
NOT_INSTALLED = _(
    "This installation of Generative Edit is incomplete or belongs to another version of GIMP. "
    "Run install.py again, then restart GIMP."
)
UNSUITABLE_PYTHON = _(
    "The Python {version} of this GIMP can't load the packages that this extension needs. Remove the extension, "
    "download Generative Edit's release file for your system, and run install.py in it."
)
OLD_PYTHON = _("This GIMP has Python {version}. Generative Edit needs 3.10 or later: update GIMP.")


def can_run_worker() -> bool:
    """Return whether GIMP's Python can load the packages; one that is built with MinGW, on Windows, cannot."""
    return sys.version_info >= WORKERS_PYTHON and not sysconfig.get_platform().startswith("mingw")


def find_problem() -> str:
    """Return why the plug-in cannot run, or "". One file of each folder is checked, as 2000 files take 50 ms."""
    if sys.version_info < OLDEST_PYTHON:
        return OLD_PYTHON.format(version=PYTHON)
    try:
        stamp = json.loads((ROOT / "stamp.json").read_text(encoding="utf-8"))
        samples = {name.rpartition("/")[0]: name for name in stamp["files"]}.values()
        is_complete = all((ROOT / name).exists() for name in samples)
        if is_complete and not stamp["python"] and not can_run_worker():
            return UNSUITABLE_PYTHON.format(version=PYTHON)
        is_complete = is_complete and (not stamp["python"] or Path(stamp["python"]).exists())
    except (OSError, ValueError, KeyError):
        is_complete = False
    return "" if is_complete else NOT_INSTALLED


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
        procedure.set_documentation(PROBLEM, PROBLEM, name)
        return procedure

    def _run(self, procedure: Gimp.Procedure, *_arguments: object) -> Gimp.ValueArray:
        error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), PROBLEM, 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


PROBLEM = find_problem()
PlugIn: type[Gimp.PlugIn] = BrokenInstallation
if not PROBLEM:
    from plugin.procedures.plug_in import GenerativeEdit

    PlugIn = GenerativeEdit

Gimp.main(PlugIn.__gtype__, sys.argv)
