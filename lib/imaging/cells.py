"""Sums, neighbours and connected parts of pictures that have been reduced to cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


def box_sum(values: Floats, radius: int) -> Floats:
    """Return the sum over the square around each value, along the first two axes; 0 beyond the edge."""
    for axis in (0, 1):
        padding = [(0, 0)] * values.ndim
        padding[axis] = (radius + 1, radius)
        sums = np.pad(values, padding).cumsum(axis, dtype=np.float64)
        count = values.shape[axis]
        upper, lower = (np.take(sums, np.arange(start, start + count), axis) for start in (2 * radius + 1, 0))
        values = (upper - lower).astype(np.float32)
    return values


def grow(cells: Bools, radius: int) -> Bools:
    """Return which cells have one of `cells` within a square of this radius."""
    return box_sum(cells.astype(np.float32), radius) > 0.5


def spread(seeds: Bools, allowed: Bools) -> Bools:
    """Return the allowed cells that are connected with a seed, also across corners."""
    reached = seeds & allowed
    count = -1
    while count != (now := int(reached.sum())):
        count = now
        for _ in range(8):
            padded = np.pad(reached, 1)
            rows = padded[:-2] | padded[1:-1] | padded[2:]
            reached = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]) & allowed
    return reached
