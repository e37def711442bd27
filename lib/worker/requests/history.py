"""What the history asks the worker: a kept job's layers once more, without asking the endpoint, and small pictures.

A job's folder is data that anybody may have changed: names come from its listing, sizes are bounded.
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
from lib.jobs.answer_files import delete_answers, read_again
from lib.jobs.fallback_writer import FallbackWriter
from lib.jobs.history_record import Record
from lib.jobs.job import Job
from lib.translation import _
from lib.worker import job_layers
from lib.worker.job_request import JobFailed

THUMBNAIL = "thumbnail.rgb"
THUMBNAIL_EDGE = 72
_LARGEST_EDGE = 1024
_MOST_PIXELS = 200_000_000
_UNREADABLE = (OSError, ValueError, PictureError)
_MOST_GROWTH = 10_000
_GREY = (128, 128, 128)


def layers(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The layers of a kept job: `layers`, `layer_mask`, `frame`, `notes`, and `original`, what was sent, in the frame.

    `layer_mask` is None where the job's own selection is the mask, or nothing was selected.
    """
    job = Job(Path(message["job"]))
    try:
        return _layers(job, _record(job))
    except JobFailed as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except _UNREADABLE as error:
        told = _("The pictures of this job cannot be read ({reason}).").format(reason=error)
        return {"error": {"message": told, "hint": _("They are in {folder}.").format(folder=job.folder)}}


def thumbnail(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A small picture of a job, at most `edge` pixels wide and high: `width`, `height` and `rgb`, as base64.

    `file` names one of its results; without it the first, or what was to be edited, is shown. Nothing but the event's
    own members where there is none.
    """
    found = history.record(Path(message["job"]))
    edge = min(int(message.get("edge", THUMBNAIL_EDGE)), _LARGEST_EDGE)
    picture = _picture(found, message.get("file")) if found else None
    if not found or not picture:
        return {}
    usual = edge == THUMBNAIL_EDGE and "file" not in message
    small = _cached(found.folder) if usual else None
    if small is None:
        try:
            small = _small(picture, edge)
        except _UNREADABLE:
            return {}
        if usual:
            _cache(found.folder, small)
    return {"width": small.width, "height": small.height, "rgb": base64.b64encode(small.tobytes()).decode("ascii")}


def _record(job: Job) -> Record:
    """The job, after its answer was read again where it has no results yet; raises JobFailed where there are none."""
    found = history.record(job.folder)
    if found and found.has_answer and not found.results:
        _read_answer_again(job)
        found = history.record(job.folder)
    if not found or not found.results:
        raise JobFailed(_("There is no picture in this job any more."), _("Run the edit again."))
    return found


def _read_answer_again(job: Job) -> None:
    """Makes results of an answer that is kept as it came; raises JobFailed where it still can't be read."""
    try:
        response = read_again(job)
    except ApiError as error:
        told = _("The answer of this job still can't be read. {reason}").format(reason=error.message)
        raise JobFailed(told, _("It is kept in {folder}.").format(folder=job.folder)) from error
    names = [f"result-{number}.{image.format}" for number, image in enumerate(response.images, 1)]
    for name, image in zip(names, response.images, strict=True):
        job.write(name, image.data, durable=True)
    facts = {"raw": response.raw, "usage": response.usage, "request_ids": response.request_ids, "results": names}
    job.write_json("response.json", facts, durable=True)
    if not response.failures:
        delete_answers(job)


def _layers(job: Job, found: Record) -> dict[str, Any]:
    asked = _options(job)
    plan = found.plan or _whole(job.path(found.results[0]))
    if max(plan.frame.size.pixels, plan.size.pixels) > _MOST_PIXELS:
        hint = _("Open its pictures from {folder}.").format(folder=job.folder)
        raise JobFailed(_("The plan of this job is damaged."), hint)
    fallback_writer = FallbackWriter(job)
    pictures = (job.path(name).read_bytes() for name in found.results)
    guide = job_layers.read_guide(job, asked) if found.plan else None
    wanted = (plan.size.height, plan.size.width)
    if guide and not guide.protected.shape == guide.original.shape[:2] == wanted:
        guide = None
    made = job_layers.make_layers(fallback_writer, pictures, plan, guide, transparent=asked["transparent"])
    job_layers.add_mask(made, job, fallback_writer, asked["layer_mask"], plan)
    return {
        "layers": made.pictures,
        "layer_mask": made.mask,
        "frame": plan.frame.to_list(),
        "original": _original(job, fallback_writer, plan) if found.plan else None,
        "notes": [*made.notes, *fallback_writer.notes],
    }


def _options(job: Job) -> dict[str, Any]:
    """What of job.json matters here; what is missing or wrong counts as not asked for."""
    try:
        asked = job.read_json("job.json")
    except (OSError, ValueError, RecursionError):
        asked = {}
    request, shape = asked.get("request"), asked.get("layer_mask")
    transparent = isinstance(request, dict) and request.get("background") == "transparent"
    mask = asked.get("mask") == "mask.png"
    return {
        "fit": asked.get("fit") is True,
        "mask": mask,
        "transparent": transparent,
        "layer_mask": shape if isinstance(shape, dict) and _is_shape(shape) else None,
    }


def _is_shape(shape: Mapping[str, Any]) -> bool:
    grow, feather = shape.get("grow"), shape.get("feather")
    if type(grow) is not int or not isinstance(feather, int | float):
        return False
    return 0 <= grow <= _MOST_GROWTH and 0 <= feather <= _MOST_GROWTH


def _whole(picture: Path) -> Plan:
    """The plan of a job that does not tell its own: the picture as it is."""
    area = Rect(0, 0, *raster.decode(picture).size)
    return Plan(area, area, Size(area.width, area.height))


def _original(job: Job, fallback_writer: FallbackWriter, plan: Plan) -> Any:
    """What was sent, as a layer; None where it is no longer there."""
    try:
        data = job.path("image-1.png").read_bytes()
        return fallback_writer.write("original.rgba", result.layer_pixels(data, plan, None, transparent=True).rgba)
    except _UNREADABLE:
        return None


def _picture(found: Record, name: object) -> Path | None:
    if name is None:
        return found.picture
    return found.folder / str(name) if name in found.results else None


def _small(path: Path, edge: int) -> Image.Image:
    """Scaled down, on grey where it is transparent."""
    whole = raster.reduced(path, edge)
    ground = Image.new("RGBA", whole.size, (*_GREY, 255))
    return Image.alpha_composite(ground, whole).convert("RGB")


def _cached(folder: Path) -> Image.Image | None:
    """The small picture that was kept: its width and height in a byte each, then its pixels."""
    try:
        data = (folder / THUMBNAIL).read_bytes()
        if max(data[:2]) > THUMBNAIL_EDGE:
            return None
        return Image.frombytes("RGB", (data[0], data[1]), data[2:])
    except (OSError, ValueError, IndexError):
        return None


def _cache(folder: Path, small: Image.Image) -> None:
    with contextlib.suppress(OSError):
        Job(folder).write(THUMBNAIL, bytes(small.size) + small.tobytes())
