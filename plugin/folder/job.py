"""A picture of a folder run on its way to the endpoint and back: exported into a job folder, inserted and written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from plugin.edit.run import layer_mask
from plugin.edit.task import prepare, write_job
from plugin.errors import EditFailed
from plugin.folder import saving
from plugin.folder.arguments import Item, Run, Wanted
from plugin.folder.open_pictures import OpenPictures
from plugin.folder.output import OutputFolder
from plugin.folder.picture import layers_to_send, opened, select_mask
from plugin.folder.pictures import mask_beside
from plugin.folder.saving import Written
from plugin.folder.source import has_changed
from plugin.pixels import insert

OTHER_PICTURE = N_(
    "This is another picture than the one that was sent. Put that one back, or choose another output folder."
)
# An hour: a limit of requests by the minute, or by the day's busiest hour, is waited for.
_PATIENCE = 3600.0


@dataclass(frozen=True)
class Answer:
    """What came back: where the layers and the layer mask are, and the report."""

    layers: list[stored_data.StoredData]
    layer_mask: stored_data.StoredData | None
    report: Mapping[str, Any]


def expected_cost(run: Run, item: Item) -> Cost | None:
    """What a picture will cost, None where that is not known; raises EditFailed, BadArguments or OSError."""
    wanted = run.wanted(item)
    with opened(run.path(item)) as image:
        layers = layers_to_send(image, wanted.options)
        _select(image, run, item, wanted, layers)
        provider = settings.provider(wanted.options.provider)
        model = models.get(provider.model_name(wanted.options.model))
        return estimate(wanted.options, prepare(image, layers, wanted.options), model, len(layers))


def export(run: Run, item: Item, job: Job, pictures: OpenPictures) -> None:
    """Writes all that the worker needs into the job's folder; raises EditFailed, BadArguments or OSError."""
    wanted, path = run.wanted(item), run.path(item)
    image = pictures.get(path)
    saving.check_size(wanted.output_format, image)
    layers = layers_to_send(image, wanted.options)
    _select(image, run, item, wanted, layers)
    task = prepare(image, layers, wanted.options)
    write_job(job, task, wanted.options, max_wait=_PATIENCE)
    if wanted.output_format == "xcf":
        # What is saved has the picture's own selection, not the one that was sent.
        pictures.close(path)
    pictures.rest(path)


def earlier_answer(job: Job, told: Mapping[str, Any]) -> Answer:
    """An answer that an earlier run did not wait for, of which the worker tells anew."""
    with contextlib.suppress(OSError, TypeError):
        job.path(told["original"]).unlink()
    return Answer(told["layers"], told["layer_mask"], _report_of(job))


def write_results(
    run: Run, item: Item, out: OutputFolder, job: Job, answer: Answer, pictures: OpenPictures, source: Any
) -> list[Written]:
    """Inserts the answer into the picture and writes it, or what the worker is to be asked for.

    `source` is the picture that was sent: it may be closed by now, and another one be in its place.
    Raises EditFailed, BadArguments or OSError; the answer is then still in the job's folder.
    """
    wanted = run.wanted(item)
    plan, record = _asked(job)
    if not pictures.is_open(run.path(item)) and has_changed(run.path(item), source):
        raise EditFailed(_(OTHER_PICTURE))
    image = pictures.get(run.path(item))
    if not Rect(0, 0, image.get_width(), image.get_height()).contains(plan.frame):
        raise EditFailed(_("The picture has become smaller since it was sent. Put the old one back."))
    layers = layers_to_send(image, wanted.options)
    place = insert.place_above(image, None if wanted.options.sample_merged else layers[0], plan.frame)
    results = insert.ResultLayers(
        pictures=[stored_data.read(job, kept) for kept in answer.layers],
        mask=layer_mask(job, answer.layer_mask),
        name=insert.layer_name(wanted.options.request["prompt"]),
        record={**record, **shareable_report(answer.report)},
    )
    values = insert.insert_results(image, results, place)
    numbers = range(1, len(answer.layers) + 1)
    parts = [out.unfinished(f"{job.folder.name}-{number}", run.ending(item)) for number in numbers]
    return _write(image, values.get_core_object_array(1), wanted, parts)


def finish(run: Run, item: Item, written: list[Written], pictures: OpenPictures) -> None:
    """Completes the files of the results; raises EditFailed or OSError."""
    for each in written:
        each.finish(pictures.get(run.path(item)))
    pictures.close(run.path(item))


def forget_answer(job: Job, answer: Answer) -> None:
    """Deletes the layers of an answer whose results are in their files."""
    for kept in [*answer.layers, *([answer.layer_mask] if answer.layer_mask else [])]:
        stored_data.delete(job, kept)


def _asked(job: Job) -> tuple[Plan, Mapping[str, Any]]:
    """The plan of a job and the record of its layers; raises EditFailed where somebody has changed them, or OSError."""
    try:
        asked = job.read_json("job.json")
        return Plan.from_json(asked["plan"]), dict(asked["record"])
    except (KeyError, TypeError, ValueError, RecursionError, FrameError):
        raise EditFailed(_("{name} cannot be read.").format(name=job.path("job.json"))) from None


def _report_of(job: Job) -> dict[str, Any]:
    """What the worker wrote down of a job; of one that was cut off in the end, only the request's ids."""
    for name in ("report.json", "response.json"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            report = job.read_json(name)
            notes, seconds = report.get("notes", []), report.get("seconds", {})
            if isinstance(seconds, dict) and isinstance(notes, list) and all(isinstance(note, str) for note in notes):
                return report
    return {}


def _select(image: Any, run: Run, item: Item, wanted: Wanted, layers: list[Any]) -> None:
    select_mask(image, wanted.mask, mask_beside(run.source, item.picture), layers)


def _write(image: Any, results: list[Any], wanted: Wanted, parts: list[Path]) -> list[Written]:
    """One file with all results as layers, or one for each result."""
    kind, quality = wanted.output_format, wanted.quality
    if kind == "xcf" or len(results) == 1:
        return [saving.write(image, parts[0], kind, quality)]
    written = []
    for shown, part in zip(results, parts, strict=True):
        for result in results:
            result.set_visible(result == shown)
        copy = image.duplicate()
        try:
            written.append(saving.write(copy, part, kind, quality))
        finally:
            copy.delete()
    return written
