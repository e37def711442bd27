"""Resampling in floating point, rounded only once: moves pictures by a similarity, and scales them."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.imaging.registration import Motion

Floats = NDArray[np.float32]

OVERSAMPLING = 3  # Pillow's bicubic transform blurs, but hardly does at three times the resolution
TILE = 192  # side in pixels of a tile that is moved at a time, so that the oversampled picture needs little memory
MARGIN = 6  # pixels around a tile that both kernels read


def move(picture: Floats, motion: Motion, visible: NDArray[np.bool_]) -> Floats:
    """Return a picture (H, W, bands) with each pixel read from where `motion` maps it, with its edge replicated.

    visible: (H, W), where it will be visible and has to stay sharp. The rest is moved faster, in bytes.
    """
    height, width, bands = picture.shape
    result = np.empty_like(picture)
    tiles = [(slice(y, y + TILE), slice(x, x + TILE)) for y in range(0, height, TILE) for x in range(0, width, TILE)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        moved = threads.map(lambda at: _tile(picture, motion, at, OVERSAMPLING if visible[at].any() else 1), tiles)
        for at, tile in zip(tiles, moved, strict=True):
            result[at] = tile
    return result


def scale(picture: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """Return the part of an 8-bit picture in `box` at another size.

    In bytes Pillow would round after each axis; in floating point it doesn't round, and truncates in the end.
    """
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() != (255, 255):
        # Pillow weights the bytes by the alpha, so that invisible colours don't bleed.
        return picture.resize(size, Image.Resampling.LANCZOS, box)
    bands = [band.convert("F").point(lambda value: value + 0.5) for band in picture.split()]
    bands = [band.resize(size, Image.Resampling.LANCZOS, box).convert("L") for band in bands]
    return Image.merge(picture.mode, bands)


def _tile(picture: Floats, motion: Motion, at: tuple[slice, slice], oversampling: int) -> Floats:
    """Return a tile of the moved picture, computed from one at `oversampling` times the resolution."""
    height, width, bands = picture.shape
    down, across = (part.indices(side) for part, side in zip(at, (height, width), strict=True))
    size = (across[1] - across[0], down[1] - down[0])
    centre = complex(width / 2, height / 2)
    start = motion.turn * (complex(across[0], down[0]) - centre) + motion.shift + centre
    corners = [start + motion.turn * complex(x, y) for x in (0, size[0]) for y in (0, size[1])]
    left, right = _span([corner.real for corner in corners])
    top, bottom = _span([corner.imag for corner in corners])
    rows, cols = np.arange(top, bottom).clip(0, height - 1), np.arange(left, right).clip(0, width - 1)
    read = picture[rows][:, cols]
    origin, step = (start - complex(left, top)) * oversampling, motion.turn * oversampling
    coefficients = (step.real, -step.imag, origin.real, step.imag, step.real, origin.imag)
    if oversampling == 1 and bands == 3:  # Pillow would weight four bands by the last, as alpha
        part = Image.fromarray(np.rint(read).astype(np.uint8))
        return np.asarray(part.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC))
    result = np.empty((size[1], size[0], bands), np.float32)
    for band in range(bands):
        part = Image.fromarray(np.ascontiguousarray(read[..., band]))
        if oversampling > 1:
            part = part.resize((part.width * oversampling, part.height * oversampling), Image.Resampling.LANCZOS)
        part = part.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
        result[..., band] = np.asarray(part)
    return result


def _span(positions: list[float]) -> tuple[int, int]:
    return math.floor(min(positions)) - MARGIN, math.ceil(max(positions)) + MARGIN
