"""The job of a picture in a folder run: exported into a job folder, its result inserted and saved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gi.repository import Gimp

from lib.api import models
from lib.api.cost import Cost
from lib.frame.frame import FrameError, Plan
from lib.frame.geometry import Rect
from lib.jobs import stored_data
from lib.jobs.job import Job
from lib.settings import settings
from lib.translation import N_, _
from plugin.edit.draft import estimate
from plugin.edit.record import shareable_report
from plugin.edit.run import forget_frame, layer_mask, own_masks, result_pixels
from plugin.edit.task import prepare, write_job
from plugin.errors import EditFailed
from plugin.folder import saving
from plugin.folder.arguments import InputPicture, ItemOptions, RunSpec
from plugin.folder.open_pictures import OpenPictures
from plugin.folder.output import OutputFolder
from plugin.folder.picture import layers_to_send, opened, select_mask
from plugin.folder.pictures import mask_beside
from plugin.folder.saving import PendingFile
from plugin.folder.source import has_changed
from plugin.pixels import insert

PICTURE_REPLACED = N_(
    "The picture has been replaced since it was sent. Restore the original file, or choose another output folder."
)
# An hour is enough to wait out a limit of requests per minute or per hour.
_MAX_WAIT = 3600.0


@dataclass(frozen=True)
class JobResult:
    """The result of a job: where its layers, their layer mask and their own masks are stored, and the report.

    `is_cut_out` says whether the layer that was edited is to be hidden.
    """

    layers: list[stored_data.StoredData]
    layer_mask: stored_data.StoredData | None
    own_masks: list[stored_data.StoredData | None]
    report: Mapping[str, Any]
    is_cut_out: bool = False

    @classmethod
    def of(cls, event: Mapping[str, Any], report: Mapping[str, Any]) -> JobResult:
        """Return the result in a job's last event, or in the response to "layers"."""
        return cls(event["layers"], event["layer_mask"], event["layer_masks"], report, event["cut_out"])


@dataclass(frozen=True)
class Inserting:
    """Where results are written, the open pictures, and a callback for each image into which results were inserted."""

    out: OutputFolder
    pictures: OpenPictures
    on_inserted: Callable[[Gimp.Image], None]


def expected_cost(spec: RunSpec, picture: InputPicture) -> Cost | None:
    """Return the estimated cost of a picture, None if unknown; raise EditFailed, BadArguments or OSError."""
    options = spec.options_of(picture)
    with opened(spec.path(picture)) as image:
        layers = layers_to_send(image, options.edit)
        _select(image, spec, picture, options, layers)
        provider = settings.provider(options.edit.provider)
        model = models.get(provider.model_name(options.edit.model))
        return estimate(options.edit, prepare(image, layers, options.edit), model, len(layers))


def export(spec: RunSpec, picture: InputPicture, job: Job, pictures: OpenPictures) -> None:
    """Write the request of a picture into its job folder; raise EditFailed, BadArguments or OSError."""
    options, path = spec.options_of(picture), spec.path(picture)
    image = pictures.get(path)
    saving.check_size(options.output_format, image)
    layers = layers_to_send(image, options.edit)
    _select(image, spec, picture, options, layers)
    task = prepare(image, layers, options.edit)
    write_job(job, task, options.edit, max_wait=_MAX_WAIT)
    if options.output_format == "xcf":
        # The saved file has the picture's own selection, not the mask that was sent.
        pictures.close(path)
    pictures.release(path)


def result_of_earlier_run(job: Job, response: Mapping[str, Any]) -> JobResult:
    """Return the result of an earlier run's job, from the worker's response to "layers"."""
    with contextlib.suppress(OSError, TypeError):
        job.path(response["original"]).unlink()
    return JobResult.of(response, _read_report(job))


def write_results(
    spec: RunSpec,
    picture: InputPicture,
    inserting: Inserting,
    job: Job,
    result: JobResult,
    source: Any,
) -> list[PendingFile]:
    """Insert a result into its picture and write the files, or prepare what the worker is to encode.

    `source` describes the picture that was sent: it may be closed by now, and its file replaced.
    Raises EditFailed, BadArguments or OSError; the result then stays in the job's folder.
    """
    options = spec.options_of(picture)
    plan, record = _read_job(job)
    pictures = inserting.pictures
    if not pictures.is_open(spec.path(picture)) and has_changed(spec.path(picture), source):
        raise EditFailed(_(PICTURE_REPLACED))
    image = pictures.get(spec.path(picture))
    if not Rect(0, 0, image.get_width(), image.get_height()).contains(plan.frame):
        raise EditFailed(_("The picture is smaller than when it was sent. Restore the original file."))
    layers = layers_to_send(image, options.edit)
    place = insert.place_above(image, None if options.edit.sample_merged else layers[0], plan.frame)
    results = insert.ResultLayers(
        pictures=[result_pixels(job, layer) for layer in result.layers],
        mask=layer_mask(job, result.layer_mask),
        name=insert.layer_name(options.edit.request["prompt"]),
        record={**record, **shareable_report(result.report)},
        own_masks=own_masks(job, result.own_masks),
    )
    cut_from = None if options.edit.sample_merged or not result.is_cut_out else layers[0]
    values = insert.insert_results(image, results, replace(place, cut_from=cut_from))
    inserting.on_inserted(image)
    numbers = range(1, len(result.layers) + 1)
    parts = [inserting.out.unfinished(f"{job.folder.name}-{number}", spec.ending(picture)) for number in numbers]
    return _write(image, values.get_core_object_array(1), options, parts)


def finish_files(spec: RunSpec, picture: InputPicture, files: list[PendingFile], pictures: OpenPictures) -> None:
    """Complete the files of the results; raise EditFailed or OSError."""
    for file in files:
        file.finish(pictures.get(spec.path(picture)))
    pictures.close(spec.path(picture))


def delete_result(job: Job, result: JobResult) -> None:
    """Delete the stored layers of a result whose files are saved."""
    for data in [*result.layers, result.layer_mask, *result.own_masks]:
        if data:
            stored_data.delete(job, data)
    forget_frame(job)


def _read_job(job: Job) -> tuple[Plan, Mapping[str, Any]]:
    """Return the plan of a job and the record of its layers; raise EditFailed if they were damaged, or OSError."""
    try:
        job_spec = job.read_json("job.json")
        return Plan.from_json(job_spec["plan"]), dict(job_spec["record"])
    except (KeyError, TypeError, ValueError, RecursionError, FrameError):
        raise EditFailed(_("{name} cannot be read.").format(name=job.path("job.json"))) from None


def _read_report(job: Job) -> dict[str, Any]:
    """Return the report of a job; of one that was interrupted while it was saved, only the request ids."""
    for name in ("report.json", "response.json"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            report = job.read_json(name)
            notes, seconds = report.get("notes", []), report.get("seconds", {})
            if isinstance(seconds, dict) and isinstance(notes, list) and all(isinstance(note, str) for note in notes):
                return report
    return {}


def _select(image: Any, spec: RunSpec, picture: InputPicture, options: ItemOptions, layers: list[Any]) -> None:
    select_mask(image, options.mask, mask_beside(spec.source, picture.name), layers)


def _write(image: Any, results: list[Any], options: ItemOptions, parts: list[Path]) -> list[PendingFile]:
    """Write one file with all results as layers, or one for each result."""
    kind, quality = options.output_format, options.quality
    if kind == "xcf" or len(results) == 1:
        return [saving.write(image, parts[0], kind, quality)]
    files = []
    for visible, part in zip(results, parts, strict=True):
        for result in results:
            result.set_visible(result == visible)
        copy = image.duplicate()
        try:
            files.append(saving.write(copy, part, kind, quality))
        finally:
            copy.delete()
    return files
