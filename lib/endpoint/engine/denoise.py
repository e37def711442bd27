"""Reduce noise and preserve edges: a guided filter (He, Sun, Tang, 2013), adapted to the measured noise."""

import numpy as np

from lib.endpoint.cancellation import checkpoint

_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_FROM_YCC = np.linalg.inv(_TO_YCC.astype(np.float64)).astype(np.float32)
_BRIGHT_RADIUS = 2
_COLOUR_RADIUS = 5
_MARGIN = 16
_ROWS = 256


def denoise(image: np.ndarray, amount: float) -> np.ndarray:
    """Return `image` (H, W, 3, uint8) smoothed; `amount` 1 removes about the noise's own deviation."""
    noise = noise_deviation(image)
    result = image.copy()
    for top in range(0, len(image), _ROWS):
        checkpoint()
        start = max(0, top - _MARGIN)
        rows = _denoise_rows(image[start : top + _ROWS + _MARGIN], noise * amount)
        result[top : top + _ROWS] = rows[top - start : top - start + _ROWS]
    return result


def noise_deviation(image: np.ndarray) -> float:
    """Return the standard deviation of the noise in levels of 0..255, at least 1: Immerkaer (1996), by the median."""
    grey = image.astype(np.float32) @ _TO_YCC[0]
    if min(grey.shape) < 3:
        return 1.0
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    response = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return max(1.0, float(np.median(np.abs(response))) / 0.6745 / 6)


def _denoise_rows(rows: np.ndarray, noise: float) -> np.ndarray:
    bright, blue, red = np.moveaxis(rows.astype(np.float32) @ _TO_YCC.T, -1, 0)
    smooth = guided_filter(bright, bright, _BRIGHT_RADIUS, (2 * noise) ** 2)
    planes = [smooth, *(guided_filter(smooth, plane, _COLOUR_RADIUS, (3 * noise) ** 2) for plane in (blue, red))]
    rgb: np.ndarray = np.stack(planes, -1) @ _FROM_YCC.T
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def guided_filter(guide: np.ndarray, plane: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Return `plane` as a locally linear function of `guide`."""
    mean_guide, mean_plane = box_mean(guide, radius), box_mean(plane, radius)
    covariance = box_mean(guide * plane, radius) - mean_guide * mean_plane
    variance = box_mean(guide * guide, radius) - mean_guide**2
    slope = covariance / (np.maximum(variance, 0) + epsilon)
    filtered: np.ndarray = box_mean(slope, radius) * guide + box_mean(mean_plane - slope * mean_guide, radius)
    return filtered


def box_mean(plane: np.ndarray, radius: int) -> np.ndarray:
    """Return the mean over a square of side 2 radius + 1; border pixels are repeated."""
    size = 2 * radius + 1
    for _ in ("rows", "columns"):
        total = np.cumsum(np.pad(plane, ((radius + 1, radius), (0, 0)), "edge"), 0, dtype=np.float64)
        plane = ((total[size:] - total[:-size]) / size).T
    return plane.astype(np.float32)
