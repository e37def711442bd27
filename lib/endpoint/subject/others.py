"""Find other subjects than the one that is removed, so that none of them is copied into its place: no second head."""

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.subject import network
from lib.endpoint.subject.subject import smaller_copy

_SMALLEST_HOLE = 0.002  # of the picture: a smaller one is a blemish, which has no subject's size
_STANDS_OUT = 0.4  # how much a pixel must stand out to belong to a subject
_CERTAIN = 0.85  # how much its pixels must stand out on average: otherwise there is no subject, but a part of a scene
_RING = 4  # pixels of the network's map around the hole
_TOUCHING = 0.2  # of that ring: with more of a subject in it, the hole is a part of that subject
_MARGIN = 3  # pixels of the network's map around a subject
_MOST = 0.7  # of what is left of the picture


def find_others(image: np.ndarray, hole: np.ndarray) -> np.ndarray | None:
    """Return the pixels, (H, W, bool), of what stands out beside `hole` (H, W, bool) in `image` (H, W, 3 or 4, uint8).

    None if nothing clearly does, without the network, or if the hole lies within a subject, which is then copied from.
    """
    if not network.is_available() or hole.mean() < _SMALLEST_HOLE:
        return None
    checkpoint()
    side = (network.SIDE, network.SIDE)
    small = np.asarray(Image.fromarray(hole.astype(np.uint8) * 255).resize(side, Image.Resampling.BOX)) > 0
    saliency = network.saliency(smaller_copy(image))
    subjects = (saliency > _STANDS_OUT) & ~small
    ring = _grown(small, _RING) & ~small
    if not subjects.any() or saliency[subjects].mean() < _CERTAIN or subjects[ring].mean() > _TOUCHING:
        return None
    others = _grown(subjects, _MARGIN) & ~small
    if others.sum() > _MOST * (~small).sum():
        return None
    full = Image.fromarray(others).resize(hole.shape[::-1], Image.Resampling.NEAREST)
    avoided: np.ndarray = np.asarray(full) & ~hole
    return avoided


def _grown(area: np.ndarray, radius: int) -> np.ndarray:
    """Return an area (H, W, bool), grown by a square."""
    return np.asarray(Image.fromarray(area.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * radius + 1))) > 0
