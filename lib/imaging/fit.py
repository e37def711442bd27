"""Lines a returned picture up with the original and matches its colours, or leaves it as it came."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from lib.imaging.registration import Bools, Motion, Pair, Picture, bicubic, bilinear, guess_shift, register, smoothed
from lib.imaging.resampling import moved

MEAN_CELLS = 128  # cells along the mean side of a picture
GROWN = 3  # cells around the selection that are not trusted either: 24 pixels of 1024
BOARD = 8  # cells along a square of the checkerboard whose two colours are fitted apart
SMALLEST = 48  # pixels of a side below which nothing is estimated
ENOUGH = 400  # usable cells for an estimate, of 16,384 in a square picture
ZOOMS = (1.0, 0.96, 1.04)

AGREEMENT = 1.0  # pixels that the two halves may differ from the whole, anywhere in the picture
GAIN = 0.97  # the residual, as a part of the one without motion, that makes a motion worth it
ONE_WAY = 0.005  # the weaker direction's part of the gradients below which all edges are parallel
STILL = 0.1  # pixels of motion that are not worth resampling
FARTHEST = 1 / 12  # of the longer side: a shift beyond it is not believed
MOST_ZOOM, MOST_TURN = 0.09, 5.0  # parts of one; degrees

SAFE_GAIN = 1.25  # a colour gain that is believed without motion, either way
SAFE_ERROR = 6.0  # levels that a colour match may leave then
UNSEEN = 0.25  # levels of tint that are not worth changing
MOST_CLIPPED = 5.0  # of 255: a cell with a larger part of clipped pixels says nothing about a tint
LEAST_TRUST = 1e-3  # but is all there is where a whole channel is clipped
RIDGE = 10.0  # levels²: what pulls the gain to 1 where a channel hardly varies


@dataclass(frozen=True, slots=True)
class Colour:
    """How the colours changed: returned = gain × original + bias, for red, green and blue, in levels of 255."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def levels(self) -> float:
        """The mean change of dark, middle and light grey."""
        return float(
            np.mean([abs(g * v + b - v) for g, b in zip(self.gain, self.bias, strict=True) for v in (64, 128, 192)])
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """What was found, and is to be undone. Where it could not be trusted, motion and colour say "none".

    accepted: whether the place of the picture is known (it may need no motion). reason: a few words on why.
    """

    motion: Motion = Motion()
    colour: Colour = Colour()
    accepted: bool = False
    reason: str = ""

    @property
    def drift(self) -> dict[str, float]:
        """For reports: shift in pixels, zoom in percent, rotation in degrees, colour in levels."""
        turn = self.motion.turn
        return {
            "shift": round(abs(self.motion.shift), 2),
            "zoom": round((abs(turn) - 1) * 100, 3),
            "rotation": round(math.degrees(math.atan2(turn.imag, turn.real)), 3),
            "colour": round(self.colour.levels, 2),
        }


def fit(original: Picture, returned: Picture, protected: Bools) -> Fit:
    """How `returned` drifted from `original` (both H×W×3 or more channels, of one size).

    protected: H×W, True where the endpoint should have left the picture alone. What is near its edge is not
    trusted. Nothing is changed here: see `apply`.
    """
    if original.shape[:2] != returned.shape[:2] or protected.shape != original.shape[:2]:
        raise ValueError("the original, the returned picture and the protected pixels differ in size")
    if protected.any() and np.array_equal(original[protected][:, :3], returned[protected][:, :3]):
        return Fit(accepted=True, reason="identical")
    cell = _cell(*protected.shape)
    usable = _usable(protected, cell)
    if min(protected.shape) < SMALLEST or usable.sum() < ENOUGH:
        return Fit(reason="too few protected pixels")
    pair = Pair(original, returned, usable, cell)
    motion, accepted, reason = _placed(pair, protected.shape[1], protected.shape[0])
    colour = _matched(pair, returned, motion, trusted=accepted)
    return Fit(motion, colour, accepted, reason)


def apply(returned: Picture, found: Fit, shown: Bools | None = None) -> Picture:
    """The returned picture with the drift undone, by one resampling at most; a fourth channel is carried along.

    shown: H×W, where the result will be seen and is to be sharp (default: everywhere).
    """
    if found.motion == Motion():
        return returned if found.colour == Colour() else _recoloured(returned, found.colour)
    picture = returned.astype(np.float32)
    clear = picture.shape[2] == 4 and picture[..., 3].min() < 255
    sharp = np.ones(picture.shape[:2], bool) if shown is None else shown
    if clear:
        # Colour that cannot be seen must not bleed into what can; a sharp kernel would ring at the alpha's edges.
        picture[..., :3] *= picture[..., 3:] / 255
        sharp = np.zeros_like(sharp)
    picture = moved(picture, found.motion, sharp)
    if clear:
        picture[..., :3] *= 255 / np.maximum(picture[..., 3:], 1)
    bias, gain = (np.asarray(values, np.float32) for values in (found.colour.bias, found.colour.gain))
    picture[..., :3] = (picture[..., :3] - bias) / gain
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _placed(pair: Pair, width: int, height: int) -> tuple[Motion, bool, str]:
    """The motion if it can be trusted, whether the place is known, and why."""
    guesses = [Motion(), *(guess_shift(pair, zoom) for zoom in ZOOMS)]
    found = register(pair, pair.usable, guesses)
    if found is None:
        return Motion(), False, "too little texture"
    motion = found.motion
    if not _believable(motion, max(width, height)):
        return Motion(), False, "the drift found is too large to be believed"
    if not found.settled:
        return Motion(), False, "the estimate does not settle"
    rows, cols = (np.arange(n) // BOARD for n in pair.usable.shape)
    board = np.add.outer(rows, cols) % 2 == 0
    halves = [register(pair, pair.usable & half, guesses, min(1, pair.coarsest)) for half in (board, ~board)]
    if any(half is None or half.motion.farthest(motion, width, height) > AGREEMENT for half in halves):
        return Motion(), False, "two halves of the picture disagree"
    samples = pair.samples(0, pair.usable)
    if samples.both_ways < ONE_WAY:
        # Wires in a clear sky: a shift along them cannot be seen, and the halves agree on any.
        return Motion(), False, "all edges run one way"
    still = motion.farthest(Motion(), width, height) < STILL
    if still or pair.judge(0, samples, motion) > GAIN * pair.judge(0, samples, Motion()):
        near = motion.farthest(Motion(), width, height) <= AGREEMENT
        return Motion(), near, "in place already" if near else "no better than as it came"
    return motion, True, "lined up"


def _believable(motion: Motion, longest: int) -> bool:
    turn = motion.turn
    return (
        abs(abs(turn) - 1) < MOST_ZOOM
        and abs(math.degrees(math.atan2(turn.imag, turn.real))) < MOST_TURN
        and abs(motion.shift) < FARTHEST * longest
    )


def _matched(pair: Pair, returned: Picture, motion: Motion, *, trusted: bool) -> Colour:
    """The tint, from means over cells, so that sharpness plays no part; none where it cannot be trusted."""
    level = pair.coarsest
    rows, cols = np.nonzero(pair.usable)
    scale = 1 << level
    place = (cols + 0.5) * scale - pair.centre[0] + 1j * ((rows + 0.5) * scale - pair.centre[1])
    there = motion.turn * place + motion.shift
    x, y = (there.real + pair.centre[0]) / scale - 0.5, (there.imag + pair.centre[1]) / scale - 0.5
    small = np.asarray(Image.fromarray(returned[..., :3]).reduce(scale), np.float32)
    clipped = ((returned[..., :3] < 2) | (returned[..., :3] > 253)).astype(np.uint8)
    spoilt = np.asarray(Image.fromarray(clipped * np.uint8(255)).reduce(scale), np.float32)
    befores, afters, trusts, inside = [], [], [], np.ones(len(rows), bool)
    for band in range(3):
        befores.append(smoothed(pair.channels[band][level])[rows, cols])
        # Bilinear values would be blurred, hence less varied than the original's: the gain would come out too small.
        after, inside = bicubic(smoothed(small[..., band]), x, y)
        afters.append(after)
        trusts.append(np.maximum(1 - bilinear(smoothed(spoilt[..., band]), x, y)[0] / MOST_CLIPPED, LEAST_TRUST))
    if inside.sum() < ENOUGH:
        return Colour()
    colour, error = _tint(*(np.stack(values, 1)[inside] for values in (befores, afters, trusts)))
    safe = all(1 / SAFE_GAIN < gain < SAFE_GAIN for gain in colour.gain) and error < SAFE_ERROR
    return colour if (trusted or safe) and colour.levels > UNSEEN else Colour()


def _tint(before: Any, after: Any, trust: Any) -> tuple[Colour, float]:
    """Gain and bias of each channel by robust least squares over (N, 3) cells, and the median error left, in levels."""
    weight, error = trust, math.inf
    gain, bias = np.ones(3), np.zeros(3)
    for _ in range(6):
        total = weight.sum(0)
        mean_before, mean_after = ((weight * side).sum(0) / total for side in (before, after))
        spread = before - mean_before
        shared = (weight * spread * (after - mean_after)).sum(0) + RIDGE * total
        gain = shared / ((weight * np.square(spread)).sum(0) + RIDGE * total)
        bias = mean_after - gain * mean_before
        worst = (np.abs(after - before * gain - bias) * (trust > LEAST_TRUST)).max(1)
        error = float(np.median(worst))
        fitting = np.square(1 / (1 + np.square(worst / (2.5 * (1.4826 * error + 0.2)))))
        weight = trust * fitting[:, None]
    gains, biases = gain.tolist(), bias.tolist()
    return Colour((gains[0], gains[1], gains[2]), (biases[0], biases[1], biases[2])), error


def _recoloured(returned: Picture, colour: Colour) -> Picture:
    """The tint undone by a table for each channel; places stay as they are."""
    result = returned.copy()
    for band, (gain, bias) in enumerate(zip(colour.gain, colour.bias, strict=True)):
        table = np.rint(np.clip((np.arange(256) - bias) / gain, 0, 255)).astype(np.uint8)
        result[..., band] = table[returned[..., band]]
    return result


def _cell(height: int, width: int) -> int:
    """Pixels along a cell: the power of two that gives about 128 of them along the mean side."""
    mean_side = math.sqrt(height * width)
    return int(2 ** max(0, round(math.log2(max(1, mean_side / MEAN_CELLS)))))


def _usable(protected: Bools, cell: int) -> Bools:
    """For each whole cell, whether it and the cells around it are protected."""
    rows, cols = protected.shape[0] // cell, protected.shape[1] // cell
    cells = protected[: rows * cell, : cols * cell].reshape(rows, cell, cols, cell)
    far = np.asarray(np.pad(cells.all((1, 3)), GROWN, constant_values=True), bool)
    for axis in (0, 1):
        far = np.asarray(np.lib.stride_tricks.sliding_window_view(far, 2 * GROWN + 1, axis).all(-1))
    return far
