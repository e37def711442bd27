"""A mask-aware image pyramid: what is known stays known on the way down, holes are never averaged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint

Floats = NDArray[np.floating[Any]]  # single precision
Mask = NDArray[np.bool_]

FEW_NODES = 2400  # a hole this small can be labelled exactly enough at once
MANY_NODES = 9000  # the most hole pixels at the coarsest level, however thin the hole is
LARGEST_SIDE = 260  # keeps the exact search for similar patches short
SMALLEST_SIDE = 40  # below this too few patches are left to choose from
NARROWEST = 16  # but this narrow where the hole is large
THIN = 14  # a hole this shallow is not made coarser: its neighbourhood would lose its texture


@dataclass(frozen=True)
class Level:
    """One level: float colours (H, W, 3), the pixels outside the hole, and those that may be copied from."""

    image: Floats
    known: Mask
    source: Mask

    @property
    def shape(self) -> tuple[int, int]:
        return self.known.shape[0], self.known.shape[1]


def _pad_to_even(array: NDArray[np.generic]) -> NDArray[np.generic]:
    height, width = array.shape[:2]
    if not (height % 2 or width % 2):
        return array
    return np.pad(array, ((0, height % 2), (0, width % 2)) + ((0, 0),) * (array.ndim - 2), mode="edge")


def _sum_blocks(array: NDArray[np.generic]) -> Floats:
    """Sums of the 2×2 blocks; an odd last row or column counts twice."""
    even = _pad_to_even(array)
    rows = np.add(even[0::2], even[1::2], dtype=np.float32)
    return np.asarray(rows[:, 0::2] + rows[:, 1::2], np.float32)


def halve(level: Level) -> Level:
    """The next coarser level: colours are means of known pixels, a block with any hole pixel is hole.

    A block is a source only where all its pixels are: an offset that is valid here is valid, doubled, below.
    """
    weight = _sum_blocks(level.known)
    total = _sum_blocks(level.image * level.known[..., None])
    image = total / np.maximum(weight, 1.0)[..., None]
    return Level(image, weight == 4, _sum_blocks(level.source) == 4)


def _taps(size: int, positions: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The two coarse indices and the weight of the second for fine positions (bilinear, pixel centres)."""
    exact = np.clip((positions + 0.5) / 2 - 0.5, 0, size - 1)
    first = np.floor(exact).astype(np.intp)
    return first, np.minimum(first + 1, size - 1), (exact - first).astype(np.float32)


def double(coarse: Floats, shape: tuple[int, int]) -> Floats:
    """`coarse` (h, w, channels) enlarged twice to `shape`, bilinear."""
    for axis in (0, 1):
        first, second, weight = _taps(coarse.shape[axis], np.arange(shape[axis]))
        weight = weight.reshape([-1 if i == axis else 1 for i in range(coarse.ndim)])
        coarse = np.take(coarse, first, axis) * (1 - weight) + np.take(coarse, second, axis) * weight
    return coarse


def sample_double(coarse: Floats, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
    """What `double` would give at the fine pixels (rows, cols) only: (n, channels)."""
    top, bottom, down = _taps(coarse.shape[0], rows)
    left, right, along = _taps(coarse.shape[1], cols)
    down, along = down[:, None], along[:, None]
    above = coarse[top, left] * (1 - along) + coarse[top, right] * along
    below = coarse[bottom, left] * (1 - along) + coarse[bottom, right] * along
    return np.asarray(above * (1 - down) + below * down, np.float32)


def complete(image: Floats, known: Mask) -> Floats:
    """`image` with the unknown pixels replaced by a smooth membrane (push-pull). Something must be known."""
    if known.all():
        return image
    weight = _sum_blocks(known)
    means = _sum_blocks(image * known[..., None]) / np.maximum(weight, 1.0)[..., None]
    smooth = double(complete(means, weight > 0), (known.shape[0], known.shape[1]))
    return np.where(known[..., None], image, smooth).astype(np.float32)


def depth(hole: Mask, limit: int) -> NDArray[np.int32]:
    """Steps into the hole from its rim (1), at most `limit`; the picture's edge is no rim."""
    steps = np.zeros(hole.shape, np.int32)
    inside = hole.copy()
    for step in range(1, limit + 1):
        if not inside.any():
            break
        steps[inside] = step
        p = np.pad(inside, 1, mode="edge")
        inside = inside & p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:]
        if step % 2 == 0:  # every other step takes the diagonals too: an octagon, near to a circle
            inside &= p[:-2, :-2] & p[2:, 2:] & p[:-2, 2:] & p[2:, :-2]
    return steps


def _needs_coarser(level: Level) -> bool:
    nodes = int(np.count_nonzero(~level.known))
    if nodes > MANY_NODES:
        return min(level.shape) > NARROWEST
    if min(level.shape) <= SMALLEST_SIDE or (nodes <= FEW_NODES and max(level.shape) <= LARGEST_SIDE):
        return False
    if max(level.shape) > LARGEST_SIDE:
        return True
    return bool(depth(~level.known, THIN + 1).max() > THIN)


def build(level: Level) -> list[Level]:
    """The levels, finest first, each completed with a smooth membrane inside its hole.

    The coarsest is small enough to be labelled at once. Where going down would leave nothing to copy from
    (sources in thin slivers), the pyramid ends earlier.
    """
    levels = [level]
    while _needs_coarser(levels[-1]):
        checkpoint()
        coarser = halve(levels[-1])
        if not coarser.known.any() or (levels[-1].source.any() and not coarser.source.any()):
            break
        levels.append(coarser)
    last = levels[-1]
    levels[-1] = Level(complete(last.image, last.known), last.known, last.source)
    for i in range(len(levels) - 2, -1, -1):
        rows, cols = np.nonzero(~levels[i].known)
        levels[i].image[rows, cols] = sample_double(levels[i + 1].image, rows, cols)
    return levels
