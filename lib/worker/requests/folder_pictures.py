"""The requests of the Edit Folder window: small pictures of its list, and the sizes on which the costs depend.

A picture has "file", "mask" (the file of its mask, None for none) and "alpha" (whether its transparent part counts as
the mask if there is no such file).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from lib.api import raster
from lib.api.raster import PictureError
from lib.translation import _

_LARGEST_EDGE = 1024
_GREY = (128, 128, 128, 255)
_MARK = (224, 48, 144)  # as the windows mark what is selected
_MARK_OPACITY = 160
_UNREADABLE = (PictureError, OSError)


@dataclass(frozen=True)
class _Mask:
    """The values of a mask, 0 where nothing changes, and where they come from: "file" or "alpha"."""

    source: str
    values: Image.Image


def preview_picture(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with a small picture, at most `edge` pixels wide and high: `width`, `height`, `rgb` in base64.

    Its mask is marked, and described as in the answer of `measure_pictures`. {} if Pillow can't open the picture,
    "problem" with a sentence if the mask can't be used.
    """
    try:
        with raster.open_file(Path(message["file"])) as picture:
            size = raster.upright_size(picture)
            mask = None if message["mask"] else _transparency(picture, message)
            small = raster.thumbnail(picture, min(int(message["edge"]), _LARGEST_EDGE)).convert("RGBA")
    except _UNREADABLE:
        return {}
    small = Image.alpha_composite(Image.new("RGBA", small.size, _GREY), small)
    description, mask = _with_mask_file(size, mask, message)
    if mask:
        values = mask.values.resize(small.size).point(lambda value: value * _MARK_OPACITY // 255)
        small.paste(_MARK, (0, 0), values)
    pixels = base64.b64encode(small.convert("RGB").tobytes()).decode("ascii")
    return {"width": small.width, "height": small.height, "rgb": pixels, **description}


def measure_pictures(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with "pictures", for each of "pictures" its "size" and the "mask": "source" and "bounds".

    The source is "file", "alpha" or "" for none; the bounds are left, top, right and bottom, None if nothing is
    selected. A picture that Pillow can't open is None.
    """
    return {"pictures": [_measure(picture) for picture in message["pictures"]]}


def _measure(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        with raster.open_file(Path(message["file"])) as picture:
            size = raster.upright_size(picture)
            mask = None if message["mask"] else _transparency(picture, message)
    except _UNREADABLE:
        return None
    return _with_mask_file(size, mask, message)[0]


def _with_mask_file(
    size: tuple[int, int], mask: _Mask | None, message: Mapping[str, Any]
) -> tuple[dict[str, Any], _Mask | None]:
    """Return the description of a picture and its mask, the one in the file if the message names one."""
    problem = ""
    if message["mask"]:
        mask, problem = _read_mask(Path(message["mask"]), size)
    source, bounds = (mask.source, mask.values.getbbox()) if mask else ("", None)
    return {"size": size, "mask": {"source": source, "bounds": bounds}, "problem": problem}, mask


def _transparency(picture: Image.Image, message: Mapping[str, Any]) -> _Mask | None:
    """Return the transparent part of a picture as its mask; None if it isn't wanted or nothing is transparent."""
    if not message["alpha"] or not picture.has_transparency_data:
        return None
    values = _opposite(picture.convert("RGBA").getchannel("A"))
    return _Mask("alpha", values) if values.getbbox() else None


def _read_mask(path: Path, size: tuple[int, int]) -> tuple[_Mask | None, str]:
    """Return the mask in a file, and a sentence about a problem with it."""
    try:
        picture = raster.decode(path)
    except _UNREADABLE as error:
        return None, _("The mask {file} can't be opened: {reason}.").format(file=path.name, reason=error)
    if picture.size != size:
        message = _("The mask {file} must have the size of the picture, {width}x{height}.")
        return None, message.format(file=path.name, width=size[0], height=size[1])
    # A mask with transparency marks by it, as endpoints expect; any other by its white pixels.
    values = _opposite(picture.getchannel("A")) if picture.mode == "RGBA" else picture.convert("L")
    return _Mask("file", values), "" if values.getbbox() else _("The mask is empty.")


def _opposite(values: Image.Image) -> Image.Image:
    return values.point(lambda value: 255 - value)
