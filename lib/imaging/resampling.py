"""Resampling in floating point: pictures moved by a similarity, and scaled, each rounded once at its end."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.imaging.registration import Motion

Floats = NDArray[np.float32]

FINER = 3  # Pillow moves with a bicubic kernel, which blurs; among pixels a third as large it hardly does
TILE = 192  # pixels of a side that are moved at a time, so that the finer picture needs little memory
MARGIN = 6  # pixels around what a tile reads: what both kernels reach


def moved(picture: Floats, motion: Motion, shown: NDArray[np.bool_]) -> Floats:
    """Every pixel of a picture (H, W, bands) from where the motion put it; beyond the picture its edge is repeated.

    shown: (H, W), where it will be seen and is to stay sharp. The rest is moved faster, in bytes.
    """
    height, width, bands = picture.shape
    result = np.empty_like(picture)
    tiles = [(slice(y, y + TILE), slice(x, x + TILE)) for y in range(0, height, TILE) for x in range(0, width, TILE)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        made = threads.map(lambda at: _tile(picture, motion, at, FINER if shown[at].any() else 1), tiles)
        for at, tile in zip(tiles, made, strict=True):
            result[at] = tile
    return result


def scaled(picture: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """The part of an 8-bit picture in `box`, at another size.

    Pillow rounds bytes twice, after each axis; floats it rounds never, and cuts them off in the end.
    """
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() != (255, 255):
        # Weighted by the alpha, in bytes: Pillow's own way, so that hidden colours stay hidden.
        return picture.resize(size, Image.Resampling.LANCZOS, box)
    bands = [band.convert("F").point(lambda value: value + 0.5) for band in picture.split()]
    bands = [band.resize(size, Image.Resampling.LANCZOS, box).convert("L") for band in bands]
    return Image.merge(picture.mode, bands)


def _tile(picture: Floats, motion: Motion, at: tuple[slice, slice], finer: int) -> Floats:
    """A tile of the moved picture, by way of one with `finer` × `finer` pixels for each."""
    height, width, bands = picture.shape
    down, across = (part.indices(side) for part, side in zip(at, (height, width), strict=True))
    size = (across[1] - across[0], down[1] - down[0])
    centre = complex(width / 2, height / 2)
    start = motion.turn * (complex(across[0], down[0]) - centre) + motion.shift + centre
    corners = [start + motion.turn * complex(x, y) for x in (0, size[0]) for y in (0, size[1])]
    left, right = _reach([corner.real for corner in corners])
    top, bottom = _reach([corner.imag for corner in corners])
    rows, cols = np.arange(top, bottom).clip(0, height - 1), np.arange(left, right).clip(0, width - 1)
    read = picture[rows][:, cols]
    begin, step = (start - complex(left, top)) * finer, motion.turn * finer
    coefficients = (step.real, -step.imag, begin.real, step.imag, step.real, begin.imag)
    if finer == 1 and bands == 3:  # Pillow would weigh four bands by the last
        part = Image.fromarray(np.rint(read).astype(np.uint8))
        return np.asarray(part.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC))
    result = np.empty((size[1], size[0], bands), np.float32)
    for band in range(bands):
        part = Image.fromarray(np.ascontiguousarray(read[..., band]))
        if finer > 1:
            part = part.resize((part.width * finer, part.height * finer), Image.Resampling.LANCZOS)
        part = part.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
        result[..., band] = np.asarray(part)
    return result


def _reach(places: list[float]) -> tuple[int, int]:
    return math.floor(min(places)) - MARGIN, math.ceil(max(places)) + MARGIN
