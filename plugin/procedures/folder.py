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
from plugin.folder.arguments import FOLDER_ARGUMENTS, Run, read_run
from plugin.folder.job import expected_cost
from plugin.folder.own_results import OWN_FOLDER, STATE
from plugin.folder.progress import RunProgress
from plugin.folder.report import Summary, read_objects
from plugin.folder.run import FolderRun
from plugin.folder.state import NewerVersion, RunState
from plugin.folder.stop import stopped_by_signal
from plugin.procedures.parts import READ_WRITE, declare, describe, reported, text_value, value_of
from plugin.ui.display import has_display
from plugin.worker.installation import worker_python

NAME = "generative-edit-folder"
_LABEL = N_("Edit _Folder…")
_BLURB = N_("Edits all pictures of a folder, each by itself, and writes the results into another folder")
_HELP = N_(
    "Opens every picture that the pattern names, or that a prompts file has a row for, edits it as Edit with Prompt "
    "does, and writes the result and a report. Several requests run at once. A run that was interrupted goes on where "
    "it stopped when it is started again with the same output folder, and never pays twice for a picture."
)


def create(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    """The procedure as GIMP knows it; it needs no image."""
    procedure = Gimp.Procedure.new(plug_in, NAME, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    describe(procedure, _LABEL, _BLURB, _HELP)
    usual = Gimp.RunMode.NONINTERACTIVE
    procedure.add_enum_argument("run-mode", _("Run mode"), _("The run mode"), Gimp.RunMode, usual, READ_WRITE)
    for argument in FOLDER_ARGUMENTS:
        declare(procedure, argument)
    procedure.add_string_array_return_value("files", _("Files"), _("The results, by their whole names"), READ_WRITE)
    told = _("What was done, as a JSON object")
    procedure.add_string_return_value("report", _("Report"), told, "", READ_WRITE)
    return procedure


def _run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    def work() -> Gimp.ValueArray:
        if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
            if not has_display():
                raise BadArguments([_("There is nobody to see a window. Run it with the run mode NONINTERACTIVE.")])
            from plugin.folder.dialog import ask

            if not ask(procedure, config):
                raise EditCancelled
        values = values_of(config, FOLDER_ARGUMENTS)
        run, summary = _edit_folder(read_run(values))
        if summary.hints:
            Gimp.message(" ".join(summary.hints))
        return _values(procedure, run, summary)

    return reported(procedure, work)


def _edit_folder(run: Run) -> tuple[Run, Summary]:
    own = run.out / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    with locked_where_possible(own / "run.lock") as free:
        if not free:
            told = _("Another run is working on {folder}. Wait for it, or choose another output folder.")
            raise EditFailed(told.format(folder=run.out))
        try:
            state = RunState(own / STATE)
        except NewerVersion:
            told = _("A newer Generative Edit has worked on {folder}. Update this one, or choose another folder.")
            raise EditFailed(told.format(folder=run.out)) from None
        try:
            return run, _work(FolderRun(run, state, worker_python()))
        finally:
            state.close()


def _work(folder_run: FolderRun) -> Summary:
    """Runs it to its end, or to the point where it is stopped; raises EditFailed where not every picture is done."""
    if folder_run.run.max_cost:
        _check_cost(folder_run)
    with RunProgress(folder_run), stopped_by_signal(folder_run) as stopped:
        try:
            folder_run.work()
        finally:
            summary = folder_run.ledger.report()
    if stopped():
        raise EditCancelled
    if not summary.whole:
        where = _("See {file}.").format(file=folder_run.run.out / summary.table)
        raise EditFailed(sentences(folder_run.stopped_by, str(summary), *summary.hints, where))
    return summary


def _check_cost(folder_run: FolderRun) -> None:
    """Opens every picture that is left, to know what it will cost; raises EditFailed where that is too much."""
    most, total = folder_run.run.max_cost, 0.0
    for item in folder_run.to_send:
        try:
            expected = expected_cost(folder_run.run, item)
        except (EditFailed, BadArguments, OSError):
            # It will not be sent, and the report says why.
            continue
        if expected is None:
            told = _("What {picture} costs is not known, and nothing was sent. Set max-cost to 0 to send it.")
            raise EditFailed(told.format(picture=readable_name(item.picture)))
        total += expected.high
    if total > most:
        told = _("The pictures that are left may cost ${total:.2f}, and max-cost is ${most:g}. Nothing was sent.")
        hint = _("Raise it, or ask for less.")
        raise EditFailed(f"{told.format(total=total, most=most)} {hint}")


def _values(procedure: Gimp.Procedure, run: Run, summary: Summary) -> Gimp.ValueArray:
    lines = read_objects(run.out / summary.objects)
    files = [str(run.out / name) for line in lines for name in line["outputs"]]
    told: dict[str, Any] = {
        "pictures": summary.pictures,
        "done": summary.counts["done"],
        "done_earlier": summary.earlier,
        "skipped": summary.counts["skipped"],
        "cost": round(summary.cost, 6),
        "costs_not_known": summary.unknown_costs,
        "notes": summary.hints,
        "report": str(run.out / summary.table),
    }
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(2)
    values.remove(1)
    values.append(value_of(GObject.TYPE_STRV, files))
    values.append(text_value(json.dumps(told, ensure_ascii=False)))
    return values
