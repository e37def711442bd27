"""Makes the pixels of a layer from a returned picture: decoded, aligned with the original, scaled to the frame."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.api import raster
from lib.frame.frame import Plan
from lib.frame.geometry import Size
from lib.imaging import fit, seam
from lib.imaging.resampling import scale
from lib.translation import _

_PROTECTED = 255  # the mask's alpha where the endpoint shouldn't have changed anything


@dataclass(frozen=True)
class Original:
    """The picture that was sent (H, W, 3), and where the mask protected it (H, W)."""

    pixels: NDArray[np.uint8]
    protected: NDArray[np.bool_]

    @classmethod
    def read(cls, picture: Path, mask: Path) -> "Original":
        """Read the files of a job; raise OSError or PictureError if they can't be read."""
        alpha = np.asarray(raster.decode(mask).convert("RGBA").getchannel("A"))
        return cls(np.asarray(raster.decode(picture).convert("RGB")), np.equal(alpha, _PROTECTED))


@dataclass(frozen=True)
class LayerPixels:
    """The pixels of a layer: sRGB bytes, RGBA, of the frame's size.

    notes: sentences for the user. misalignment: of the returned picture (see `lib.imaging.fit`), None if not aligned.
    """

    rgba: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    misalignment: dict[str, Any] | None = None


def layer_pixels(data: bytes, plan: Plan, original: Original | None, *, transparent: bool) -> LayerPixels:
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
    misalignment = None
    if original:
        returned, misalignment = _align(returned.resize(size, Image.Resampling.LANCZOS), original)
    return LayerPixels(_to_frame(returned, plan).convert("RGBA").tobytes(), notes, misalignment)


def _is_transparency_empty(picture: Image.Image) -> bool:
    """Return whether the transparent pixels hide no picture: all have the same colour, as encoders write them.

    Some servers return a complete picture with the mask's alpha; its hidden part is the requested result.
    """
    if picture.mode != "RGBA":
        return True
    pixels = np.asarray(picture)
    hidden = pixels[pixels[..., 3] == 0][:, :3]
    return bool(len(hidden)) and bool((hidden == hidden[0]).all())


def _align(returned: Image.Image, original: Original) -> tuple[Image.Image, dict[str, Any]]:
    """Return the picture aligned with the original, if that is reliable, and its misalignment."""
    pixels = np.asarray(returned)
    estimate = fit.estimate(original.pixels, pixels, original.protected)
    misalignment = {**estimate.misalignment, "accepted": estimate.accepted, "reason": estimate.reason}
    aligned = fit.correct(pixels, estimate, ~original.protected)
    if estimate.accepted and estimate.reason != "identical":
        aligned = seam.level(original.pixels, aligned, ~original.protected)
    return (returned if aligned is pixels else Image.fromarray(aligned)), misalignment


def _to_frame(picture: Image.Image, plan: Plan) -> Image.Image:
    """Crop the padding and scale the rest to the frame, resampling once, or not at all if nothing changes."""
    box, size = plan.cut(Size(*picture.size)), (plan.frame.width, plan.frame.height)
    if box == (0, 0, *size) and picture.size == size:
        return picture
    return scale(picture, size, box)
