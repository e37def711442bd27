"""Insert a result from the history again: into the open image, or as a new image."""

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
from plugin.edit.run import explain_not_inserted, own_masks, result_pixels
from plugin.history.placement import Placement, centred, relative
from plugin.pixels import insert


def fits(record: Record, image: Gimp.Image | None) -> bool:
    """Return whether a job's result can be inserted: the image has the size that it had then, and is not indexed."""
    if not image or not image.is_valid() or not record.plan:
        return False
    return _canvas_for(record, image) is not None and not _is_indexed(image)


def is_possible(record: Record, image: Gimp.Image | None) -> bool:
    """Return whether a job's result can be inserted into an image, whatever that image's size."""
    return record.has_result and bool(image and image.is_valid()) and not _is_indexed(image)


def can_be_relative(record: Record) -> bool:
    """Return whether the place of a job's result in the image of that time is known."""
    return record.plan is not None and record.canvas is not None


def _is_indexed(image: Gimp.Image | None) -> bool:
    return image is not None and image.get_base_type() == Gimp.ImageBaseType.INDEXED


def _canvas_for(record: Record, image: Gimp.Image) -> Rect | None:
    """Return the canvas that the frame belongs to, in coordinates of the image; None where the sizes do not match."""
    size = Size(image.get_width(), image.get_height())
    canvas = Rect(0, 0, size.width, size.height)
    if record.grown and size == record.canvas:
        canvas = record.grown
    elif record.canvas and size != (record.grown.size if record.grown else record.canvas):
        return None
    whole = Rect(0, 0, canvas.width, canvas.height)
    return canvas if record.plan and whole.contains(record.plan.frame) else None


def disabled_reason(record: Record | None, image: Gimp.Image | None) -> str:
    """Return the reason why a job cannot be inserted into an image."""
    if not record or not record.has_result:
        return _("There is no result to insert.")
    if not image or not image.is_valid():
        return _("No image is open. Use As New Image.")
    return _("This image is indexed. Use As New Image.")


def insert_and_report(
    record: Record, answer: Mapping[str, Any], image: Gimp.Image | None, placement: Placement = Placement.SAME
) -> str:
    """Insert the layers in the worker's answer; return a sentence on the outcome, also where it failed."""
    if "error" in answer:
        error = answer["error"]
        return sentences(error["message"], error.get("hint"))
    if image and not image.is_valid():
        image = None
    try:
        inserted = insert_again(record, answer, image, placement)
    except Exception as error:  # noqa: BLE001 - the main loop's edge: nothing else would report it
        return explain_not_inserted(error, record.folder)
    if image:
        return sentences(_("Inserted into {image}.").format(image=inserted.get_name()), *answer["notes"])
    return sentences(_("Opened as a new image."), *answer["notes"])


def insert_again(
    record: Record, answer: Mapping[str, Any], image: Gimp.Image | None, placement: Placement = Placement.SAME
) -> Gimp.Image:
    """Insert the layers in the worker's answer, in one undo step; return the image.

    None opens a new image, with the picture that was sent below the results. Raises OSError where a file is missing,
    GLib.Error where GIMP refuses.
    """
    Gegl.init(None)
    job, frame = Job(record.folder), Rect(*answer["frame"])
    pictures = [result_pixels(job, stored) for stored in answer["layers"]]
    masks = own_masks(job, answer["layer_masks"])
    results = insert.ResultLayers(
        pictures, _mask(job, answer, frame), insert.layer_name(record.prompt), _edit_record(job), masks
    )
    if image and placement is Placement.SAME:
        canvas = _canvas_for(record, image)
        grown = canvas if canvas and canvas == record.grown else None
        insert.insert_results(image, results, insert.Place(frame, None, 0, grown))
    elif image:
        place = _other_place(record, frame, image, placement)
        results = replace(results, record=_in_other_image(results.record, image, None))
        insert.insert_results(image, results, place)
    else:
        image = _new_image(job, answer, results, frame)
        Gimp.Display.new(image)
    job.mark_inserted()
    for stored in (*answer["layers"], answer["layer_mask"], *answer["layer_masks"], answer["original"]):
        if stored:
            stored_data.delete(job, stored)
    Gimp.displays_flush()
    return image


def _other_place(record: Record, frame: Rect, image: Gimp.Image, placement: Placement) -> insert.Place:
    """Return the place of a result in an image of another size."""
    size = Size(image.get_width(), image.get_height())
    canvas = record.grown.size if record.grown else record.canvas
    if placement is Placement.RELATIVE and canvas:
        return insert.Place(relative(frame, canvas, size), None, 0, scaled_from=frame.size)
    return insert.Place(centred(frame, size), None, 0)


def _mask(job: Job, answer: Mapping[str, Any], frame: Rect) -> insert.Mask:
    """Return the layer mask, else the selection of the edit; None where nothing was selected."""
    with contextlib.suppress(OSError):
        values = stored_data.read(job, answer["layer_mask"] or SELECTION)
        return values if len(values) == frame.size.pixels else None
    return None


def _edit_record(job: Job) -> dict[str, Any] | None:
    """Return the edit record for the layers, as at their first insertion; None where the job's files have none."""
    record: dict[str, Any] = {}
    for name in ("job.json", "report.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            data = job.read_json(name)
            record |= shareable_report(data) if name == "report.json" else dict(data["record"])
    return record if "request" in record else None


def _in_other_image(
    record: Mapping[str, Any] | None, image: Gimp.Image, before: Gimp.Layer | None
) -> Mapping[str, Any] | None:
    """Return the edit record for another image, which has the edited layer, or a copy of it, and no references."""
    if record is None:
        return None
    references = record.get("references") or {}
    missing = len(references.get("layers", ())) + references.get("others", 0)
    edited = {"name": before.get_name(), "tattoo": before.get_tattoo()} if before else None
    canvas = [image.get_width(), image.get_height()]
    return {**record, "canvas": canvas, "edited": edited, "references": {"layers": [], "others": missing}}


def _new_image(job: Job, answer: Mapping[str, Any], results: insert.ResultLayers, frame: Rect) -> Gimp.Image:
    """Return a new image of the frame's size with the results above the picture that was sent, if that still exists."""
    whole = Rect(0, 0, frame.width, frame.height)
    image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
    if profile := results.pictures[0].profile:
        image.set_color_profile(Gimp.ColorProfile.new_from_icc_profile(profile))
    try:
        before = _insert_original(image, job, answer, whole)
        results = replace(results, record=_in_other_image(results.record, image, before))
        insert.insert_results(image, results, insert.place_above(image, None, whole))
        image.clean_all()
    except BaseException:
        image.delete()
        raise
    return image


def _insert_original(image: Gimp.Image, job: Job, answer: Mapping[str, Any], whole: Rect) -> Gimp.Layer | None:
    if not answer["original"]:
        return None
    before = insert.new_layer(image, whole, _("Before"), result_pixels(job, answer["original"]))
    image.insert_layer(before, None, 0)
    return before
