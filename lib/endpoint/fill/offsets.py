"""Which displacements could fill the hole: the picture's own repetitions, and what continues its rim."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .pyramid import Floats, Level, Mask

Offsets = NDArray[np.intp]  # (labels, 2): rows and columns from a hole pixel to the pixel copied there

PATCH = 7
MOST_PATCHES = 70_000  # more than a usual coarsest level has; narrow strips have many more
COMPONENTS = 16  # principal components kept of a patch's 147 values
MEAN_WEIGHT = 0.6  # of a patch's mean colour against its texture
LARGEST_BLOCK = 2_000_000  # elements of a distance table at once
LEVEL_MOVES, PLUMB_MOVES = 8, 4  # straight displacements that are always tried
SPARE = 8  # labels kept free for pixels that the others leave without
CHOICES = 2  # valid labels that each pixel should have
TRIALS = 24  # displacements that serve about as many pixels, of which the likest is taken
TAKEN = np.float32(1e12)


def propose(level: Level, limit: int, rng: np.random.Generator) -> Offsets:
    """At most `limit` candidate offsets for the hole of `level`; (0, 0), the smooth membrane, is the last.

    Every hole pixel has a valid offset among them as far as `limit` allows.
    """
    found = _straight(level)
    patches = _Patches.of(level, rng)
    if patches is not None:
        some = limit - 1 - SPARE - len(found)
        shortest = max(2, min(level.shape) // 15)
        found = np.concatenate([
            found,
            _repetitions(patches, (2 * some) // 3, shortest, rng),
            _rim_votes(level, patches, some // 3, rng),
        ])
        found = _useful(level, np.unique(found, axis=0))
    return np.concatenate([cover(level, found, limit - 1, CHOICES, rng), np.zeros((1, 2), np.intp)])


class _Patches:
    """The patches of a level that may be copied, and a short descriptor of each."""

    def __init__(self, level: Level, size: int, source: NDArray[np.intp], rng: np.random.Generator) -> None:
        self.size = size
        self.rows, self.cols = np.divmod(source, level.shape[1] - size + 1)
        self.shape = level.shape
        self.windows = sliding_window_view(level.image, (size, size), axis=(0, 1))
        self.descriptors = self.at(self.rows, self.cols) @ self._basis(rng)

    @classmethod
    def of(cls, level: Level, rng: np.random.Generator) -> _Patches | None:
        """None where fewer than 32 whole patches are free to copy."""
        if min(level.shape) < PATCH:
            return None
        free = sliding_window_view(level.source, (PATCH, PATCH)).all((2, 3))
        source = np.flatnonzero(free)
        if len(source) > MOST_PATCHES:
            source = np.sort(rng.choice(source, MOST_PATCHES, replace=False))
        return cls(level, PATCH, source, rng) if len(source) >= 32 else None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
        """The patches with these top left corners, flattened: (n, 3·size²), channel by channel."""
        return np.asarray(self.windows[rows, cols].reshape(len(rows), -1), np.float32)

    def some(self, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """At most `count` patches; always a random part, so that seeds differ in small pictures too."""
        return np.sort(rng.choice(len(self), min(count, max(1, len(self) * 4 // 5)), replace=False))

    def _basis(self, rng: np.random.Generator) -> Floats:
        chosen = self.some(4000, rng)
        texture = self.at(self.rows[chosen], self.cols[chosen]).reshape(len(chosen), 3, -1)
        texture = (texture - texture.mean(2, keepdims=True)).reshape(len(chosen), -1)
        vectors = np.linalg.eigh(texture.T @ texture)[1][:, ::-1][:, :COMPONENTS]
        area = self.size * self.size
        mean = np.kron(np.eye(3), np.full((area, 1), 1 / self.size))
        vectors = vectors - mean @ (mean.T @ vectors)
        return np.concatenate([vectors, mean * MEAN_WEIGHT], 1).astype(np.float32)


def _repetitions(patches: _Patches, count: int, shortest: int, rng: np.random.Generator) -> Offsets:
    """Peaks in the histogram of offsets from patches to their likeliest twin at least `shortest` px away.

    He and Sun, "Statistics of patch offsets for image completion", 2012.
    """
    queries = patches.some(4000, rng)
    transposed = np.ascontiguousarray(patches.descriptors.T) * -2
    lengths = (patches.descriptors**2).sum(1)
    rows, cols = patches.rows.astype(np.int32), patches.cols.astype(np.int32)
    best = np.empty(len(queries), np.intp)
    step = max(16, LARGEST_BLOCK // len(patches))
    for i in range(0, len(queries), step):
        checkpoint()
        part = queries[i : i + step]
        distance = patches.descriptors[part] @ transposed + lengths
        near = np.abs(rows - rows[part, None]) < shortest
        near &= np.abs(cols - cols[part, None]) < shortest
        distance[near] = TAKEN
        best[i : i + step] = distance.argmin(1)
    moves = np.stack([patches.rows[best], patches.cols[best]], 1)
    moves -= np.stack([patches.rows[queries], patches.cols[queries]], 1)
    moves = moves[np.abs(moves).max(1) >= shortest]
    return _peaks(np.concatenate([moves, -moves]), np.ones(2 * len(moves), np.float32), patches.shape, count)


def _rim_votes(level: Level, patches: _Patches, count: int, rng: np.random.Generator) -> Offsets:
    """Offsets that continue what crosses the rim: patches half in the hole, matched on their known pixels.

    Each vote counts by the patch's contrast: else a sky outvotes the thin thing that crosses it.
    """
    size = patches.size
    known = sliding_window_view(level.known, (size, size))
    share = known.sum((2, 3)) / (size * size)
    rows, cols = np.nonzero((share >= 0.4) & (share < 0.9))
    if not len(rows):
        return np.empty((0, 2), np.intp)
    chosen = np.sort(rng.choice(len(rows), min(700, max(1, len(rows) * 4 // 5)), replace=False))
    rows, cols = rows[chosen], cols[chosen]
    source = patches.some(6000, rng)
    values = patches.at(patches.rows[source], patches.cols[source])
    weight = np.tile(known[rows, cols].reshape(len(rows), -1), (1, 3)).astype(np.float32)
    rim = patches.at(rows, cols) * weight
    number = weight.sum(1)
    contrast = np.sqrt(np.maximum((rim**2).sum(1) / number - (rim.sum(1) / number) ** 2, 0)) + 2
    distance = weight @ (values**2).T - 2 * (rim @ values.T)
    down = patches.rows[source].astype(np.int32) - rows[:, None].astype(np.int32)
    along = patches.cols[source].astype(np.int32) - cols[:, None].astype(np.int32)
    return _best_votes(distance, down, along, contrast, level.shape, count)


def _best_votes(
    distance: Floats,
    down: NDArray[np.int32],
    along: NDArray[np.int32],
    weight: Floats,
    shape: tuple[int, int],
    count: int,
) -> Offsets:
    """Each row votes for its three best matches that are not next to each other."""
    every = np.arange(len(distance))
    votes = []
    for _ in range(3):
        best = distance.argmin(1)
        y, x = down[every, best], along[every, best]
        votes.append(np.stack([y, x], 1))
        distance[(np.abs(down - y[:, None]) < 3) & (np.abs(along - x[:, None]) < 3)] = TAKEN
    return _peaks(np.concatenate(votes), np.tile(weight, 3), shape, count)


def _peaks(moves: Offsets, weights: Floats, shape: tuple[int, int], count: int) -> Offsets:
    """The `count` highest local maxima of the smoothed, weighted histogram of moves."""
    height, width = shape
    table = np.zeros((2 * height + 3, 2 * width + 3), np.float32)
    np.add.at(table, (moves[:, 0] + height + 1, moves[:, 1] + width + 1), weights)
    for axis in (0, 1):
        table = 0.5 * table + 0.25 * (np.roll(table, 1, axis) + np.roll(table, -1, axis))
    around = sliding_window_view(table, (3, 3)).max((2, 3))
    inner = table[1:-1, 1:-1]
    at = np.flatnonzero((inner >= around) & (inner > 0))
    at = at[np.argsort(-inner.ravel()[at], kind="stable")][:count]
    rows, cols = np.divmod(at, inner.shape[1])
    return np.stack([rows - height, cols - width], 1)


def _shifted(source: Mask, offset: Offsets, rows: Offsets, cols: Offsets) -> Mask:
    """Whether each pixel (rows, cols), moved by `offset`, is a source."""
    y, x = rows + offset[0], cols + offset[1]
    inside: Mask = (y >= 0) & (y < source.shape[0]) & (x >= 0) & (x < source.shape[1])
    inside[inside] = source[y[inside], x[inside]]
    return inside


def _useful(level: Level, offsets: Offsets) -> Offsets:
    """Those that are valid for at least 2 % of the hole."""
    rows, cols = np.nonzero(~level.known)
    share = [_shifted(level.source, offset, rows, cols).mean() for offset in offsets]
    return offsets[np.asarray(share) > 0.02] if len(offsets) else offsets


def _served(source: Mask, bare: Mask) -> Floats:
    """How many of the `bare` pixels each offset takes to a source; negative offsets count from the end."""
    padded = (2 * source.shape[0], 2 * source.shape[1])
    spectrum = np.fft.rfft2(source.astype(np.float32), padded)
    return np.asarray(np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(bare.astype(np.float32), padded)), padded))


def _straight(level: Level) -> Offsets:
    """Level and plumb moves that serve much of the hole: they keep horizons and posts in line."""
    served = _served(level.source, ~level.known)
    found = []
    for axis, most in ((1, LEVEL_MOVES), (0, PLUMB_MOVES)):
        line = served[0] if axis else served[:, 0]
        size = level.shape[axis]
        for _ in range(most):
            best = int(line.argmax())
            if line[best] < 0.5:
                break
            move = best - len(line) * (best >= size)
            found.append((0, move) if axis else (move, 0))
            line[(np.arange(len(line)) - best + size // 40) % len(line) <= size // 20] = 0
    return np.array(found, np.intp).reshape(-1, 2)


def cover(level: Level, offsets: Offsets, limit: int, choices: int, rng: np.random.Generator) -> Offsets:
    """`offsets` and as many more, up to `limit`, as it takes that each hole pixel has `choices` valid ones.

    Each new offset is one of those that serve the most pixels still without, counted for all offsets at once
    by a correlation; of these, one that brings colours like those of the membrane.
    """
    rows, cols = np.nonzero(~level.known)
    have = np.zeros(len(rows), np.intp)
    for offset in offsets:
        have += _shifted(level.source, offset, rows, cols)
    bare = np.zeros(level.shape, bool)
    bare[rows, cols] = have < choices
    added = list(offsets)
    padded = (2 * level.shape[0], 2 * level.shape[1])
    while bare.any() and len(added) < limit:
        checkpoint()
        served = _served(level.source, bare)
        if served.max() < 0.5:
            break
        good = np.flatnonzero(served.ravel() > max(0.5, 0.8 * served.max()))
        row, col = np.divmod(rng.choice(good, min(TRIALS, len(good)), replace=False), padded[1])
        row -= padded[0] * (row >= level.shape[0])
        col -= padded[1] * (col >= level.shape[1])
        wanting = np.flatnonzero(bare[rows, cols])
        offset = _likest(level, np.stack([row, col], 1), rows[wanting], cols[wanting])
        have += _shifted(level.source, offset, rows, cols)
        bare[rows, cols] = have < choices
        added.append(offset)
    return np.array(added, np.intp).reshape(-1, 2)


def _likest(level: Level, offsets: Offsets, rows: Offsets, cols: Offsets) -> Offsets:
    """The offset that brings the pixels (rows, cols) colours most like the membrane's."""
    unlike = []
    for offset in offsets:
        served = _shifted(level.source, offset, rows, cols)
        y, x = rows[served], cols[served]
        unlike.append(np.abs(level.image[y + offset[0], x + offset[1]] - level.image[y, x]).mean())
    return np.asarray(offsets[int(np.argmin(unlike))])
