"""How good a fill is where the truth is known: nearness to it, likeness of texture, visibility of the seam.

SSIM and PSNR reward blur: read them with the texture distance, and with your eyes.
Pictures are 8-bit (H, W, 3), holes bool (H, W).
"""

from __future__ import annotations

import numpy as np

WINDOW = 7  # of SSIM, and of the patches that textures are compared by
DIRECTIONS = 128
SCALES = 3


def psnr(result, truth, hole) -> float:
    """Peak signal-to-noise ratio inside the hole, in dB; infinite where nothing differs."""
    error = np.mean((result[hole].astype(float) - truth[hole]) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def grey(picture):
    """Luma (Rec. 601), float (H, W)."""
    return picture @ np.array([0.299, 0.587, 0.114])


def _window_means(values):
    """Means over WINDOW × WINDOW; the result is smaller by WINDOW - 1."""
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    n = WINDOW
    return (total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]) / n**2


def ssim(result, truth, hole) -> float:
    """Mean structural similarity of luma over the windows centred in the hole (Wang et al., 2004)."""
    a, b = grey(result), grey(truth)
    mean_a, mean_b = _window_means(a), _window_means(b)
    var_a, var_b = _window_means(a * a) - mean_a**2, _window_means(b * b) - mean_b**2
    both = _window_means(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    likeness /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    half = WINDOW // 2
    return float(likeness[hole[half:-half, half:-half]].mean())


def rim_step(picture, hole) -> float:
    """Mean absolute step in colour between neighbours of which just one is in the hole, in levels."""
    values = picture.astype(float)
    steps = [np.abs(np.diff(values, axis=axis))[np.diff(hole, axis=axis)] for axis in (0, 1)]
    return float(np.concatenate(steps).mean())


def seam(result, truth, hole) -> float:
    """The step across the hole's border less that of the truth: + is a visible edge, − is blur, 0 is best."""
    return rim_step(result, hole) - rim_step(truth, hole)


def _halved(values):
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    even = values[:height, :width]
    return (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]) / 4


def _laplacian(values):
    """`values` less their 5×5 binomial blur: what is lost at the next scale."""
    blurred = values
    for axis in (0, 1):
        for _ in range(2):
            pad = [(1, 1) if i == axis else (0, 0) for i in range(values.ndim)]
            p = np.pad(blurred, pad, mode="edge")
            n = values.shape[axis]
            before, here, after = (p.take(range(i, i + n), axis) for i in range(3))
            blurred = (before + 2 * here + after) / 4
    return values - blurred


def _patches(values, rows, cols):
    windows = np.lib.stride_tricks.sliding_window_view(values, (WINDOW, WINDOW), axis=(0, 1))
    return windows[rows - WINDOW // 2, cols - WINDOW // 2].reshape(len(rows), 3, -1)


def texture_distance(result, truth, hole, seed: int = 0, most: int = 4000) -> float:
    """Sliced Wasserstein distance between the Laplacian patches of result and truth inside the hole.

    As in Karras et al., "Progressive growing of GANs", 2018: 7×7 patches at three scales of a Laplacian
    pyramid, channels scaled by the truth's deviation, 128 random directions. 0 is the same texture.
    """
    rng = np.random.default_rng(seed)
    a, b, inside = result.astype(float), truth.astype(float), hole
    distances = []
    for _ in range(SCALES):
        half = WINDOW // 2
        inner = np.zeros_like(inside)
        inner[half:-half, half:-half] = inside[half:-half, half:-half]
        at = np.argwhere(inner)
        if len(at) < 16:
            break
        rows, cols = at[rng.choice(len(at), min(most, len(at)), replace=False)].T
        ours, theirs = (_patches(_laplacian(v), rows, cols) for v in (a, b))
        spread = theirs.std((0, 2), keepdims=True) + 1e-6
        ours, theirs = ((v / spread).reshape(len(rows), -1) for v in (ours, theirs))
        directions = rng.normal(size=(ours.shape[1], DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        distances.append(np.abs(np.sort(ours @ directions, 0) - np.sort(theirs @ directions, 0)).mean())
        a, b, inside = _halved(a), _halved(b), _halved(inside.astype(float)) > 0.5
    return float(np.mean(distances)) if distances else 0.0
