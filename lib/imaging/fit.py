"""Aligns a returned picture with the original and matches its colours, if that can be done reliably."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lib.imaging.colour import MIN_CONFIDENCE, Cells, Colour, ColourChange, fit_tint, measure_change
from lib.imaging.registration import Bools, Motion, Pair, Picture, bicubic, bilinear, guess_shift, register, smooth
from lib.imaging.resampling import move

MEAN_CELLS = 128  # cells along the mean side of a picture
MARGIN_CELLS = 3  # cells around the selection that are not used either: 24 pixels of 1024
BOARD_CELLS = 8  # cells along a square of the checkerboard whose two halves are registered separately
MIN_SIDE = 48  # pixels: nothing is estimated for a picture with a shorter side
MIN_CELLS = 400  # usable cells for an estimate, of 16,384 in a square picture
ZOOMS = (1.0, 0.96, 1.04)

MAX_DISAGREEMENT = 1.0  # pixels between the two halves and the whole, anywhere in the picture
MAX_RESIDUAL = 0.97  # of the residual without motion: a motion that leaves more is not applied
MIN_ISOTROPY = 0.005  # the weaker direction's part of the gradients, below which all edges are parallel
MIN_MOTION = 0.1  # pixels: a smaller motion is not worth resampling
MAX_SHIFT = 1 / 12  # of the longer side
MAX_ZOOM, MAX_ROTATION = 0.09, 5.0  # as a fraction; degrees
COARSE_MARGIN = 1.5  # times these limits: a motion beyond them at the coarsest level is not refined

SAFE_GAIN = 1.25  # a colour gain, or its reciprocal, that is accepted even if the motion isn't
SAFE_ERROR = 6.0  # levels of error that the colours may have then
MIN_TINT = 0.25  # levels: a smaller tint is not worth correcting
MAX_CLIPPED = 5.0  # of 255: a cell with more clipped pixels carries no information about the tint


@dataclass(frozen=True, slots=True)
class Fit:
    """The estimated change of a picture. An unreliable motion or colour is left at its default, no change.

    accepted: whether the position of the picture is known (it may need no motion). reason: a few words on why, which
    scripts may read in the report. change: the change of the colours whatever it is, None if it can't be measured.
    """

    motion: Motion = Motion()
    colour: Colour = Colour()
    accepted: bool = False
    reason: str = ""
    change: ColourChange | None = None

    @property
    def misalignment(self) -> dict[str, float]:
        """The change as in reports: shift in pixels, zoom in percent, rotation in degrees, colour in levels."""
        turn = self.motion.turn
        return {
            "shift": round(abs(self.motion.shift), 2),
            "zoom": round((abs(turn) - 1) * 100, 3),
            "rotation": round(math.degrees(math.atan2(turn.imag, turn.real)), 3),
            "colour": round(self.colour.levels, 2),
        }


def estimate(original: Picture, returned: Picture, protected: Bools, *, align: bool = True) -> Fit:
    """Estimate how `returned` differs from `original` in position and colour, for `correct` to undo.

    Both are H×W×3 or more channels, of the same size.
    protected: H×W, True where the endpoint shouldn't have changed the picture; pixels near its edge are not used.
    Without `align` only the colours are estimated.
    """
    if original.shape[:2] != returned.shape[:2] or protected.shape != original.shape[:2]:
        raise ValueError("the original, the returned picture and the protected pixels differ in size")
    if protected.any() and np.array_equal(original[protected][:, :3], returned[protected][:, :3]):
        return Fit(accepted=True, reason="identical")
    cell = _cell(*protected.shape)
    usable = _usable(protected, cell)
    if min(protected.shape) < MIN_SIDE or usable.sum() < MIN_CELLS:
        return Fit(reason="too few protected pixels")
    pair = Pair(original, returned, usable, cell)
    motion, accepted, reason = Motion(), False, "alignment is off"
    if align:
        motion, accepted, reason = _estimate_motion(pair, protected.shape[1], protected.shape[0])
    cells = _measure_cells(pair, returned, motion)
    if cells is None:
        return Fit(motion, Colour(), accepted, reason)
    colour, error = fit_tint(cells)
    change = measure_change(cells, colour, aligned=accepted)
    safe = all(1 / SAFE_GAIN < gain < SAFE_GAIN for gain in colour.gain) and error < SAFE_ERROR
    if not (accepted or safe):
        colour = Colour()
    return Fit(motion, colour if colour.levels > MIN_TINT else Colour(), accepted, reason, change)


def correct(returned: Picture, fit: Fit, visible: Bools | None = None) -> Picture:
    """Return the picture with the estimated change undone, resampled at most once; a fourth channel moves along.

    visible: H×W, where the result will be visible and has to stay sharp (default: everywhere).
    """
    if fit.motion == Motion():
        return returned if fit.colour == Colour() else _correct_colours(returned, fit.colour)
    picture = returned.astype(np.float32)
    has_transparency = picture.shape[2] == 4 and picture[..., 3].min() < 255
    sharp = np.ones(picture.shape[:2], bool) if visible is None else visible
    if has_transparency:
        # Invisible colours must not bleed into visible ones, and a sharp kernel would ring at the edges of the alpha.
        picture[..., :3] *= picture[..., 3:] / 255
        sharp = np.zeros_like(sharp)
    picture = move(picture, fit.motion, sharp)
    if has_transparency:
        picture[..., :3] *= 255 / np.maximum(picture[..., 3:], 1)
    bias, gain = (np.asarray(values, np.float32) for values in (fit.colour.bias, fit.colour.gain))
    picture[..., :3] = (picture[..., :3] - bias) / gain
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _estimate_motion(pair: Pair, width: int, height: int) -> tuple[Motion, bool, str]:
    """Return the motion if it is reliable, whether the position is known, and the reason."""
    guesses = [Motion(), *(guess_shift(pair, zoom) for zoom in ZOOMS)]
    coarse = register(pair, pair.usable, guesses, pair.coarsest)
    if coarse is None:
        return Motion(), False, "too little texture"
    too_large = Motion(), False, "the drift found is too large to be believed"
    if not _is_plausible(coarse.motion, max(width, height), COARSE_MARGIN):
        return too_large  # another picture, which takes the longest to register
    estimate = register(pair, pair.usable, [coarse.motion])
    if estimate is None:
        return Motion(), False, "too little texture"
    motion = estimate.motion
    if not _is_plausible(motion, max(width, height)):
        return too_large
    if not estimate.converged:
        return Motion(), False, "the estimate does not settle"
    rows, cols = (np.arange(n) // BOARD_CELLS for n in pair.usable.shape)
    board = np.add.outer(rows, cols) % 2 == 0
    halves = [register(pair, pair.usable & half, guesses, min(1, pair.coarsest)) for half in (board, ~board)]
    if any(half is None or half.motion.max_distance(motion, width, height) > MAX_DISAGREEMENT for half in halves):
        return Motion(), False, "two halves of the picture disagree"
    samples = pair.samples(0, pair.usable)
    if samples.isotropy < MIN_ISOTROPY:
        # For example wires in a clear sky: a shift along them is invisible, and the halves agree on any.
        return Motion(), False, "all edges run one way"
    distance = motion.max_distance(Motion(), width, height)
    if distance < MIN_MOTION or pair.residual(0, samples, motion) > MAX_RESIDUAL * pair.residual(0, samples, Motion()):
        near = distance <= MAX_DISAGREEMENT
        return Motion(), near, "in place already" if near else "no better than as it came"
    return motion, True, "lined up"


def _is_plausible(motion: Motion, longest: int, margin: float = 1.0) -> bool:
    turn = motion.turn
    return (
        abs(abs(turn) - 1) < MAX_ZOOM * margin
        and abs(math.degrees(math.atan2(turn.imag, turn.real))) < MAX_ROTATION * margin
        and abs(motion.shift) < MAX_SHIFT * longest * margin
    )


def _measure_cells(pair: Pair, returned: Picture, motion: Motion) -> Cells | None:
    """Return the colours of the cells before and after, None for too few. Means do not depend on the sharpness."""
    level = pair.coarsest
    rows, cols = np.nonzero(pair.usable)
    scale = 1 << level
    position = (cols + 0.5) * scale - pair.centre[0] + 1j * ((rows + 0.5) * scale - pair.centre[1])
    target = motion.turn * position + motion.shift
    x, y = (target.real + pair.centre[0]) / scale - 0.5, (target.imag + pair.centre[1]) / scale - 0.5
    reduced = np.asarray(Image.fromarray(returned[..., :3]).reduce(scale), np.float32)
    clipped = ((returned[..., :3] < 2) | (returned[..., :3] > 253)).astype(np.uint8)
    clipped_part = np.asarray(Image.fromarray(clipped * np.uint8(255)).reduce(scale), np.float32)
    befores, afters, confidences, inside = [], [], [], np.ones(len(rows), bool)
    for band in range(3):
        befores.append(smooth(pair.channels[band][level])[rows, cols])
        # Bilinear values are blurred and vary less than the original's, so the gain would be too small.
        after, inside = bicubic(smooth(reduced[..., band]), x, y)
        afters.append(after)
        clipping = bilinear(smooth(clipped_part[..., band]), x, y)[0]
        confidences.append(np.maximum(1 - clipping / MAX_CLIPPED, MIN_CONFIDENCE))
    if inside.sum() < MIN_CELLS:
        return None
    place = np.column_stack([position.real / pair.centre[0], position.imag / pair.centre[1]])
    before, after, confidence = (np.stack(values, 1)[inside] for values in (befores, afters, confidences))
    return Cells(before, after, confidence, place[inside])


def _correct_colours(returned: Picture, colour: Colour) -> Picture:
    """Return the picture with the tint undone by a look-up table for each channel."""
    result = returned.copy()
    for band, (gain, bias) in enumerate(zip(colour.gain, colour.bias, strict=True)):
        table = np.rint(np.clip((np.arange(256) - bias) / gain, 0, 255)).astype(np.uint8)
        result[..., band] = table[returned[..., band]]
    return result


def _cell(height: int, width: int) -> int:
    """Return the side of a cell in pixels: the power of two that makes about 128 cells along the mean side."""
    mean_side = math.sqrt(height * width)
    return int(2 ** max(0, round(math.log2(max(1, mean_side / MEAN_CELLS)))))


def _usable(protected: Bools, cell: int) -> Bools:
    """Return for each whole cell whether it and the cells around it are protected."""
    rows, cols = protected.shape[0] // cell, protected.shape[1] // cell
    cells = protected[: rows * cell, : cols * cell].reshape(rows, cell, cols, cell)
    usable = np.asarray(np.pad(cells.all((1, 3)), MARGIN_CELLS, constant_values=True), bool)
    for axis in (0, 1):
        usable = np.asarray(np.lib.stride_tricks.sliding_window_view(usable, 2 * MARGIN_CELLS + 1, axis).all(-1))
    return usable
