"""xAI's body: JSON with the images as URLs, and an aspect ratio and a resolution in place of a size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.api.request import EditRequest, image_url

ASPECT_RATIOS = (
    "1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1",
)  # fmt: skip
_TOLERANCE = 0.01
_MAX_1K_PIXELS = 1_500_000  # its 1k images have about a million pixels, its 2k images four


def json_fields(request: EditRequest, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the JSON body.

    One image is `image`, several are `images`. The result has the aspect ratio of the first image, unless the size has
    one that xAI lists.
    """
    body = {name: value for name, value in fields.items() if name != "size"} | _size_fields(fields.get("size"))
    images = [{"type": "image_url", "url": image_url(image)} for image in request.images]
    return body | ({"image": images[0]} if len(images) == 1 else {"images": images})


def _size_fields(size: str | None) -> dict[str, str]:
    """Return `resolution`, and `aspect_ratio` if one is within a hundredth of that of a size ("1536x1024")."""
    width, _x, height = (size or "").partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        return {}
    aspect = int(width) / int(height)
    resolution = {"resolution": "1k" if int(width) * int(height) <= _MAX_1K_PIXELS else "2k"}
    for name in ASPECT_RATIOS:
        across, down = (float(number) for number in name.split(":"))
        if abs(aspect * down / across - 1) <= _TOLERANCE:
            return {"aspect_ratio": name} | resolution
    return resolution
