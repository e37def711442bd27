"""From an answer's picture to the pixels of a layer: decoded once, lined up with the original, brought to the frame."""

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
from lib.imaging.resampling import scaled
from lib.translation import _

_PROTECTED = 255  # the mask's alpha where the endpoint should have changed nothing


@dataclass(frozen=True)
class Guide:
    """What an answer is lined up with: the picture that was sent (H, W, 3), and where it was protected (H, W)."""

    original: NDArray[np.uint8]
    protected: NDArray[np.bool_]

    @classmethod
    def read(cls, picture: Path, mask: Path) -> "Guide":
        """From the files of a job; raises OSError or PictureError where they cannot be read."""
        alpha = np.asarray(raster.decode(mask).convert("RGBA").getchannel("A"))
        return cls(np.asarray(raster.decode(picture).convert("RGB")), np.equal(alpha, _PROTECTED))


@dataclass(frozen=True)
class LayerPixels:
    """What GIMP inserts: RGBA bytes, sRGB, of the frame's size; `notes` say what was done to the answer.

    `drift` is what lining up found (see `lib.imaging.fit`), None where it was not tried.
    """

    rgba: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    drift: dict[str, Any] | None = None


def layer_pixels(data: bytes, plan: Plan, guide: Guide | None, *, transparent: bool) -> LayerPixels:
    """The picture in `data`, of any raster format, lined up, cut and scaled to the plan's frame.

    An alpha channel is kept where `transparent` was asked for, or where there is nothing below it to be shown instead.
    Raises PictureError where the picture cannot be decoded.
    """
    returned = raster.decode(data)
    if not (transparent or _hides_nothing(returned)):
        returned = returned.convert("RGB")
    notes: tuple[str, ...] = ()
    asked = (plan.size.width, plan.size.height)
    if returned.size != asked:
        notes = (
            _("The result has {width}x{height} pixels instead of {size}; it was scaled.").format(
                width=returned.width, height=returned.height, size=plan.size
            ),
        )
    drift = None
    if guide:
        returned, drift = _lined_up(returned.resize(asked, Image.Resampling.LANCZOS), guide)
    return LayerPixels(_to_frame(returned, plan).convert("RGBA").tobytes(), notes, drift)


def _hides_nothing(picture: Image.Image) -> bool:
    """Whether what is fully transparent has one colour only, as encoders leave it: it must not be shown as black.

    Some servers return a whole picture under the mask's own alpha; that picture is what was asked for.
    """
    if picture.mode != "RGBA":
        return True
    pixels = np.asarray(picture)
    hidden = pixels[pixels[..., 3] == 0][:, :3]
    return bool(len(hidden)) and bool((hidden == hidden[0]).all())


def _lined_up(returned: Image.Image, guide: Guide) -> tuple[Image.Image, dict[str, Any]]:
    """The returned picture with its drift undone where that can be trusted, and what was found."""
    pixels = np.asarray(returned)
    found = fit.fit(guide.original, pixels, guide.protected)
    told = {**found.drift, "accepted": found.accepted, "reason": found.reason}
    fitted = fit.apply(pixels, found, ~guide.protected)
    if found.accepted and found.reason != "identical":
        fitted = seam.levelled(guide.original, fitted, ~guide.protected)
    return (returned if fitted is pixels else Image.fromarray(fitted)), told


def _to_frame(picture: Image.Image, plan: Plan) -> Image.Image:
    """Cuts the padding off and scales the rest to the frame, in one resampling; none where nothing is to be done."""
    box, size = plan.cut(Size(*picture.size)), (plan.frame.width, plan.frame.height)
    if box == (0, 0, *size) and picture.size == size:
        return picture
    return scaled(picture, size, box)
