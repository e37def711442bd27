"""Separate a thing from what surrounds it by colours that are learned from both, again and again (GrabCut's idea)."""

import numpy as np

from lib.endpoint.subject.guided import box_mean

_BINS = 16  # of each channel
_ROUNDS = 4
_BLUR = 2  # the colour of a pixel's neighbours counts too
_SAMPLED_SIDE = 384  # the colours are learned from a grid of about this many pixels


def separate(picture: np.ndarray, guess: np.ndarray, region: np.ndarray | None = None) -> np.ndarray:
    """Return how much each pixel belongs to the thing, (H, W) float32, by a guess (H, W) and the picture's colours.

    `picture` is (H, W, 3) uint8. Outside of `region` (H, W, bool) everything is background.
    """
    codes = (picture >> 4).astype(np.intp) @ np.array([_BINS**2, _BINS, 1])
    step = max(round(max(guess.shape) / _SAMPLED_SIDE), 1)
    few = slice(None, None, step), slice(None, None, step)
    inside = np.float32(1) if region is None else region[few]
    matte = guess[few]
    for _ in range(_ROUNDS - 1):
        matte = _combine(guess[few], _likelihood(codes[few], _table(codes[few], matte), _BLUR // step)) * inside
    likely = _likelihood(codes, _table(codes[few], matte), _BLUR)
    # Where the guess is sure, colours say little; where it is not, they decide.
    return np.asarray(_combine(guess, likely) * (1 if region is None else region), np.float32)


def _table(codes: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return how likely each colour belongs to the thing, by the histograms of it and of what surrounds it."""
    thing, surroundings = _histogram(codes, matte), _histogram(codes, 1 - matte)
    return np.asarray(thing / (thing + surroundings), np.float32)


def _likelihood(codes: np.ndarray, table: np.ndarray, radius: int) -> np.ndarray:
    return box_mean(table[codes], radius)


def _histogram(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the smoothed frequency of each colour."""
    counts = np.bincount(codes.ravel(), weights.ravel(), _BINS**3).reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if at == axis else (0, 0) for at in range(3)])
        before, after = np.take(padded, range(_BINS), axis), np.take(padded, range(2, _BINS + 2), axis)
        counts = 0.5 * counts + 0.25 * (before + after)
    smoothed = counts.ravel() + 1e-3
    return np.asarray(smoothed / smoothed.sum())


def _combine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the probability by two independent witnesses."""
    first, second = np.clip(first, 0.03, 0.97), np.clip(second, 0.1, 0.9)
    both = first * second
    return np.asarray(both / (both + (1 - first) * (1 - second)), np.float32)
