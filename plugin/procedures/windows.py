"""The procedures that only open a window, History and Settings: with an image or without, and never from a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gi.repository import Gimp

from lib.translation import N_, _
from plugin.procedures.parts import describe, failure, reported
from plugin.ui.display import has_display


@dataclass(frozen=True)
class Window:
    """A menu entry that opens a window, with an image or without; a script cannot call it."""

    label: str
    blurb: str
    help: str
    open: Callable[[Gimp.Image | None], None]


def _settings(_image: Gimp.Image | None) -> None:
    from plugin.settings_dialog import run_settings

    run_settings()


def _history(image: Gimp.Image | None) -> None:
    from plugin.history.dialog import show_history

    show_history(image)


WINDOWS = {
    "generative-edit-history": Window(
        N_("_History…"),
        N_("Shows what was asked and what came back"),
        N_("Lists the kept jobs with their pictures, inserts a result again, copies a prompt, deletes what is old."),
        _history,
    ),
    "generative-edit-settings": Window(
        N_("_Settings…"),
        N_("Providers and their keys, the default model, limits of cost and history"),
        N_("Opens the settings of Generative Edit. They are the same for every GIMP of a user."),
        _settings,
    ),
}


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """The procedure as GIMP knows it."""
    window = WINDOWS[name]
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    describe(procedure, window.label, window.blurb, window.help)
    return procedure


def _run(
    procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image | None, *_rest: object
) -> Gimp.ValueArray:
    """Opens a window; where nobody can see one, that is an error in words."""
    window = WINDOWS[procedure.get_name()]
    if run_mode == Gimp.RunMode.NONINTERACTIVE or not has_display():
        told = _("“{entry}” is a window, and there is nobody to see it. Call it from GIMP's menu.")
        told = told.format(entry=_(window.label).replace("_", ""))
        return failure(procedure, Gimp.PDBStatusType.CALLING_ERROR, told)

    def work() -> Gimp.ValueArray:
        window.open(image)
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)

    return reported(procedure, work)
