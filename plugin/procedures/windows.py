"""The procedures that only open a window, History and Settings, with or without an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gi.repository import Gimp

from lib.translation import N_, _
from plugin.procedures.parts import describe, failure_values, report_errors
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
        N_("Show earlier requests and their results"),
        N_("Lists earlier edits with their pictures, inserts results again, copies prompts, and deletes old edits."),
        _history,
    ),
    "generative-edit-settings": Window(
        N_("_Settings…"),
        N_("Set up providers and their keys, the default model, and limits for cost and history"),
        N_("Opens the settings of Generative Edit, which all of a user's GIMP versions share."),
        _settings,
    ),
}


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """Create the procedure that opens a window."""
    window = WINDOWS[name]
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    describe(procedure, window.label, window.blurb, window.help)
    return procedure


def _run(
    procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image | None, *_rest: object
) -> Gimp.ValueArray:
    """Open a window; without a display or from a script, return an error."""
    window = WINDOWS[procedure.get_name()]
    if run_mode == Gimp.RunMode.NONINTERACTIVE or not has_display():
        message = _("“{entry}” opens a window and cannot be called from a script. Choose it from GIMP's menu.")
        message = message.format(entry=_(window.label).replace("_", ""))
        return failure_values(procedure, Gimp.PDBStatusType.CALLING_ERROR, message)

    def work() -> Gimp.ValueArray:
        window.open(image)
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)

    return report_errors(procedure, work)
