"""Levels the light of a result, so that the selection's outline doesn't show.

A smooth light over the whole picture is measured wherever the picture is protected, and taken out of the selection.
What then still differs around the selection is extended into it as a membrane, as in Poisson image editing (Pérez et
al., 2003), but of the smooth differences only: where a new thing crosses the edge, plain Poisson would smear it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.imaging.cells import box_sum, grow, spread

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Colours = Callable[[NDArray[Any]], Floats]

MEAN_CELLS = 256  # cells along the mean side of a picture: 4 pixels of 1024
RING = 4  # cells around the selection whose difference the membrane starts from
WIDE = 24  # cells around the selection in which differences are compared with their neighbours
SIGMA = 7  # cells over which they are smoothed
CONTENT = (5.0, 16.0)  # levels beside the smooth difference that are new content, in a clean and in a noisy answer
TINT = 4.0  # levels of a difference that needs no explanation
HALF = 0.5
MIN_BELIEVED = 0.05  # of a neighbourhood, for its smoothed difference to count
JUMP = 6.0  # levels between neighbouring cells: more is the edge of a thing
COARSE = 4  # cells along a sample of the smooth light
MARGIN = 6  # cells around the selection that are no sample
MIN_SAMPLES = 60
MAX_DEVIATION = 14.0  # levels: if the samples differ more from the smooth light, the pictures show different things
MAX_GAIN, MAX_BIAS = 0.6, 64.0
FOLLOWED_CELLS = 32  # cells along the mean side whose means a refined picture takes from what was sent
GREY = 128.0  # level for which gains and biases are comparable


@dataclass(frozen=True, slots=True)
class Levelled:
    """A levelled picture, and the mean change inside the selection in levels."""

    picture: Picture
    levels: float


def level(original: Picture, aligned: Picture, selected: Bools, colours: Colours | None = None) -> Levelled:
    """Return `aligned` with its light levelled inside the selection, so that it matches the original at the edge.

    All are H×W (×3 or more channels), of the same size. Pixels outside `selected` and a fourth channel don't change.
    colours: a change of the whole picture that stays; only what differs from it is levelled.
    """
    if not selected.any() or selected.all():
        return Levelled(aligned, 0.0)
    height, width = selected.shape
    cell = max(1, round(math.sqrt(height * width) / MEAN_CELLS))
    outside = (~selected).astype(np.float32)
    coverage = _means(outside, cell)
    before, after = (_colour_means(picture, outside, coverage, cell) for picture in (original, aligned))
    if colours:
        before = colours(before)
    if np.abs(before - after).max() < 0.5:
        return Levelled(aligned, 0.0)
    fields = smooth_light(before, after, coverage)
    if fields is None:
        return Levelled(aligned, 0.0)
    gain, bias = fields
    membrane = ring_membrane(before - after * (1 + gain) - bias, coverage)
    return _applied(aligned, selected, gain, bias + membrane, cell)


def follow(original: Picture, refined: Picture) -> Levelled:
    """Return a refined picture with the smooth part of the original's colours, so that only its detail is its own.

    Both are H×W (×3 or more channels), of the same size. A fourth channel doesn't change.
    """
    height, width = refined.shape[:2]
    cell = max(1, round(math.sqrt(height * width) / FOLLOWED_CELLS))
    result, total = refined.copy(), 0.0
    for band in range(3):
        before, after = (picture[..., band].astype(np.float32) for picture in (original, refined))
        smooth = _means(before - after, cell)
        box = (0.0, 0.0, width / cell, height / cell)
        difference = np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC, box))
        total += float(np.abs(difference).mean())
        result[..., band] = np.rint(np.clip(after + difference, 0, 255)).astype(np.uint8)
    return Levelled(result, total / 3)


def smooth_light(before: Floats, after: Floats, coverage: Floats) -> tuple[Floats, Floats] | None:
    """Return the gain less one and the bias of each channel, (rows, columns, 3), that take the light out of `after`.

    Both are quadratic in the place; robust least squares over the cells away from the selection. None if the pictures
    show different things, so that there is no light to compare.
    """
    rows, cols = coverage.shape
    far = ~grow(coverage < 1, MARGIN)
    whole = far.astype(np.float32)
    step = max(1, min(COARSE, rows // 8, cols // 8))
    usable = _means(whole, step) > 0.99
    none = np.zeros_like(after)
    if usable.sum() < MIN_SAMPLES:
        return none, none
    small = _quadratics(*usable.shape)[usable]
    fields, full = [], _quadratics(rows, cols)
    for band in range(3):
        value, target = (_means(np.ascontiguousarray(side[..., band]), step)[usable] for side in (after, before))
        model = np.concatenate([small * value[:, None] / GREY, small], 1)
        solution, deviation = _robust_solution(model, target - value)
        if deviation > MAX_DEVIATION:
            return None
        fields.append((full @ solution[:6] / GREY, full @ solution[6:]))
    gain, bias = (np.stack(each, 2).astype(np.float32) for each in zip(*fields, strict=True))
    return np.clip(gain, -MAX_GAIN, MAX_GAIN), np.clip(bias, -MAX_BIAS, MAX_BIAS)


def ring_membrane(difference: Floats, coverage: Floats) -> Floats:
    """Return a smooth field that continues the differences (rows, columns, 3) around the selection into it.

    A cell's difference counts as far as it is like the smoothed one of its neighbours; near new content, where it
    isn't, the smoothed one alone counts.
    """
    hole = coverage < 1
    weight = coverage * grow(hole, WIDE)
    believed = reachable = np.asarray(_without_jumps(difference, hole), np.float32)
    smooth = difference
    for _ in range(4):
        trusted = weight * believed
        total = np.maximum(_blurred(trusted), np.float32(1e-4))
        smooth = np.asarray(_blurred(difference * trusted[..., None]) / total[..., None], np.float32)
        beside = np.abs(difference - smooth).max(2)
        counted = beside[trusted > HALF]
        content = np.clip(3 * float(np.median(counted)) + 3, *CONTENT) if counted.size else CONTENT[1]
        likeness = np.clip((content - beside) / (0.75 * content), 0, 1)
        believed = np.asarray(likeness * reachable, np.float32)
    value = smooth + (difference - smooth) * believed[..., None]
    certain = _blurred(weight * believed) > MIN_BELIEVED * _blurred(weight)
    return _extend(value.astype(np.float32), (coverage * grow(hole, RING) * certain).astype(np.float32))


def _without_jumps(difference: Floats, hole: Bools) -> Bools:
    """Return the cells that are connected with those far from the hole without a jump of the difference.

    Light changes gradually, however much it does; a new thing that reaches out of the hole has an edge.
    """
    steps = np.zeros(hole.shape, np.float32)
    for axis in (0, 1):
        step = np.abs(np.diff(difference, axis=axis)).max(2)
        # A step belongs to both of its cells; next to the hole it says nothing.
        usable = ~(np.take(hole, range(1, hole.shape[axis]), axis) | np.take(hole, range(hole.shape[axis] - 1), axis))
        before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
        before[axis], after[axis] = (0, 1), (1, 0)
        for padding in (before, after):
            steps = np.maximum(steps, np.pad(step * usable, padding))
    far = ~grow(hole, WIDE)
    if not far.any():
        far = np.abs(difference).max(2) < TINT
    return spread(far, (steps < JUMP) | hole & ~grow(~hole, 1)) & ~(hole & ~grow(~hole, 1))


def _applied(aligned: Picture, selected: Bools, gain: Floats, bias: Floats, cell: int) -> Levelled:
    """Return the picture × (1 + gain) + bias inside the selection; both fields have a value for each cell."""
    rows, cols = (np.nonzero(selected.any(axis))[0] for axis in (1, 0))
    at = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    size, box = (at[1].stop - at[1].start, at[0].stop - at[0].start), [at[1].start, at[0].start, at[1].stop, at[0].stop]
    scaled = tuple(edge / cell for edge in box)
    scaled = (*scaled[:2], min(scaled[2], gain.shape[1]), min(scaled[3], gain.shape[0]))
    result, part, inside = aligned.copy(), aligned[at], selected[at]
    total = 0.0
    for band in range(3):
        fields = (np.ascontiguousarray(field[..., band]) for field in (gain, bias))
        slope, offset = (
            np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BILINEAR, scaled)) for field in fields
        )
        before = part[..., band].astype(np.float32)
        change = before * slope + offset
        total += float(np.abs(change[inside]).mean())
        levels = np.rint(np.clip(before + change, 0, 255)).astype(np.uint8)
        result[at][..., band] = np.where(inside, levels, part[..., band])
    return Levelled(result, total / 3)


def _robust_solution(model: NDArray[Any], target: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return the regularized robust least-squares solution, and the median deviation in levels."""
    weight, ridge = np.ones(len(target)), np.eye(model.shape[1]) * len(target) * 1e-3
    solution, scale = np.zeros(model.shape[1]), 0.0
    for _ in range(10):
        weighted = model * weight[:, None]
        solution = np.linalg.solve((weighted.T @ model).astype(float) + ridge, (weighted.T @ target).astype(float))
        errors = np.abs(target - model @ solution)
        scale = float(np.median(errors)) * 1.48 + 0.5
        weight = np.square(1 / (1 + np.square(errors / (2 * scale))))
    return solution, scale


def _quadratics(rows: int, cols: int) -> Floats:
    """Return the six quadratic polynomials of the place, each within about ±1: (rows, cols, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, cols), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x - 0.33, x * y, y * y - 0.33], 2).astype(np.float32)


def _colour_means(picture: Picture, outside: Floats, coverage: Floats, cell: int) -> Floats:
    """Return the mean colour of each cell's pixels outside the selection; 0 in cells without any."""
    bands = [_means(picture[..., band] * outside, cell) / np.maximum(coverage, np.float32(1e-6)) for band in range(3)]
    return np.stack(bands, 2)


def _means(values: Floats, cell: int) -> Floats:
    """Return the mean of each cell of `cell` × `cell` pixels; cells at the right and bottom may be smaller."""
    return np.asarray(Image.fromarray(values).reduce(cell), np.float32)


def _blurred(values: Floats) -> Floats:
    """Return the values blurred by three boxes, close to a Gaussian of deviation SIGMA; 0 beyond the edge."""
    radius = round(SIGMA * 0.93)
    for _ in range(3):
        values = box_sum(values, radius) / np.float32((2 * radius + 1) ** 2)
    return values


def _extend(values: Floats, weight: Floats) -> Floats:
    """Extend (H, W, 3) values smoothly from where their weight is 1 to where it is 0. (Pull-push, Gortler 1996.)"""
    height, width = weight.shape
    if min(height, width) < 2:
        mean = (values * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(mean, values.shape).astype(np.float32)
    rows, cols = (height + 1) // 2, (width + 1) // 2
    padding = ((0, 2 * rows - height), (0, 2 * cols - width))
    sums = np.pad(values * weight[..., None], (*padding, (0, 0))).reshape(rows, 2, cols, 2, 3).sum((1, 3))
    total = np.pad(weight, padding).reshape(rows, 2, cols, 2).sum((1, 3))
    coarse = _extend(sums / np.maximum(total, 1e-6)[..., None], np.minimum(total, 1))
    box = (0, 0, width / 2, height / 2)
    bands = [Image.fromarray(np.ascontiguousarray(coarse[..., band])) for band in range(3)]
    finer = np.stack([np.asarray(band.resize((width, height), Image.Resampling.BILINEAR, box)) for band in bands], 2)
    return np.asarray(weight[..., None] * values + (1 - weight[..., None]) * finer, np.float32)
