"""Find the shadow that a selected thing casts on the ground: what is darker than the ground and begins at its foot."""

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine.components import Part, parts

_SIDE = 160  # of the selection's longer side, in the copy that is searched
_REACH = 1.5  # how far a shadow is searched, in the selection's longer sides
_FOOT = 0.25  # of the selection's height, at its lower end
_GROUND = 0.5  # of the selection's height, at its lower end: above it no shadow is searched
_GAP = 3  # pixels of the copy between a thing's selection and its shadow
_DARKENING = 0.12  # natural logarithm, that is 11 %: how much darker a shadow is at least
_DARKEST = 1.3  # as above: a black thing is darker than a shadow
_BLACK = 0.3  # of a dark part's pixels: with more of them it is a black thing, whose edge only looks like a shadow
_NOISES = 2.0  # and by how many deviations of the ground
_TINT = 0.2  # natural logarithm: how much a shadow may change the ratio of two colours
_PENUMBRA = 0.5  # of the darkening: what a shadow's edge has at least
_SIZES = (0.02, 1.5)  # of the selection's area
_AT_EDGE = 0.1  # of a shadow's pixels, at the edge of what is searched: with more it is no shadow, but the scene


def find_shadow(image: np.ndarray, selected: np.ndarray) -> np.ndarray:
    """Return the pixels, (H, W, bool), of the shadow of what is `selected` (H, W, bool) in `image` (H, W, 3 or more).

    It is empty if there is none, if it cannot be told from the ground, or if the picture ends above the thing's foot.
    """
    shadow = np.zeros_like(selected)
    rows, columns = np.flatnonzero(selected.any(1)), np.flatnonzero(selected.any(0))
    if not len(rows) or rows[-1] == len(selected) - 1:
        return shadow
    longest = int(max(np.ptp(rows), np.ptp(columns))) + 1
    reach = round(_REACH * longest)
    area = (
        slice(max(0, int(rows[0]) - longest // 4), int(rows[-1]) + 1 + reach),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + 1 + reach),
    )
    scale = min(1.0, _SIDE / longest)
    part = selected[area]
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    picture = Image.fromarray(np.ascontiguousarray(image[area][..., :3])).resize(size, Image.Resampling.BOX)
    small = np.asarray(Image.fromarray(part.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 0
    checkpoint()
    inside = _search(np.log(np.asarray(picture, np.float32) + 8), small)
    full = Image.fromarray(inside.astype(np.uint8) * 255).resize(part.shape[::-1], Image.Resampling.BILINEAR)
    shadow[area] = (np.asarray(full) > 127) & ~part
    return shadow


def _search(colours: np.ndarray, thing: np.ndarray) -> np.ndarray:
    """Return the shadow, (H, W, bool), of a thing in a small picture of logarithmic colours (H, W, 3)."""
    outside = ~thing
    smooth = _mean(colours, outside.astype(np.float32), 1, 1)
    change = smooth - _ground(smooth, outside, int(max(thing.any(0).sum(), thing.any(1).sum())))
    darkening = -change.mean(-1)
    tints = np.abs(np.diff(change, axis=-1)).max(-1)
    ground = darkening[outside & (darkening < _DARKENING)]
    noise = 1.48 * float(np.median(np.abs(ground))) if ground.size else 0.0
    least = max(_DARKENING, _NOISES * noise)
    dark = outside & (darkening > _PENUMBRA * least) & ((tints < _TINT) | (darkening > _DARKEST))
    dark[: _lower_end(thing, _GROUND)] = False
    foot = _foot(thing)
    shadow = np.zeros_like(thing)
    for each in parts(_opened(dark)):
        if _is_shadow(each, darkening, foot, least, int(thing.sum())):
            shadow[each.rows, each.columns] = darkening[each.rows, each.columns] < _DARKEST
    inside: np.ndarray = _grown(shadow, 1) & outside
    return inside


def _is_shadow(part: Part, darkening: np.ndarray, foot: np.ndarray, least: float, area: int) -> bool:
    """Return whether a connected dark part begins at the foot, is dark enough, and ends before the edge."""
    height, width = foot.shape
    values = darkening[part.rows, part.columns]
    at_edge = (part.rows == height - 1) | (part.columns == 0) | (part.columns == width - 1) | (part.rows == 0)
    return bool(
        foot[part.rows, part.columns].sum() >= 3
        and _SIZES[0] * area <= part.size <= _SIZES[1] * area
        and np.median(values) >= least
        and (values > _DARKEST).mean() <= _BLACK
        and at_edge.mean() <= _AT_EDGE
    )


def _foot(thing: np.ndarray) -> np.ndarray:
    """Return the pixels beside and below the lower end of a thing."""
    lower = thing.copy()
    lower[: _lower_end(thing, _FOOT)] = False
    foot: np.ndarray = _grown(lower, _GAP) & ~thing
    return foot


def _lower_end(thing: np.ndarray, share: float) -> int:
    """Return the row at which the lower `share` of a thing's height begins."""
    rows = np.flatnonzero(thing.any(1))
    return int(rows[-1] - share * (rows[-1] - rows[0]))


def _ground(colours: np.ndarray, outside: np.ndarray, longest: int) -> np.ndarray:
    """Return the colour of the lit ground at each pixel: a mean of its surroundings that leaves out what is darker."""
    weight = outside.astype(np.float32)
    for _round in range(4):
        mean = _mean(colours, weight, max(2, longest // 8), max(8, longest))
        weight = (outside & ((mean - colours).mean(-1) < _DARKENING / 2)).astype(np.float32)
    return mean


def _mean(values: np.ndarray, weight: np.ndarray, down: int, across: int) -> np.ndarray:
    """Return the weighted mean of `values` (H, W, 3) over a box of these radii around each pixel."""
    total = _box_sum(values * weight[..., None], down, across)
    count = _box_sum(weight[..., None], down, across)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1e-6), values), np.float32)


def _box_sum(values: np.ndarray, down: int, across: int) -> np.ndarray:
    for axis, radius in ((0, down), (1, across)):
        length = values.shape[axis]
        start = np.zeros_like(values.take([0], axis), np.float64)
        sums = np.concatenate([start, values.cumsum(axis, np.float64)], axis)
        here = np.arange(length)
        last, first = np.minimum(here + radius + 1, length), np.maximum(here - radius, 0)
        values = sums.take(last, axis) - sums.take(first, axis)
    return values


def _opened(area: np.ndarray) -> np.ndarray:
    """Return an area without its thin parts, which would join a shadow to other dark things."""
    opened: np.ndarray = _grown(~_grown(~area, 1), 1) & area
    return opened


def _grown(area: np.ndarray, radius: int) -> np.ndarray:
    """Return an area (H, W, bool), grown by a square."""
    return np.asarray(Image.fromarray(area.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * radius + 1))) > 0
