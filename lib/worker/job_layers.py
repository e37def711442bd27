"""From the pictures of an answer to the layers of a job: lined up, in the frame, with their layer mask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.api.raster import PictureError
from lib.frame.frame import Plan
from lib.imaging import layer_mask, result
from lib.jobs.fallback_writer import FallbackWriter, StoredData
from lib.jobs.job import LAYER_MASK, SELECTION, Job
from lib.translation import _, ngettext


@dataclass
class Layers:
    """What GIMP inserts: where the raw pictures and the layer mask are, what lining up found, notes for the user."""

    pictures: list[StoredData] = field(default_factory=list)
    mask: StoredData | None = None
    drift: list[dict[str, Any] | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_guide(job: Job, asked: Mapping[str, Any]) -> result.Guide | None:
    """What an answer is lined up with; None where that is not wanted, nothing is protected, or it cannot be read."""
    if not asked["fit"] or not asked["mask"]:
        return None
    try:
        return result.Guide.read(job.path("image-1.png"), job.path("mask.png"))
    except (OSError, PictureError):
        return None


def make_layers(
    fallback_writer: FallbackWriter,
    pictures: Iterable[bytes],
    plan: Plan,
    guide: result.Guide | None,
    *,
    transparent: bool,
) -> Layers:
    """Writes each picture as the raw pixels of a layer; one that can't be decoded is a note while there are others.

    Raises PictureError where none can be decoded.
    """
    layers = Layers()
    failures: list[PictureError] = []
    for number, data in enumerate(pictures, 1):
        try:
            layer = result.layer_pixels(data, plan, guide, transparent=transparent)
        except PictureError as error:
            failures.append(error)
            continue
        layers.notes += [note for note in layer.notes if note not in layers.notes]
        layers.drift.append(layer.drift)
        layers.pictures.append(fallback_writer.write(f"layer-{number}.rgba", layer.rgba))
    if failures and not layers.pictures:
        raise failures[0]
    for failure in failures:
        layers.notes.append(_("A picture can't be read ({reason}). Its file is kept.").format(reason=failure))
    return layers


def add_mask(
    layers: Layers, job: Job, fallback_writer: FallbackWriter, asked: Mapping[str, Any] | None, plan: Plan
) -> None:
    """Writes the layer mask where it shall differ from the selection; raises OSError where that is not there."""
    if not asked:
        return
    values, frame = job.path(SELECTION).read_bytes(), plan.frame
    shaped = layer_mask.shaped(values, frame.width, frame.height, asked["grow"], asked["feather"])
    layers.mask = fallback_writer.write(LAYER_MASK, shaped)
    if asked["grow"]:
        told = ngettext(
            "{count} pixel around the selection was changed too, as grow asks.",
            "{count} pixels around the selection were changed too, as grow asks.",
            asked["grow"],
        )
        layers.notes.append(told.format(count=asked["grow"]))
