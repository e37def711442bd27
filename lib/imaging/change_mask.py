"""Finds what an edit without a selection really changed, against noise, JPEG and the model's redrawing.

The result's layer mask covers that alone, so that every other pixel stays the original's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.imaging.cells import grow, spread
from lib.imaging.registration import smooth

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

MEAN_CELLS = 256  # cells along the mean side of a picture: 4 pixels of 1024
FINE = 4
FLOOR = 5.0  # levels: a smaller difference is never a change
NOISE_FACTOR = 4.0  # times the picture's typical difference, likewise
MOST_NOISE = 5.0  # levels: a picture that differs more was changed everywhere
REDRAWN = 0.7  # pixels that edges may be moved by redrawing
STRONG, WEAK = 2.0, 0.9  # times the limit: a change starts at the first, and spreads as far as the second
MIN_PART = 1 / 5000  # of the picture: a smaller change is none
CLOSE = 4  # cells: a narrower gap in a change belongs to it
GROW = 2  # cells around a change that still belong to it
MOST = 0.75  # of the picture: beyond, everything counts as changed


def find_change(before: Picture, after: Picture) -> NDArray[np.uint8] | None:
    """Return the layer mask that covers what changed, H×W, soft at its edge; None for nothing or nearly everything.

    Both pictures are H×W×3, aligned and in the same colours.
    """
    height, width = after.shape[:2]
    cell = max(1, round(math.sqrt(height * width) / MEAN_CELLS))
    # A large picture is compared at a lower resolution, of FINE pixels to a cell.
    step = max(1, cell // FINE)
    cell = cell // step * step
    first, second = (np.asarray(Image.fromarray(side[..., :3]).reduce(step)) for side in (before, after))
    score = _score(first, second, cell // step)
    cells = spread(score > STRONG, score > WEAK)
    cells = _without_small(cells, max(2, round(cells.size * MIN_PART)))
    cells = ~grow(~grow(cells, CLOSE), CLOSE)
    cells = ~spread(_border(~cells), ~cells)  # what a change encloses belongs to it
    if not cells.any() or cells.mean() > MOST:
        return None
    grown = grow(cells, GROW).astype(np.float32) * 255
    # Bilinear between the cells' centres: from all inside the grown cells to nothing one cell beyond.
    soft = Image.fromarray(np.ascontiguousarray(grown)).resize(
        (width, height), Image.Resampling.BILINEAR, (0, 0, width / cell, height / cell)
    )
    return np.asarray(np.rint(np.asarray(soft)), np.uint8)


def _score(before: Picture, after: Picture, cell: int) -> Floats:
    """Return the largest difference of each cell, as a multiple of what noise and redrawing may cause there."""
    difference = slope = np.zeros(0, np.float32)
    for band in range(3):
        first, second = (smooth(smooth(side[..., band].astype(np.float32))) for side in (before, after))
        steep = np.maximum(_steepness(first), _steepness(second))
        apart = np.abs(first - second)
        difference = apart if not band else np.maximum(difference, apart)
        slope = steep if not band else np.maximum(slope, steep)
    typical = min(float(np.median(difference)), MOST_NOISE)
    limit = max(FLOOR, NOISE_FACTOR * typical) + REDRAWN * _reduced(slope, cell)
    return _reduced(difference, cell) / limit


def _steepness(values: Floats) -> Floats:
    """Return the size of the gradient, by central differences."""
    padded = np.pad(values, 1, mode="edge")
    down, right = padded[2:, 1:-1] - padded[:-2, 1:-1], padded[1:-1, 2:] - padded[1:-1, :-2]
    return np.asarray(np.hypot(down, right) / 2, np.float32)


def _reduced(values: Floats, cell: int) -> Floats:
    """Return the root of the mean square of each cell: closer to the largest value than the mean, steadier than it."""
    return np.sqrt(np.asarray(Image.fromarray(np.square(values)).reduce(cell), np.float32))


def _without_small(cells: Bools, least: int) -> Bools:
    """Return the cells without connected groups of fewer than `least`."""
    labels = np.where(cells, np.arange(1, cells.size + 1).reshape(cells.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        rows = np.maximum.reduce([padded[:-2], padded[1:-1], padded[2:]])
        spread = np.where(cells, np.maximum.reduce([rows[:, :-2], rows[:, 1:-1], rows[:, 2:]]), 0)
        spread = np.where(cells, spread.ravel()[np.maximum(spread - 1, 0)], 0)  # the label of the label: jumps ahead
        if np.array_equal(spread, labels):
            break
        labels = spread
    return cells & (np.bincount(labels.ravel(), minlength=cells.size + 1)[labels] >= least)


def _border(cells: Bools) -> Bools:
    """Return the cells at the picture's border."""
    border = np.zeros_like(cells)
    border[[0, -1]] = border[:, [0, -1]] = True
    return border & cells
