"""The hole of one level as a graph of pixels, and the cost of copying each pixel to each place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .labels import parts
from .pyramid import Floats, Level, Mask

Indices = NDArray[np.intp]

SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up: the opposite of d is (d + 2) % 4
INVALID = np.float32(1e5)  # the cost of copying from the hole, from an avoided pixel or from outside the picture
SMOOTH = np.float32(1e4)  # the cost of the membrane instead of a copy: only used if no offset is valid
RIM_WEIGHT = np.float32(5.0)
OUTSIDE = np.float32(60.0)  # the rim's mismatch where the pixel beside the copied one is unknown


class HoleGraph:
    """The hole pixels of `level` in reading order: `rows`, `cols` (n,), `index` (H, W; -1 elsewhere)."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.height, self.width = level.shape
        self.rows, self.cols = np.nonzero(~level.context)
        self.index = np.full(level.shape, -1, np.int32)
        self.index[self.rows, self.cols] = np.arange(len(self.rows), dtype=np.int32)
        # Padded by a column and a row, so that the pixels to the right and below always exist.
        self.colours = np.pad(level.image, ((0, 1), (0, 1), (0, 0)), mode="edge").reshape(-1, 3)

    def __len__(self) -> int:
        return len(self.rows)

    def neighbours(self, nodes: Indices, side: int) -> tuple[Indices, Mask]:
        """Return the neighbour of each node (-1: none), and whether the pixel there is outside the hole."""
        y, x = self.rows[nodes] + SIDES[side][0], self.cols[nodes] + SIDES[side][1]
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        at = self.index[np.clip(y, 0, self.height - 1), np.clip(x, 0, self.width - 1)].astype(np.intp)
        return np.where(inside, at, -1), inside & (at < 0)

    def chessboard(self, nodes: Indices) -> Mask:
        """Return True for the nodes on the black squares: no two of them are neighbours."""
        return np.asarray((self.rows[nodes] + self.cols[nodes]) & 1, bool)

    def place(self, rows: Indices, cols: Indices) -> Indices:
        """Return positions in `colours`, clipped to the picture."""
        clipped = np.clip(rows, 0, self.height - 1) * (self.width + 1)
        return np.asarray(clipped + np.clip(cols, 0, self.width - 1), np.intp)

    def features(self, places: Indices) -> Floats:
        """Return the features by which labels are compared, (…, 9): the colour, and its steps to the right and down."""
        here = self.colours[places]
        right, below = self.colours[places + 1] - here, self.colours[places + self.width + 1] - here
        return np.concatenate([here, right, below], -1)

    def inside(self, rows: Indices, cols: Indices, mask: Mask) -> Mask:
        """Return whether the pixels are in the picture and in `mask`."""
        within = (rows >= 0) & (rows < self.height) & (cols >= 0) & (cols < self.width)
        return within & mask[np.clip(rows, 0, self.height - 1), np.clip(cols, 0, self.width - 1)]

    def unary(self, nodes: Indices, offsets: Indices) -> Floats:
        """Return the cost (n, k) of each offset (n or 1, k, 2) at each node: its validity and mismatch at the rim."""
        rows, cols = self.rows[nodes, None] + offsets[..., 0], self.cols[nodes, None] + offsets[..., 1]
        cost = np.where(self.inside(rows, cols, self.level.source), np.float32(0), INVALID)
        cost[np.broadcast_to((offsets == 0).all(-1), cost.shape)] = SMOOTH
        for side, (down, along) in enumerate(SIDES):
            rim = np.flatnonzero(self.neighbours(nodes, side)[1])
            if not len(rim):
                continue
            truth = self.level.image[self.rows[nodes[rim]] + down, self.cols[nodes[rim]] + along]
            y, x = rows[rim] + down, cols[rim] + along
            mismatch = np.sqrt(((self.colours[self.place(y, x)] - truth[:, None]) ** 2).sum(-1))
            cost[rim] += RIM_WEIGHT * np.where(self.inside(y, x, self.level.context), mismatch, OUTSIDE)
        return cost


def distances(a: Floats, b: Floats) -> Floats:
    """Return the Euclidean distances (n, k, m) between the rows of a (n, k, f) and of b (n, m, f)."""
    out = np.empty((len(a), a.shape[1], b.shape[1]), np.float32)
    for part in parts(len(a), a.shape[1] * b.shape[1]):
        squares = (a[part] * a[part]).sum(2)[:, :, None] + (b[part] * b[part]).sum(2)[:, None, :]
        squares -= 2 * np.matmul(a[part], b[part].transpose(0, 2, 1))
        np.sqrt(np.maximum(squares, 0, out=squares), out=out[part])
    return out
