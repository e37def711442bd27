"""The request to find the subject of a layer, for Select Subject."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.endpoint.engine.cutout import find_mask
from lib.endpoint.engine.errors import Refused


def find_subject(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the subject's mask over the file "pixels", one byte a pixel; answer with {}, or with an "error".

    "pixels" is raw and of "size" (width, height), with 1 to 4 "channels": grey or RGB, perhaps alpha. "region", if not
    empty, is the file of a rough selection, one byte a pixel.
    """
    pixels = Path(message["pixels"])
    width, height = message["size"]
    image = _rgba(np.fromfile(pixels, np.uint8).reshape(height, width, message["channels"]))
    region = None
    if message["region"]:
        region = np.fromfile(message["region"], np.uint8).reshape(height, width) > 0
    try:
        mask = find_mask(image, region)
    except Refused as error:
        return {"error": {"message": error.message, "hint": ""}}
    pixels.write_bytes(mask.tobytes())
    return {}


def _rgba(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    channels = pixels.shape[2]
    result = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    result[..., :3] = pixels[..., : 3 if channels >= 3 else 1]
    if channels in (2, 4):
        result[..., 3] = pixels[..., -1]
    return result
