"""The procedure `generative-edit-folder`: pictures in, pictures out."""

from __future__ import annotations

import json
from typing import Any

from gi.repository import Gimp, GObject

from lib.api.text import sentences
from lib.storage.file_identity import readable_name
from lib.storage.file_lock import locked_where_possible
from lib.translation import N_, _
from plugin.edit.arguments import values_of
from plugin.errors import BadArguments, EditCancelled, EditFailed
from plugin.folder.arguments import FOLDER_ARGUMENTS, RunSpec, read_arguments
from plugin.folder.job import expected_cost
from plugin.folder.own_results import OWN_FOLDER, STATE
from plugin.folder.progress import RunProgress
from plugin.folder.report import Summary, read_objects
from plugin.folder.run import FolderRun
from plugin.folder.state import NewerVersion, RunState
from plugin.folder.stop import stopped_by_signal
from plugin.procedures.parts import READ_WRITE, declare, describe, report_errors, text_value, value_of
from plugin.ui.display import has_display
from plugin.worker.installation import worker_python

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
    blurb = _("The report as a JSON object")
    procedure.add_string_return_value("report", _("Report"), blurb, "", READ_WRITE)
    return procedure


def _run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    def work() -> Gimp.ValueArray:
        if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
            if not has_display():
                raise BadArguments([_("The dialog needs a display. Use the run mode NONINTERACTIVE.")])
            from plugin.folder.dialog import confirm_run

            if not confirm_run(procedure, config):
                raise EditCancelled
        values = values_of(config, FOLDER_ARGUMENTS)
        spec = read_arguments(values)
        summary = _edit_folder(spec)
        if summary.hints:
            Gimp.message(" ".join(summary.hints))
        return _return_values(procedure, spec, summary)

    return report_errors(procedure, work)


def _edit_folder(spec: RunSpec) -> Summary:
    own = spec.out / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    with locked_where_possible(own / "run.lock") as is_free:
        if not is_free:
            message = _("Another run is using {folder}. Wait until it ends, or choose another output folder.")
            raise EditFailed(message.format(folder=spec.out))
        try:
            state = RunState(own / STATE)
        except NewerVersion:
            message = _(
                "{folder} was used by a newer version of Generative Edit. Update Generative Edit, or choose another "
                "folder."
            )
            raise EditFailed(message.format(folder=spec.out)) from None
        try:
            return _work(FolderRun(spec, state, worker_python()))
        finally:
            state.close()


def _work(folder_run: FolderRun) -> Summary:
    """Work until the run ends or is stopped; raise EditFailed unless every picture is done."""
    if folder_run.spec.max_cost:
        _check_cost(folder_run)
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


def _check_cost(folder_run: FolderRun) -> None:
    """Open every remaining picture to estimate its cost; raise EditFailed if the total is too high or unknown."""
    limit, total = folder_run.spec.max_cost, 0.0
    for picture in folder_run.unsent:
        try:
            expected = expected_cost(folder_run.spec, picture)
        except (EditFailed, BadArguments, OSError):
            # This picture will not be sent; the report says why.
            continue
        if expected is None:
            message = _(
                "Nothing was sent, because the cost of {picture} is unknown. Set max-cost to 0 to send it anyway."
            )
            raise EditFailed(message.format(picture=readable_name(picture.name)))
        total += expected.high
    if total > limit:
        message = _(
            "Nothing was sent, because the remaining pictures may cost ${total:.2f}, more than max-cost (${limit:g}). "
            "Raise max-cost, or edit fewer pictures."
        )
        raise EditFailed(message.format(total=total, limit=limit))


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
