"""The procedure `generative-edit-folder`: pictures in, pictures out."""

from __future__ import annotations

import json
from typing import Any

from gi.repository import Gimp, GObject

from lib.api.text import sentences
from lib.translation import N_, _
from plugin.edit.arguments import values_of
from plugin.errors import BadArguments, EditCancelled, EditFailed
from plugin.folder.arguments import FOLDER_ARGUMENTS, RunSpec, read_arguments
from plugin.folder.opening import check_cost, open_run
from plugin.folder.progress import RunProgress
from plugin.folder.report import Summary, read_objects
from plugin.folder.run import FolderRun
from plugin.folder.stop import stopped_by_signal
from plugin.procedures.parts import READ_WRITE, declare, declare_report, describe, report_errors, text_value, value_of
from plugin.ui.display import has_display

NAME = "generative-edit-folder"
_LABEL = N_("Edit _Folder…")
_BLURB = N_("Edit all pictures of a folder separately, and save the results in another folder")
_HELP = N_(
    "Opens every picture that matches the pattern or has a row in the prompts file, edits it like Edit with Prompt, "
    "and saves the result and a report. Several requests are sent at the same time. To resume an interrupted run, "
    "start it again with the same output folder; no picture is paid for twice."
)


def create(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    """Create the procedure, which needs no image."""
    procedure = Gimp.Procedure.new(plug_in, NAME, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    describe(procedure, _LABEL, _BLURB, _HELP)
    default_mode = Gimp.RunMode.NONINTERACTIVE
    procedure.add_enum_argument("run-mode", _("Run mode"), _("The run mode"), Gimp.RunMode, default_mode, READ_WRITE)
    for argument in FOLDER_ARGUMENTS:
        declare(procedure, argument)
    procedure.add_string_array_return_value("files", _("Files"), _("The paths of the results"), READ_WRITE)
    declare_report(procedure)
    return procedure


def _run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    def work() -> Gimp.ValueArray:
        if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
            if not has_display():
                raise BadArguments([_("The dialog needs a display. Use the run mode NONINTERACTIVE.")])
            from plugin.folder_window.window import show_folder_window

            show_folder_window(config)
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        spec = read_arguments(values_of(config, FOLDER_ARGUMENTS))
        with open_run(spec) as folder_run:
            summary = _work(folder_run)
        if summary.hints:
            Gimp.message(" ".join(summary.hints))
        return _return_values(procedure, spec, summary)

    return report_errors(procedure, work)


def _work(folder_run: FolderRun) -> Summary:
    """Work until the run ends or is stopped; raise EditFailed unless every picture is done."""
    check_cost(folder_run)
    with RunProgress(folder_run), stopped_by_signal(folder_run) as was_stopped:
        try:
            folder_run.work()
        finally:
            summary = folder_run.log.write_report()
    if was_stopped():
        raise EditCancelled
    if not summary.is_complete:
        hint = _("See {file}.").format(file=folder_run.spec.out / summary.table)
        raise EditFailed(sentences(folder_run.stop_reason, str(summary), *summary.hints, hint))
    return summary


def _return_values(procedure: Gimp.Procedure, spec: RunSpec, summary: Summary) -> Gimp.ValueArray:
    lines = read_objects(spec.out / summary.objects)
    files = [str(spec.out / name) for line in lines for name in line["outputs"]]
    report: dict[str, Any] = {
        "pictures": summary.pictures,
        "done": summary.counts["done"],
        "done_earlier": summary.earlier,
        "skipped": summary.counts["skipped"],
        "cost": round(summary.cost, 6),
        "costs_not_known": summary.unknown_costs,
        "notes": summary.hints,
        "report": str(spec.out / summary.table),
    }
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(2)
    values.remove(1)
    values.append(value_of(GObject.TYPE_STRV, files))
    values.append(text_value(json.dumps(report, ensure_ascii=False)))
    return values
