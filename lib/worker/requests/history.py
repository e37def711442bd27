"""The requests of the History window: the layers of an earlier job, made from its saved results, and thumbnails.

A job's folder is untrusted input: names of files come from its listing, and sizes are limited.
"""

import base64
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from lib.api import raster
from lib.api.errors import ApiError
from lib.api.raster import PictureError
from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.imaging import result
from lib.jobs import history
from lib.jobs.answer_files import delete_answers, parse_answers
from lib.jobs.history_record import ORIGINAL, Record
from lib.jobs.job import Job
from lib.jobs.stored_data import FallbackWriter
from lib.translation import _
from lib.worker import job_layers
from lib.worker.job_checks import JobFailed, is_cut_out

THUMBNAIL = "thumbnail.rgb"
THUMBNAIL_EDGE = 128
_LARGEST_EDGE = 1024
_MOST_PIXELS = 200_000_000
_UNREADABLE = (OSError, ValueError, PictureError)
_MOST_GROWTH = 10_000
_GREY = (128, 128, 128)


def layers(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with the layers of a job: `layers`, `layer_mask`, `frame`, `notes`, and `original`, the picture sent.

    `layer_mask` is None if the job's selection is the mask or nothing was selected; `layer_masks` are of single layers.
    `corrections` is what was corrected in each layer; an object of this name in the message replaces the job's choices.
    """
    job = Job(Path(message["job"]))
    try:
        return _layers(job, _record(job), message.get("corrections", {}))
    except JobFailed as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except _UNREADABLE as error:
        text = _("Couldn't open the pictures of this job ({reason}).").format(reason=error)
        return {"error": {"message": text, "hint": _("They are in {folder}.").format(folder=job.folder)}}


def thumbnail(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with a small picture of a job, at most `edge` pixels wide and high: `width`, `height`, `rgb` in base64.

    `file` names one of its results, or the picture that was sent; the default is the first result, else the latter.
    {} if there is no picture. With `file` it also says whether that has `content_credentials`, a C2PA manifest.
    """
    record = history.record(Path(message["job"]))
    edge = min(int(message.get("edge", THUMBNAIL_EDGE)), _LARGEST_EDGE)
    picture = _picture(record, message.get("file")) if record else None
    if not record or not picture:
        return {}
    cacheable = edge == THUMBNAIL_EDGE and "file" not in message
    small = _cached(record.folder) if cacheable else None
    if small is None:
        try:
            small = _scale_down(picture, edge)
        except _UNREADABLE:
            return {}
        if cacheable:
            _cache(record.folder, small)
    answer = {"width": small.width, "height": small.height, "rgb": base64.b64encode(small.tobytes()).decode("ascii")}
    return answer | ({"content_credentials": _has_content_credentials(picture)} if "file" in message else {})


def _has_content_credentials(picture: Path) -> bool:
    """Return whether a file has a C2PA manifest: a JUMBF box with that label, in whatever place of its format."""
    data = picture.read_bytes()
    return b"jumb" in data and b"c2pa" in data


def _record(job: Job) -> Record:
    """Return the record of a job, after parsing its saved answer if it has no results; raise JobFailed without any."""
    record = history.record(job.folder)
    if record and record.has_answer and not record.results:
        _save_results(job)
        record = history.record(job.folder)
    if not record or not record.results:
        raise JobFailed(_("The pictures of this job are missing."), _("Run the edit again."))
    return record


def _save_results(job: Job) -> None:
    """Save the results in a job's saved answer; raise JobFailed if it still can't be parsed."""
    try:
        response = parse_answers(job)
    except ApiError as error:
        text = _("The response of this job still can't be read. {reason}").format(reason=error.message)
        raise JobFailed(text, _("It is in {folder}.").format(folder=job.folder)) from error
    names = [f"result-{number}.{image.format}" for number, image in enumerate(response.images, 1)]
    for name, image in zip(names, response.images, strict=True):
        job.write(name, image.data, durable=True)
    data = {"raw": response.raw, "usage": response.usage, "request_ids": response.request_ids, "results": names}
    job.write_json("response.json", data, durable=True)
    if not response.failures:
        delete_answers(job)


def _layers(job: Job, record: Record, choices: Mapping[str, Any]) -> dict[str, Any]:
    job_spec = {**_read_spec(job), **choices}
    plan = record.plan or _plan_of(job.path(record.results[0]))
    if max(plan.frame.size.pixels, plan.size.pixels) > _MOST_PIXELS:
        hint = _("Open its pictures from {folder}.").format(folder=job.folder)
        raise JobFailed(_("The plan of this job is damaged."), hint)
    writer = FallbackWriter(job)
    pictures = (job.path(name).read_bytes() for name in record.results)
    original = job_layers.read_original(job, job_spec, plan) if record.plan else None
    expected_shape = (plan.size.height, plan.size.width)
    if original and not original.protected.shape == original.pixels.shape[:2] == expected_shape:
        original = None
    if job_spec["cut_out"]:
        new_layers = job_layers.make_cut_outs(writer, pictures, plan)
    else:
        corrections = result.Corrections.from_job(job_spec, job_spec["prompt"])
        transparent = job_spec["transparent"]
        new_layers = job_layers.make_layers(job, writer, pictures, plan, original, corrections, transparent=transparent)
        job_layers.add_mask(new_layers, job, writer, job_spec["layer_mask"], plan)
    return {
        "layers": new_layers.pictures,
        "layer_mask": new_layers.mask,
        "layer_masks": new_layers.own_masks,
        "cut_out": new_layers.is_cut_out,
        "frame": plan.frame.to_list(),
        "original": _original_layer(job, writer, plan) if record.plan else None,
        "corrections": new_layers.corrections,
        "notes": [*new_layers.notes, *writer.notes],
    }


def _read_spec(job: Job) -> dict[str, Any]:
    """Return the fields of job.json that matter for the layers; a missing or invalid one is off."""
    try:
        job_spec = job.read_json("job.json")
    except (OSError, ValueError, RecursionError):
        job_spec = {}
    request, mask_spec = job_spec.get("request"), job_spec.get("layer_mask")
    prompt = request.get("prompt") if isinstance(request, dict) else None
    names = ("match_colour", "light", "detail", "change_mask", "refines")
    corrections: dict[str, Any] = {name: job_spec[name] for name in names if name in job_spec}
    return {
        **corrections,
        "cut_out": isinstance(prompt, str) and is_cut_out(job_spec),
        "fit": job_spec.get("fit") is True,
        "prompt": prompt if isinstance(prompt, str) else "",
        "mask": job_spec.get("mask") == "mask.png",
        "transparent": isinstance(request, dict) and request.get("background") == "transparent",
        "layer_mask": mask_spec if isinstance(mask_spec, dict) and _is_mask_spec(mask_spec) else None,
    }


def _is_mask_spec(mask_spec: Mapping[str, Any]) -> bool:
    grow, feather = mask_spec.get("grow"), mask_spec.get("feather")
    if type(grow) is not int or not isinstance(feather, int | float):
        return False
    return 0 <= grow <= _MOST_GROWTH and 0 <= feather <= _MOST_GROWTH


def _plan_of(picture: Path) -> Plan:
    """Return a plan for a job without one: the picture at its own size."""
    area = Rect(0, 0, *raster.decode(picture).size)
    return Plan(area, area, Size(area.width, area.height))


def _original_layer(job: Job, writer: FallbackWriter, plan: Plan) -> Any:
    """Write the picture that was sent as the pixels of a layer; return None if it is missing."""
    try:
        data = job.path(ORIGINAL).read_bytes()
        return writer.write("original.rgba", result.layer_pixels(data, plan, None, transparent=True).rgba)
    except _UNREADABLE:
        return None


def _picture(record: Record, name: object) -> Path | None:
    if name is None:
        return record.picture
    return record.folder / str(name) if name in (*record.results, ORIGINAL) else None


def _scale_down(path: Path, edge: int) -> Image.Image:
    """Return the picture at a smaller size, on grey instead of transparency."""
    reduced = raster.reduced(path, edge)
    background = Image.new("RGBA", reduced.size, (*_GREY, 255))
    return Image.alpha_composite(background, reduced).convert("RGB")


def _cached(folder: Path) -> Image.Image | None:
    """Return the cached thumbnail: its file holds the width and the height, one byte each, then the pixels."""
    try:
        data = (folder / THUMBNAIL).read_bytes()
        if max(data[:2]) != THUMBNAIL_EDGE:  # damaged, or smaller ones of an earlier version
            return None
        return Image.frombytes("RGB", (data[0], data[1]), data[2:])
    except (OSError, ValueError, IndexError):
        return None


def _cache(folder: Path, small: Image.Image) -> None:
    with contextlib.suppress(OSError):
        Job(folder).write(THUMBNAIL, bytes(small.size) + small.tobytes())
