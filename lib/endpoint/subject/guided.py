"""The guided filter: make a coarse matte follow the edges of a picture (He, Sun and Tang, 2010)."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from lib.endpoint.cancellation import checkpoint

_ROWS = 256  # of the picture that are filtered at a time
# The upper triangle of a symmetric 3×3 matrix.
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def box_mean(array: np.ndarray, radius: int) -> np.ndarray:
    """Return the mean of each pixel's square neighbourhood, cut off at the border, (H, W) or (H, W, C) float32."""
    for axis in (0, 1):
        length = array.shape[axis]
        sums = np.cumsum(array, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis)
        upper = np.minimum(np.arange(length) + radius + 1, length)
        lower = np.maximum(np.arange(length) - radius, 0)
        counts = (upper - lower).reshape([-1 if at == axis else 1 for at in range(array.ndim)])
        array = ((np.take(sums, upper, axis) - np.take(sums, lower, axis)) / counts).astype(np.float32)
    return array


def coefficients(guide: np.ndarray, matte: np.ndarray, radius: int, smoothness: float) -> np.ndarray:
    """Return, (H, W, 4), by which colours and which constant `matte` (H, W) depends on `guide` (H, W, 3), locally.

    Both are from 0 to 1. A larger `smoothness` ignores weaker edges.
    """
    mean, mean_matte = box_mean(guide, radius), box_mean(matte, radius)
    products = np.stack([guide[..., a] * guide[..., b] for a, b in _PAIRS], -1)
    covariance = box_mean(products, radius) - np.stack([mean[..., a] * mean[..., b] for a, b in _PAIRS], -1)
    with_matte = box_mean(guide * matte[..., None], radius) - mean * mean_matte[..., None]
    slopes = _solve(covariance, with_matte, smoothness)
    constant = mean_matte - np.einsum("hwc,hwc->hw", slopes, mean)
    return box_mean(np.concatenate([slopes, constant[..., None]], -1), radius)


def _solve(covariance: np.ndarray, right: np.ndarray, smoothness: float) -> np.ndarray:
    """Solve a symmetric 3×3 system for each pixel, by cofactors."""
    rr, rg, rb, gg, gb, bb = np.moveaxis(covariance, -1, 0)
    rr, gg, bb = rr + smoothness, gg + smoothness, bb + smoothness
    inverse = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb,
               rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg)  # fmt: skip
    determinant = rr * inverse[0] + rg * inverse[1] + rb * inverse[2]
    r, g, b = np.moveaxis(right, -1, 0)
    solution = np.stack([
        inverse[0] * r + inverse[1] * g + inverse[2] * b,
        inverse[1] * r + inverse[3] * g + inverse[4] * b,
        inverse[2] * r + inverse[4] * g + inverse[5] * b,
    ], -1)  # fmt: skip
    return np.asarray(solution / determinant[..., None])


def apply_enlarged(
    image: np.ndarray, filtered: np.ndarray, box: tuple[int, int, int, int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the matte of a part of a picture by coefficients of a smaller copy, in stripes: their first row, the rows.

    `image` (H, W, 3 or more, uint8) is the part, `box` (left, top, right, bottom) where it is in the smaller copy.
    """
    height, width = image.shape[:2]
    left, upper, right, lower = box
    scale = (lower - upper) / height
    layers = [Image.fromarray(np.ascontiguousarray(filtered[..., channel])) for channel in range(4)]
    for top in range(0, height, _ROWS):
        checkpoint()
        rows = min(_ROWS, height - top)
        stripe = (left, upper + top * scale, right, min(upper + (top + rows) * scale, lower))
        matte = np.array(layers[3].resize((width, rows), Image.Resampling.BILINEAR, stripe))
        for channel in range(3):
            slope = np.asarray(layers[channel].resize((width, rows), Image.Resampling.BILINEAR, stripe))
            matte += slope * (image[top : top + rows, :, channel] * np.float32(1 / 255))
        yield top, matte
