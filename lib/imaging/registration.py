"""Registers two pictures by a shift, zoom and rotation: Gauss-Newton on an image pyramid, with robust weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Picture = NDArray[np.uint8]

LUMA: Floats = np.array([0.25, 0.5, 0.25, 0], np.float32)  # of red, green, blue and a one
BORDER = 3  # pixels at the edge of each level that are not used
TUNING = 2.5  # robust weights fall to a quarter at this many deviations
STRONG = 0.25  # the fraction of the samples that the residual is measured at: a plain sky always fits
MIN_SAMPLES = 150  # for an estimate
TRIAL_STEPS = 10  # Gauss-Newton steps for each guess at the coarsest level; only the best is refined further
MAX_STEPS = (40, 20, 20)  # from the coarsest level on; the last is for all finer levels
CONVERGED = 0.01  # pixels of a level: a smaller step is the last
SEARCH = 12  # pixels of the coarsest level: the largest shift that is searched for


@dataclass(frozen=True, slots=True)
class Motion:
    """A similarity: it maps a point z = x + iy, measured from the picture's centre, to `turn` z + `shift`.

    The absolute value of `turn` is the zoom, its angle the rotation; `shift` is in pixels.
    """

    turn: complex = 1 + 0j
    shift: complex = 0j

    def max_distance(self, other: Motion, width: int, height: int) -> float:
        """Return the largest distance in pixels between the images of a point under both, which is at a corner."""
        corners = (complex(x * width / 2, y * height / 2) for x in (-1, 1) for y in (-1, 1))
        return max(abs((self.turn - other.turn) * z + self.shift - other.shift) for z in corners)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated motion.

    residual: the mean absolute error in levels at the strongest gradients, each limited to 30.
    converged: whether the last step was small enough.
    """

    motion: Motion
    residual: float
    converged: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """Sample pixels of one level of the original.

    x, y: (N,), the position in full-size pixels from the centre.
    slopes: (N, 4), the derivatives of the luma by the real and the imaginary part of `turn` (scaled so that the
    farthest pixel moves by one) and of `shift`.
    colours: (N, 4), the channels and a one.
    strong: (N,), whether the gradient is one of the strongest.
    """

    x: Floats
    y: Floats
    slopes: Floats
    colours: Floats
    strong: Bools

    @property
    def isotropy(self) -> float:
        """The strong gradients' energy across their main direction, as a fraction of that along it: 0 to 1."""
        gradients = self.slopes[self.strong, 2:].astype(float)
        across, along = np.linalg.eigvalsh(gradients.T @ gradients)
        return float(across / along) if along else 0.0


class Pair:
    """An original and a returned picture of the same size, as pyramids."""

    def __init__(self, original: Picture, returned: Picture, usable: Bools, cell: int) -> None:
        """Build the pyramids.

        usable: (rows, columns), whether each cell of `cell` × `cell` pixels is used; `cell` is a power of 2. Pixels
        beyond the last whole cell at the right and bottom are ignored.
        """
        rows, cols = usable.shape
        self.cell, self.usable = cell, usable
        self.centre = original.shape[1] / 2, original.shape[0] / 2
        self.reach = max(self.centre)
        crop = (slice(rows * cell), slice(cols * cell))
        self.channels = [_pyramid(original[crop][..., band].astype(np.float32), cell) for band in range(3)]
        self.originals = [_luma(*bands) for bands in zip(*self.channels, strict=True)]
        self.returneds = _pyramid(_luma(*np.moveaxis(returned[crop][..., :3], 2, 0)), cell)

    @property
    def coarsest(self) -> int:
        """The coarsest level, where a pixel is a cell; level 0 is full size."""
        return len(self.originals) - 1

    def samples(self, level: int, usable: Bools) -> Samples:
        """Return the most textured pixel and a random one of every usable cell."""
        down, right = _gradients(self.originals[level])
        texture = np.abs(down) + np.abs(right)
        texture[:BORDER] = texture[-BORDER:] = -1
        texture[:, :BORDER] = texture[:, -BORDER:] = -1
        at = _select_pixels(texture, self.cell >> level, usable)
        scale = np.float32(1 << level)
        x = ((at[1] + 0.5) * scale - self.centre[0]).astype(np.float32)
        y = ((at[0] + 0.5) * scale - self.centre[1]).astype(np.float32)
        gx, gy = right[at] / scale, down[at] / scale
        slopes = np.stack([(gx * x + gy * y) / self.reach, (gy * x - gx * y) / self.reach, gx, gy], 1)
        colours = np.stack([*(bands[level][at] for bands in self.channels), np.ones_like(x)], 1)
        strength = texture[at]
        strong = strength >= np.quantile(strength, 1 - STRONG) if len(x) else np.zeros(0, bool)
        return Samples(x, y, slopes.astype(np.float32), colours, strong)

    def moved(self, level: int, samples: Samples, motion: Motion) -> tuple[Floats, Bools]:
        """Return the returned picture's luma at the moved samples, and which of them are inside the picture."""
        scale, turn, shift = 1 << level, motion.turn, motion.shift
        x = samples.x * turn.real - samples.y * turn.imag + (shift.real + self.centre[0])
        y = samples.x * turn.imag + samples.y * turn.real + (shift.imag + self.centre[1])
        return bilinear(self.returneds[level], x / scale - 0.5, y / scale - 0.5)

    def refine(self, level: int, samples: Samples, motion: Motion, steps: int) -> Estimate:
        """Refine a motion by Gauss-Newton with inverse composition, so that every step uses the original's slopes.

        The gains of the channels and a common bias are solved for as well, because a tint looks like motion where the
        brightness changes slowly. (Baker and Matthews, Lucas-Kanade 20 Years On, IJCV 2004.)
        """
        model = np.concatenate([samples.slopes, samples.colours], 1)
        colour, residual = LUMA, math.inf
        for _ in range(steps):
            change, colour, residual = self._step(level, samples, model, motion, colour)
            gain = float(np.clip(colour[:3].sum(), 0.5, 2))
            turn = 1 + complex(change[0], change[1]) / (gain * self.reach)
            shift = complex(change[2], change[3]) / gain
            motion = Motion(motion.turn / turn, motion.shift - motion.turn * shift / turn)
            if abs(shift) + abs(turn - 1) * self.reach < CONVERGED * (1 << level):
                return Estimate(motion, residual, True)
        return Estimate(motion, residual, False)

    def residual(self, level: int, samples: Samples, motion: Motion, steps: int = 4) -> float:
        """Return the residual of a motion when only the colours are fitted."""
        colour, residual = LUMA, math.inf
        for _ in range(steps):
            _, colour, residual = self._step(level, samples, samples.colours, motion, colour)
        return residual

    def _step(
        self, level: int, samples: Samples, model: Floats, motion: Motion, colour: Floats
    ) -> tuple[NDArray[np.float64], Floats, float]:
        """Solve weighted least squares; return the change of all parameters, the new colour, the residual before."""
        value, inside = self.moved(level, samples, motion)
        error = value - samples.colours @ colour
        weight, residual = robust_weights(error, inside, samples.strong)
        weighted = model * weight[:, None]
        normal = (weighted.T @ model).astype(float)
        normal[np.diag_indices_from(normal)] += 1e-4 * np.diag(normal) + 1e-6
        change = np.linalg.solve(normal, (weighted.T @ error).astype(float))
        return change, colour + change[-4:].astype(np.float32), residual


def register(pair: Pair, usable: Bools, guesses: Sequence[Motion], finest: int = 0) -> Estimate | None:
    """Estimate the motion from the usable cells, from the best guess down to level `finest`; None for too few cells."""
    level = pair.coarsest
    samples = pair.samples(level, usable)
    if len(samples.x) < MIN_SAMPLES:
        return None
    trials = [pair.refine(level, samples, guess, TRIAL_STEPS) for guess in dict.fromkeys(guesses)]
    best = min(trials, key=lambda trial: trial.residual)
    estimate = best if best.converged else pair.refine(level, samples, best.motion, MAX_STEPS[0])
    for level in range(pair.coarsest - 1, finest - 1, -1):
        steps = MAX_STEPS[min(pair.coarsest - level, len(MAX_STEPS) - 1)]
        estimate = pair.refine(level, pair.samples(level, usable), estimate.motion, steps)
    return estimate


def guess_shift(pair: Pair, zoom: float = 1.0) -> Motion:
    """Return a shift, for a given zoom, by phase correlation of the usable part of the coarsest level."""
    level = pair.coarsest
    original, returned = pair.originals[level], pair.returneds[level]
    rows, cols = original.shape
    if zoom != 1:
        y, x = np.mgrid[:rows, :cols].astype(np.float32)
        returned, _ = bilinear(returned, (x - cols / 2) * zoom + cols / 2, (y - rows / 2) * zoom + rows / 2)
    window = np.outer(np.hanning(rows), np.hanning(cols)) * pair.usable
    spectra = [np.fft.rfft2((p - (p * pair.usable).sum() / pair.usable.sum()) * window) for p in (original, returned)]
    cross = spectra[0].conj() * spectra[1]
    strength = np.abs(cross)
    peaks = np.fft.irfft2(cross / (strength + 1e-3 * strength.max() + 1e-9), s=(rows, cols))
    reach = min(SEARCH, rows // 2 - 1, cols // 2 - 1)
    near = np.roll(peaks, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    row, col = np.unravel_index(near.argmax(), near.shape)
    return Motion(complex(zoom), complex(int(col) - reach, int(row) - reach) * zoom * (1 << level))


def robust_weights(error: Floats, inside: Bools, strong: Bools) -> tuple[Floats, float]:
    """Return a weight for each sample, small for outliers, and the mean absolute error, each limited to 30 levels."""
    absolute = np.abs(error[inside & strong])
    if absolute.size < MIN_SAMPLES:
        return np.zeros_like(error), math.inf
    deviation = np.float32(TUNING * (1.4826 * np.median(absolute) + 0.3))
    weight = 1 / (1 + np.square(error / deviation))
    return np.square(weight) * inside, float(np.minimum(absolute, 30).mean())


def _luma(red: NDArray[Any], green: NDArray[Any], blue: NDArray[Any]) -> Floats:
    """Return a quarter red, half green and a quarter blue: close to the brightness, and exact in floating point."""
    total = red.astype(np.float32)
    total += blue
    total += green
    total += green
    return total * np.float32(0.25)


def bilinear(picture: Floats, x: Floats, y: Floats) -> tuple[Floats, Bools]:
    """Return the values at fractional positions, integers being pixel centres, and which of them are inside."""
    rows, cols = picture.shape
    left = np.clip(np.floor(x), 0, cols - 2).astype(np.int32)
    top = np.clip(np.floor(y), 0, rows - 2).astype(np.int32)
    inside = (x >= 1) & (y >= 1) & (x <= cols - 2) & (y <= rows - 2)
    fx, fy = x - left, y - top
    flat, at = picture.ravel(), top * np.int32(cols) + left
    upper = flat[at] + (flat[at + 1] - flat[at]) * fx
    at += cols
    lower = flat[at] + (flat[at + 1] - flat[at]) * fx
    return upper + (lower - upper) * fy, inside


def bicubic(picture: Floats, x: Floats, y: Floats) -> tuple[Floats, Bools]:
    """Like `bilinear`, but with Catmull-Rom weights: slower, with much less blur."""
    rows, cols = picture.shape
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside = (x >= 1) & (y >= 1) & (x <= cols - 2) & (y <= rows - 2)
    across, down = _cubic_weights(x - left), _cubic_weights(y - top)
    value = np.zeros_like(x)
    for i, row_weight in enumerate(down):
        row = np.clip(top + (i - 1), 0, rows - 1) * np.int32(cols)
        for j, weight in enumerate(across):
            value += row_weight * weight * picture.ravel()[row + np.clip(left + (j - 1), 0, cols - 1)]
    return value, inside


def _cubic_weights(t: Floats) -> list[NDArray[Any]]:
    """Return the weights of the pixels at -1, 0, 1 and 2 for the position `t`, from 0 to 1."""
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]


def _pyramid(full: Floats, cell: int) -> list[Floats]:
    """Return the picture at full size, smoothed against noise, and halved until a pixel is a cell."""
    levels = [full]
    while cell > 1:
        last = levels[-1]
        levels.append((last[::2, ::2] + last[1::2, ::2] + last[::2, 1::2] + last[1::2, 1::2]) * np.float32(0.25))
        cell //= 2
    levels[0] = smooth(full)
    return levels


def smooth(picture: Floats) -> Floats:
    """Apply a binomial 3×3 filter; pixels at the edge are smoothed along it only, and the corners not at all."""
    result = picture.copy()
    result[1:-1] += (picture[:-2] + picture[2:] - 2 * picture[1:-1]) * np.float32(0.25)
    across = result[:, :-2] + result[:, 2:] - 2 * result[:, 1:-1]
    result[:, 1:-1] += across * np.float32(0.25)
    return result


def _gradients(picture: Floats) -> tuple[Floats, Floats]:
    """Return the central differences down and to the right; 0 at the edges."""
    down, right = np.zeros_like(picture), np.zeros_like(picture)
    np.subtract(picture[2:], picture[:-2], out=down[1:-1])
    np.subtract(picture[:, 2:], picture[:, :-2], out=right[:, 1:-1])
    return down * np.float32(0.5), right * np.float32(0.5)


def _select_pixels(texture: Floats, cell: int, usable: Bools) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and columns of the most textured pixel of each usable cell, and of a random one."""
    rows, cols = np.nonzero(usable)
    if cell > 1:
        cells = texture.reshape(usable.shape[0], cell, usable.shape[1], cell).transpose(0, 2, 1, 3)
        best = cells.reshape(*usable.shape, cell * cell).argmax(2)[rows, cols]
        other = np.random.default_rng(0).integers(0, cell * cell, len(rows))
        offsets = np.concatenate([best, other[other != best]])
        rows, cols = np.concatenate([rows, rows[other != best]]), np.concatenate([cols, cols[other != best]])
        rows, cols = rows * cell + offsets // cell, cols * cell + offsets % cell
    not_border = texture[rows, cols] >= 0
    return rows[not_border], cols[not_border]
