"""Runs a task: exports into a job folder, lets the worker ask the endpoint, inserts what came back."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, GLib

from lib.api import models
from lib.api.text import sentences
from lib.frame import frame
from lib.frame.geometry import Rect, Size
from lib.jobs import stored_data
from lib.jobs.history_record import printable
from lib.jobs.job import SELECTION, VERSION, Job
from lib.settings import settings
from lib.translation import _
from plugin.edit.options import Options
from plugin.edit.record import edit_record, layer_record
from plugin.errors import BadArguments, EditCancelled, EditFailed, explain
from plugin.pixels import insert
from plugin.pixels.selection import Selection
from plugin.worker.process import LOG, Event, Worker

Progress = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """What one edit made: the new layers as a procedure returns them, and the report."""

    values: Gimp.ValueArray
    report: dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """PNG files: the picture to edit and its references, and what may be changed.

    `layer_mask` tells the worker how the layer mask differs from the selection (see lib.imaging.layer_mask).
    """

    pictures: list[bytes]
    mask: bytes | None = None
    layer_mask: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Task:
    """What is sent and where the results go; `export` is called while the worker starts.

    `sources` names the layers that it is made from, for whoever repeats the edit. `selection` is what is to be changed;
    None where that is not said by a selection.
    """

    plan: frame.Plan
    place: insert.Place
    export: Callable[[Job], Exported]
    sources: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection | None = None


def run(image: Gimp.Image, task: Task, options: Options, python: str, progress: Progress) -> Outcome:
    """Runs a task to its end; raises EditFailed or EditCancelled, the image then being as it was."""
    clock = _Clock()
    job = Job.new()
    final: Event = {}
    try:
        worker = Worker(python, job.path(LOG))
        try:
            # After the worker's start: a tenth of a second, which its imports take anyway.
            Gegl.init(None)
            progress({"event": "stage", "name": "export"})
            write_job(job, task, options)
            clock.stage("export")
            final = worker.run(job, progress)
            clock.stage("worker")
        finally:
            worker.close()
        _raise_unless_done(job, final)
        try:
            outcome = insert_done(image, task, options, job, final)
        except (GLib.Error, OSError) as error:
            raise EditFailed(of_a_result(error, job.folder)) from error
        clock.stage("insert")
    finally:
        forget_unsent(job, final)
    outcome.report["seconds"].update(clock.seconds)
    return outcome


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def stage(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now


def plan_frame(canvas: Size, selection: Rect | None, home: Rect, options: Options) -> frame.Plan:
    """The frame for a selection, as the model and the options want it; raises BadArguments or EditFailed."""
    try:
        return frame.plan(
            canvas,
            selection,
            home,
            context=options.context,
            rule=models.get(_model(options)).sizes,
            size=_wanted_size(options),
            largest=options.largest_size,
        )
    except frame.FrameError as error:
        raise EditFailed(str(error)) from None


def _model(options: Options) -> str:
    """The model's name, sent explicitly wherever one is known."""
    try:
        return settings.provider(options.provider).model_name(options.model)
    except ValueError as error:
        raise BadArguments([str(error)]) from None


def _wanted_size(options: Options) -> Size | None:
    size = options.request.get("size")
    if not size or size == "auto":
        # "auto" lets the endpoint choose an aspect, which need not be the frame's.
        return None
    width, _cross, height = size.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise BadArguments([_("size {size!r}: must be WIDTHxHEIGHT, in pixels.").format(size=size)])
    return Size(int(width), int(height))


def write_job(
    job: Job, task: Task, options: Options, *, interactive: bool = False, patience: float | None = None
) -> None:
    """Writes the pictures, the mask and `job.json`, the last when all the rest is there.

    Where somebody watches, `interactive`, the worker makes partial images ready for the canvas, and a locked key store
    may ask for its password. `patience` is for how many seconds it may wait where the endpoint is asked too often;
    None: it gives up after a few repeats.
    """
    exported = task.export(job)
    names = [f"image-{number}.png" for number in range(1, len(exported.pictures) + 1)]
    for name, picture in zip(names, exported.pictures, strict=True):
        job.write(name, picture)
    if exported.mask:
        job.write("mask.png", exported.mask)
    request = dict(options.request) | {"size": str(task.plan.size)}
    if model := _model(options):
        request["model"] = model
    job.write_json("job.json", {
        "version": VERSION,
        "created": time.time(),
        "provider": options.provider,
        "request": request,
        "images": names,
        "references": list(options.references),
        "mask": "mask.png" if exported.mask else None,
        "layer_mask": exported.layer_mask,
        "plan": task.plan.to_json(),
        "fit": options.fit,
        "previews": interactive,
        "interactive": interactive,
        "max_cost": options.max_cost,
        "timeout": options.timeout,
        "patience": patience,
        "record": edit_record(options, task.sources),
    })  # fmt: skip


def _raise_unless_done(job: Job, final: Event) -> None:
    if final["event"] == "done":
        return
    job.mark_notified()
    if final["event"] == "cancelled":
        raise EditCancelled
    raise EditFailed(error_text(final))


def error_text(error: Event) -> str:
    """An error's event as a user reads it: what happened, what to do, and whether it may have been billed."""
    words = [error["message"], error.get("hint") or ""]
    if error.get("maybe_billed") and "code" not in error:
        # The client's own errors say so themselves.
        words.append(_("It may have been billed."))
    return sentences(*words)


def insert_done(
    image: Gimp.Image, task: Task, options: Options, job: Job, final: Mapping[str, Any], *, masked: bool = True
) -> Outcome:
    """Inserts what the last event of a job tells of; raises OSError where it cannot be read."""
    report = dict(final["report"])
    results = insert.ResultLayers(
        pictures=[stored_data.read(job, kept) for kept in final["layers"]],
        mask=layer_mask(job, final["layer_mask"]) if masked else None,
        name=insert.layer_name(options.request["prompt"]),
        record=layer_record(options, report, task.sources),
    )
    values = insert.insert_results(image, results, task.place)
    forget_pixels(job, final)
    job.mark_inserted()
    report["job"] = str(job.folder)
    return Outcome(values, report)


def layer_mask(job: Job, kept: stored_data.StoredData | None) -> insert.Mask:
    """The layer mask that was asked for; else the selection as it was exported, which may be another one by now."""
    if kept:
        return stored_data.read(job, kept)
    path = job.path(SELECTION)
    return path.read_bytes() if path.exists() else None


def forget_unsent(job: Job, final: Mapping[str, Any]) -> None:
    """Removes the folder of a job whose request never left: there is nothing in it that the user does not have.

    It stays where the last event sends the user to the log in it. What cannot be removed stays too: on Windows no file
    that the worker still has open can be, and that must not hide why the job failed.
    """
    if job.was_sent or (final.get("see_log") and job.path(LOG).exists()):
        return
    job.release()
    with contextlib.suppress(OSError):
        for path in job.folder.iterdir():
            with contextlib.suppress(OSError):
                path.unlink()
        job.folder.rmdir()


def of_a_result(error: GLib.Error | OSError, folder: Path) -> str:
    """Return what kept a result from being inserted, and the job's folder, where it is, in a sentence."""
    message = _("The result cannot be inserted: {reason}. It is in {folder}.")
    reason = error.message.strip().rstrip(".") if isinstance(error, GLib.Error) else error.strerror or error
    return message.format(reason=reason, folder=printable(str(folder)))


def explain_not_inserted(error: Exception, folder: Path) -> str:
    """Return what kept a job's result from being inserted, as a user reads it; `folder` is the job's."""
    if isinstance(error, (GLib.Error, OSError)):
        return of_a_result(error, folder)
    return explain(error)


def forget_pixels(job: Job, final: Mapping[str, Any]) -> None:
    """Deletes the raw pixels that a last event tells of, if it does; the answer that they were made from stays."""
    for kept in (*final.get("layers", ()), final.get("layer_mask")):
        if kept:
            stored_data.delete(job, kept)


def report_text(report: Mapping[str, Any]) -> str:
    """The report as the procedure returns it."""
    return json.dumps(report, ensure_ascii=False)
