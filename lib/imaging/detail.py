"""Gives a result that was made at another size the fine detail of the original back, where it kept the structure.

Guided upsampling with a confidence (after He, Sun and Tang, Guided Image Filtering, TPAMI 2013): where the answer is
locally what was sent with another gain, the detail that the model never saw is taken from the original with that gain;
where the model drew something new, its own picture stays. Small shifts of what the model redrew are measured first.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.imaging.cells import grow
from lib.imaging.registration import smooth

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]

POOL = 2  # pixels along a cell of the local statistics
NOISE = 2.0  # levels that an endpoint adds, which say nothing about the structure
CORRELATION = (0.6, 0.9)  # between what was sent and the answer: no detail below, all of it above
CLEAN = (0.7, 1.4)  # levels that the gain doesn't explain: in a clean answer these are part of the edit
CERTAIN = (0.9, 0.97)  # likewise: above, what differs is noise
STRUCTURE = 6.0  # levels of contrast: where that is unlike what was sent, the answer is new
GAINS = (0.3, 3.0)  # of the contrast: outside, the model drew something new
MAX_GAIN = 2.0
RATIOS = (0.7, 1.4)  # of a channel's gain to that of the brightness
SHIFT_CELL = 16  # pixels along a cell of the local shifts
MAX_SHIFT = 2.5  # pixels
MIN_SHIFT = 0.06  # pixels: smaller shifts are not worth resampling
SHIFT_ROUNDS = 3
STIFFNESS = 30.0  # levels²: gradients below say little about a shift
SAMPLES = 256  # along the mean side, for what is measured of the whole picture
MIN_COLOUR = 3.0  # levels of colour in what was sent, to tell whether the answer lost it
COLOURLESS = 0.35  # of that
TILE = 512  # pixels of the result that are made at a time
RESTORED = 0.5  # the confidence from which the detail of a pixel counts as restored
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Restored:
    """A picture with its detail restored, and the part of the visible pixels that got it back, from 0 to 1."""

    picture: Picture
    part: float


@dataclass(frozen=True, slots=True)
class _Model:
    """The local model of the answer: answer ≈ gain × (sent − base) + rest.

    rest: H×W×3 of the answer's size. The others are of 1/POOL of it: base and gain, rows×columns×3, and confidence,
    where the structure was kept; the gain is 0 where it was not. textured: where there is any detail. base: the local
    mean of what was sent, without which each step of the gain would be multiplied by the whole brightness.
    """

    rest: Floats
    base: Floats
    gain: Floats
    confidence: Floats
    textured: Bools


def restore(
    original: Picture,
    sent: Picture,
    answer: Picture,
    box: Box,
    visible: Bools | None = None,
    usable: Bools | None = None,
) -> Restored:
    """Return the part of `answer` in `box` at the original's size, with the original's detail.

    original: H×W×3, the frame at full size. sent, answer: h×w×3, what the model saw and returned, aligned;
    `box` is the frame in them. visible: H×W, where detail is needed (default: everywhere). usable: h×w, where what was
    sent has colours (default: everywhere).
    """
    height, width = original.shape[:2]
    colourless = _has_lost_its_colour(sent, answer)
    if colourless:
        sent = _grey(sent)
    model = _local_model(sent.astype(np.float32), answer.astype(np.float32), usable)
    rows, cols = ([slice(at, min(at + TILE, side)) for at in range(0, side, TILE)] for side in (height, width))
    tiles = [(row, col) for row in rows for col in cols]
    result = np.empty((height, width, 3), np.uint8)

    def make(at: tuple[slice, slice]) -> None:
        part, size = _part(box, at, (width, height)), (at[1].stop - at[1].start, at[0].stop - at[0].start)
        if visible is not None and not visible[at].any():
            # Hidden by the layer mask: the plain picture, in bytes.
            whole = Image.fromarray(answer).resize(size, Image.Resampling.BICUBIC, _within(part, answer.shape))
            result[at] = np.asarray(whole)
            return
        own = _grey(original[at]) if colourless else original[at]
        for band in range(3):
            values = _scaled(model.rest[..., band], part, size)
            gain = _scaled(model.gain[..., band], _shrunk(part), size, Image.Resampling.BILINEAR)
            base = _scaled(model.base[..., band], _shrunk(part), size, Image.Resampling.BILINEAR)
            values = values + gain * (own[..., band] - base)
            result[at][..., band] = np.rint(np.clip(values, 0, 255))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _done in threads.map(make, tiles):
            pass
    return Restored(result, _restored_part(model, box, visible))


def _restored_part(model: _Model, box: Box, visible: Bools | None) -> float:
    """Return the part of the visible cells with any detail whose detail is restored."""
    rows, cols = model.confidence.shape
    counted = model.textured.copy()
    if visible is not None:
        inside = Image.new("L", (cols, rows))
        left, top, right, bottom = (round(edge) for edge in _shrunk(box))
        grey = Image.fromarray(visible).convert("L")
        inside.paste(grey.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.NEAREST), (left, top))
        counted &= np.asarray(inside) > 0
    return float((model.confidence[counted] > RESTORED).mean()) if counted.any() else 0.0


def _has_lost_its_colour(sent: Picture, answer: Picture) -> bool:
    """Return whether the answer is black and white or toned, so that detail in colour doesn't belong into it."""
    step = max(1, round(math.sqrt(sent.shape[0] * sent.shape[1]) / SAMPLES))
    shared = own = 0.0
    for band in (0, 2):
        first, second = (
            side[::step, ::step, band].astype(np.float32) - side[::step, ::step, 1] for side in (sent, answer)
        )
        first, second = first - first.mean(), second - second.mean()
        shared, own = shared + float((first * second).mean()), own + float(np.square(first).mean())
    return own > MIN_COLOUR**2 and shared < COLOURLESS * own


def _grey(picture: Picture) -> Picture:
    """Return the brightness of a picture in three channels."""
    return np.repeat(np.rint(picture @ _LUMA).astype(np.uint8)[..., None], 3, 2)


def _local_model(sent: Floats, answer: Floats, usable: Bools | None) -> _Model:
    height, width = answer.shape[:2]
    mesh = local_shifts(sent @ _LUMA, answer @ _LUMA)
    aligned = answer if mesh is None else _moved(answer, mesh)
    statistics = _Statistics(sent, aligned)
    confidence, certain = statistics.confidence()
    if usable is not None:
        inside = _outside(_window(usable.astype(np.float32)) < 0.999)
        confidence, certain = confidence * inside, certain * inside
    gains = statistics.gains(confidence)
    textured = statistics.variance > NOISE * NOISE

    def enlarged(values: Floats) -> Floats:
        return _scaled(values, (0, 0, width / POOL, height / POOL), (width, height), Image.Resampling.BILINEAR)

    here, model = enlarged(confidence), enlarged(certain)
    rest, base = np.empty_like(answer), np.empty_like(gains)
    for band in range(3):
        gain, mean = enlarged(gains[..., band]), enlarged(statistics.rests(gains, band))
        own = answer[..., band] + here * (aligned[..., band] - answer[..., band])
        # Where the model is certain, it is better than the answer, which has noise and may be sharpened or blurred.
        own += model * (gain * sent[..., band] + mean - own)
        base[..., band] = _window(sent[..., band])
        rest[..., band] = own - enlarged(gains[..., band] * confidence) * (sent[..., band] - enlarged(base[..., band]))
    return _Model(rest, base, gains * confidence[..., None], confidence, textured)


class _Statistics:
    """Local statistics of what was sent and of the answer, in overlapping windows of three cells."""

    def __init__(self, sent: Floats, answer: Floats) -> None:
        self._sent, self._answer = sent, answer
        luma, other = sent @ _LUMA, answer @ _LUMA
        self.variance, self._answer_variance, self._covariance = _moments(luma, other)
        # Sharpening and blurring change the finest detail only: the gain is that of the rest.
        self._smooth = _moments(smooth(luma), smooth(other))

    def confidence(self) -> tuple[Floats, Floats]:
        """Return where the answer kept the structure, and where it is no more than what was sent with another gain."""
        fine = _correlation(self.variance, self._answer_variance, self._covariance, NOISE * NOISE)
        coarse = _correlation(*self._smooth, NOISE * NOISE / 4)
        gain = self._smooth[2] / (self._smooth[0] + 1)
        plausible = (gain > GAINS[0]) & (gain < GAINS[1])
        likeness = np.maximum(fine, coarse)
        new = (likeness < CORRELATION[0]) & (np.maximum(self.variance, self._answer_variance) > STRUCTURE**2)
        retained = _smoothed(_smoothed(_ramp(likeness, CORRELATION) * np.float32(plausible))) * _outside(new)
        return retained, retained * _smoothed(_ramp(coarse, CERTAIN)) * self._noisy(retained)

    def _noisy(self, retained: Floats) -> Floats:
        """Return how much of what the gain doesn't explain is noise, from 0 to 1: a clean answer has hardly any."""
        unexplained = self._answer_variance - np.square(self._covariance) / np.maximum(self.variance, 1e-3)
        cells = unexplained[(retained > RESTORED) & (self.variance > NOISE * NOISE)]
        deviation = math.sqrt(max(0.0, float(np.median(cells)))) if cells.size else 0.0
        return _ramp(np.float32(deviation), CLEAN)

    def gains(self, retained: Floats) -> Floats:
        """Return the gain of each channel: the luma's, as one channel's own in a window is mostly noise and JPEG's.

        The tones of the whole picture say how the channels differ.
        """
        luma_gain = _smoothed(np.asarray(np.clip(self._smooth[2] / (self._smooth[0] + 1), 0, MAX_GAIN), np.float32))
        slopes = [_slope(self._sent[..., band], self._answer[..., band], retained) for band in range(3)]
        mean = float(np.array(slopes) @ _LUMA)
        ratios = np.clip(np.array(slopes, np.float32) / max(mean, 0.1), *RATIOS)
        return np.asarray(np.clip(luma_gain[..., None] * ratios, 0, MAX_GAIN), np.float32)

    def rests(self, gains: Floats, band: int) -> Floats:
        """Return the mean of answer − gain × sent in each window."""
        return _window(self._answer[..., band]) - gains[..., band] * _window(self._sent[..., band])


def _moments(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the variances of both and their covariance in each window."""
    mean, other = _window(first), _window(second)
    variance = np.maximum(_window(first * first) - mean * mean, 0)
    other_variance = np.maximum(_window(second * second) - other * other, 0)
    return variance, other_variance, _window(first * second) - mean * other


def _correlation(variance: Floats, other: Floats, covariance: Floats, noise: float) -> Floats:
    spread = np.sqrt(np.maximum(variance, 1e-3) * np.maximum(other, 1e-3) + noise)
    return np.asarray(covariance / spread, np.float32)


def _ramp(values: Floats | np.float32, limits: tuple[float, float]) -> Floats:
    return np.asarray(np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1), np.float32)


def local_shifts(sent: Floats, answer: Floats) -> Floats | None:
    """Return how far each place of what was sent has moved in the answer, in pixels; None if nowhere.

    The result has the corners of cells of SHIFT_CELL pixels: (rows + 1, columns + 1, 2), x and y. Weighted least
    squares on the gradients around each corner, a few rounds (Lucas and Kanade, 1981).
    """
    height, width = sent.shape
    if min(height, width) < 3 * SHIFT_CELL:
        return None
    mesh = np.zeros((math.ceil(height / SHIFT_CELL) + 1, math.ceil(width / SHIFT_CELL) + 1, 2), np.float32)
    detail = smooth(sent) - _box(sent, SHIFT_CELL // 2)
    gradients = np.gradient(detail)
    energy = _box(detail * detail, SHIFT_CELL)
    for _ in range(SHIFT_ROUNDS):
        aligned = _moved(answer[..., None], mesh)[..., 0] if mesh.any() else answer
        other = smooth(aligned) - _box(aligned, SHIFT_CELL // 2)
        gain = np.clip((_box(detail * other, SHIFT_CELL) + 1) / (energy + 1), 0.2, 3)
        error = other - gain * detail
        scale = 4 + 1.5 * _box(np.abs(error), SHIFT_CELL)
        weight = np.square(1 / (1 + np.square(error / scale)))
        gy, gx = (gain * each for each in gradients)
        xx, xy, yy, xe, ye = (_corners(each * weight) for each in (gx * gx, gx * gy, gy * gy, gx * error, gy * error))
        xx, yy = xx + STIFFNESS, yy + STIFFNESS
        determinant = xx * yy - xy * xy
        step = np.stack([(xy * ye - yy * xe) / determinant, (xy * xe - xx * ye) / determinant], 2)
        mesh = np.clip(mesh + np.clip(step, -1, 1), -MAX_SHIFT, MAX_SHIFT).astype(np.float32)
    return mesh if np.quantile(np.abs(mesh), 0.9) > MIN_SHIFT else None


def _corners(values: Floats) -> Floats:
    """Return the means around the corners of the cells, weighted towards each corner."""
    padded = np.pad(np.asarray(Image.fromarray(np.ascontiguousarray(values)).reduce(SHIFT_CELL)), 2, mode="edge")
    for axis in (0, 1):
        count = padded.shape[axis] - 3
        parts = [np.take(padded, np.arange(start, count + start), axis) for start in range(4)]
        padded = 0.125 * (parts[0] + parts[3]) + 0.375 * (parts[1] + parts[2])
    return np.asarray(padded, np.float32)


def _moved(picture: Floats, mesh: Floats) -> Floats:
    """Return the picture with each place read from where the mesh says that it has moved."""
    height, width = picture.shape[:2]
    margin = math.ceil(MAX_SHIFT) + 2  # replicated, as Pillow leaves what is read from beyond the edge black
    xs, ys = ([min(at * SHIFT_CELL, side) for at in range(count)] for count, side in
              ((mesh.shape[1], width), (mesh.shape[0], height)))  # fmt: skip
    position = np.stack(np.meshgrid(xs, ys), 2) + mesh + margin
    quads = []
    for row, (top, bottom) in enumerate(zip(ys, ys[1:], strict=False)):
        for col, (left, right) in enumerate(zip(xs, xs[1:], strict=False)):
            corners = position[[row, row + 1, row + 1, row], [col, col, col + 1, col + 1]]
            quads.append(((left, top, right, bottom), tuple(corners.ravel().tolist())))
    bands = []
    for band in np.moveaxis(picture, 2, 0):
        padded = Image.fromarray(np.pad(band, margin, mode="edge"))
        bands.append(padded.transform((width, height), Image.Transform.MESH, quads, Image.Resampling.BICUBIC))
    return np.stack([np.asarray(band) for band in bands], 2)


def _window(values: Floats) -> Floats:
    """Return the means of overlapping windows of three cells of POOL pixels."""
    cells = np.asarray(Image.fromarray(np.ascontiguousarray(values)).reduce(POOL), np.float32)
    return _smoothed(cells)


def _smoothed(values: Floats) -> Floats:
    """Return the means of 3×3 values."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9), np.float32)


def _outside(cells: Bools) -> Floats:
    """Return 1 away from the cells and 0 at them and their neighbours, with a soft edge."""
    return np.asarray(1 - _smoothed(grow(cells, 1).astype(np.float32)), np.float32)


def _slope(sent: Floats, answer: Floats, retained: Floats) -> float:
    """Return the gain of a channel over the kept parts of the picture."""
    first, second, total = _window(sent), _window(answer), float(retained.sum()) + 1e-6
    first, second = (side - float((side * retained).sum()) / total for side in (first, second))
    return (float((first * second * retained).sum()) + total) / (float((first * first * retained).sum()) + total)


def _box(values: Floats, radius: int) -> Floats:
    """Return the mean of the square around each value, narrower at the edges."""
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        sums = np.pad(values, padding, mode="edge").cumsum(axis, dtype=np.float64)
        count = values.shape[axis]
        upper, lower = (np.take(sums, np.arange(start, start + count), axis) for start in (2 * radius + 1, 0))
        values = ((upper - lower) / (2 * radius + 1)).astype(np.float32)
    return values


def _part(box: Box, at: tuple[slice, slice], size: tuple[int, int]) -> Box:
    """Return the part of `box` that a tile of the result shows."""
    across, down = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    left, top = box[0] + at[1].start * across, box[1] + at[0].start * down
    return left, top, min(box[0] + at[1].stop * across, box[2]), min(box[1] + at[0].stop * down, box[3])


def _shrunk(box: Box) -> Box:
    left, top, right, bottom = box
    return left / POOL, top / POOL, right / POOL, bottom / POOL


def _scaled(
    values: Floats, box: Box, size: tuple[int, int], how: Image.Resampling = Image.Resampling.BICUBIC
) -> Floats:
    """Return the part of the values in `box` at another size."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize(size, how, _within(box, values.shape)))


def _within(box: Box, shape: tuple[int, ...]) -> Box:
    """Return the box without what rounding puts beyond the edge."""
    return max(box[0], 0), max(box[1], 0), min(box[2], shape[1]), min(box[3], shape[0])
