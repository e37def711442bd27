"""Imitate film: grain, a vignette, an old photograph. Pictures are (H, W, 3) uint8, worked on some rows at a time."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine import lab

_ROWS = 256
_FALLOFF = 0.78  # of the light that a vignette takes at the corners
_GRAIN = 0.024  # the grain's deviation in middle grey, of the range
_GRAIN_TILE = 512
_PAPER = np.array([0.96, 0.90, 0.78], np.float32)
_INK = np.array([0.13, 0.10, 0.08], np.float32)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)

Change = Callable[[np.ndarray, int], np.ndarray]


def vignette(image: np.ndarray, box: tuple[int, int, int, int], amount: float) -> np.ndarray:
    """Darken towards the corners of `box` (left, top, right, bottom), in linear light."""
    left, top, right, bottom = box
    across = ((np.arange(image.shape[1]) + 0.5 - (left + right) / 2) / ((right - left) / 2)).astype(np.float32)

    def change(rgb: np.ndarray, first: int) -> np.ndarray:
        rows = np.arange(first, first + len(rgb), dtype=np.float32) + 0.5
        down = (rows - (top + bottom) / 2) / ((bottom - top) / 2)
        distance = np.minimum((across[None] ** 2 + down[:, None] ** 2) / 2, 1)
        light = 1 - min(_FALLOFF * amount, 0.95) * distance**1.5
        return lab.from_linear(lab.to_linear(rgb) * light[..., None])

    return _by_rows(image, change)


def grain(image: np.ndarray, amount: float) -> np.ndarray:
    """Add film grain, which is strongest in the middle tones and coarser in larger pictures."""
    tile = _grain_tile(max(0.5, min(image.shape[:2]) / 2600))

    def change(rgb: np.ndarray, first: int) -> np.ndarray:
        rows = np.arange(first, first + len(rgb)) % _GRAIN_TILE
        noise = tile[rows][:, np.arange(image.shape[1]) % _GRAIN_TILE]
        light = (rgb @ _LUMA)[..., None]
        result: np.ndarray = rgb + noise[..., None] * (4 * light * (1 - light) + 0.15) * np.float32(_GRAIN * amount)
        return result

    return _by_rows(image, change)


def old_photo(image: np.ndarray, box: tuple[int, int, int, int], amount: float) -> np.ndarray:
    """Fade the picture to brown ink on yellowed paper, with grain and dark edges; `amount` 1 is all of it."""

    def change(rgb: np.ndarray, _first: int) -> np.ndarray:
        light = (rgb @ _LUMA)[..., None]
        curved = light * light * (3 - 2 * light) * 0.4 + light * 0.6
        brown = _INK + (_PAPER - _INK) * curved
        result: np.ndarray = rgb + np.float32(amount) * (brown * 0.9 + rgb * 0.1 - rgb)
        return result

    return grain(vignette(_by_rows(image, change), box, 0.5 * amount), 0.8 * amount)


def _grain_tile(radius: float) -> np.ndarray:
    """Return noise of deviation 1 that repeats without seams, (_GRAIN_TILE, _GRAIN_TILE)."""
    noise = np.random.default_rng(1).standard_normal((_GRAIN_TILE, _GRAIN_TILE)).astype(np.float32)
    margin = 16
    wrapped = Image.fromarray(np.pad(noise, margin, "wrap") * 40 + 128).convert("L")
    soft = np.asarray(wrapped.filter(ImageFilter.GaussianBlur(radius)), np.float32)[margin:-margin, margin:-margin]
    result: np.ndarray = (soft - soft.mean()) / soft.std()
    return result


def _by_rows(image: np.ndarray, change: Change) -> np.ndarray:
    result = np.empty_like(image)
    for top in range(0, len(image), _ROWS):
        checkpoint()
        rgb = image[top : top + _ROWS].astype(np.float32) / 255
        result[top : top + _ROWS] = np.round(np.clip(change(rgb, top), 0, 1) * 255).astype(np.uint8)
    return result
