"""Find the connected parts of a mask."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Part:
    """A connected part: its pixels, and its box."""

    rows: np.ndarray
    columns: np.ndarray

    @property
    def size(self) -> int:
        """The number of pixels."""
        return len(self.rows)

    @property
    def height(self) -> int:
        """The height of the box."""
        return int(self.rows.max() - self.rows.min()) + 1

    @property
    def width(self) -> int:
        """The width of the box."""
        return int(self.columns.max() - self.columns.min()) + 1


def parts(mask: np.ndarray) -> list[Part]:
    """Return the 8-connected parts of `mask` (H, W, bool)."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return []
    labels = _labels(mask)[rows, columns]
    order = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[order])) + 1
    return [Part(rows[members], columns[members]) for members in np.split(order, bounds)]


def _labels(mask: np.ndarray) -> np.ndarray:
    """Return a number for each part, (H, W): the runs of each row are joined with those that they touch above."""
    starts = np.diff(np.pad(mask, ((0, 0), (1, 0))).astype(np.int8), axis=1) == 1
    runs = np.cumsum(starts.ravel()).reshape(mask.shape)
    parents = np.arange(int(runs[-1, -1]) + 1)

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    height, width = mask.shape
    for shift in (-1, 0, 1):
        left, right = max(0, shift), min(width, width + shift)
        above, below = slice(left - shift, right - shift), slice(left, right)
        touching = mask[:-1, above] & mask[1:, below]
        pairs = np.unique(np.stack([runs[:-1, above][touching], runs[1:, below][touching]]), axis=1)
        for upper, lower in pairs.T.tolist():
            first, second = root(upper), root(lower)
            parents[max(first, second)] = min(first, second)
    roots = np.array([root(run) for run in range(len(parents))])
    labels: np.ndarray = roots[runs]
    return labels
