"""A kept result into GIMP once more: into the image that is open where its frame fits, else as a new image."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gi.repository import Gegl, Gimp

from lib.api.text import sentences
from lib.frame.geometry import Rect, Size
from lib.jobs import stored_data
from lib.jobs.history_record import Record
from lib.jobs.job import SELECTION, Job
from lib.translation import _
from plugin.edit.record import shareable_report
from plugin.edit.task import explain_not_inserted
from plugin.pixels import insert


def fits(record: Record, image: Gimp.Image | None) -> bool:
    """Whether a job's frame has its place in an image: one of the size of that time, that can take layers in colour."""
    if not image or not image.is_valid() or not record.plan:
        return False
    return _canvas_for(record, image) is not None and image.get_base_type() != Gimp.ImageBaseType.INDEXED


def _canvas_for(record: Record, image: Gimp.Image) -> Rect | None:
    """The canvas that the frame counts in, in coordinates of the image's; None where the frame has no place there."""
    now = Size(image.get_width(), image.get_height())
    there = Rect(0, 0, now.width, now.height)
    if record.grown and now == record.canvas:
        there = record.grown
    elif record.canvas and now != (record.grown.size if record.grown else record.canvas):
        return None
    inside = Rect(0, 0, there.width, there.height)
    return there if record.plan and inside.contains(record.plan.frame) else None


def disabled_reason(record: Record | None, image: Gimp.Image | None) -> str:
    """Why a job cannot be inserted into an image, in a sentence."""
    if not record or not (record.results or record.has_answer):
        return _("There is no result to insert")
    if not image or not image.is_valid():
        return _("No image is open; take As New Image")
    return _("This image has another size than that one had, or no colours; take As New Image")


def insert_and_tell(record: Record, made: Mapping[str, Any], image: Gimp.Image | None) -> str:
    """Insert, and return what came of it in a sentence, whatever that is: the window waits for one."""
    if "error" in made:
        error = made["error"]
        return sentences(error["message"], error.get("hint"))
    if image and not image.is_valid():
        image = None
    try:
        where = insert_again(record, made, image)
    except Exception as error:  # noqa: BLE001 - the main loop's edge: nobody else would say it
        return explain_not_inserted(error, record.folder)
    if image:
        return sentences(_("Inserted into {image}.").format(image=where.get_name()), *made["notes"])
    return sentences(_("Opened as a new image."), *made["notes"])


def insert_again(record: Record, made: Mapping[str, Any], image: Gimp.Image | None) -> Gimp.Image:
    """Inserts the layers that the worker has made; None opens a new image, with what was sent below them.

    One undo step. Returns the image. Raises OSError where a file is gone, GLib.Error where GIMP refuses.
    """
    Gegl.init(None)
    job, frame = Job(record.folder), Rect(*made["frame"])
    pictures = [stored_data.read(job, kept) for kept in made["layers"]]
    results = insert.ResultLayers(
        pictures, _mask(job, made, frame), insert.layer_name(record.prompt), _edit_record(job)
    )
    if image:
        canvas = _canvas_for(record, image)
        grown = canvas if canvas and canvas == record.grown else None
        insert.insert_results(image, results, insert.Place(frame, None, 0, grown))
    else:
        image = _new_image(job, made, results, frame)
        Gimp.Display.new(image)
    job.mark_inserted()
    for kept in (*made["layers"], made["layer_mask"], made["original"]):
        stored_data.delete(job, kept)
    Gimp.displays_flush()
    return image


def _mask(job: Job, made: Mapping[str, Any], frame: Rect) -> insert.Mask:
    """The layer mask that was asked for, else the selection of that time; None where nothing was selected."""
    with contextlib.suppress(OSError):
        kept = made["layer_mask"] or SELECTION
        values = stored_data.read(job, kept)
        return values if len(values) == frame.size.pixels else None
    return None


def _edit_record(job: Job) -> dict[str, Any] | None:
    """What the layer tells of its making, as at its first insertion; None where the job does not say it any more."""
    told: dict[str, Any] = {}
    for name in ("job.json", "report.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            found = job.read_json(name)
            told |= shareable_report(found) if name == "report.json" else dict(found["record"])
    return told if "request" in told else None


def _in_new_image(
    record: Mapping[str, Any] | None, image: Gimp.Image, before: Gimp.Layer | None
) -> Mapping[str, Any] | None:
    """The record as it is right in an image that holds none of the layers that were sent but the edited one."""
    if record is None:
        return None
    references = record.get("references") or {}
    missing = len(references.get("layers", ())) + references.get("others", 0)
    edited = {"name": before.get_name(), "tattoo": before.get_tattoo()} if before else None
    canvas = [image.get_width(), image.get_height()]
    return {**record, "canvas": canvas, "edited": edited, "references": {"layers": [], "others": missing}}


def _new_image(job: Job, made: Mapping[str, Any], results: insert.ResultLayers, frame: Rect) -> Gimp.Image:
    """Return an image of the frame's size: the results, and below them what was sent, where that is still there."""
    there = Rect(0, 0, frame.width, frame.height)
    image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
    try:
        before = _insert_original(image, job, made, there)
        results = replace(results, record=_in_new_image(results.record, image, before))
        insert.insert_results(image, results, insert.place_above(image, None, there))
        image.clean_all()
    except BaseException:
        image.delete()
        raise
    return image


def _insert_original(image: Gimp.Image, job: Job, made: Mapping[str, Any], there: Rect) -> Gimp.Layer | None:
    if not made["original"]:
        return None
    before = insert.new_layer(image, there, _("Before"), stored_data.read(job, made["original"]))
    image.insert_layer(before, None, 0)
    return before
