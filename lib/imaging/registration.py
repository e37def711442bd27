"""Estimates how one picture was shifted, zoomed and turned into another: pyramid, Gauss-Newton, robust weights."""

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
BORDER = 3  # pixels of each level's edge that are not looked at
TUNING = 2.5  # robust weights fall to a quarter at this many deviations
STRONG = 0.25  # the part of the samples that says what fits: a plain sky always does
ENOUGH = 150  # samples below which nothing is estimated
TRIAL_STEPS = 10  # Gauss-Newton steps that each guess gets at the coarsest level; only the best goes on
STEPS = (40, 20, 20)  # steps at most then, from the coarsest level on; the last for all finer ones
SETTLED = 0.01  # pixels of a level: a smaller step is the last
SEARCH = 12  # pixels of the coarsest level that the first guess may be away


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a pixel went: a point z = x + iy, counted from the picture's centre, to `turn` z + `shift`.

    The factor's length is the zoom, its angle the rotation; the shift is in pixels.
    """

    turn: complex = 1 + 0j
    shift: complex = 0j

    def farthest(self, other: Motion, width: int, height: int) -> float:
        """The largest distance in pixels between where the two put a point of the picture: at a corner."""
        corners = (complex(x * width / 2, y * height / 2) for x in (-1, 1) for y in (-1, 1))
        return max(abs((self.turn - other.turn) * z + self.shift - other.shift) for z in corners)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A motion, and the mean absolute error in levels that it leaves at the strongest gradients (cut off at 30).

    settled: whether the last step was a small one; if not, the motion is still on its way.
    """

    motion: Motion
    residual: float
    settled: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """Pixels of one level of the original.

    x, y: (N,) places in full-size pixels from the centre. slopes: (N, 4), the change of the luma by the real and
    the imaginary part of the turn (for the farthest pixel to move by one) and of the shift. colours: (N, 4), the
    channels and a one. strong: (N,), the part with the strongest gradients.
    """

    x: Floats
    y: Floats
    slopes: Floats
    colours: Floats
    strong: Bools

    @property
    def both_ways(self) -> float:
        """How much the strong gradients vary across their main direction, as a part of that: 0 to 1."""
        gradients = self.slopes[self.strong, 2:].astype(float)
        weak, main = np.linalg.eigvalsh(gradients.T @ gradients)
        return float(weak / main) if main else 0.0


class Pair:
    """An original and a returned picture of one size as pyramids, and which cells of the original count."""

    def __init__(self, original: Picture, returned: Picture, usable: Bools, cell: int) -> None:
        """usable: one for each `cell` × `cell` pixels (a power of 2); a rest at the right and bottom is left out."""
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
        """The number of the coarsest level, where one pixel is one cell; 0 is full size."""
        return len(self.originals) - 1

    def samples(self, level: int, usable: Bools) -> Samples:
        """The most textured pixel and one more of every usable cell."""
        down, right = _gradients(self.originals[level])
        texture = np.abs(down) + np.abs(right)
        texture[:BORDER] = texture[-BORDER:] = -1
        texture[:, :BORDER] = texture[:, -BORDER:] = -1
        at = _picked(texture, self.cell >> level, usable)
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
        """The returned luma where `motion` puts the samples, and which of them are inside the picture."""
        scale, turn, shift = 1 << level, motion.turn, motion.shift
        x = samples.x * turn.real - samples.y * turn.imag + (shift.real + self.centre[0])
        y = samples.x * turn.imag + samples.y * turn.real + (shift.imag + self.centre[1])
        return bilinear(self.returneds[level], x / scale - 0.5, y / scale - 0.5)

    def refine(self, level: int, samples: Samples, motion: Motion, steps: int) -> Estimate:
        """Gauss-Newton by inverse composition: the original's slopes serve every step.

        Gains of the channels and a common bias are solved along, as a tint looks like motion where brightness
        changes slowly. (Baker and Matthews, Lucas-Kanade 20 years on, IJCV 2004.)
        """
        model = np.concatenate([samples.slopes, samples.colours], 1)
        colour, residual = LUMA, math.inf
        for _ in range(steps):
            found, colour, residual = self._step(level, samples, model, motion, colour)
            gain = float(np.clip(colour[:3].sum(), 0.5, 2))
            turn = 1 + complex(found[0], found[1]) / (gain * self.reach)
            shift = complex(found[2], found[3]) / gain
            motion = Motion(motion.turn / turn, motion.shift - motion.turn * shift / turn)
            if abs(shift) + abs(turn - 1) * self.reach < SETTLED * (1 << level):
                return Estimate(motion, residual, True)
        return Estimate(motion, residual, False)

    def judge(self, level: int, samples: Samples, motion: Motion, steps: int = 4) -> float:
        """The residual that a motion leaves when only the colours are fitted."""
        colour, residual = LUMA, math.inf
        for _ in range(steps):
            _, colour, residual = self._step(level, samples, samples.colours, motion, colour)
        return residual

    def _step(
        self, level: int, samples: Samples, model: Floats, motion: Motion, colour: Floats
    ) -> tuple[NDArray[np.float64], Floats, float]:
        """Weighted least squares once: the change of all parameters, the new colour, the residual before it."""
        value, inside = self.moved(level, samples, motion)
        error = value - samples.colours @ colour
        weight, residual = robust_weights(error, inside, samples.strong)
        weighted = model * weight[:, None]
        normal = (weighted.T @ model).astype(float)
        normal[np.diag_indices_from(normal)] += 1e-4 * np.diag(normal) + 1e-6
        found = np.linalg.solve(normal, (weighted.T @ error).astype(float))
        return found, colour + found[-4:].astype(np.float32), residual


def register(pair: Pair, usable: Bools, guesses: Sequence[Motion], finest: int = 0) -> Estimate | None:
    """The motion found from the usable cells, from the best of the guesses down to level `finest`; None: too few."""
    level = pair.coarsest
    samples = pair.samples(level, usable)
    if len(samples.x) < ENOUGH:
        return None
    trials = [pair.refine(level, samples, guess, TRIAL_STEPS) for guess in dict.fromkeys(guesses)]
    best = min(trials, key=lambda e: e.residual)
    estimate = best if best.settled else pair.refine(level, samples, best.motion, STEPS[0])
    for level in range(pair.coarsest - 1, finest - 1, -1):
        steps = STEPS[min(pair.coarsest - level, len(STEPS) - 1)]
        estimate = pair.refine(level, pair.samples(level, usable), estimate.motion, steps)
    return estimate


def guess_shift(pair: Pair, zoom: float = 1.0) -> Motion:
    """A shift by phase correlation of the usable part of the coarsest level, for a given zoom."""
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
    """A weight for each sample, small for those that do not fit, and the mean absolute error cut off at 30 levels."""
    size = np.abs(error[inside & strong])
    if size.size < ENOUGH:
        return np.zeros_like(error), math.inf
    deviation = np.float32(TUNING * (1.4826 * np.median(size) + 0.3))
    weight = 1 / (1 + np.square(error / deviation))
    return np.square(weight) * inside, float(np.minimum(size, 30).mean())


def _luma(red: NDArray[Any], green: NDArray[Any], blue: NDArray[Any]) -> Floats:
    """A quarter red, half green, a quarter blue: near enough to brightness, and exact."""
    total = red.astype(np.float32)
    total += blue
    total += green
    total += green
    return total * np.float32(0.25)


def bilinear(picture: Floats, x: Floats, y: Floats) -> tuple[Floats, Bools]:
    """Values at fractional places (pixel centres are whole numbers), and which of these are inside."""
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
    """As `bilinear`, with Catmull and Rom's weights: slower, and it blurs much less."""
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
    """Of the pixels at -1, 0, 1 and 2, for a place `t` after pixel 0."""
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]


def _pyramid(full: Floats, cell: int) -> list[Floats]:
    """The picture, halved until one pixel is one cell; full size is smoothed a little, against noise."""
    levels = [full]
    while cell > 1:
        last = levels[-1]
        levels.append((last[::2, ::2] + last[1::2, ::2] + last[::2, 1::2] + last[1::2, 1::2]) * np.float32(0.25))
        cell //= 2
    levels[0] = smoothed(full)
    return levels


def smoothed(picture: Floats) -> Floats:
    """After a binomial 3×3 filter; the outermost pixels are only smoothed along the edge or not at all."""
    result = picture.copy()
    result[1:-1] += (picture[:-2] + picture[2:] - 2 * picture[1:-1]) * np.float32(0.25)
    across = result[:, :-2] + result[:, 2:] - 2 * result[:, 1:-1]
    result[:, 1:-1] += across * np.float32(0.25)
    return result


def _gradients(picture: Floats) -> tuple[Floats, Floats]:
    """Central differences down and to the right; 0 at the edges."""
    down, right = np.zeros_like(picture), np.zeros_like(picture)
    np.subtract(picture[2:], picture[:-2], out=down[1:-1])
    np.subtract(picture[:, 2:], picture[:, :-2], out=right[:, 1:-1])
    return down * np.float32(0.5), right * np.float32(0.5)


def _picked(texture: Floats, cell: int, usable: Bools) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the most textured pixel of each usable cell, and of one more."""
    rows, cols = np.nonzero(usable)
    if cell > 1:
        cells = texture.reshape(usable.shape[0], cell, usable.shape[1], cell).transpose(0, 2, 1, 3)
        best = cells.reshape(*usable.shape, cell * cell).argmax(2)[rows, cols]
        other = np.random.default_rng(0).integers(0, cell * cell, len(rows))
        offsets = np.concatenate([best, other[other != best]])
        rows, cols = np.concatenate([rows, rows[other != best]]), np.concatenate([cols, cols[other != best]])
        rows, cols = rows * cell + offsets // cell, cols * cell + offsets % cell
    keep = texture[rows, cols] >= 0
    return rows[keep], cols[keep]
