"""The procedure `generative-edit-select-subject`."""

from __future__ import annotations

import json
from typing import cast

from gi.repository import Gimp

from lib.translation import N_, _
from plugin.edit.arguments import Argument, values_of
from plugin.errors import EditFailed
from plugin.procedures.parts import declare_report, image_procedure, report_errors, text_value
from plugin.select_subject.select import operation_of, select_subject
from plugin.worker.installation import worker_python

NAME = "generative-edit-select-subject"
_LABEL = N_("Select S_ubject")
_BLURB = N_("Select what stands out in the layer, or the thing inside a rough selection")
_HELP = N_(
    "Finds the subject of the selected layer and selects it with soft edges. If something is selected, the thing "
    "inside that rough selection is found instead. Nothing leaves this computer."
)
ARGUMENTS = (
    Argument(
        "operation",
        "",
        N_("_Operation"),
        N_("replace, add, subtract or intersect; empty: replace. Only with replace is the selection a rough one"),
    ),
)


def create(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    """Create the procedure."""
    one = Gimp.ProcedureSensitivityMask.DRAWABLE
    procedure = image_procedure(plug_in, NAME, _run, one, (_LABEL, _BLURB, _HELP), ARGUMENTS)
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
    """Select at once: the menu entry replaces the selection."""

    def work() -> Gimp.ValueArray:
        is_interactive = run_mode == Gimp.RunMode.INTERACTIVE
        operation = operation_of("" if is_interactive else values_of(config, ARGUMENTS)["operation"])
        layers = drawables or list(image.get_selected_layers())
        if len(layers) != 1 or not layers[0].is_layer():
            raise EditFailed(_("Select one layer, then try again."))
        Gimp.progress_init(_("Generative Edit: finding the subject"))
        report = select_subject(image, cast(Gimp.Layer, layers[0]), operation, worker_python())
        values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
        values.remove(1)
        values.append(text_value(json.dumps(report)))
        return values

    return report_errors(procedure, work)
