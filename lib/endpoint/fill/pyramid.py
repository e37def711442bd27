"""A mask-aware image pyramid: averages never include pixels of the hole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint

Floats = NDArray[np.floating[Any]]  # single precision
Mask = NDArray[np.bool_]

FEW_NODES = 2400  # a hole this small can be labelled at once
MANY_NODES = 9000  # the most hole pixels at the coarsest level, even of a thin hole
LARGEST_SIDE = 260  # limits the time of the exact search for similar patches
SMALLEST_SIDE = 40  # a smaller level has too few patches
NARROWEST = 16  # the limit for large holes
THIN = 14  # a hole this shallow is not made coarser: its surroundings would lose their texture


@dataclass(frozen=True)
class Level:
    """One level: float colours (H, W, 3), the pixels outside the hole (context), and those that may be copied."""

    image: Floats
    context: Mask
    source: Mask

    @property
    def shape(self) -> tuple[int, int]:
        return self.context.shape[0], self.context.shape[1]


def _pad_to_even(array: NDArray[np.generic]) -> NDArray[np.generic]:
    height, width = array.shape[:2]
    if not (height % 2 or width % 2):
        return array
    return np.pad(array, ((0, height % 2), (0, width % 2)) + ((0, 0),) * (array.ndim - 2), mode="edge")


def _sum_blocks(array: NDArray[np.generic]) -> Floats:
    """Return the sums of the 2×2 blocks; an odd last row or column counts twice."""
    even = _pad_to_even(array)
    rows = np.add(even[0::2], even[1::2], dtype=np.float32)
    return np.asarray(rows[:, 0::2] + rows[:, 1::2], np.float32)


def halve(level: Level) -> Level:
    """Return the next coarser level: colours are means of context pixels; a block with any hole pixel is hole.

    A block is a source only if all its pixels are: a valid offset, doubled, is also valid at the finer level.
    """
    weight = _sum_blocks(level.context)
    total = _sum_blocks(level.image * level.context[..., None])
    image = total / np.maximum(weight, 1.0)[..., None]
    return Level(image, weight == 4, _sum_blocks(level.source) == 4)


def _taps(size: int, positions: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return the two coarse indices, and the weight of the second, for fine positions (bilinear, pixel centres)."""
    exact = np.clip((positions + 0.5) / 2 - 0.5, 0, size - 1)
    first = np.floor(exact).astype(np.intp)
    return first, np.minimum(first + 1, size - 1), (exact - first).astype(np.float32)


def double(coarse: Floats, shape: tuple[int, int]) -> Floats:
    """Return `coarse` (h, w, channels) enlarged twice to `shape`, bilinear."""
    for axis in (0, 1):
        first, second, weight = _taps(coarse.shape[axis], np.arange(shape[axis]))
        weight = weight.reshape([-1 if i == axis else 1 for i in range(coarse.ndim)])
        coarse = np.take(coarse, first, axis) * (1 - weight) + np.take(coarse, second, axis) * weight
    return coarse


def sample_double(coarse: Floats, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
    """Return the values of `double` at the fine pixels (rows, cols) only: (n, channels)."""
    top, bottom, down = _taps(coarse.shape[0], rows)
    left, right, along = _taps(coarse.shape[1], cols)
    down, along = down[:, None], along[:, None]
    above = coarse[top, left] * (1 - along) + coarse[top, right] * along
    below = coarse[bottom, left] * (1 - along) + coarse[bottom, right] * along
    return np.asarray(above * (1 - down) + below * down, np.float32)


def complete(image: Floats, context: Mask) -> Floats:
    """Return `image` with the pixels outside `context` replaced by a smooth membrane (push-pull)."""
    if context.all():
        return image
    weight = _sum_blocks(context)
    means = _sum_blocks(image * context[..., None]) / np.maximum(weight, 1.0)[..., None]
    smooth = double(complete(means, weight > 0), (context.shape[0], context.shape[1]))
    return np.where(context[..., None], image, smooth).astype(np.float32)


def depth(hole: Mask, limit: int) -> NDArray[np.int32]:
    """Return the distance of each hole pixel from the rim (1), at most `limit`; the picture's edge is not a rim."""
    steps = np.zeros(hole.shape, np.int32)
    inside = hole.copy()
    for step in range(1, limit + 1):
        if not inside.any():
            break
        steps[inside] = step
        p = np.pad(inside, 1, mode="edge")
        inside = inside & p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:]
        if step % 2 == 0:  # every other step includes the diagonals: an octagon, which approximates a circle
            inside &= p[:-2, :-2] & p[2:, 2:] & p[:-2, 2:] & p[2:, :-2]
    return steps


def _needs_coarser(level: Level) -> bool:
    nodes = int(np.count_nonzero(~level.context))
    if nodes > MANY_NODES:
        return min(level.shape) > NARROWEST
    if min(level.shape) <= SMALLEST_SIDE or (nodes <= FEW_NODES and max(level.shape) <= LARGEST_SIDE):
        return False
    if max(level.shape) > LARGEST_SIDE:
        return True
    return bool(depth(~level.context, THIN + 1).max() > THIN)


def build(level: Level) -> list[Level]:
    """Return the levels, finest first, each completed with a smooth membrane inside its hole.

    The coarsest is small enough to be labelled at once. If a coarser level would have no pixels to copy
    (sources in thin slivers), the pyramid ends earlier.
    """
    levels = [level]
    while _needs_coarser(levels[-1]):
        checkpoint()
        coarser = halve(levels[-1])
        if not coarser.context.any() or (levels[-1].source.any() and not coarser.source.any()):
            break
        levels.append(coarser)
    last = levels[-1]
    levels[-1] = Level(complete(last.image, last.context), last.context, last.source)
    for i in range(len(levels) - 2, -1, -1):
        rows, cols = np.nonzero(~levels[i].context)
        levels[i].image[rows, cols] = sample_double(levels[i + 1].image, rows, cols)
    return levels
