"""Makes the layers of a job from the returned pictures: aligned, scaled to the frame, with a layer mask."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.api.raster import PictureError
from lib.frame.frame import Plan
from lib.imaging import gamut, layer_mask, result
from lib.jobs.job import FRAME, LAYER_MASK, SELECTION, UNCLIPPED, Job
from lib.jobs.stored_data import FallbackWriter, StoredData, unclipped_path
from lib.translation import _, ngettext


@dataclass
class Layers:
    """The layers to insert: their raw pixels and layer masks, and notes for the user.

    mask: of all layers, where it differs from the selection. own_masks: of each layer, None if it has none of its own.
    misalignments, corrections: of each layer, how it was misaligned and what was corrected.
    is_cut_out: whether the mask is the subject, not the selection, and the layer that was edited is to be hidden.
    """

    pictures: list[StoredData] = field(default_factory=list)
    mask: StoredData | None = None
    own_masks: list[StoredData | None] = field(default_factory=list)
    misalignments: list[dict[str, Any] | None] = field(default_factory=list)
    corrections: list[dict[str, Any] | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_cut_out: bool = False


def read_original(job: Job, job_spec: Mapping[str, Any], plan: Plan) -> result.Original | None:
    """Return the picture to compare the results with; None if nothing is to be corrected or it can't be read."""
    corrections = result.Corrections.from_job(job_spec, "")
    if not corrections.any:
        return None
    mask = job.path("mask.png") if job_spec["mask"] and not corrections.refines else None
    try:
        return result.Original.read(job.path("image-1.png"), mask, job.path(FRAME), plan)
    except (OSError, PictureError):
        return None


def make_layers(
    job: Job,
    writer: FallbackWriter,
    pictures: Iterable[bytes],
    plan: Plan,
    original: result.Original | None,
    corrections: result.Corrections,
    *,
    transparent: bool,
) -> Layers:
    """Write each picture as the raw pixels of a layer; a picture that can't be decoded becomes a note.

    Raises PictureError if none can be decoded.
    """
    layers = Layers()
    failures: list[PictureError] = []
    for number, data in enumerate(pictures, 1):
        try:
            layer = result.layer_pixels(data, plan, original, transparent=transparent, corrections=corrections)
        except PictureError as error:
            failures.append(error)
            continue
        layers.notes += [note for note in layer.notes if note not in layers.notes]
        layers.misalignments.append(layer.misalignment)
        layers.own_masks.append(writer.write(f"layer-mask-{number}.raw", layer.mask) if layer.mask else None)
        layers.pictures.append(writer.write(f"layer-{number}.rgba", layer.rgba))
        restored = _restore_colours(job, layers.pictures[-1], layer.rgba, plan)
        layers.corrections.append(layer.applied if restored is None else {**(layer.applied or {}), "gamut": restored})
    if failures and not layers.pictures:
        raise failures[0]
    for failure in failures:
        layers.notes.append(_("Couldn't open a picture ({reason}). Its file was saved.").format(reason=failure))
    return layers


def _restore_colours(job: Job, stored: StoredData, rgba: bytes, plan: Plan) -> float | None:
    """Write a layer's pixels with the colours that were clipped where it was sent.

    Returns the part of these that was restored; None if nothing was clipped or there is no room for the file.
    """
    original, path = gamut.read(job.path(UNCLIPPED), plan.frame.size), unclipped_path(job, stored)
    restored = gamut.restore(rgba, original) if original is not None and path else None
    if restored is None or path is None:
        return None
    with contextlib.suppress(OSError):
        Job(path.parent).write(path.name, restored.data)
        return round(restored.part, 3)
    return None


def make_cut_outs(writer: FallbackWriter, pictures: Iterable[bytes], plan: Plan) -> Layers:
    """Write cut-outs of the built-in engine, each with its own layer mask. Raises PictureError."""
    layers = Layers(is_cut_out=True)
    for number, data in enumerate(pictures, 1):
        layer = result.cut_out_pixels(data, plan)
        layers.misalignments.append(None)
        layers.corrections.append(None)
        layers.own_masks.append(writer.write(f"layer-mask-{number}.raw", layer.mask) if layer.mask else None)
        layers.pictures.append(writer.write(f"layer-{number}.rgba", layer.rgba))
    layers.notes.append(_("The layer mask shows the subject. The layer that it was cut from is hidden."))
    return layers


def add_mask(layers: Layers, job: Job, writer: FallbackWriter, mask_spec: Mapping[str, Any] | None, plan: Plan) -> None:
    """Write a layer mask that differs from the selection, if requested; raise OSError if the selection is missing."""
    if not mask_spec:
        return
    selection, frame = job.path(SELECTION).read_bytes(), plan.frame
    grow, feather = mask_spec["grow"], mask_spec["feather"]
    layers.mask = writer.write(LAYER_MASK, layer_mask.shape(selection, frame.width, frame.height, grow, feather))
    if grow:
        note = ngettext(
            "The layer mask extends {count} pixel beyond the selection.",
            "The layer mask extends {count} pixels beyond the selection.",
            grow,
        )
        layers.notes.append(note.format(count=grow))
