"""Propose offsets that could fill the hole: the picture's repetitions, and those that continue its rim."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .pyramid import Floats, Level, Mask

Offsets = NDArray[np.intp]  # (labels, 2): rows and columns from a hole pixel to the pixel copied there

PATCH = 7
MAX_PATCHES = 70_000  # more than a usual coarsest level has; narrow strips have many more
COMPONENTS = 16  # principal components of a patch's 147 values
MEAN_WEIGHT = 0.6  # of a patch's mean colour, relative to its texture
MAX_BLOCK = 2_000_000  # elements of a distance table at a time
HORIZONTAL_MOVES, VERTICAL_MOVES = 8, 4  # straight offsets that are always tried
SPARE = 8  # labels reserved for pixels for which no other is valid
CHOICES = 2  # valid labels that each pixel should have
TRIALS = 24  # offsets that are valid for about as many pixels, of which the most similar is used
TAKEN = np.float32(1e12)


def propose(level: Level, limit: int, rng: np.random.Generator) -> Offsets:
    """Return at most `limit` candidate offsets for the hole of `level`; (0, 0), the smooth membrane, is the last.

    Every hole pixel has a valid offset among them as far as `limit` allows.
    """
    offsets = _straight(level)
    patches = _Patches.of(level, rng)
    if patches is not None:
        count = limit - 1 - SPARE - len(offsets)
        shortest = max(2, min(level.shape) // 15)
        offsets = np.concatenate(
            [
                offsets,
                _repetitions(patches, (2 * count) // 3, shortest, rng),
                _rim_votes(level, patches, count // 3, rng),
            ]
        )
        offsets = _useful(level, np.unique(offsets, axis=0))
    return np.concatenate([cover(level, offsets, limit - 1, CHOICES, rng), np.zeros((1, 2), np.intp)])


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
        """Return the patches of a level; None if fewer than 32 complete ones may be copied."""
        if min(level.shape) < PATCH:
            return None
        free = sliding_window_view(level.source, (PATCH, PATCH)).all((2, 3))
        source = np.flatnonzero(free)
        if len(source) > MAX_PATCHES:
            source = np.sort(rng.choice(source, MAX_PATCHES, replace=False))
        return cls(level, PATCH, source, rng) if len(source) >= 32 else None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
        """Return the patches with these top left corners, flattened: (n, 3·size²), channel by channel."""
        return np.asarray(self.windows[rows, cols].reshape(len(rows), -1), np.float32)

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return at most `count` patches; always a random part, so that seeds differ in small pictures too."""
        return np.sort(rng.choice(len(self), min(count, max(1, len(self) * 4 // 5)), replace=False))

    def _basis(self, rng: np.random.Generator) -> Floats:
        sample = self.sample(4000, rng)
        texture = self.at(self.rows[sample], self.cols[sample]).reshape(len(sample), 3, -1)
        texture = (texture - texture.mean(2, keepdims=True)).reshape(len(sample), -1)
        vectors = np.linalg.eigh(texture.T @ texture)[1][:, ::-1][:, :COMPONENTS]
        area = self.size * self.size
        mean = np.kron(np.eye(3), np.full((area, 1), 1 / self.size))
        vectors = vectors - mean @ (mean.T @ vectors)
        return np.concatenate([vectors, mean * MEAN_WEIGHT], 1).astype(np.float32)


def _repetitions(patches: _Patches, count: int, shortest: int, rng: np.random.Generator) -> Offsets:
    """Return peaks in the histogram of offsets from patches to their best match at least `shortest` px away.

    He and Sun, "Statistics of patch offsets for image completion", 2012.
    """
    queries = patches.sample(4000, rng)
    transposed = np.ascontiguousarray(patches.descriptors.T) * -2
    lengths = (patches.descriptors**2).sum(1)
    rows, cols = patches.rows.astype(np.int32), patches.cols.astype(np.int32)
    best = np.empty(len(queries), np.intp)
    step = max(16, MAX_BLOCK // len(patches))
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
    """Return offsets that continue the structures at the rim: of patches half in the hole, matched by the other half.

    Votes are weighted by the patch's contrast; otherwise a sky would outvote a thin object in front of it.
    """
    size = patches.size
    context = sliding_window_view(level.context, (size, size))
    share = context.sum((2, 3)) / (size * size)
    rows, cols = np.nonzero((share >= 0.4) & (share < 0.9))
    if not len(rows):
        return np.empty((0, 2), np.intp)
    sample = np.sort(rng.choice(len(rows), min(700, max(1, len(rows) * 4 // 5)), replace=False))
    rows, cols = rows[sample], cols[sample]
    source = patches.sample(6000, rng)
    values = patches.at(patches.rows[source], patches.cols[source])
    weight = np.tile(context[rows, cols].reshape(len(rows), -1), (1, 3)).astype(np.float32)
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
    """Return the offsets with the most votes: each row votes for its three best matches that are not adjacent."""
    every = np.arange(len(distance))
    votes = []
    for _ in range(3):
        best = distance.argmin(1)
        y, x = down[every, best], along[every, best]
        votes.append(np.stack([y, x], 1))
        distance[(np.abs(down - y[:, None]) < 3) & (np.abs(along - x[:, None]) < 3)] = TAKEN
    return _peaks(np.concatenate(votes), np.tile(weight, 3), shape, count)


def _peaks(moves: Offsets, weights: Floats, shape: tuple[int, int], count: int) -> Offsets:
    """Return the `count` highest local maxima of the smoothed, weighted histogram of moves."""
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
    """Return whether each pixel (rows, cols), moved by `offset`, is a source."""
    y, x = rows + offset[0], cols + offset[1]
    inside: Mask = (y >= 0) & (y < source.shape[0]) & (x >= 0) & (x < source.shape[1])
    inside[inside] = source[y[inside], x[inside]]
    return inside


def _useful(level: Level, offsets: Offsets) -> Offsets:
    """Return the offsets that are valid for more than 2 % of the hole."""
    rows, cols = np.nonzero(~level.context)
    share = [_shifted(level.source, offset, rows, cols).mean() for offset in offsets]
    return offsets[np.asarray(share) > 0.02] if len(offsets) else offsets


def _served(source: Mask, bare: Mask) -> Floats:
    """Return for how many of the `bare` pixels each offset is valid; negative offsets count from the end."""
    padded = (2 * source.shape[0], 2 * source.shape[1])
    spectrum = np.fft.rfft2(source.astype(np.float32), padded)
    return np.asarray(np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(bare.astype(np.float32), padded)), padded))


def _straight(level: Level) -> Offsets:
    """Return horizontal and vertical offsets that are valid for much of the hole, which keep horizons aligned."""
    served = _served(level.source, ~level.context)
    moves = []
    for axis, most in ((1, HORIZONTAL_MOVES), (0, VERTICAL_MOVES)):
        line = served[0] if axis else served[:, 0]
        size = level.shape[axis]
        for _ in range(most):
            best = int(line.argmax())
            if line[best] < 0.5:
                break
            move = best - len(line) * (best >= size)
            moves.append((0, move) if axis else (move, 0))
            line[(np.arange(len(line)) - best + size // 40) % len(line) <= size // 20] = 0
    return np.array(moves, np.intp).reshape(-1, 2)


def cover(level: Level, offsets: Offsets, limit: int, choices: int, rng: np.random.Generator) -> Offsets:
    """Return `offsets` and more, up to `limit` in all, so that each hole pixel has `choices` valid ones.

    Each new offset is one of those that are valid for the most remaining pixels, counted for all offsets at once by a
    correlation; of these, the one whose colours are the most similar to the membrane's.
    """
    rows, cols = np.nonzero(~level.context)
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
        remaining = np.flatnonzero(bare[rows, cols])
        offset = _most_similar(level, np.stack([row, col], 1), rows[remaining], cols[remaining])
        have += _shifted(level.source, offset, rows, cols)
        bare[rows, cols] = have < choices
        added.append(offset)
    return np.array(added, np.intp).reshape(-1, 2)


def _most_similar(level: Level, offsets: Offsets, rows: Offsets, cols: Offsets) -> Offsets:
    """Return the offset that gives the pixels (rows, cols) the colours most similar to the membrane's."""
    differences = []
    for offset in offsets:
        served = _shifted(level.source, offset, rows, cols)
        y, x = rows[served], cols[served]
        differences.append(np.abs(level.image[y + offset[0], x + offset[1]] - level.image[y, x]).mean())
    return np.asarray(offsets[int(np.argmin(differences))])
