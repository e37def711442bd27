"""Remove the red that a flash makes in eyes."""

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.engine.components import Part, parts

_SIDE = 1600  # of the picture in which eyes are searched
_RED_EXCESS = 38  # of red over the other channels, in levels
_MAX_GREEN = 0.62  # of red, in a red pupil
_SIZES = (0.004, 0.06)  # of the short side, for the diameter of a pupil in a picture without a selection


def red_eyes(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return how much of the red to remove, (H, W) float32; in a whole picture only from pairs of round red spots."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), np.float32)
    inside = np.asarray(Image.fromarray(region).resize(size, Image.Resampling.NEAREST))
    red, green, blue = np.moveaxis(small, -1, 0)
    is_red = (red - np.maximum(green, blue) > _RED_EXCESS) & (green < _MAX_GREEN * red) & inside
    spots = [part for part in parts(is_red) if _is_round(part)]
    if region.all():
        spots = _in_pairs([spot for spot in spots if _has_size(spot, min(size))])
    mask = np.zeros(is_red.shape, np.uint8)
    for spot in spots:
        mask[spot.rows, spot.columns] = 255
    grown = Image.fromarray(mask).filter(ImageFilter.MaxFilter(3)).resize((image.shape[1], image.shape[0]))
    return np.asarray(grown.filter(ImageFilter.GaussianBlur(max(0.6, 0.5 / scale))), np.float32) / 255


def without_red(image: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Return `image` (H, W, 3) with red reduced to the mean of the other channels where `amount` (H, W) says."""
    result = image.astype(np.float32)
    neutral = np.minimum(result[..., 0], result[..., 1:].mean(-1) * 0.9)
    result[..., 0] += (neutral - result[..., 0]) * amount
    return np.round(result).astype(np.uint8)


def _is_round(spot: Part) -> bool:
    wide, high = max(spot.width, spot.height), min(spot.width, spot.height)
    return spot.size >= 4 and wide <= 1.8 * high and spot.size > 0.45 * spot.width * spot.height


def _has_size(spot: Part, short_side: int) -> bool:
    return _SIZES[0] * short_side <= max(spot.width, spot.height) <= _SIZES[1] * short_side


def _in_pairs(spots: list[Part]) -> list[Part]:
    """Return the spots that have another one of about the same size beside them, as eyes do."""
    return [spot for spot in spots if any(_are_a_pair(spot, other) for other in spots if other is not spot)]


def _are_a_pair(one: Part, other: Part) -> bool:
    size, other_size = max(one.width, one.height), max(other.width, other.height)
    across = abs(float(one.columns.mean() - other.columns.mean()))
    down = abs(float(one.rows.mean() - other.rows.mean()))
    mean = (size + other_size) / 2
    return (
        max(size, other_size) < 1.8 * min(size, other_size) and 2.5 * mean < across < 16 * mean and down < 0.5 * across
    )
