"""Makes the pixels of a layer from a returned picture: decoded, aligned with the original, scaled to the frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.api import raster
from lib.frame.frame import Plan
from lib.frame.geometry import Size
from lib.imaging import colour, detail, fit, light
from lib.imaging.change_mask import find_change
from lib.imaging.registration import Motion
from lib.imaging.resampling import scale
from lib.translation import _

COLOUR_MODES = ("auto", "always", "never")
NOTICEABLE = 1.0  # levels: a smaller change of the colours is not worth a sentence
_OPAQUE = 255
_PROTECTED = 255  # the mask's alpha where the endpoint shouldn't have changed anything


@dataclass(frozen=True)
class Original:
    """The picture that was sent (H, W, 3), and where the mask protected it (H, W); everywhere without a mask.

    opaque: H×W, None if it is opaque everywhere. frame: the frame's own pixels, where they weren't sent at 1:1.
    """

    pixels: NDArray[np.uint8]
    protected: NDArray[np.bool_]
    opaque: NDArray[np.bool_] | None = None
    frame: NDArray[np.uint8] | None = None

    @classmethod
    def read(cls, picture: Path, mask: Path | None, frame: Path | None = None, plan: Plan | None = None) -> "Original":
        """Read the files of a job; raise OSError or PictureError if they can't be read."""
        sent = raster.decode(picture)
        protected = np.ones((sent.height, sent.width), np.bool_)
        if mask:
            protected = np.equal(np.asarray(raster.decode(mask).convert("RGBA").getchannel("A")), _PROTECTED)
        opaque = _opaque_part(sent)
        full = _read_frame(frame, plan) if frame and plan and frame.exists() else None
        return cls(np.asarray(sent.convert("RGB")), protected, opaque, full)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Where the result will be visible: where it may differ, or everywhere without a mask."""
        return np.ones_like(self.protected) if self.is_whole else ~self.protected

    @property
    def is_whole(self) -> bool:
        """Whether the picture is edited as a whole."""
        return bool(self.protected.all())


def _opaque_part(picture: Image.Image) -> NDArray[np.bool_] | None:
    """Return where a picture is opaque; None if it is so everywhere."""
    if picture.mode != "RGBA":
        return None
    opaque = np.asarray(picture.getchannel("A")) == _OPAQUE
    return None if opaque.all() else opaque


def _read_frame(path: Path, plan: Plan) -> NDArray[np.uint8] | None:
    """Return the pixels of a frame (H, W, 3), without reading those that aren't used; None for a damaged file."""
    width, height = plan.frame.width, plan.frame.height
    channels, rest = divmod(path.stat().st_size, width * height)
    if rest or channels not in (1, 2, 3, 4):
        return None
    pixels = np.memmap(path, np.uint8, "r", shape=(height, width, channels))
    return pixels[..., :3] if channels >= 3 else np.broadcast_to(pixels[..., :1], (height, width, 3))


@dataclass(frozen=True)
class Corrections:
    """Which corrections of a result were asked for.

    match_colour: auto, always or never. prompt: what was asked for, as a tie-break for auto.
    refines: whether the picture is to stay as it is but for its detail, so that all of it shows how the result drifted.
    """

    align: bool = True
    match_colour: str = "auto"
    light: bool = True
    detail: bool = True
    change_mask: bool = True
    prompt: str = ""
    refines: bool = False

    @classmethod
    def from_job(cls, job_spec: Mapping[str, Any], prompt: str) -> "Corrections":
        """Return the corrections that a job asks for; jobs of version 0.1 have only `fit`."""
        fitted = job_spec["fit"] is True
        mode = job_spec.get("match_colour")
        if mode not in COLOUR_MODES:
            mode = "auto" if fitted else "never"
        light_too, detail_too, mask_too = (
            job_spec.get(name, fitted) is True for name in ("light", "detail", "change_mask")
        )
        return cls(fitted, mode, light_too, detail_too, mask_too, prompt, job_spec.get("refines") is True)

    @property
    def any(self) -> bool:
        """Whether any correction may be made."""
        return self.align or self.light or self.detail or self.change_mask or self.match_colour != "never"


@dataclass(frozen=True)
class LayerPixels:
    """The pixels of a layer: sRGB bytes, RGBA, of the frame's size.

    notes: sentences for the user. misalignment: of the returned picture (see `lib.imaging.fit`), None if not aligned.
    applied: what was corrected, for the report; None without an original. mask: of what changed in a whole picture, or
    of a cut-out, one byte a pixel; None for a mask that doesn't depend on the result.
    """

    rgba: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    misalignment: dict[str, Any] | None = None
    applied: dict[str, Any] | None = None
    mask: bytes | None = field(default=None, repr=False)


def layer_pixels(
    data: bytes,
    plan: Plan,
    original: Original | None,
    *,
    transparent: bool,
    corrections: Corrections = Corrections(),  # noqa: B008 - it is immutable
) -> LayerPixels:
    """Return the picture in `data`, of any raster format, aligned, cropped and scaled to the plan's frame.

    Its alpha channel is dropped unless `transparent` was requested or the transparent pixels have no colours.
    Raises PictureError if the picture can't be decoded.
    """
    returned = raster.decode(data)
    if not (transparent or _is_transparency_empty(returned)):
        returned = returned.convert("RGB")
    notes: tuple[str, ...] = ()
    size = (plan.size.width, plan.size.height)
    if returned.size != size:
        note = _("The result had {width}x{height} pixels instead of {size} and was scaled.")
        notes = (note.format(width=returned.width, height=returned.height, size=plan.size),)
    if not original or not corrections.any:
        return LayerPixels(to_frame(returned, plan).convert("RGBA").tobytes(), notes)
    corrected = _correct(returned.resize(size, Image.Resampling.LANCZOS), original, corrections)
    visible = original.visible if corrected.change is None else corrected.change > 0
    applied = corrected.applied
    if corrections.detail and original.frame is not None:
        picture, part = _with_detail(corrected.picture, original, original.frame, plan, visible)
        applied = applied | {"detail": round(part, 3), "scale": round(plan.scale, 4)}
    else:
        picture = to_frame(corrected.picture, plan)
    mask = None
    if corrected.change is not None:
        applied = applied | {"changed": round(float(corrected.change.mean()) / 255, 4)}
        frame_size = (plan.frame.width, plan.frame.height)
        mask = Image.fromarray(corrected.change).resize(frame_size, Image.Resampling.BILINEAR, plan.cut()).tobytes()
    return LayerPixels(picture.convert("RGBA").tobytes(), notes, corrected.misalignment, applied, mask)


def cut_out_pixels(data: bytes, plan: Plan) -> LayerPixels:
    """Return a cut-out as a layer whose mask is the picture's alpha channel: the masked pixels stay.

    Raises PictureError if the picture can't be decoded.
    """
    returned = raster.decode(data).convert("RGBA")
    mask = to_frame(returned.getchannel("A"), plan)
    return LayerPixels(to_frame(returned.convert("RGB"), plan).convert("RGBA").tobytes(), mask=mask.tobytes())


def _is_transparency_empty(picture: Image.Image) -> bool:
    """Return whether the transparent pixels hide no picture: all have the same colour, as encoders write them.

    Some servers return a complete picture with the mask's alpha; its hidden part is the requested result.
    """
    if picture.mode != "RGBA":
        return True
    pixels = np.asarray(picture)
    hidden = pixels[pixels[..., 3] == 0][:, :3]
    return bool(len(hidden)) and bool((hidden == hidden[0]).all())


@dataclass(frozen=True)
class _Corrected:
    """A corrected picture of the sent size; change: H×W, the layer mask of what changed, None for no such mask."""

    picture: Image.Image
    misalignment: dict[str, Any]
    applied: dict[str, Any]
    change: NDArray[np.uint8] | None


def _correct(returned: Image.Image, original: Original, corrections: Corrections) -> _Corrected:
    """Return the picture aligned, colour-matched and levelled as asked for."""
    pixels, selected = np.asarray(returned), original.visible
    estimate = fit.estimate(original.pixels, pixels, original.protected, align=corrections.align)
    misalignment = {**estimate.misalignment, "accepted": estimate.accepted, "reason": estimate.reason}
    change = estimate.change
    undone = change is None or colour.is_undone(change, corrections.match_colour, corrections.prompt)
    if not undone:
        estimate = replace(estimate, colour=colour.Colour())
    corrected = fit.correct(pixels, estimate, selected)
    colours = _colours_report(estimate, undone=undone)
    mask = None
    if corrections.change_mask and estimate.accepted and colours != "kept" and _is_comparable(original, returned):
        mask = find_change(original.pixels, corrected)
        selected = selected if mask is None else mask > 0
    levels = 0.0
    if corrections.refines:
        levelled = light.follow(original.pixels, corrected)
        corrected, levels = levelled.picture, levelled.levels
    elif corrections.light and estimate.reason != "identical":
        stays = change.apply if change and not undone else None
        levelled = light.level(original.pixels, corrected, selected, stays)
        corrected, levels = levelled.picture, levelled.levels
    applied = {"aligned": estimate.motion != Motion(), "colours": colours, "light": round(levels, 1)}
    return _Corrected(returned if corrected is pixels else Image.fromarray(corrected), misalignment, applied, mask)


def _is_comparable(original: Original, returned: Image.Image) -> bool:
    """Return whether what changed in a whole picture can be told: neither it nor the result is transparent."""
    return original.is_whole and original.opaque is None and returned.mode == "RGB"


def _colours_report(estimate: fit.Fit, *, undone: bool) -> str:
    """Return what was done about a change of the picture's colours: matched, kept, or unchanged without one."""
    if undone:
        return "matched" if estimate.colour != colour.Colour() else "unchanged"
    return "kept" if estimate.change and estimate.change.levels > NOTICEABLE else "unchanged"


def _with_detail(
    returned: Image.Image,
    original: Original,
    frame: NDArray[np.uint8],
    plan: Plan,
    changed: NDArray[np.bool_],
) -> tuple[Image.Image, float]:
    """Return the picture at the frame's size with the frame's own detail, and the part that has it back."""
    box, size = plan.cut(), (plan.frame.width, plan.frame.height)
    sent, answer = Image.fromarray(original.pixels), returned.convert("RGB")
    visible = np.asarray(Image.fromarray(changed).convert("L").resize(size, Image.Resampling.BILINEAR, box)) > 0
    opaque = original.opaque
    if plan.scale > 1:  # what was enlarged is compared at its own size
        sent, answer = (scale(each, size, box) for each in (sent, answer))
        if opaque is not None:
            opaque = np.asarray(Image.fromarray(opaque).convert("L").resize(size, Image.Resampling.BOX, box)) == _OPAQUE
        box = (0, 0, *size)
    restored = detail.restore(frame, np.asarray(sent), np.asarray(answer), box, visible, opaque)
    picture = Image.fromarray(restored.picture)
    if returned.mode == "RGBA":
        picture.putalpha(to_frame(returned.getchannel("A"), plan))
    return picture, restored.part


def to_frame(picture: Image.Image, plan: Plan) -> Image.Image:
    """Crop the padding and scale the rest to the frame, resampling once, or not at all if nothing changes."""
    box, size = plan.cut(Size(*picture.size)), (plan.frame.width, plan.frame.height)
    if box == (0, 0, *size) and picture.size == size:
        return picture
    return scale(picture, size, box)
