"""Gives a result the colours back that the conversion to 8-bit sRGB clipped, wherever the answer kept them.

A picture in Adobe RGB, Display P3 or floats has colours that sRGB lacks. They are sent clipped; where the answer is
still what was sent, the difference between the original and what was sent is added to it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.frame.geometry import Size
from lib.imaging.cells import box_sum

Floats = NDArray[np.float32]

ROWS = 128  # that are computed at a time, whole cells
CELL = 4  # pixels along a cell in which the answer is compared with what was sent: noise and JPEG even out
SAME = 1.0  # levels: a difference that rounding causes
CHANGED = (6.0, 18.0)  # levels: all is added below, nothing above
NOISE = 2.0  # times as large may differences be that cancel each other out
CLIPPED = 0.5 / 255  # beyond 0 or 1: less is rounded, not clipped


@dataclass(frozen=True, slots=True)
class Restored:
    """The picture as RGBA floats, and the part of its clipped colours that was restored, from 0 to 1."""

    data: bytes
    part: float


def read(path: Path, size: Size) -> Floats | None:
    """Return a frame's colours as they were before (H, W, 3), from 0 to 1 and beyond; None without them."""
    shape = (size.height, size.width, 3)
    try:
        return np.memmap(path, np.float32, "r", shape=shape) if path.stat().st_size == 12 * size.pixels else None
    except OSError:
        return None


def restore(rgba: bytes, original: Floats) -> Restored | None:
    """Return a result of the frame's size with the original's clipped colours; None where nothing was clipped."""
    height, width = original.shape[:2]
    answer = np.frombuffer(rgba, np.uint8).reshape(height, width, 4)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        parts = [slice(start, min(start + ROWS, height)) for start in range(0, height, ROWS)]
        if not any(threads.map(lambda rows: _clipped(original[rows]).any(), parts)):
            return None
        cells = threads.map(lambda rows: _changed(answer[rows, :, :3], original[rows]), parts)
        changed = np.concatenate(list(cells))
        changed = box_sum(changed, 1) / box_sum(np.ones_like(changed), 1)
        unchanged = np.clip((CHANGED[1] - changed) / (CHANGED[1] - CHANGED[0]), 0, 1)
        result = np.empty((height, width, 4), np.float32)
        counts = list(threads.map(lambda rows: _restore(answer, original, unchanged, result, rows), parts))
    clipped, restored = np.sum(counts, 0)
    return Restored(result.tobytes(), float(restored / clipped))


def _changed(answer: NDArray[np.uint8], original: Floats) -> Floats:
    """Return by how many levels the cells of an answer differ from what was sent."""
    difference = answer - _sent(np.nan_to_num(original))
    size = np.abs(difference).max(2)
    means = [np.asarray(Image.fromarray(each).reduce(CELL)) for each in (*np.moveaxis(difference, 2, 0).copy(), size)]
    return np.asarray(np.maximum(np.abs(means[:3]).max(0), means[3] / NOISE), np.float32)


def _restore(
    answer: NDArray[np.uint8], original: Floats, unchanged: Floats, result: Floats, rows: slice
) -> tuple[float, float]:
    """Compute rows of the result; return how many of their pixels were clipped, and how many of these are restored."""
    own, levels = np.nan_to_num(original[rows]), answer[rows].astype(np.float32)
    clipped = _clipped(own)
    result[rows] = levels / 255
    if not clipped.any():
        return 0.0, 0.0
    box = (0, rows.start / CELL, answer.shape[1] / CELL, rows.stop / CELL)
    size = (clipped.shape[1], clipped.shape[0])
    part = np.asarray(Image.fromarray(unchanged).resize(size, Image.Resampling.BILINEAR, box))
    sent = _sent(own)
    # An unchanged answer becomes exactly the original, however the bytes that were sent were rounded.
    rounding = levels[..., :3] - sent
    rounding[np.abs(rounding) > SAME] = 0
    result[rows, :, :3] += part[..., None] * (own - (sent + rounding) / 255)
    return float(clipped.sum()), float(part[clipped].sum())


def _sent(original: Floats) -> Floats:
    """Return the levels as which colours were sent."""
    return np.asarray(np.rint(np.clip(original, 0, 1) * 255), np.float32)


def _clipped(colours: Floats) -> NDArray[np.bool_]:
    """Return which pixels have a channel that is too far outside 0 to 1 to be rounded."""
    return np.asarray(((colours < -CLIPPED) | (colours > 1 + CLIPPED)).any(2))
