"""Colour changes of a whole picture: what an endpoint did to it, and whether that looks like drift or like an edit.

A model that is asked for one thing inside a selection often returns the rest slightly tinted: drift, to be undone. A
model that takes the mask as a hint applies "night" or "sepia" to the whole picture: that is the edit, which must stay.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MIN_CONFIDENCE = 1e-3  # of a cell without information: still the only source if a whole channel is clipped
RIDGE = 10.0  # levels²: regularizes the gain to 1 for a channel that hardly varies
ROUNDS = 6  # of reweighted least squares

DRIFT_GAIN = 0.088  # endpoints' tints are within 7 %, and the estimate within 1.5 %
UNALIGNED = 1.3  # times as much for pictures that are not aligned
DRIFT_LEVELS = 5.5  # levels beyond that: a tint adds up to 4
DRIFT_CHROMA = (0.8, 1.25)  # a tint leaves the saturation as it was
MIN_CHROMA = 1.0  # levels of colour, beyond what follows the brightness, in which a saturation can be measured
SOMEWHERE = 0.05  # the part of the picture in which a change of light has to fade out
UNEVEN = 1.5  # times the mean change of brightness that it varies over the picture: light does, an edit doesn't
PLACES = 16  # along each side of the picture, at which that is looked up
LIGHT_RIDGE = 3e-3  # of the number of cells: regularizes the light to an even one
NOTICEABLE = 1.5  # levels: a smaller change has no direction

_LUMA = np.array([0.25, 0.5, 0.25])
_DATA = Path(__file__).with_name("colour_words.json")


@dataclass(frozen=True, slots=True)
class Colour:
    """A tint: returned = gain × original + bias, for red, green and blue, in levels of 255."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def levels(self) -> float:
        """The mean change of dark, middle and light grey."""
        return float(
            np.mean([abs(g * v + b - v) for g, b in zip(self.gain, self.bias, strict=True) for v in (64, 128, 192)])
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """Means over cells of the original and of the aligned answer, (N, 3) in levels.

    confidence: (N, 3), small where the answer is clipped. place: (N, 2), x and y from -1 to 1.
    """

    before: NDArray[Any]
    after: NDArray[Any]
    confidence: NDArray[Any]
    place: NDArray[Any]


@dataclass(frozen=True, slots=True)
class ColourChange:
    """The change of a whole picture: returned = original · matrix + offset, as rows of a 4×3 matrix.

    drift: whether it is small and looks like a tint, or fades out in the picture, as light does.
    directions: what it does, in the words of `colour_words.json`.
    levels: the mean change of the picture's colours. error: the median error of the estimate, in levels.
    """

    matrix: tuple[tuple[float, float, float], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0))
    drift: bool = True
    directions: frozenset[str] = frozenset()
    levels: float = 0.0
    error: float = 0.0

    def apply(self, colours: NDArray[Any]) -> Floats:
        """Return what the change makes of colours (…, 3), in levels."""
        matrix = np.asarray(self.matrix, np.float32)
        return np.asarray(np.clip(colours.astype(np.float32) @ matrix[:3] + matrix[3], 0, 255), np.float32)


def is_undone(change: ColourChange, mode: str, prompt: str) -> bool:
    """Return whether to undo a change. `mode`: auto, always or never.

    In auto it is undone if it looks like drift, unless the prompt asks for just that.
    """
    if mode != "auto":
        return mode == "always"
    return change.drift and not change.directions & named_directions(prompt)


def named_directions(prompt: str) -> frozenset[str]:
    """Return the directions that a prompt names, in any of the languages of `colour_words.json`."""
    text = " ".join(prompt.casefold().split())
    return frozenset(direction for direction, pattern in _patterns().items() if pattern.search(text))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return a pattern for each direction: words are matched from their start, Chinese ones anywhere."""
    words: dict[str, list[str]] = json.loads(_DATA.read_text(encoding="utf-8"))
    return {direction: re.compile("|".join(map(_pattern, each))) for direction, each in words.items()}


def _pattern(word: str) -> str:
    return re.escape(word) if word[0] >= "\u2e80" else rf"\b{re.escape(word)}"


def fit_tint(cells: Cells) -> tuple[Colour, float]:
    """Return each channel's gain and bias by robust least squares, and the median error in levels."""
    before, after, confidence = cells.before, cells.after, cells.confidence
    weight, error = confidence, math.inf
    gain, bias = np.ones(3), np.zeros(3)
    for _ in range(ROUNDS):
        total = weight.sum(0)
        mean_before, mean_after = ((weight * side).sum(0) / total for side in (before, after))
        spread = before - mean_before
        covariance = (weight * spread * (after - mean_after)).sum(0) + RIDGE * total
        gain = covariance / ((weight * np.square(spread)).sum(0) + RIDGE * total)
        bias = mean_after - gain * mean_before
        errors = (np.abs(after - before * gain - bias) * (confidence > MIN_CONFIDENCE)).max(1)
        error = float(np.median(errors))
        weight = confidence * _robust(errors, error)[:, None]
    gains, biases = gain.tolist(), bias.tolist()
    return Colour((gains[0], gains[1], gains[2]), (biases[0], biases[1], biases[2])), error


def measure_change(cells: Cells, tint: Colour, *, aligned: bool = True) -> ColourChange:
    """Return the change of the picture's colours, `tint` being the best one that leaves the channels apart.

    If the pictures are not aligned, the estimate is less certain, and more counts as drift.
    """
    matrix, error = _fit_matrix(cells, tint)
    change = np.clip(cells.before @ matrix[:3] + matrix[3], 0, 255) - cells.before
    gains, bias = _fit_light(cells)
    chroma = _chroma_gain(cells.before, (cells.before @ matrix[:3] + matrix[3] - bias) / gains[0])
    limit = DRIFT_GAIN if aligned else DRIFT_GAIN * UNALIGNED
    drift = _is_small_somewhere(cells, gains, bias, limit) and DRIFT_CHROMA[0] < chroma < DRIFT_CHROMA[1]
    directions = _directions(change.mean(0), float(np.mean(tint.gain)), chroma)
    rows, levels = matrix.tolist(), float(np.abs(change).mean())
    return ColourChange(tuple((a, b, c) for a, b, c in rows), drift, directions, levels, error)


def _fit_light(cells: Cells) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return each channel's gain as a quadratic polynomial of the place, (6, 3), and its bias, (3,)."""
    polynomials, gains, biases = _polynomials(cells.place), [], []
    for band in range(3):
        before, after = cells.before[:, band], cells.after[:, band]
        model = np.column_stack([polynomials * before[:, None], np.full(len(before), 128.0)])
        weight = cells.confidence[:, band]
        prior = np.array([1.0, 0, 0, 0, 0, 0, 0])
        solution = prior
        for _ in range(ROUNDS):
            weighted = model * weight[:, None]
            # The gain of a channel that hardly varies is 1 rather than anything; its bias says the rest.
            ridge = np.diag([RIDGE, *[LIGHT_RIDGE * 128**2] * 5, LIGHT_RIDGE / 100 * 128**2]) * weight.sum()
            solution = np.linalg.solve(weighted.T @ model + ridge, weighted.T @ after + ridge @ prior)
            errors = np.abs(after - model @ solution)
            weight = cells.confidence[:, band] * _robust(errors, float(np.median(errors)))
        gains.append(solution[:6])
        biases.append(solution[6] * 128)
    return np.stack(gains, 1), np.array(biases)


def _polynomials(place: NDArray[Any]) -> NDArray[Any]:
    x, y = place[..., 0], place[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x - 0.33, x * y, y * y - 0.33], -1)


def _is_small_somewhere(cells: Cells, gains: NDArray[Any], bias: NDArray[Any], limit: float) -> bool:
    """Return whether the change is no more than a tint, at least in a part of the picture: light fades out there.

    A tint under a light that is far from even counts too, wherever it fades out.
    """
    line = np.linspace(-1, 1, PLACES)
    gain = _polynomials(np.stack(np.meshgrid(line, line), -1)) @ gains
    grey = gain.mean(2)
    low, high = np.quantile(grey, (0.05, 0.95))
    if high - low > UNEVEN * abs(grey.mean() - 1) and low > 0:
        gain = gain / grey[..., None]
    tint = np.abs(gain - 1) < limit
    for part in (0.25, 0.75):
        values = np.quantile(cells.before, part, axis=0)
        tint &= np.abs((gain - 1) * values + bias) < limit * values + DRIFT_LEVELS
    return float(tint.all(2).mean()) > SOMEWHERE


def _fit_matrix(cells: Cells, tint: Colour) -> tuple[NDArray[Any], float]:
    """Return the 4×3 matrix by robust least squares, regularized to the tint, and the median error."""
    prior = np.vstack([np.diag(tint.gain), tint.bias])
    confidence = cells.confidence.min(1)
    model = np.column_stack([cells.before, np.ones(len(cells.before))])
    matrix, weight, error = prior, confidence, math.inf
    for _ in range(ROUNDS):
        weighted = model * weight[:, None]
        ridge = np.diag([RIDGE, RIDGE, RIDGE, 1e-6]) * weight.sum()
        matrix = np.linalg.solve(weighted.T @ model + ridge, weighted.T @ cells.after + ridge @ prior)
        errors = np.abs(cells.after - model @ matrix).max(1) * (confidence > MIN_CONFIDENCE)
        error = float(np.median(errors))
        weight = confidence * _robust(errors, error)
    return matrix, error


def _robust(errors: NDArray[Any], median: float) -> NDArray[Any]:
    """Return weights that fall with the errors."""
    return np.asarray(np.square(1 / (1 + np.square(errors / (2.5 * (1.4826 * median + 0.2))))))


def _chroma_gain(before: NDArray[Any], even: NDArray[Any]) -> float:
    """Return how much the saturation grew; 1 where the original has no colour of its own.

    even: what the change makes of `before`, without its light and tint. What of the colour follows the brightness is
    left out.
    """
    model = np.column_stack([before @ _LUMA, np.ones(len(before))])
    shared = own = 0.0
    for first, second in ((0, 1), (2, 1)):
        sides = [side[:, first] - side[:, second] for side in (before, even)]
        colour, other = (side - model @ np.linalg.lstsq(model, side, rcond=None)[0] for side in sides)
        shared, own = shared + float((colour * other).mean()), own + float(np.square(colour).mean())
    return shared / own if own > MIN_CHROMA**2 else 1.0


def _directions(change: NDArray[Any], contrast: float, chroma: float) -> frozenset[str]:
    """Return the names of what a change does, from the mean change of each channel, the gain and the saturation."""
    brighter, warmer = float(change @ _LUMA), float(change[0] - change[2])
    is_so = {
        "brighter": brighter > NOTICEABLE,
        "darker": brighter < -NOTICEABLE,
        "warmer": warmer > NOTICEABLE,
        "cooler": warmer < -NOTICEABLE,
        "more_contrast": contrast > 1.02,
        "less_contrast": contrast < 0.98,
        "more_saturated": chroma > 1.04,
        "less_saturated": chroma < 0.96,
    }
    return frozenset(name for name, holds in is_so.items() if holds)
