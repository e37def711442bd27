"""Levels the seam of a result: extends the small, smooth differences around the selection into it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

MEAN_CELLS = 256  # cells along the mean side of a picture: 4 pixels of 1024
RING = 4  # cells around the selection whose difference counts
TINT, CONTENT = 8.0, 24.0  # levels: a difference up to the first is a tint, one beyond the second is ignored


def level(original: Picture, aligned: Picture, selected: NDArray[np.bool_]) -> Picture:
    """Return `aligned` with a smooth correction inside the selection, so that it matches the original at the edge.

    All are H×W (×3 or more channels), of the same size. Pixels outside `selected` and a fourth channel don't change.
    The difference in a ring around the selection is extended inwards by a pull-push pyramid: a membrane as in Poisson
    image editing (Pérez et al., 2003), but of the smooth part only.
    """
    if not selected.any() or selected.all():
        return aligned
    height, width = selected.shape
    cell = max(1, round(math.sqrt(height * width) / MEAN_CELLS))
    outside = (~selected).astype(np.float32)
    coverage = _means(outside, cell)
    change = [(original[..., band] - aligned[..., band].astype(np.float32)) * outside for band in range(3)]
    means = np.stack([_means(band, cell) for band in change], 2)
    difference = means / np.maximum(coverage, np.float32(1e-6))[..., None]
    hole = Image.fromarray(np.where(coverage < 1, 255, 0).astype(np.uint8))
    ring = np.asarray(hole.filter(ImageFilter.MaxFilter(2 * RING + 1))) > 0
    confidence = np.clip((CONTENT - np.abs(difference).max(2)) / (CONTENT - TINT), 0, 1)
    membrane = _extend(np.asarray(difference * confidence[..., None], np.float32), coverage * ring)
    result = aligned.copy()
    box = (0, 0, width / cell, height / cell)
    for band in range(3):
        small = Image.fromarray(np.ascontiguousarray(membrane[..., band]))
        smooth = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR, box))
        levels = np.rint(np.clip(aligned[..., band] + smooth, 0, 255)).astype(np.uint8)
        result[..., band] = np.where(selected, levels, aligned[..., band])
    return result


def _means(values: Floats, cell: int) -> Floats:
    """Return the mean of each cell of `cell` × `cell` pixels; cells at the right and bottom may be smaller."""
    return np.asarray(Image.fromarray(values).reduce(cell), np.float32)


def _extend(values: Floats, weight: Floats) -> Floats:
    """Extend (H, W, 3) values smoothly from where their weight is 1 to where it is 0. (Pull-push, Gortler 1996.)"""
    height, width = weight.shape
    if min(height, width) < 2:
        mean = (values * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(mean, values.shape).astype(np.float32)
    rows, cols = (height + 1) // 2, (width + 1) // 2
    padding = ((0, 2 * rows - height), (0, 2 * cols - width))
    sums = np.pad(values * weight[..., None], (*padding, (0, 0))).reshape(rows, 2, cols, 2, 3).sum((1, 3))
    total = np.pad(weight, padding).reshape(rows, 2, cols, 2).sum((1, 3))
    coarse = _extend(sums / np.maximum(total, 1e-6)[..., None], np.minimum(total, 1))
    box = (0, 0, width / 2, height / 2)
    bands = [Image.fromarray(np.ascontiguousarray(coarse[..., band])) for band in range(3)]
    finer = np.stack([np.asarray(band.resize((width, height), Image.Resampling.BILINEAR, box)) for band in bands], 2)
    return np.asarray(weight[..., None] * values + (1 - weight[..., None]) * finer, np.float32)
