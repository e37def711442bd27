"""The plug-in class, and how the procedures that edit an image run."""

from typing import cast

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gimp

from lib.translation import _
from plugin.edit.arguments import values_of
from plugin.edit.run import report_text
from plugin.history.recovery import print_to_terminal, show_in_gimp, unreported_results
from plugin.procedures import folder as folder_procedure
from plugin.procedures import subject as subject_procedure
from plugin.procedures import windows as window_procedures
from plugin.procedures.entries import ENTRIES
from plugin.procedures.language import follow_gimp
from plugin.procedures.parts import (
    READ_WRITE,
    declare,
    declare_report,
    describe,
    image_procedure,
    report_errors,
    text_value,
)
from plugin.ui.consent_without_window import require_consent
from plugin.ui.display import has_display
from plugin.worker.progress import StatusProgress


class GenerativeEdit(Gimp.PlugIn):
    """The plug-in: one procedure for each menu entry."""

    def do_set_i18n(self, _name: str) -> tuple[bool, None, None]:
        # The plug-in registers translated texts, so GIMP needs no catalogue of ours.
        follow_gimp()
        return False, None, None

    def do_query_procedures(self) -> list[str]:
        return [*ENTRIES, folder_procedure.NAME, subject_procedure.NAME, *window_procedures.WINDOWS]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        if name in window_procedures.WINDOWS:
            return window_procedures.create(self, name)
        if name == folder_procedure.NAME:
            return folder_procedure.create(self)
        if name == subject_procedure.NAME:
            return subject_procedure.create(self)
        entry = ENTRIES[name]
        one_or_several = Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
        procedure = image_procedure(self, name, _run, one_or_several)
        describe(procedure, entry.label, entry.blurb, entry.help)
        for argument in entry.arguments:
            declare(procedure, argument)
        procedure.add_core_object_array_return_value(
            "layers", _("Layers"), _("The new layers"), Gimp.Layer.__gtype__, READ_WRITE
        )
        declare_report(procedure)
        return procedure


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """Run an entry from its window, with given arguments, or again with the last ones."""
    entry = ENTRIES[procedure.get_name()]
    is_repeat = run_mode == Gimp.RunMode.WITH_LAST_VALS
    in_window = run_mode == Gimp.RunMode.INTERACTIVE or (is_repeat and not entry.draft and has_display())

    def work() -> Gimp.ValueArray:
        if in_window:
            # The user can close the image between any two calls, and GIMP would then show an error dialog.
            procedure.get_plug_in().set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)
        if not image.is_valid():
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        layers, note = _layers(run_mode, image, drawables), ""
        if in_window:
            show_in_gimp(unreported_results())
            status = entry.interact(procedure, config, image, layers)
            if status is not None:
                # After a success libgimp writes to the image, which is an error in GIMP if it has been closed.
                status = status if image.is_valid() else Gimp.PDBStatusType.CANCEL
                return procedure.new_return_values(status, None)
        else:
            note = print_to_terminal(unreported_results())
        values = values_of(config, entry.arguments)
        if is_repeat and entry.draft:
            draft = entry.draft
            require_consent(lambda: draft(image, layers, values))
        with StatusProgress() as progress:
            outcome = entry.act(image, layers, values, progress)
        Gimp.displays_flush()
        if note:
            outcome.report["notes"] = [*outcome.report.get("notes", ()), note]
        outcome.values.append(text_value(report_text(outcome.report)))
        return outcome.values

    return report_errors(procedure, work)


def _layers(run_mode: Gimp.RunMode, image: Gimp.Image, drawables: list[Gimp.Drawable]) -> list[Gimp.Layer]:
    """Return the layer to edit, then the references.

    A script gives them in this order. From the menu, or if a script gives none, they are the selected layers from the
    bottom up.
    """
    layers = cast(list[Gimp.Layer], drawables)  # a channel or a mask among them is refused later
    if run_mode == Gimp.RunMode.NONINTERACTIVE and layers:
        return layers
    return sorted(layers or image.get_selected_layers(), key=lambda item: _stack_position(image, item), reverse=True)


def _stack_position(image: Gimp.Image, item: Gimp.Item) -> list[int]:
    """Return the position of a layer in the stack, counted from the top, after the positions of its groups."""
    if not item.is_layer():
        return []  # a layer mask is in no stack; it is refused later
    parent = item.get_parent()
    return [*(_stack_position(image, parent) if parent else []), image.get_item_position(item)]
