"""Recolour the thing in a rough selection: only the colour that the selection has more of than its surroundings.

Shading stays, as the lightness moves as a whole, and so do highlights. What has the same hue, such as wood beside a
brown cup, is recoloured too: a selection that is closer to the thing helps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageFilter

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine import lab

_ROWS = 256
_SIDE = 512  # of the small picture in which the colour is found
_AROUND = 1 / 14  # of the short side: what counts as the selection's surroundings
_BINS = 40  # of a* and b*, from -100 to 100
_COLOURFUL = 18.0  # the chroma of a colour that can be told from grey
_COLOURFUL_SHARE = 0.12  # of the selection: with less, the thing is grey
_GREY = 12.0
_SPREAD = 10.0  # of the thing's colours in a* and b*
_HUE_FULL, _HUE_NONE = 25.0, 45.0  # degrees from the thing's hue
_SKIN = (np.array([6.0, 8.0]), np.array([26.0, 32.0]))  # the range of a* and b*
_SKIN_WEIGHT = 0.4
_LIGHTNESS = (25.0, 80.0)  # to which a colour may move
_LIGHTNESS_SHARE = 0.6


@dataclass(frozen=True)
class _Colour:
    """The thing's colour: its middle in a* and b*, and its lightness."""

    middle: np.ndarray
    lightness: float

    @property
    def chroma(self) -> float:
        return float(np.hypot(*self.middle))


def recolour(image: np.ndarray, region: np.ndarray, colour: str, amount: float) -> np.ndarray:
    """Return the colours of `image` (H, W, 4) with the thing in `region` (H, W, bool) in `colour`, (H, W, 3), uint8."""
    thing = _find_colour(image, region)
    mask = np.zeros(region.shape, np.uint8)
    for rows, values in _lab_rows(image):
        mask[rows] = np.round(_weight(values, thing) * region[rows] * 255).astype(np.uint8)
    soft = np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(1.0)), np.uint8)
    goal = lab.to_lab(np.array(ImageColor.getrgb(colour)[:3], np.float32) / 255)
    result = image[..., :3].copy()
    for rows, values in _lab_rows(image):
        weight = (mask[rows].astype(np.float32) + soft[rows]) / 510 * region[rows] * np.float32(amount)
        target = lab.from_lab(_moved(values, thing, goal)) * 255
        mixed = result[rows] + (target - result[rows]) * weight[..., None]
        result[rows] = np.round(np.clip(mixed, 0, 255)).astype(np.uint8)
    return result


def _find_colour(image: np.ndarray, region: np.ndarray) -> _Colour:
    """Return the colour that `region` has more of than its surroundings."""
    scale = min(1.0, _SIDE / max(region.shape))
    size = (max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale)))
    small = np.asarray(Image.fromarray(np.ascontiguousarray(image[..., :3])).resize(size, Image.Resampling.BOX))
    mask = Image.fromarray(region).convert("L").resize(size, Image.Resampling.NEAREST)
    inside = np.asarray(mask) > 0
    if not inside.any():
        inside = np.ones(inside.shape, bool)
    reach = 2 * max(1, round(min(size) * _AROUND)) + 1
    around = (np.asarray(mask.filter(ImageFilter.MaxFilter(reach))) > 0) & ~inside
    values = lab.to_lab(small.astype(np.float32) / 255)
    excess = _histogram(values[inside])
    if around.any():
        excess = np.maximum(excess - _histogram(values[around]), 0)
    axis = (np.arange(_BINS) + 0.5) / _BINS * 200 - 100
    pairs = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    excess = np.where(((pairs > _SKIN[0]) & (pairs < _SKIN[1])).all(-1), excess * _SKIN_WEIGHT, excess)
    colourful = excess * (np.hypot(pairs[..., 0], pairs[..., 1]) > _COLOURFUL)
    scores = colourful if colourful.sum() > _COLOURFUL_SHARE else excess
    middle = pairs[np.unravel_index(scores.argmax(), scores.shape)]
    pixels = values[inside]
    for _iteration in range(8):  # mean shift
        weights = np.exp(-((pixels[:, 1:] - middle) ** 2).sum(1) / (2 * _SPREAD**2)) + 1e-9
        middle = (pixels[:, 1:] * weights[:, None]).sum(0) / weights.sum()
    near = np.hypot(*(pixels[:, 1:] - middle).T) < 2 * _SPREAD
    lightness = float(np.median(pixels[near, 0])) if near.any() else float(np.median(pixels[:, 0]))
    return _Colour(middle.astype(np.float32), lightness)


def _histogram(values: np.ndarray) -> np.ndarray:
    """Return the shares of the colours in a* and b*, smoothed."""
    index = np.clip((values[:, 1:] + 100) / 200 * _BINS, 0, _BINS - 1).astype(int)
    counts = np.bincount(index[:, 0] * _BINS + index[:, 1], minlength=_BINS * _BINS).reshape(_BINS, _BINS)
    shares = counts / max(1, counts.sum())
    for axis in (0, 1):
        before, after = np.roll(shares, 1, axis), np.roll(shares, -1, axis)
        shares = 0.5 * shares + 0.25 * (before + after)
    result: np.ndarray = shares
    return result


def _weight(values: np.ndarray, thing: _Colour) -> np.ndarray:
    """Return how much each of the Lab colours belongs to the thing, 0 to 1."""
    strength = np.hypot(values[..., 1], values[..., 2])
    if thing.chroma > _GREY:  # by hue, whatever the strength
        along = thing.middle / thing.chroma
        angle = np.degrees(
            np.abs(np.arctan2(values[..., 1:] @ np.array([-along[1], along[0]]), values[..., 1:] @ along))
        )
        hue = np.clip((_HUE_NONE - angle) / (_HUE_NONE - _HUE_FULL), 0, 1)
        weight = hue * np.clip((strength - 0.18 * thing.chroma) / (0.25 * thing.chroma), 0, 1)
    else:
        distance = np.hypot(*np.moveaxis(values[..., 1:] - thing.middle, -1, 0))
        light = np.clip((45 - np.abs(values[..., 0] - thing.lightness)) / 15, 0, 1)
        weight = np.clip((16 - distance) / 8, 0, 1) * light
    result: np.ndarray = weight
    return result


def _moved(values: np.ndarray, thing: _Colour, goal: np.ndarray) -> np.ndarray:
    """Return the Lab colours moved from the thing's to `goal`; weaker colours stay weaker."""
    result = values.copy()
    is_grey = float(np.hypot(goal[1], goal[2])) < _GREY
    lightness = float(goal[0]) if is_grey else float(np.clip(goal[0], *_LIGHTNESS))
    share = 0.8 if is_grey else _LIGHTNESS_SHARE
    result[..., 0] += (lightness - thing.lightness) * share
    strength = np.hypot(values[..., 1], values[..., 2])
    scale = np.clip(strength / thing.chroma, 0, 1.6) if thing.chroma > _GREY else np.ones_like(strength)
    result[..., 1:] = goal[1:] * scale[..., None]
    return result


def _lab_rows(image: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for top in range(0, len(image), _ROWS):
        checkpoint()
        rows = slice(top, top + _ROWS)
        yield rows, lab.to_lab(image[rows, :, :3].astype(np.float32) / 255)
